//! The process: how it starts, how it ends, what it logs.

use std::fs;

use flow_tests::{Edge, Gate, Logic, connect, key_file, run, screen};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tonic::Status;

fn init() -> Value {
    json!({ "version": "4.0", "action": "INIT" })
}

#[tokio::test]
async fn sigterm_lets_requests_in_flight_finish_and_exits_with_0() {
    let gate = Gate::closed();
    let logic = Logic::held_by(&gate).await;
    let mut edge = Edge::before(&logic).start().await;
    let clients = [edge.client(), edge.client().http1(&edge)];
    let requests = clients.map(|client| tokio::spawn(async move { client.send(init()).await }));
    for _ in &requests {
        gate.arrival().await;
    }
    edge.signal("TERM").await;
    edge.wait_for_log("draining").await;
    for _ in &requests {
        gate.open();
    }
    for request in requests {
        let answer = request.await.unwrap();
        assert_eq!((answer.status, answer.opened["screen"].as_str()), (200, Some("NEXT")));
    }
    assert_eq!(edge.wait().await.status.code(), Some(0));
}

#[tokio::test]
async fn an_idle_edge_ends_by_itself_on_sigterm_although_clients_are_connected() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    let (client, http1_client) = (edge.client(), edge.client().http1(&edge));
    assert_eq!(client.send(init()).await.status, 200);
    assert_eq!(http1_client.send(init()).await.status, 200);
    assert_eq!(edge.stop().await.status.code(), Some(0));
}

#[tokio::test]
async fn a_peer_that_has_gone_silent_does_not_make_the_drain_a_failure() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).section("shutdown", json!({ "drain": "50ms" })).start().await;
    let mut connection = connect(&edge).await;
    connection.write_all(b"POST /flow HTTP/1.1\r\n").await.unwrap();
    assert_eq!(edge.stop().await.status.code(), Some(0));
}

#[tokio::test]
async fn a_drain_that_takes_too_long_is_cut_off_and_is_a_failure() {
    let gate = Gate::closed();
    let logic = Logic::held_by(&gate).await;
    let edge = Edge::before(&logic).section("shutdown", json!({ "drain": "50ms" })).start().await;
    let client = edge.client();
    let request = tokio::spawn(async move { client.send(init()).await });
    gate.arrival().await;
    assert_eq!(edge.stop().await.status.code(), Some(1));
    assert!(request.await.unwrap_err().is_panic());
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let gate = Gate::closed();
    let logic = Logic::held_by(&gate).await;
    let mut edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let request = tokio::spawn(async move { client.send(init()).await });
    gate.arrival().await;
    edge.signal("TERM").await;
    edge.wait_for_log("draining").await;
    edge.signal("INT").await;
    assert_eq!(edge.wait().await.status.code(), Some(130));
    request.abort();
}

#[tokio::test]
async fn each_request_has_one_access_line_with_its_facts() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    let good = edge.client().send(init()).await;
    let bad = edge.client().app_secret("wrong").send(init()).await;
    let log = edge.stop().await.log;
    let line = |id: &str| -> Value {
        let of_request = |line: &&String| line.contains(id);
        assert_eq!(log.iter().filter(of_request).count(), 1);
        serde_json::from_str(log.iter().find(of_request).unwrap()).unwrap()
    };
    let good = line(good.header("x-request-id"));
    assert_eq!((&good["level"], &good["message"]), (&json!("INFO"), &json!("request")));
    assert_eq!((&good["flow.endpoint"], &good["flow.action"]), (&json!("flow"), &json!("INIT")));
    assert_eq!(good["http.response.status_code"], 200);
    assert!(good["duration_ms"].as_f64().unwrap() > 0.0);
    let bad = line(bad.header("x-request-id"));
    assert_eq!((&bad["error.type"], &bad["flow.fault"]), (&json!("signature"), &json!("client")));
    assert_eq!(bad["reason"], "the signature matches no configured app secret");
}

