//! Whose fault a failure is said to be, as an operator reads it in the log and in the metrics.

use flow_tests::{Edge, Logic, screen};
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::{access_line, init, submission};

/// `error.type` and `flow.fault` of a request's line.
fn blamed(line: &Value) -> (&str, &str) {
    (line["error.type"].as_str().unwrap_or_default(), line["flow.fault"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn what_is_inside_the_envelope_is_the_phones() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let deep = format!(r#"{{"action":"INIT","data":{}{{}}{}}}"#, "{\"a\":".repeat(30), "}".repeat(30));
    let messages = [
        r#"{"action":"INIT","data":{"n":NaN}}"#,
        r#"{"action":"INIT","data":{"n":1e999}}"#,
        r#"{"action":"INIT","data":{"n":-1e999}}"#,
        r#"{"action":"INIT","data":{"n":"\ud800"}}"#,
        r#"{"action":"INIT","data":{"\udc00":1}}"#,
        &deep,
        r#"{"action":"Init"}"#,
        r#"{"action":"navigate","data":{"n":1}}"#,
        r#"{"action":7}"#,
        r#"{"action":"INIT","screen":7}"#,
        r#"{"version":"4.0"}"#,
        "[]",
        "",
        "text",
    ];
    let mut sent = Vec::new();
    for message in messages {
        let answer = client.send_plaintext(message).await;
        assert_eq!(answer.status, 400, "{message}");
        sent.push((message.to_owned(), answer.header("x-request-id").to_owned(), "message"));
    }
    let first = client.seal(init().to_string());
    assert_eq!(first.send().await.status, 200);
    let reused = client.seal_like(&first, submission().to_string()).send().await;
    assert_eq!(reused.status, 400);
    sent.push(("a nonce twice".to_owned(), reused.header("x-request-id").to_owned(), "nonce_reused"));
    let log = edge.stop().await.log;
    for (message, request_id, kind) in sent {
        assert_eq!(blamed(&access_line(&log, &request_id)), (kind, "client"), "{message}");
    }
}

#[tokio::test]
async fn what_a_phone_seals_is_its_own_and_what_is_around_it_the_platforms() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let (body, _) = client.seal(init().to_string()).into_parts();
    let good: Value = serde_json::from_slice(&body).unwrap();
    let with = |field: &str, value: Value| {
        let mut envelope = good.clone();
        envelope[field] = value;
        envelope.to_string()
    };
    let mut sent = Vec::new();
    for (body, kind, fault) in [
        (with("initial_vector", json!("????")), "envelope", "client"),
        (with("initial_vector", json!("AAAA")), "envelope", "client"),
        (with("encrypted_flow_data", json!("AAAA")), "envelope", "client"),
        (with("initial_vector", Value::Null), "envelope", "platform"),
        (with("encrypted_aes_key", json!(7)), "envelope", "platform"),
        ("{}".to_owned(), "envelope", "platform"),
        ("no JSON".to_owned(), "envelope", "platform"),
        // Another vector than the one it was sealed under.
        (with("initial_vector", json!("AAAAAAAAAAAAAAAAAAAAAA==")), "undecryptable", "client"),
    ] {
        let answer = client.send_body(body.clone()).await;
        sent.push((body, answer.header("x-request-id").to_owned(), kind, fault));
    }
    let log = edge.stop().await.log;
    for (body, request_id, kind, fault) in sent {
        assert_eq!(blamed(&access_line(&log, &request_id)), (kind, fault), "{body}");
    }
}

#[tokio::test]
async fn what_logic_finds_wrong_with_a_request_is_not_logics_fault() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    edge.ready().await;
    let (argument, size, exhausted) = ("logic_invalid_argument", "logic_message_too_large", "logic_resource_exhausted");
    let mut sent = Vec::new();
    for (code, text, status, kind, fault) in [
        (Code::InvalidArgument, "email is missing", 500, argument, "client"),
        (Code::OutOfRange, "no such page", 500, argument, "client"),
        // What the stock libraries write, each with a limit of its own: tonic, Go, Python, Node, Java, .NET.
        (
            Code::OutOfRange,
            "Error, decoded message length too large: found 9 bytes, the limit is: 4 bytes",
            500,
            size,
            "client",
        ),
        (Code::ResourceExhausted, "grpc: received message larger than max (9 vs. 4)", 503, size, "client"),
        (Code::ResourceExhausted, "Received message larger than max (9 vs. 4)", 503, size, "client"),
        (Code::ResourceExhausted, "CLIENT: Received message larger than max (9 vs 4)", 503, size, "client"),
        (Code::ResourceExhausted, "gRPC message exceeds maximum size 4: 9", 503, size, "client"),
        (Code::ResourceExhausted, "Received message exceeds the maximum configured message size.", 503, size, "client"),
        (Code::ResourceExhausted, "too many calls", 503, exhausted, "logic"),
        (Code::Internal, "Received message larger than max", 500, "logic_failed", "logic"),
    ] {
        logic.answer(Err(Status::new(code, text)));
        let answer = edge.client().send(submission()).await;
        assert_eq!(answer.status, status, "{code:?}: {text}");
        sent.push((text, answer.header("x-request-id").to_owned(), kind, fault));
    }
    let metrics = edge.metrics().await;
    assert!(!metrics.contains("email is missing"), "{metrics}");
    let log = edge.stop().await.log;
    for (text, request_id, kind, fault) in sent {
        let line = access_line(&log, &request_id);
        assert_eq!(blamed(&line), (kind, fault), "{text}");
        assert_eq!(line["level"], if fault == "logic" { "WARN" } else { "INFO" }, "{text}");
    }
    assert!(!log.concat().contains("email is missing"));
}

#[tokio::test]
async fn a_message_over_the_limit_of_a_stock_library_is_the_clients() {
    let logic = Logic::limited_to(4096).await;
    let edge = Edge::before(&logic).start().await;
    edge.ready().await;
    let answer = edge.client().send(json!({ "action": "INIT", "data": { "text": "a".repeat(8192) } })).await;
    assert_eq!(answer.status, 500);
    let request_id = answer.header("x-request-id").to_owned();
    let log = edge.stop().await.log;
    assert_eq!(blamed(&access_line(&log, &request_id)), ("logic_message_too_large", "client"));
}

#[tokio::test]
async fn a_key_and_a_secret_are_counted_once_the_tag_fits() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let uses = async || {
        let metrics = edge.metrics().await;
        let of = |name: &str| {
            let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{metrics}"));
            line.rsplit_once(' ').unwrap().1.to_owned()
        };
        (of("flow_private_key_uses_total{"), of("flow_app_secret_uses_total{"))
    };
    let (body, _) = client.seal(init().to_string()).into_parts();
    let mut envelope: Value = serde_json::from_slice(&body).unwrap();
    envelope["initial_vector"] = json!("AAAAAAAAAAAAAAAAAAAAAA==");
    assert_eq!(client.send_body(envelope.to_string()).await.status, 421);
    assert_eq!(uses().await, ("0".to_owned(), "0".to_owned()));
    assert_eq!(client.send(init()).await.status, 200);
    assert_eq!(uses().await, ("1".to_owned(), "1".to_owned()));
}
