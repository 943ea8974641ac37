//! What the log says of what anybody can cause, and what becomes of lines that nobody reads.

use flow_tests::{Edge, Exchange, Logic, PATIENCE, completion, screen};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{init, submission};

/// The lines of requests with this `error.type`.
fn lines(log: &[String], kind: &str) -> Vec<Value> {
    let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == "request" && line["error.type"] == kind).collect()
}

/// Lines with this message.
fn said(log: &[String], message: &str) -> Vec<Value> {
    let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"].as_str().is_some_and(|said| said.starts_with(message))).collect()
}

/// How many requests such lines stand for.
fn stood_for(lines: &[Value]) -> u64 {
    lines.iter().map(|line| 1 + line["suppressed"].as_u64().unwrap_or_default()).sum()
}

async fn any_logic() -> Logic {
    Logic::answering(screen("NEXT", json!({}))).await
}

#[tokio::test]
async fn refusals_that_anybody_can_cause_are_sampled_and_none_is_forgotten() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).quiet().section("limits", json!({ "max_body": "1000B" })).start().await;
    let client = edge.client();
    let kinds = [
        ("not_found", client.clone().path(&edge, "/unknown").seal("").signature(None)),
        ("method_not_allowed", client.seal("").method("GET")),
        ("body_too_large", client.seal("").body("a".repeat(1001)).signature(None)),
        ("signature", client.seal("").signature(None)),
    ];
    for (kind, exchange) in kinds {
        let mut sent = Vec::new();
        // Until one of them is written that stands for others.
        let flood = async {
            while lines(&edge.log(), kind).iter().all(|line| line.get("suppressed").is_none()) {
                sent.push(exchange.send().await.header("x-request-id").to_owned());
            }
        };
        timeout(PATIENCE, flood).await.expect("a line says how many there were before it");
        let lines = lines(&edge.log(), kind);
        let last = lines.last().unwrap()["flow.request_id"].as_str().unwrap();
        let place = sent.iter().position(|request_id| request_id == last).unwrap();
        assert_eq!(stood_for(&lines), place as u64 + 1, "{kind}");
        assert!(lines.len() < sent.len() / 2, "{} lines for {} of {kind}", lines.len(), sent.len());
        let metrics = edge.metrics().await;
        let counted = metrics.lines().find(|line| {
            line.starts_with("http_server_request_duration_seconds_count{") && line.contains(&format!("\"{kind}\""))
        });
        let all = format!(" {}", sent.len());
        assert!(counted.is_some_and(|line| line.ends_with(&all)), "{counted:?} where{all} were sent");
    }
}

#[tokio::test]
async fn what_takes_a_good_signature_has_each_its_line() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    for _ in 0..20 {
        assert_eq!(edge.client().send_plaintext("no message").await.status, 400);
    }
    assert_eq!(lines(&edge.stop().await.log, "message").len(), 20);
}

#[tokio::test]
async fn a_404_says_which_path_was_asked_for() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    let long = format!("/{}", "long".repeat(100));
    let cut = format!("{}…", &long[..64]);
    for (path, shown) in
        [("/flows/appointment?secret", "/flows/appointment"), ("/%0A%1B[2J", "/%0A%1B[2J"), (&*long, &*cut)]
    {
        let client = edge.client().path(&edge, path);
        let is_written = || lines(&edge.log(), "not_found").iter().any(|line| line["path"] == shown);
        // Of several in a second the first is written, whatever its path.
        let asked = async {
            while !is_written() {
                assert_eq!(client.send_signed("", None).await.status, 404);
            }
        };
        timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("{shown}: {:?}", lines(&edge.log(), "not_found")));
    }
}

/// Sends the same three times.
async fn refused(exchange: Exchange, status: u16) {
    for _ in 0..3 {
        assert_eq!(exchange.send().await.status, status);
    }
}

