//! An envelope that comes again: one call to logic, one answer.

use flow_tests::{Edge, Gate, Logic, completion, invalid_token, screen};
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

async fn replays(edge: &Edge, outcome: &str) -> u64 {
    edge.metric(&format!("flow_replays_total{{flow_outcome=\"{outcome}\"}}")).await
}

#[tokio::test]
async fn an_envelope_that_comes_again_gets_the_same_answer_without_a_second_call() {
    let logic = counting_logic().await;
    let edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let (body, signature) = client.seal(init()).into_parts();
    let first = client.send_signed(body.clone(), Some(signature.as_bytes())).await;
    assert_eq!(first.status, 200);
    for _ in 0..3 {
        let again = client.send_signed(body.clone(), Some(signature.as_bytes())).await;
        assert_eq!((again.status, &again.body), (200, &first.body));
        assert_ne!(again.header("x-request-id"), first.header("x-request-id"), "each request has a name of its own");
    }
    assert_eq!(logic.calls().len(), 1);
    assert_eq!((replays(&edge, "answered").await, replays(&edge, "refused").await), (3, 0));
    // The same text in another envelope is another request.
    assert_eq!(client.seal(init()).send().await.opened["data"]["call"], 1);
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
async fn key_and_vector_with_another_ciphertext_are_refused() {
    let logic = counting_logic().await;
    let edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let [first, second] = client.seal_under_one_nonce([init(), init().replace("token", "other")]);
    assert_eq!(client.send_body(first.clone()).await.status, 200);
    let refused = client.send_body(second).await;
    assert_eq!((refused.status, refused.body.as_str()), (400, "malformed request\n"));
    assert_eq!(replays(&edge, "refused").await, 1);
    // The first is still what it was.
    assert_eq!(client.send_body(first).await.status, 200);
    assert_eq!(logic.calls().len(), 1);
}

#[tokio::test]
async fn only_sealed_answers_are_remembered() {
    let unavailable = Logic::failing(Status::unavailable("")).await;
    let unsealed = Logic::answering(invalid_token("")).await;
    for (logic, status) in [(unavailable, 503), (unsealed, 427)] {
        let edge = Edge::before(&logic).start().await;
        let client = edge.client();
        let (body, signature) = client.seal(init()).into_parts();
        for calls in 1..=3 {
            assert_eq!(client.send_signed(body.clone(), Some(signature.as_bytes())).await.status, status);
            assert_eq!(logic.calls().len(), calls);
        }
        assert_eq!(replays(&edge, "answered").await, 0);
    }
}

#[tokio::test]
async fn what_is_sealed_is_remembered_whatever_it_is() {
    let dead = Logic::answering(invalid_token("This form has expired.")).await;
    let finished = Logic::answering(completion(json!({}))).await;
    let failing = Logic::failing(Status::internal("")).await;
    let submission = json!({ "version": "4.0", "action": "data_exchange", "screen": "DETAILS" }).to_string();
    let ping = json!({ "version": "3.0", "action": "ping" }).to_string();
    let error = json!({ "action": "INIT", "data": { "error": "payload-schema-error" } }).to_string();
    for (logic, message, status) in [
        (&dead, &submission, 427),
        (&finished, &submission, 200),
        (&finished, &ping, 200),
        (&finished, &error, 200),
        // The fallback screen is sealed, so it stands.
        (&failing, &submission, 200),
    ] {
        let edge = Edge::before(logic).with(json!({ "logic": { "fallback_message": "Again." } })).start().await;
        let client = edge.client();
        let (body, signature) = client.seal(message.clone()).into_parts();
        let before = logic.calls().len();
        let first = client.send_signed(body.clone(), Some(signature.as_bytes())).await;
        let again = client.send_signed(body, Some(signature.as_bytes())).await;
        assert_eq!((first.status, again.status, &again.body), (status, status, &first.body), "{message}");
        assert_eq!(logic.calls().len(), before + 1, "{message}");
    }
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

#[tokio::test]
async fn a_number_that_logic_cannot_get_exactly_is_counted() {
    let logic = counting_logic().await;
    let edge = Edge::before(&logic).start().await;
    let data = json!({ "exact": 9_007_199_254_740_992_i64, "inexact": [9_007_199_254_740_993_i64] });
    edge.client().send(json!({ "action": "INIT", "data": data })).await;
    assert_eq!(edge.metric("flow_inexact_numbers_total").await, 1);
}
