//! More than can be worked on: who is refused, and who is not.

use flow_tests::{Edge, Gate, Logic, screen};
use serde_json::{Value, json};

fn init() -> Value {
    json!({ "version": "4.0", "action": "INIT" })
}

/// Sends requests until so many wait at the gate.
async fn fill(edge: &Edge, path: &str, gate: &Gate, count: usize) {
    for _ in 0..count {
        let client = edge.client().path(edge, path);
        tokio::spawn(async move { client.send(init()).await });
        gate.arrival().await;
    }
}

#[tokio::test]
async fn an_endpoint_whose_logic_is_slow_leaves_room_for_the_others() {
    let gate = Gate::closed();
    let slow = Logic::held_by(&gate).await;
    let quick = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&slow)
        .endpoint(json!({ "name": "quick", "path": "/quick", "logic": { "url": quick.url() } }))
        .section("limits", json!({ "max_in_flight": 4 }))
        .start()
        .await;
    fill(&edge, "/flow", &gate, 2).await;
    let refused = edge.client().send(init()).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    assert_eq!(edge.client().path(&edge, "/quick").send(init()).await.status, 200);
}

#[tokio::test]
async fn an_endpoint_may_be_given_its_own_share_and_keeps_count_through_a_reload() {
    let gate = Gate::closed();
    let slow = Logic::held_by(&gate).await;
    let edge =
        Edge::before(&slow).with(json!({ "max_in_flight": 1 })).section("reload_interval", json!("20ms")).start().await;
    fill(&edge, "/flow", &gate, 1).await;
    assert_eq!(edge.client().send(init()).await.status, 503);
    edge.change(|config| config["endpoints"][0]["max_in_flight"] = 2.into());
    edge.reloads("applied", 1).await;
    fill(&edge, "/flow", &gate, 1).await;
    assert_eq!(edge.client().send(init()).await.status, 503);
    gate.open();
    gate.open();
}

#[tokio::test]
async fn a_single_endpoint_may_use_all_there_is() {
    let gate = Gate::closed();
    let slow = Logic::held_by(&gate).await;
    let edge = Edge::before(&slow).section("limits", json!({ "max_in_flight": 3 })).start().await;
    fill(&edge, "/flow", &gate, 3).await;
    assert_eq!(edge.client().send(init()).await.status, 503);
}
