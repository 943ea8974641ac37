//! An edge that knows the screens: what it says of logic's answers, what it lets out, what it counts by screen.

use flow_tests::{Edge, EdgeBuilder, Logic, completion, screen};
use serde_json::{Value, json};
use tonic::Status;

const FALLBACK: &str = "Please try again.";

/// NAME is given a hint and asks for a name, DONE is given nothing.
fn flow() -> Value {
    let footer = |action: Value| json!({ "type": "Footer", "label": "Next", "on-click-action": action });
    let layout = |children: Value| json!({ "type": "SingleColumnLayout", "children": children });
    let submit = json!({ "name": "data_exchange", "payload": { "name": "${form.name}" } });
    json!({
        "version": "7.3",
        "data_api_version": "4.0",
        "routing_model": { "NAME": ["PLAIN"], "PLAIN": ["DONE"], "DONE": [] },
        "screens": [
            {
                "id": "NAME",
                "data": { "hint": { "type": "string", "__example__": "As in your passport" } },
                "layout": layout(json!([
                    { "type": "TextInput", "name": "name", "label": "Name", "helper-text": "${data.hint}" },
                    footer(submit.clone()),
                ])),
            },
            {
                "id": "PLAIN",
                "layout": layout(json!([{ "type": "TextInput", "name": "name", "label": "Name" }, footer(submit)])),
            },
            {
                "id": "DONE",
                "terminal": true,
                "layout": layout(json!([footer(json!({ "name": "complete", "payload": {} }))])),
            },
        ],
    })
}

fn with_flow(logic: &Logic, check: &str) -> EdgeBuilder {
    let flow_of = json!({ "files": ["flow.json"], "check": check });
    Edge::before(logic).with(json!({ "flow": flow_of })).file("flow.json", &flow().to_string())
}

fn init() -> Value {
    json!({ "version": "4.0", "action": "INIT", "flow_token": "a token" })
}

fn from(screen: &str, action: &str) -> Value {
    json!({ "version": "4.0", "action": action, "screen": screen, "flow_token": "a token", "data": { "name": "Ada" } })
}

async fn events(edge: &Edge, screen: &str, event: &str) -> u64 {
    let labels = format!("flow_endpoint=\"flow\",flow_event=\"{event}\",flow_screen=\"{screen}\"");
    edge.metric(&format!("flow_screen_events_total{{{labels}}}")).await
}

async fn refused(edge: &Edge, code: &str) -> u64 {
    let labels = format!("flow_code=\"{code}\",flow_endpoint=\"flow\",flow_severity=\"refused\"");
    edge.metric(&format!("flow_answer_verdicts_total{{{labels}}}")).await
}

/// The lines with this message.
fn lines(log: &[String], message: &str) -> Vec<Value> {
    let lines = log.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["message"] == message).collect()
}

const WARNING: &str = "logic's answer does not fit the screens";

#[tokio::test]
async fn what_the_client_would_refuse_is_told_counted_and_sent() {
    let logic = Logic::answering(screen("NAME", json!({ "hint": 7, "secret": "of the user" }))).await;
    let edge = with_flow(&logic, "warn").start().await;
    assert_eq!(refused(&edge, "payload-schema-error").await, 0, "an alert on an increase sees the first");
    for _ in 0..3 {
        let answer = edge.client().send(init()).await;
        assert_eq!(answer.opened, json!({ "screen": "NAME", "data": { "hint": 7, "secret": "of the user" } }));
    }
    assert_eq!(refused(&edge, "payload-schema-error").await, 3);
    logic.answer(Ok(screen("CONTAKT", json!({}))));
    assert_eq!(edge.client().send(init()).await.opened["screen"], "CONTAKT");
    assert_eq!(refused(&edge, "invalid-screen-transition").await, 1);
    let log = edge.stop().await.log;
    let warned = lines(&log, WARNING);
    assert_eq!(warned.len(), 2, "each code of a screen once a minute: {warned:#?}");
    for (line, code, next, pointer) in [
        (&warned[0], "payload-schema-error", "NAME", "/data/hint"),
        (&warned[1], "invalid-screen-transition", "CONTAKT", "/screen"),
    ] {
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["flow.endpoint"], "flow");
        assert_eq!(line["flow.code"], code);
        assert_eq!(line["flow.severity"], "refused");
        assert_eq!(line["flow.next_screen"], next);
        assert_eq!(line["pointer"], pointer);
        assert!(line["reason"].is_string() && line["flow.request_id"].is_string(), "{line}");
    }
    assert!(!log.iter().any(|line| line.contains("of the user")), "{log:#?}");
}