/// What a message holds is searched for in the log of every edge, see `flow_tests::Edge`. This is what else may be private,
/// depending on the flow: names of screens, unknown actions, and what logic says of a failure.
#[tokio::test]
async fn no_text_of_others_is_logged_at_any_level() {
    let marker = "PLANTED-MARKER";
    let message = |action: &str| json!({ "version": "4.0", "action": action, "screen": marker });
    let logic = Logic::failing(Status::internal(marker)).await;
    let edge = Edge::before(&logic).start().await;
    let client = edge.client();
    for action in ["INIT", "ping", marker] {
        client.send(message(action)).await;
    }
    client.send_body(format!("{{\"encrypted_flow_data\":\"{marker}\"}}")).await;
    client.send_body(marker).await;
    logic.answer(Ok(screen(marker, json!({ (marker): 1 }))));
    assert_eq!(client.send(message("INIT")).await.status, 200);
    let log = edge.stop().await.log;
    assert!(log.iter().any(|line| line.contains("\"message\":\"request\"")));
    assert!(log.iter().any(|line| line.contains("\"level\":\"TRACE\"")));
    assert_eq!(log.iter().find(|line| line.contains(marker)), None);
}

#[tokio::test]
async fn every_mistake_of_a_configuration_is_reported_at_once_with_its_line() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("empty"), "\n").unwrap();
    fs::write(folder.path().join("key.pem"), "no key").unwrap();
    let config = "listen:
  adress: 127.0.0.1:0
endpoints:
  - name: flow
    path: flow
    private_keys: [{ file: key.pem }, { file: absent.pem }, key.pem]
    app_secrets: [{ file: empty }]
    ping: edgy
    logic: { url: logic:50051, deadline: 8 }
limits:
  max_body: much
";
    fs::write(folder.path().join("flow-edge.yaml"), config).unwrap();
    for command in ["check", "serve"] {
        let output = run(&[command, "--config", "flow-edge.yaml"], folder.path()).await;
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stderr).unwrap();
        let expected = [
            ("flow-edge.yaml:2: listen.address: ", "is required"),
            ("flow-edge.yaml:2: listen.adress: ", "did you mean `address`?"),
            ("flow-edge.yaml:5: endpoints[0].path: ", "/flows/appointments"),
            ("flow-edge.yaml:6: endpoints[0].private_keys[0].file: ", "no PEM block"),
            ("flow-edge.yaml:6: endpoints[0].private_keys[1].file: ", "absent.pem cannot be read"),
            ("flow-edge.yaml:6: endpoints[0].private_keys[2]: ", "should be a mapping"),
            ("flow-edge.yaml:6: endpoints[0].private_keys[2].file: ", "is required"),
            ("flow-edge.yaml:7: endpoints[0].app_secrets[0].file: ", "empty"),
            ("flow-edge.yaml:8: endpoints[0].ping: ", "`logic` or `edge`"),
            ("flow-edge.yaml:9: endpoints[0].logic.url: ", "http://HOST:PORT"),
            ("flow-edge.yaml:9: endpoints[0].logic.deadline: ", "8s"),
            ("flow-edge.yaml:11: limits.max_body: ", "2MiB"),
        ];
        for (place, message) in expected {
            let line = text.lines().find(|line| line.starts_with(place));
            assert!(line.is_some_and(|line| line.contains(message)), "{place}{message}\n{text}");
        }
        assert_eq!(text.lines().count(), expected.len(), "{text}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_with_its_field() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("app-secret"), "secret").unwrap();
    let config = json!({
        "listen": { "address": address }, "admin": { "address": "127.0.0.1:0" },
        "endpoints": [{
            "name": "flow", "path": "/flow", "logic": { "url": "http://127.0.0.1:50051" },
            "private_keys": [{ "file": key_file("current.pem") }], "app_secrets": [{ "file": "app-secret" }],
        }],
    });
    fs::write(folder.path().join("flow-edge.yaml"), config.to_string()).unwrap();
    let output = run(&["serve", "--config", "flow-edge.yaml"], folder.path()).await;
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(&format!("cannot listen on {address} (listen.address)")), "{text}");
}
