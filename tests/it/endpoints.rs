//! Several endpoints, several keys and secrets, both versions of HTTP, with TLS and without.

use flow_tests::{Call, Edge, Logic, OTHER_APP_SECRET, key_file, screen};
use reqwest::Version;
use serde_json::{Value, json};

fn init() -> Value {
    json!({ "version": "4.0", "action": "INIT" })
}

#[tokio::test]
async fn each_path_has_its_own_key_secret_logic_and_name() {
    let sales = Logic::answering(screen("SALES", json!({}))).await;
    let support = Logic::answering(screen("SUPPORT", json!({}))).await;
    let edge = Edge::without_endpoints()
        .endpoint(json!({ "name": "sales", "path": "/sales", "logic": { "url": sales.url() } }))
        .endpoint(json!({
            "name": "support", "path": "/support", "logic": { "url": support.url() },
            "private_keys": [{ "file": key_file("previous.pem") }],
            "app_secrets": [{ "file": "other-app-secret" }],
        }))
        .start()
        .await;
    let first = edge.client().path(&edge, "/sales");
    let second = edge.client().path(&edge, "/support").public_key("previous.pub").app_secret(OTHER_APP_SECRET);

    assert_eq!(first.send(init()).await.opened["screen"], "SALES");
    assert_eq!(second.send(init()).await.opened["screen"], "SUPPORT");
    let endpoint = |call| match call {
        Call::DataExchange(request, _) => request.endpoint,
        call => panic!("{call:?}"),
    };
    assert_eq!(endpoint(sales.only_call()), "sales");
    assert_eq!(endpoint(support.only_call()), "support");

    // Neither key nor secret of one endpoint opens the other.
    assert_eq!(first.clone().path(&edge, "/support").send(init()).await.status, 432);
    let key_of_first = first.path(&edge, "/support").app_secret(OTHER_APP_SECRET);
    assert_eq!(key_of_first.send(init()).await.status, 421);
}

#[tokio::test]
async fn old_and_new_key_and_secret_work_side_by_side() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic)
        .with(json!({
            "private_keys": [{ "file": key_file("current.pem") }, { "file": key_file("previous.pem") }],
            "app_secrets": [{ "file": "other-app-secret" }, { "file": "app-secret" }],
        }))
        .start()
        .await;
    for key in ["current.pub", "previous.pub"] {
        assert_eq!(edge.client().public_key(key).send(init()).await.status, 200);
        assert_eq!(edge.client().public_key(key).app_secret(OTHER_APP_SECRET).send(init()).await.status, 200);
    }
    assert_eq!(edge.client().app_secret("neither of them").send(init()).await.status, 432);
}

#[tokio::test]
async fn http_2_and_http_1_1_are_served() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    let answer = edge.client().send(init()).await;
    assert_eq!((answer.status, answer.version), (200, Version::HTTP_2));
    let answer = edge.client().http1(&edge).send(init()).await;
    assert_eq!((answer.status, answer.version), (200, Version::HTTP_11));
}

#[tokio::test]
async fn plain_http_is_served_where_no_tls_is_configured() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).without_tls().start().await;
    assert_eq!(edge.client().send(init()).await.status, 200);
}

#[tokio::test]
async fn a_silent_connection_does_not_keep_others_out() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(tokio::net::TcpStream::connect(edge.address()).await.unwrap());
    }
    assert_eq!(edge.client().send(init()).await.status, 200);
}