#[tokio::test]
async fn what_the_client_would_refuse_is_refused_where_the_operator_says_so() {
    let logic = Logic::answering(screen("NAME", json!({}))).await;
    let edge = with_flow(&logic, "refuse").start().await;
    let answer = edge.client().send(init()).await;
    assert_eq!((answer.status, &*answer.body), (500, "internal error\n"));
    // What a phone only shows wrongly goes out.
    logic.answer(Ok(screen("NAME", json!({ "hint": "a".repeat(81) }))));
    assert_eq!(edge.client().send(init()).await.status, 200);
    // A request is never refused, whatever screen it names.
    logic.answer(Ok(completion(json!({}))));
    assert_eq!(edge.client().send(from("NO_SUCH_SCREEN", "data_exchange")).await.status, 200);
    // Where a phone says that it is, it may not be.
    logic.answer(Ok(screen("DONE", json!({}))));
    assert_eq!(edge.client().send(from("NAME", "data_exchange")).await.status, 500);
    let log = edge.stop().await.log;
    let requests = lines(&log, "request");
    for (line, kind, fault) in [(&requests[0], "client_would_refuse", "logic"), (&requests[3], "no_route", "client")] {
        assert_eq!(line["error.type"], kind);
        assert_eq!(line["flow.fault"], fault);
    }
    assert_eq!(lines(&log, WARNING)[1]["flow.code"], "text-too-long");
}

#[tokio::test]
async fn the_fallback_goes_to_screens_that_it_fits() {
    let logic = Logic::failing(Status::unavailable("away")).await;
    let logic_of = json!({ "logic": { "url": logic.url(), "fallback_message": FALLBACK } });
    let edge = with_flow(&logic, "refuse").with(logic_of).start().await;
    let again = json!({ "screen": "PLAIN", "data": { "error_message": FALLBACK } });
    assert_eq!(edge.client().send(from("PLAIN", "data_exchange")).await.opened, again);
    for screen in ["NAME", "NO_SUCH_SCREEN"] {
        assert_eq!(edge.client().send(from(screen, "data_exchange")).await.status, 503, "{screen}");
    }
    logic.answer(Ok(screen("NAME", json!({}))));
    assert_eq!(edge.client().send(from("PLAIN", "data_exchange")).await.opened, again, "what the client would refuse");
    assert_eq!(events(&edge, "PLAIN", "error_message").await, 2);
}

