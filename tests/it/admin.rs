//! What the cluster's probes see.

use flow_tests::{Edge, Gate, Logic, screen};
use serde_json::json;
use tonic::Status;

async fn status(edge: &Edge, path: &str) -> u16 {
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(edge.admin_url(path))
        .send()
        .await
        .unwrap()
        .status()
        .into()
}

#[tokio::test]
async fn ready_while_the_logic_of_one_endpoint_is_reachable() {
    let logic = Logic::failing(Status::internal("")).await;
    let edge = Edge::before(&logic)
        .endpoint(json!({ "name": "other", "path": "/other", "logic": { "url": "http://127.0.0.1:1" } }))
        .start()
        .await;
    assert_eq!(status(&edge, "/livez").await, 200);
    edge.ready().await;
}

#[tokio::test]
async fn alive_but_not_ready_without_logic() {
    let edge = Edge::before_url("http://127.0.0.1:1").start().await;
    assert_eq!(status(&edge, "/livez").await, 200);
    assert_eq!(status(&edge, "/readyz").await, 503);
}

#[tokio::test]
async fn not_ready_while_draining() {
    let gate = Gate::closed();
    let logic = Logic::held_by(&gate).await;
    let mut edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let request = tokio::spawn(async move { client.send(json!({ "version": "4.0", "action": "INIT" })).await });
    gate.arrival().await;
    assert_eq!(status(&edge, "/readyz").await, 200);
    edge.signal("TERM").await;
    edge.wait_for_log("draining").await;
    assert_eq!(status(&edge, "/readyz").await, 503);
    assert_eq!(status(&edge, "/livez").await, 200);
    gate.open();
    assert_eq!(request.await.unwrap().status, 200);
}

#[tokio::test]
async fn the_public_listener_has_no_probes_and_the_admin_listener_no_endpoints() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    assert_eq!(edge.client().path(&edge, "/readyz").get().await.status, 404);
    assert_eq!(status(&edge, "/flow").await, 404);
}
