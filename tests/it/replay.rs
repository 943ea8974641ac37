//! An envelope that comes again, where more than the answer counts: at once, after a reload, elsewhere, too late. What is answered
//! again and what is not has its rows in `table/repeats.rs`.

use flow_tests::{Edge, Gate, Logic, screen};
use serde_json::{Value, json};
use tonic::Status;

fn init() -> String {
    json!({ "version": "4.0", "action": "INIT", "flow_token": "token" }).to_string()
}

/// Answers every call differently, so that a second call would show.
async fn counting_logic() -> Logic {
    let calls = std::sync::atomic::AtomicU32::new(0);
    Logic::handling(move |_| {
        let call = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move { Ok(screen("NEXT", json!({ "call": call }))) }
    })
    .await
}

#[tokio::test]
async fn what_comes_again_is_counted_by_what_became_of_it() {
    let logic = counting_logic().await;
    let edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let exchange = client.seal(init());
    let first = exchange.send().await;
    for _ in 0..2 {
        assert_eq!(exchange.send().await.body, first.body);
    }
    let refused = client.seal_like(&exchange, init().replace("token", "other"));
    assert_eq!(refused.send().await.status, 400);
    // The first is still what it was.
    assert_eq!(exchange.send().await.body, first.body);
    // Logic is asked again, so this is no repeat.
    logic.answer(Err(Status::unavailable("")));
    let unanswered = client.seal(init());
    for _ in 0..2 {
        assert_eq!(unanswered.send().await.status, 503);
    }
    let count = async |outcome| edge.metric(&format!("flow_replays_total{{flow_outcome=\"{outcome}\"}}")).await;
    assert_eq!((count("answered").await, count("refused").await), (3, 1));
}

#[tokio::test]
async fn two_at_once_are_one_call() {
    let gate = Gate::closed();
    let logic = Logic::held_by(&gate).await;
    let edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let (body, signature) = client.seal(init()).into_parts();
    let send = || {
        let (client, body, signature) = (client.clone(), body.clone(), signature.clone());
        tokio::spawn(async move { client.send_signed(body, Some(signature.as_bytes())).await })
    };
    let requests = [send(), send(), send()];
    gate.arrival().await;
    gate.open();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await.unwrap());
    }
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body));
    assert_eq!(logic.calls().len(), 1);
}

#[tokio::test]
async fn an_answer_is_remembered_although_whoever_asked_has_gone() {
    let gate = Gate::closed();
    let logic = Logic::held_by(&gate).await;
    let edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let (body, signature) = client.seal(init()).into_parts();
    let first = {
        let (client, body, signature) = (client.clone(), body.clone(), signature.clone());
        tokio::spawn(async move { client.send_signed(body, Some(signature.as_bytes())).await })
    };
    gate.arrival().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.open();
    assert_eq!(client.send_signed(body, Some(signature.as_bytes())).await.status, 200);
    assert_eq!(logic.calls().len(), 1);
}

#[tokio::test]
async fn the_repeat_after_421_passes_once_the_key_is_there() {
    let logic = counting_logic().await;
    let edge = Edge::before(&logic).section("reload_interval", json!("20ms")).start().await;
    let client = edge.client().public_key("previous.pub");
    let (body, signature) = client.seal(init()).into_parts();
    assert_eq!(client.send_signed(body.clone(), Some(signature.as_bytes())).await.status, 421);
    edge.change(|config| {
        let key = json!({ "file": flow_tests::key_file("previous.pem") });
        config["endpoints"][0]["private_keys"].as_array_mut().unwrap().push(key);
    });
    edge.reloads("applied", 1).await;
    assert_eq!(client.send_signed(body, Some(signature.as_bytes())).await.status, 200);
}

#[tokio::test]
async fn memory_and_time_bound_what_is_remembered_and_either_switches_it_off() {
    for replay in
        [json!({ "max_bytes": 0 }), json!({ "ttl": 0 }), json!({ "ttl": "1ms" }), json!({ "max_bytes": "1B" })]
    {
        let logic = counting_logic().await;
        let edge = Edge::before(&logic).section("replay", replay.clone()).start().await;
        let client = edge.client();
        let (body, signature) = client.seal(init()).into_parts();
        let send = async || client.send_signed(body.clone(), Some(signature.as_bytes())).await;
        assert_eq!(send().await.status, 200);
        // An expired or crowded out entry may stay for a moment, until the cache looks after itself.
        let mut calls = logic.calls().len();
        for _ in 0..100 {
            assert_eq!(send().await.status, 200);
            calls = logic.calls().len();
            if calls > 1 {
                break;
            }
        }
        assert!(calls > 1, "{replay}");
    }
}

#[tokio::test]
async fn an_envelope_gets_no_second_answer_at_another_endpoint_either() {
    let logic = counting_logic().await;
    let other = json!({ "name": "other", "path": "/other", "logic": { "url": logic.url() } });
    let edge = Edge::before(&logic).endpoint(other).start().await;
    let client = edge.client();
    let (body, signature) = client.seal(init()).into_parts();
    assert_eq!(client.send_signed(body.clone(), Some(signature.as_bytes())).await.status, 200);
    // Both have the same private key.
    let elsewhere = client.path(&edge, "/other").send_signed(body, Some(signature.as_bytes())).await;
    assert_eq!(elsewhere.status, 400);
    assert_eq!(logic.calls().len(), 1);
}

#[tokio::test]
async fn what_is_remembered_survives_a_reload() {
    let logic = counting_logic().await;
    let edge = Edge::before(&logic).section("reload_interval", json!("20ms")).start().await;
    let client = edge.client();
    let (body, signature) = client.seal(init()).into_parts();
    let first = client.send_signed(body.clone(), Some(signature.as_bytes())).await;
    edge.change(|config: &mut Value| config["limits"] = json!({ "max_in_flight": 7 }));
    edge.reloads("applied", 1).await;
    assert_eq!(client.send_signed(body, Some(signature.as_bytes())).await.body, first.body);
    assert_eq!(logic.calls().len(), 1);
}
