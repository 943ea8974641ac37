//! An envelope that comes again, where more than the answer counts: at once, after a reload, elsewhere, too late. What is answered
//! again and what is not has its rows in `table/repeats.rs`.

use flow_tests::{Client, Edge, Gate, Logic, screen};
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
        assert_eq!(edge.metric("flow_replay_memory_bytes").await > 0, replay == json!({ "ttl": "1ms" }));
        // A millisecond may not be over yet.
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

/// Sends so many envelopes, each with an answer of its own.
async fn fill(client: &Client, count: usize) -> Vec<((Vec<u8>, String), String)> {
    let mut sent = Vec::new();
    for _ in 0..count {
        let (body, signature) = client.seal(init()).into_parts();
        let answer = client.send_signed(body.clone(), Some(signature.as_bytes())).await;
        assert_eq!(answer.status, 200);
        sent.push(((body, signature), answer.body));
    }
    sent
}

/// How many are answered as they were, without a call to logic, until one is not.
async fn remembered(client: &Client, logic: &Logic, sent: &[((Vec<u8>, String), String)]) -> usize {
    let mut count = 0;
    for ((body, signature), answer) in sent {
        let calls = logic.calls().len();
        let again = client.send_signed(body.clone(), Some(signature.as_bytes())).await;
        if logic.calls().len() > calls {
            break;
        }
        assert_eq!(again.body, *answer);
        count += 1;
    }
    count
}

#[tokio::test]
async fn a_full_memory_answers_each_of_the_newest_from_memory_byte_for_byte() {
    const MAX: u64 = 16 * 1024;
    let logic = counting_logic().await;
    let edge = Edge::before(&logic).section("replay", json!({ "max_bytes": MAX })).start().await;
    let client = edge.client();
    // With one answer it says what each takes.
    let mut sent = fill(&client, 1).await;
    let each = edge.metric("flow_replay_memory_bytes").await;
    // Later ones are longer, and what the first ones took beside their bodies is not given back for each.
    let room = usize::try_from(MAX / each).unwrap() * 4 / 5;
    sent.extend(fill(&client, 4 * room).await);
    let full = edge.metric("flow_replay_memory_bytes").await;
    assert!(full <= MAX && full > MAX - 3 * each, "{full}");
    // More than once, and the oldest of them first, so that none of them lives by being asked for.
    let newest = &sent[sent.len() - room..];
    let calls = logic.calls().len();
    for _ in 0..2 {
        for ((body, signature), answer) in newest {
            let again = client.send_signed(body.clone(), Some(signature.as_bytes())).await;
            assert_eq!((again.status, &again.body), (200, answer));
        }
    }
    assert_eq!(logic.calls().len(), calls);
    let (body, signature) = sent[0].0.clone();
    assert_eq!(client.send_signed(body, Some(signature.as_bytes())).await.status, 200);
    assert_eq!(logic.calls().len(), calls + 1, "the oldest made room");
}

#[tokio::test]
async fn a_reload_with_other_bounds_keeps_what_they_have_room_for() {
    let logic = counting_logic().await;
    let edge = Edge::before(&logic).section("reload_interval", json!("20ms")).start().await;
    let client = edge.client();
    let sent = fill(&client, 10).await;
    let all = edge.metric("flow_replay_memory_bytes").await;
    let bounds = [(json!({ "max_bytes": "1MiB", "ttl": "1h" }), 10), (json!({ "max_bytes": all / 2 + 1 }), 5)];
    for (reloads, (replay, left)) in (1..).zip(bounds) {
        edge.change(|config| config["replay"] = replay);
        edge.reloads("applied", reloads).await;
        assert_eq!(remembered(&client, &logic, &sent[10 - left..]).await, left);
    }
    let calls = logic.calls().len();
    let (body, signature) = sent[0].0.clone();
    client.send_signed(body, Some(signature.as_bytes())).await;
    assert_eq!(logic.calls().len(), calls + 1, "the oldest went");
    edge.change(|config| config["replay"] = json!({ "max_bytes": 0 }));
    edge.reloads("applied", 3).await;
    assert_eq!(edge.metric("flow_replay_memory_bytes").await, 0);
    assert_eq!(remembered(&client, &logic, &sent).await, 0);
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
