//! What changes while the edge runs: taken over where it is good, refused whole where it is not.

use std::fs;
use std::os::unix::fs::symlink;

use flow_tests::{Edge, EdgeBuilder, Logic, OTHER_APP_SECRET, Tls, key_file, screen};
use serde_json::{Value, json};

fn init() -> Value {
    json!({ "version": "4.0", "action": "INIT" })
}

async fn any_logic() -> Logic {
    Logic::answering(screen("NEXT", json!({}))).await
}

/// An edge that looks for changes all the time.
fn watchful(logic: &Logic) -> EdgeBuilder {
    Edge::before(logic).section("reload_interval", json!("20ms"))
}

fn pem(name: &str) -> String {
    fs::read_to_string(key_file(name)).unwrap()
}

#[tokio::test]
async fn a_key_a_secret_and_an_endpoint_are_taken_over() {
    let logic = any_logic().await;
    let edge = watchful(&logic).start().await;
    let new_key = edge.client().public_key("previous.pub");
    let new_secret = edge.client().app_secret(OTHER_APP_SECRET);
    let elsewhere = edge.client().path(&edge, "/elsewhere");
    assert_eq!(new_key.send(init()).await.status, 421);
    assert_eq!(new_secret.send(init()).await.status, 432);
    assert_eq!(elsewhere.send(init()).await.status, 404);

    edge.change(|config| {
        let endpoint = &mut config["endpoints"][0];
        endpoint["private_keys"] = json!([{ "file": key_file("previous.pem") }, { "file": key_file("current.pem") }]);
        endpoint["app_secrets"] = json!([{ "file": "other-app-secret" }, { "file": "app-secret" }]);
        let mut other = endpoint.clone();
        other["name"] = "elsewhere".into();
        other["path"] = "/elsewhere".into();
        config["endpoints"].as_array_mut().unwrap().push(other);
    });
    edge.reloads("applied", 1).await;
    for client in [new_key, new_secret, elsewhere, edge.client()] {
        assert_eq!(client.send(init()).await.status, 200);
    }
}

#[tokio::test]
async fn the_content_counts_as_kubernetes_swaps_it() {
    let logic = any_logic().await;
    let secrets = tempfile::TempDir::new().unwrap();
    for (version, key) in [("one", "current.pem"), ("two", "previous.pem")] {
        fs::create_dir(secrets.path().join(version)).unwrap();
        fs::write(secrets.path().join(version).join("key.pem"), pem(key)).unwrap();
    }
    // As in a mounted Secret: file -> ..data/file, and ..data -> the version of the moment.
    let swap = |version: &str| {
        symlink(version, secrets.path().join("..data_tmp")).unwrap();
        fs::rename(secrets.path().join("..data_tmp"), secrets.path().join("..data")).unwrap();
    };
    swap("one");
    symlink("..data/key.pem", secrets.path().join("key.pem")).unwrap();
    let key = json!({ "private_keys": [{ "file": secrets.path().join("key.pem") }] });
    let edge = watchful(&logic).with(key).start().await;
    assert_eq!(edge.client().send(init()).await.status, 200);
    swap("two");
    edge.reloads("applied", 1).await;
    assert_eq!(edge.client().send(init()).await.status, 421);
    assert_eq!(edge.client().public_key("previous.pub").send(init()).await.status, 200);
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections() {
    let logic = any_logic().await;
    let edge = watchful(&logic).start().await;
    let before = edge.client();
    assert_eq!(before.send(init()).await.status, 200);
    let tls = Tls::new();
    edge.write("tls.key", &tls.private_key);
    edge.write("tls.crt", &tls.certificate);
    // Between the two writes certificate and key do not fit; that state may have been seen, and refused.
    edge.reloads("applied", 1).await;
    let trusting = reqwest::Certificate::from_pem(tls.certificate.as_bytes()).unwrap();
    let new = reqwest::Client::builder().no_proxy().tls_certs_only([trusting]).build().unwrap();
    assert_eq!(new.get(edge.url("/flow")).send().await.unwrap().status(), 405);
    // The connection of before goes on.
    assert_eq!(before.send(init()).await.status, 200);
}

#[tokio::test]
async fn a_bad_state_is_refused_whole_reported_counted_and_mended() {
    let logic = any_logic().await;
    let key = json!({ "private_keys": [{ "file": "key.pem" }] });
    let mut edge = watchful(&logic).with(key).file("key.pem", &pem("current.pem")).start().await;
    edge.change(|config| {
        config["endpoints"][0]["path"] = "/moved".into();
        config["endpoints"][0]["pign"] = "edge".into();
    });
    edge.reloads("refused", 1).await;
    edge.wait_for_log("did you mean `ping`?").await;
    // Whole: the path did not move either.
    assert_eq!(edge.client().send(init()).await.status, 200);

    edge.change(|config| {
        config["endpoints"][0].as_object_mut().unwrap().remove("pign");
    });
    edge.reloads("applied", 1).await;

    let half = pem("previous.pem");
    edge.write("key.pem", &half[..half.len() / 2]);
    edge.wait_for_log("the PEM block is broken").await;
    assert_eq!(edge.client().path(&edge, "/moved").send(init()).await.status, 200);

    edge.write("key.pem", &pem("previous.pem"));
    edge.reloads("applied", 2).await;
    let moved = edge.client().path(&edge, "/moved").public_key("previous.pub");
    assert_eq!(moved.send(init()).await.status, 200);
    let log = edge.stop().await.log;
    let refusal = log.iter().find(|line| line.contains("did you mean")).unwrap();
    let refusal: Value = serde_json::from_str(refusal).unwrap();
    assert_eq!((&refusal["level"], &refusal["field"]), (&json!("ERROR"), &json!("endpoints[0].pign")));
    assert!(refusal["file"].as_str().unwrap().ends_with("flow-edge.yaml") && refusal["line"] == 1);
    // Each bad state was reported once, however often it was looked at.
    for reason in ["did you mean", "the PEM block is broken"] {
        assert_eq!(log.iter().filter(|line| line.contains(reason)).count(), 1, "{reason}");
    }
}

#[tokio::test]
async fn a_hangup_looks_at_once() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).section("reload_interval", json!("1h")).start().await;
    edge.change(|config| config["endpoints"][0]["path"] = "/moved".into());
    edge.signal("HUP").await;
    edge.reloads("applied", 1).await;
    assert_eq!(edge.client().path(&edge, "/moved").send(init()).await.status, 200);
    // Also where nothing has changed.
    edge.signal("HUP").await;
    edge.reloads("applied", 2).await;
}

