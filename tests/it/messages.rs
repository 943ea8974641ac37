//! What the messages become on their way: to logic as typed calls, and back as JSON.

use flow_proto::json::to_struct;
use flow_proto::v1::handle_data_exchange_response::Outcome;
use flow_proto::v1::{Action, Completion, HandleDataExchangeRequest, HandleDataExchangeResponse, NextScreen};
use flow_tests::{Answer, Call, Edge, Logic, completion, screen};
use serde_json::{Map, Value, json};

/// What logic sees of a message, and what the client gets.
async fn exchange(message: Value) -> (Call, Answer) {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    let answer = edge.client().send(message).await;
    (logic.only_call(), answer)
}

async fn data_exchange(message: Value) -> HandleDataExchangeRequest {
    match exchange(message).await {
        (Call::DataExchange(request, _), answer) if answer.status == 200 => request,
        (call, answer) => panic!("{call:?} {answer:?}"),
    }
}

/// What the client gets for an answer of logic.
async fn answered(answer: HandleDataExchangeResponse, message: Value) -> Value {
    let logic = Logic::answering(answer).await;
    let edge = Edge::before(&logic).start().await;
    let answer = edge.client().send(message).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/plain"));
    answer.opened
}

fn init() -> Value {
    json!({ "version": "4.0", "action": "INIT", "flow_token": "token" })
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn a_ping_is_answered_by_logic() {
    let (call, answer) = exchange(json!({ "version": "3.0", "action": "ping" })).await;
    assert_eq!((answer.status, answer.opened), (200, json!({ "data": { "status": "active" } })));
    let Call::Ping(ping) = call else { panic!("{call:?}") };
    assert_eq!((ping.endpoint.as_str(), ping.version.as_str()), ("flow", "3.0"));
}

#[tokio::test]
async fn a_ping_may_be_answered_by_the_edge() {
    let edge = Edge::before_url("http://127.0.0.1:1").with(json!({ "ping": "edge" })).start().await;
    let answer = edge.client().send(json!({ "version": "3.0", "action": "ping" })).await;
    assert_eq!((answer.status, answer.opened), (200, json!({ "data": { "status": "active" } })));
}

#[tokio::test]
async fn every_field_of_a_data_exchange_reaches_logic() {
    let data = json!({ "text": "ü \u{1f600}", "number": 7, "list": [1.5, true, null], "object": { "deep": {} } });
    let request = data_exchange(json!({
        "version": "4.0", "action": "data_exchange", "screen": "DETAILS", "flow_token": "token", "data": data,
    }))
    .await;
    assert_eq!(request.endpoint, "flow");
    assert_eq!(request.version, "4.0");
    assert_eq!(request.action(), Action::DataExchange);
    assert_eq!(request.screen, "DETAILS");
    assert_eq!(request.flow_token, "token");
    assert!(!request.flow_token_verified);
    assert_eq!(request.data, Some(to_struct(object(data))));
}

#[tokio::test]
async fn what_clients_leave_out_or_spell_otherwise_is_taken() {
    let sparse = data_exchange(json!({ "version": "3.0", "action": "INIT" })).await;
    assert_eq!((sparse.screen.as_str(), sparse.flow_token.as_str(), &sparse.data), ("", "", &None));
    assert_eq!(sparse.action(), Action::Init);

    let empty = data_exchange(json!({ "version": 300, "action": "BACK", "screen": "", "data": {}, "new": 1 })).await;
    assert_eq!((empty.version.as_str(), empty.action()), ("3.0", Action::Back));
    assert_eq!(empty.data, Some(to_struct(Map::new())));

    let null = data_exchange(json!({ "version": 400, "action": "INIT", "data": null })).await;
    assert_eq!((null.version.as_str(), null.data), ("4.0", None));
}

#[tokio::test]
async fn an_error_notification_reaches_logic_and_is_acknowledged() {
    let acknowledged = json!({ "data": { "acknowledged": true } });
    let (call, answer) = exchange(json!({
        "version": "3.0", "action": "data_exchange", "screen": "DETAILS", "flow_token": "token",
        "data": { "error": "payload-schema-error", "error_message": "text" },
    }))
    .await;
    assert_eq!((answer.status, &answer.opened), (200, &acknowledged));
    let Call::Error(error) = call else { panic!("{call:?}") };
    assert_eq!(
        (error.endpoint.as_str(), error.version.as_str(), error.action()),
        ("flow", "3.0", Action::DataExchange)
    );
    assert_eq!((error.screen.as_str(), error.flow_token.as_str()), ("DETAILS", "token"));
    assert_eq!((error.error.as_str(), error.error_message.as_str()), ("payload-schema-error", "text"));

    let (call, answer) = exchange(json!({
        "version": 300, "action": "navigate", "data": { "error_key": "invalid-screen-transition" },
    }))
    .await;
    assert_eq!((answer.status, &answer.opened), (200, &acknowledged));
    let Call::Error(error) = call else { panic!("{call:?}") };
    assert_eq!((error.version.as_str(), error.action()), ("3.0", Action::Navigate));
    assert_eq!(error.error, "invalid-screen-transition");
}

#[tokio::test]
async fn one_identifier_is_in_the_answer_the_message_and_the_metadata() {
    let (call, answer) = exchange(init()).await;
    let Call::DataExchange(request, metadata) = call else { panic!("{call:?}") };
    assert_eq!(answer.header("x-request-id"), request.request_id);
    assert_eq!(metadata.get("x-request-id").unwrap(), request.request_id.as_str());
    // The deadline of 8 s travels, less what has passed: the number comes in any of the units that gRPC knows.
    assert!(metadata.contains_key("grpc-timeout"));
}

#[tokio::test]
async fn whole_numbers_stay_whole() {
    let data =
        json!({ "whole": 7, "large": 9_007_199_254_740_992_i64, "small": -9_007_199_254_740_992_i64, "half": 0.5 });
    assert_eq!(answered(screen("S", data.clone()), init()).await, json!({ "screen": "S", "data": data }));
}

#[tokio::test]
async fn a_screen_without_data_has_empty_data() {
    let next = NextScreen { screen: "S".to_owned(), ..NextScreen::default() };
    let answer = HandleDataExchangeResponse { outcome: Some(Outcome::NextScreen(next)) };
    assert_eq!(answered(answer, init()).await, json!({ "screen": "S", "data": {} }));
}

#[tokio::test]
async fn the_error_message_field_wins_over_one_in_the_data() {
    let next = NextScreen {
        screen: "S".to_owned(),
        data: Some(to_struct(object(json!({ "error_message": "in data", "a": 1 })))),
        error_message: "of the field".to_owned(),
    };
    let answer = HandleDataExchangeResponse { outcome: Some(Outcome::NextScreen(next)) };
    let expected = json!({ "screen": "S", "data": { "error_message": "of the field", "a": 1 } });
    assert_eq!(answered(answer, init()).await, expected);
}

#[tokio::test]
async fn a_completion_carries_the_flow_token() {
    let finished =
        |params: Value| json!({ "screen": "SUCCESS", "data": { "extension_message_response": { "params": params } } });
    assert_eq!(
        answered(completion(json!({ "reference": "R-1" })), init()).await,
        finished(json!({ "reference": "R-1", "flow_token": "token" }))
    );
    assert_eq!(
        answered(completion(json!({ "flow_token": "logic's own" })), init()).await,
        finished(json!({ "flow_token": "logic's own" }))
    );
    let without_params = HandleDataExchangeResponse { outcome: Some(Outcome::Completion(Completion::default())) };
    assert_eq!(answered(without_params, init()).await, finished(json!({ "flow_token": "token" })));
    let anonymous = json!({ "version": "4.0", "action": "INIT" });
    assert_eq!(answered(completion(json!({})), anonymous).await, finished(json!({})));
}