#[tokio::test]
async fn what_becomes_of_each_screen_is_counted_and_in_the_line() {
    let logic = Logic::answering(screen("NAME", json!({ "hint": "your name" }))).await;
    let edge = with_flow(&logic, "warn").start().await;
    let client = edge.client();
    assert_eq!(events(&edge, "DONE", "shown").await, 0, "a screen that nobody reached is in the funnel");
    client.send(init()).await;
    logic.answer(Ok(screen("NAME", json!({ "hint": "your name", "error_message": "Too short." }))));
    client.send(from("NAME", "data_exchange")).await;
    logic.answer(Ok(screen("PLAIN", json!({}))));
    client.send(from("NAME", "data_exchange")).await;
    logic.answer(Ok(screen("NAME", json!({ "hint": "your name" }))));
    client.send(from("PLAIN", "BACK")).await;
    logic.answer(Ok(completion(json!({}))));
    client.send(from("PLAIN", "data_exchange")).await;
    let mut notification = from("NAME", "data_exchange");
    notification["data"] = json!({ "error": "payload-schema-error", "error_message": "no" });
    client.send(notification).await;
    // The client's own words are no label.
    client.send(from("ANOTHER", "data_exchange")).await;
    for (screen, event, count) in [
        ("NAME", "shown", 1),
        ("NAME", "submitted", 2),
        ("NAME", "error_message", 1),
        ("NAME", "refused_by_client", 1),
        ("NAME", "back", 0),
        ("PLAIN", "shown", 1),
        ("PLAIN", "back", 1),
        ("PLAIN", "submitted", 1),
        ("PLAIN", "completed", 1),
    ] {
        assert_eq!(events(&edge, screen, event).await, count, "{screen} {event}");
    }
    assert!(!edge.metrics().await.contains("ANOTHER"));
    let log = edge.stop().await.log;
    let requests = lines(&log, "request");
    let screens = |line: &Value| [line["flow.screen"].clone(), line["flow.next_screen"].clone()];
    assert_eq!(screens(&requests[0]), [Value::Null, json!("NAME")]);
    assert_eq!(screens(&requests[2]), [json!("NAME"), json!("PLAIN")]);
    assert_eq!(screens(&requests[4]), [json!("PLAIN"), Value::Null]);
    assert!(!log.iter().any(|line| line.contains("ANOTHER")));
}

#[tokio::test]
async fn messages_already_sent_open_older_editions() {
    let mut older = flow();
    older["screens"][0]["id"] = "OLD_NAME".into();
    older["routing_model"] = json!({ "OLD_NAME": ["PLAIN"], "PLAIN": ["DONE"], "DONE": [] });
    let logic = Logic::answering(screen("OLD_NAME", json!({ "hint": "your name" }))).await;
    let files = json!({ "flow": { "files": ["flow.json", "older.json"], "check": "refuse" } });
    let edge = with_flow(&logic, "refuse").with(files).file("older.json", &older.to_string()).start().await;
    assert_eq!(edge.client().send(init()).await.status, 200);
    assert_eq!(events(&edge, "OLD_NAME", "shown").await, 1);
}

#[tokio::test]
async fn a_changed_file_is_taken_over_and_one_that_is_no_flow_refused() {
    let logic = Logic::answering(screen("RENAMED", json!({ "hint": "your name" }))).await;
    let edge = with_flow(&logic, "refuse").section("reload_interval", json!("20ms")).start().await;
    assert_eq!(edge.client().send(init()).await.status, 500);
    let mut renamed = flow();
    renamed["screens"][0]["id"] = "RENAMED".into();
    renamed["routing_model"] = json!({ "RENAMED": ["PLAIN"], "PLAIN": ["DONE"], "DONE": [] });
    edge.write("flow.json", &renamed.to_string());
    edge.reloads("applied", 1).await;
    assert_eq!(edge.client().send(init()).await.status, 200);
    edge.write("flow.json", "{ no JSON");
    edge.reloads("refused", 1).await;
    assert_eq!(edge.client().send(init()).await.status, 200);
}

#[tokio::test]
async fn a_flow_that_the_platform_would_not_publish_is_a_warning_with_its_place() {
    let logic = Logic::answering(screen("NAME", json!({ "hint": "your name" }))).await;
    let mut wrong = flow();
    wrong["screens"][1]["layout"]["children"][0]["lable"] = "Name".into();
    let edge = with_flow(&logic, "warn").file("flow.json", &wrong.to_string()).start().await;
    assert_eq!(edge.client().send(init()).await.status, 200);
    let warned = lines(&edge.stop().await.log, "configuration to be mended");
    let of_flow = warned.iter().find(|line| line["field"] == "endpoints[0].flow.files").unwrap();
    let reason = of_flow["reason"].as_str().unwrap();
    assert!(reason.contains("flow.json:1:") && reason.contains("INVALID_PROPERTY_KEY"), "{reason}");
}