#[tokio::test]
async fn what_needs_a_restart_is_refused() {
    let logic = any_logic().await;
    for (section, field, value) in [
        ("listen", "address", json!("127.0.0.1:1")),
        ("admin", "address", json!("127.0.0.1:1")),
        ("limits", "max_connections", json!(7)),
        ("listen", "tls", Value::Null),
    ] {
        let mut edge = watchful(&logic).start().await;
        edge.change(|config| config[section][field] = value);
        edge.reloads("refused", 1).await;
        edge.wait_for_log(&format!("\"field\":\"{section}.{field}\"")).await;
        assert_eq!(edge.client().send(init()).await.status, 200);
    }
}

#[tokio::test]
async fn tls_that_comes_while_the_edge_runs_is_refused() {
    let logic = any_logic().await;
    let tls = Tls::new();
    let files = [("new.crt", &tls.certificate), ("new.key", &tls.private_key)];
    let edge = watchful(&logic).without_tls();
    let mut edge = files.into_iter().fold(edge, |edge, (name, content)| edge.file(name, content)).start().await;
    edge.change(|config| {
        config["listen"]["tls"] = json!({ "certificate_file": "new.crt", "private_key_file": "new.key" });
    });
    edge.reloads("refused", 1).await;
    edge.wait_for_log("\"field\":\"listen.tls\"").await;
    assert_eq!(edge.client().send(init()).await.status, 200);
}

#[tokio::test]
async fn metrics_say_which_key_and_secret_still_see_use() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic)
        .with(json!({
            "private_keys": [{ "file": key_file("current.pem") }, { "file": key_file("previous.pem") }],
            "app_secrets": [{ "file": "app-secret" }, { "file": "other-app-secret" }],
        }))
        .start()
        .await;
    // openssl pkey -pubin -in FILE -outform DER | sha256sum; printf SECRET | sha256sum
    let (current, previous) = ("cec634e8", "4306ea82");
    let (own, other) = ("5947d7c3", "5d0b1933");
    let uses = async || {
        let keys = (edge.uses("private_key", current).await, edge.uses("private_key", previous).await);
        (keys, (edge.uses("app_secret", own).await, edge.uses("app_secret", other).await))
    };
    assert_eq!(uses().await, ((0, 0), (0, 0)));
    edge.client().send(init()).await;
    edge.client().public_key("previous.pub").send(init()).await;
    edge.client().public_key("previous.pub").app_secret(OTHER_APP_SECRET).send(init()).await;
    assert_eq!(uses().await, ((1, 2), (2, 1)));
}