#[tokio::test]
async fn the_first_432_and_421_in_a_minute_warn_and_say_where_to_look() {
    let logic = any_logic().await;
    let second = json!({ "name": "second", "path": "/second", "logic": { "url": logic.url() } });
    let edge = Edge::before(&logic).endpoint(second).start().await;
    let client = edge.client();
    let other_secret = client.clone().app_secret("another secret");
    let other_key = client.clone().public_key("previous.pub");
    refused(other_secret.seal(init().to_string()), 432).await;
    refused(client.seal("").signature(None), 432).await;
    refused(other_key.seal(init().to_string()), 421).await;
    assert_eq!(other_secret.path(&edge, "/second").send(init()).await.status, 432);
    let log = edge.stop().await.log;
    let warned = |kind: &str, endpoint: &str| {
        let lines = lines(&log, kind).into_iter().filter(|line| line["flow.endpoint"] == endpoint);
        let (warned, rest): (Vec<_>, Vec<_>) = lines.partition(|line| line["level"] == "WARN");
        assert!(rest.iter().all(|line| line["level"] == "INFO" && line.get("advice").is_none()));
        warned.iter().map(|line| line["advice"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let signatures = warned("signature", "flow");
    assert_eq!(signatures.len(), 2, "one for each cause: {signatures:?}");
    assert!(signatures[0].contains("app_secrets lacks the secret"), "{signatures:?}");
    assert!(signatures[1].contains("drops the header X-Hub-Signature-256"), "{signatures:?}");
    assert_eq!(warned("signature", "second").len(), 1, "each endpoint counts for itself");
    let keys = warned("undecryptable", "flow");
    assert!(keys.len() == 1 && keys[0].contains("flowctl keys status"), "{keys:?}");
    assert_eq!(lines(&log, "undecryptable").len(), 3, "only whoever signs like the platform gets it");
}

/// `message-webhook.json` and `alert-webhook.json`, as the platform posts them to a callback URL.
const WEBHOOKS: [&str; 2] =
    [include_str!("../../data/message-webhook.json"), include_str!("../../data/alert-webhook.json")];

#[tokio::test]
async fn a_webhook_at_a_flows_url_is_told_as_what_it_is() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    for webhook in WEBHOOKS {
        assert_eq!(edge.client().send_body(webhook).await.status, 400);
    }
    let (path, client) = ("/flow?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=mytoken", edge.client());
    let verification = client.path(&edge, path).get().await;
    assert_eq!((verification.status, verification.header("allow")), (405, "POST"));
    assert!(!verification.body.contains("1158201444"), "{}", verification.body);
    let log = edge.stop().await.log;
    let posted = lines(&log, "webhook");
    assert_eq!(posted.len(), 2);
    for line in &posted {
        assert_eq!(line["flow.fault"], "operator");
        assert!(line["reason"].as_str().unwrap().contains("the body is a webhook"), "{line}");
    }
    assert!(posted[0]["advice"].as_str().unwrap().contains("callback URL"), "{}", posted[0]);
    let asked = lines(&log, "webhook_verification");
    assert!(asked[0]["reason"].as_str().unwrap().contains("hub.challenge"), "{asked:?}");
    assert!(!log.concat().contains("1158201444") && !log.concat().contains("wamid"), "nothing of it is logged");
}

#[tokio::test]
async fn an_error_notification_is_a_warning_with_its_key_and_screen_and_is_counted() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    let text = "the screen NO_ITEMS cannot be the first screen of this flow";
    let notify = async |action: &str, screen: &str, error: &str| {
        let data = json!({ "error": error, "error_message": text });
        let message = json!({ "version": "3.0", "action": action, "screen": screen, "flow_token": "t", "data": data });
        assert_eq!(edge.client().send(message).await.status, 200);
    };
    notify("INIT", "", "invalid-screen-transition").await;
    notify("data_exchange", "DETAILS", "payload-schema-error").await;
    notify("navigate", &format!("A\u{1b}\n{}", "B".repeat(100)), "what nobody has seen yet").await;
    notify("navigate", "DETAILS", "Another of those").await;
    let count = async |key: &str| {
        edge.metric(&format!("flow_error_notifications_total{{flow_endpoint=\"flow\",flow_error_key=\"{key}\"}}")).await
    };
    assert_eq!(count("invalid-screen-transition").await, 1);
    assert_eq!(count("payload-schema-error").await, 1);
    assert_eq!(count("other").await, 2);
    let log = edge.stop().await.log;
    let said = said(&log, "the client could not use an answer");
    let facts = |line: &Value| {
        assert_eq!((&line["level"], &line["flow.endpoint"]), (&json!("WARN"), &json!("flow")));
        [&line["flow.error_key"], &line["action"], &line["screen"]].map(|fact| fact.as_str().unwrap().to_owned())
    };
    assert_eq!(facts(&said[0]), ["invalid-screen-transition", "INIT", ""]);
    assert_eq!(facts(&said[1]), ["payload-schema-error", "data_exchange", "DETAILS"]);
    assert_eq!(facts(&said[2]), ["other", "navigate", &format!(r"A\u{{1b}}\n{}…", "B".repeat(61))]);
    assert_eq!(said.len(), 4);
}

#[tokio::test]
async fn a_completion_with_another_conversations_token_is_a_warning() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    let own = submission()["flow_token"].clone();
    for params in [
        json!({ "flow_token": "the token of somebody else" }),
        json!({ "flow_token": 7 }),
        json!({ "flow_token": own }),
        json!({}),
    ] {
        logic.answer(Ok(completion(params)));
        assert_eq!(edge.client().send(submission()).await.status, 200);
    }
    // A request without a token belongs to no conversation that could be another.
    logic.answer(Ok(completion(json!({ "flow_token": "a fresh token" }))));
    assert_eq!(edge.client().send(json!({ "action": "INIT" })).await.status, 200);
    let said = said(&edge.stop().await.log, "logic ended the flow with another conversation's flow_token");
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|line| line["level"] == "WARN" && line["flow.endpoint"] == "flow"));
}

#[tokio::test]
async fn a_number_that_no_double_holds_is_a_warning_with_its_place() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    let exact = json!({ "action": "data_exchange", "screen": "ORDER", "data": { "n": 9_007_199_254_740_992_u64 } });
    assert_eq!(edge.client().send(exact).await.status, 200);
    let data = json!({ "items": [{ "id": 1 }, { "id/of\n": 9_007_199_254_740_993_u64 }], "z": u64::MAX });
    let message = json!({ "action": "data_exchange", "screen": "ORDER", "data": data });
    assert_eq!(edge.client().send(message).await.status, 200);
    assert_eq!(edge.metric("flow_inexact_numbers_total").await, 2);
    let log = edge.stop().await.log;
    let said = said(&log, "a whole number is larger than a double holds");
    let [line] = &said[..] else { panic!("{said:?}") };
    assert_eq!(line["level"], "WARN");
    assert_eq!((&line["path"], &line["numbers"]), (&json!(r"/items/1/id~1of\n"), &json!(2)));
    assert!(!log.concat().contains("9007199254740993") && !log.concat().contains(&u64::MAX.to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_nobody_reads_cost_a_bound_and_are_counted() {
    let logic = any_logic().await;
    // At the level `trace` a request has many lines.
    let mut edge = Edge::before(&logic).start().await;
    edge.ready().await;
    let held = edge.hold_log().await;
    let lost = async || edge.metric("flow_log_lost_lines_total").await;
    let client = edge.client();
    let until_lost = async {
        while lost().await == 0 {
            assert_eq!(client.send(init()).await.status, 200, "no request waits for the log");
        }
    };
    timeout(PATIENCE, until_lost).await.expect("lines are lost and counted");
    drop(held);
    edge.wait_for_log("log lines were lost").await;
    let log = edge.stop().await.log;
    let said = said(&log, "log lines were lost");
    assert!(said[0]["lost_lines"].as_u64().is_some_and(|lost| lost > 0), "{said:?}");
    assert!(said.len() <= 2, "it is not said again and again: {said:?}");
}
