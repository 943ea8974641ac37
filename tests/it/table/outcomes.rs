//! What the client gets of what logic says.

use flow_proto::v1::handle_data_exchange_response::Outcome;
use flow_proto::v1::{Completion, HandleDataExchangeResponse, NextScreen};
use flow_tests::{completion, invalid_token, screen};
use serde_json::{Value, json};
use tonic::Code;

use super::words::{GREETING, TOKEN, init, ping, seen, seen_error, seen_ping, submission, values, with};
use super::{FALLBACK, Row, assert_all, row};

const INTERNAL: &str = "internal error\n";
const UNAVAILABLE: &str = "unavailable, try again\n";
const LATE: &str = "deadline exceeded\n";

#[tokio::test]
async fn what_the_client_gets_of_what_logic_says() {
    assert_all([failures_of_logic(), violations(), fallbacks(), answers()]).await;
}

fn failures_of_logic() -> Vec<Row> {
    let error = with(submission(), json!({ "data": { "error": "payload-schema-error" } }));
    let kinds = [
        ("an INIT", init(), seen(json!({}))),
        ("an error notification", error, seen_error(json!({ "error": "payload-schema-error" }))),
        ("a ping", ping(), seen_ping("3.0")),
    ];
    let mut rows = Vec::new();
    for (kind, message, call) in kinds {
        rows.push(
            row(format!("{kind} where logic cannot be reached"), message.clone())
                .at("/unreachable")
                .is(503, UNAVAILABLE),
        );
        for (code, status, text) in codes() {
            let row = row(format!("{kind} where logic says {code:?}"), message.clone()).logic_fails(code);
            rows.push(row.calls(call.clone()).is(status, text));
        }
    }
    rows
}

/// Every status of gRPC but OK, and what it becomes.
fn codes() -> Vec<(Code, u16, &'static str)> {
    let others = [
        Code::Cancelled,
        Code::Unknown,
        Code::InvalidArgument,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unimplemented,
        Code::Internal,
        Code::DataLoss,
        Code::Unauthenticated,
    ];
    let mut codes = vec![
        (Code::DeadlineExceeded, 504, LATE),
        (Code::Unavailable, 503, UNAVAILABLE),
        (Code::ResourceExhausted, 503, UNAVAILABLE),
    ];
    codes.extend(others.map(|code| (code, 500, INTERNAL)));
    codes
}

/// Answers that the contract rules out.
fn violations() -> Vec<Row> {
    let rows = [
        row("no outcome", init()).logic(HandleDataExchangeResponse::default()),
        row("an empty screen", init()).logic(screen("", json!({ "text": GREETING }))),
        row("the screen SUCCESS", init()).logic(screen("SUCCESS", json!({ "text": GREETING }))),
        row("a screen larger than 1 MB", init()).logic(screen("S", text_for_answer_of(1_000_001))),
        row("a completion larger than 1 MB", init()).logic(completion(text_for_answer_of(1_000_000))),
        row("a dead token's text larger than 1 MB", init()).logic(invalid_token(&"a".repeat(1_000_000))),
    ];
    rows.into_iter().map(|row| row.calls(seen(json!({}))).is(500, INTERNAL)).collect()
}

fn fallbacks() -> Vec<Row> {
    let submitted =
        seen(json!({ "action": "ACTION_DATA_EXCHANGE", "screen": "DETAILS", "data": submission()["data"] }));
    let again = json!({ "screen": "DETAILS", "data": { "error_message": FALLBACK } });
    let mut rows: Vec<_> = codes()
        .into_iter()
        .map(|(code, ..)| {
            row(format!("a submission with a fallback where logic says {code:?}"), submission()).logic_fails(code)
        })
        .collect();
    rows.extend([
        row("a submission with a fallback, answered without an outcome", submission())
            .logic(HandleDataExchangeResponse::default()),
        row("a submission with a fallback, answered with an empty screen", submission()).logic(screen("", json!({}))),
        row("a submission with a fallback, answered with SUCCESS", submission()).logic(screen("SUCCESS", json!({}))),
        row("a submission with a fallback, answered with more than 1 MB", submission())
            .logic(screen("S", text_for_answer_of(1_000_001))),
    ]);
    let mut rows: Vec<_> =
        rows.into_iter().map(|row| row.at("/fallback").calls(submitted.clone()).opens(200, again.clone())).collect();
    rows.push(
        row("a submission with a fallback where logic cannot be reached", submission())
            .at("/unreachable-fallback")
            .opens(200, again),
    );
    // There is no submitted screen to show again.
    let error = with(submission(), json!({ "data": { "error": "payload-schema-error" } }));
    for (name, message, call) in [
        ("INIT", init(), seen(json!({}))),
        ("INIT of a screen", with(init(), json!({ "screen": "DETAILS" })), seen(json!({ "screen": "DETAILS" }))),
        (
            "BACK",
            with(init(), json!({ "action": "BACK", "screen": "DETAILS" })),
            seen(json!({ "action": "ACTION_BACK", "screen": "DETAILS" })),
        ),
        (
            "data_exchange without a screen",
            with(init(), json!({ "action": "data_exchange" })),
            seen(json!({ "action": "ACTION_DATA_EXCHANGE" })),
        ),
        (
            "data_exchange with an empty screen",
            with(init(), json!({ "action": "data_exchange", "screen": "" })),
            seen(json!({ "action": "ACTION_DATA_EXCHANGE" })),
        ),
        ("an error notification", error, seen_error(json!({ "error": "payload-schema-error" }))),
        ("a ping", ping(), seen_ping("3.0")),
    ] {
        let row = row(format!("{name} has no fallback"), message).at("/fallback").logic_fails(Code::Unavailable);
        rows.push(row.calls(call).is(503, UNAVAILABLE));
    }
    rows.extend([
        row("no fallback where logic answers", submission()).at("/fallback").passes(submitted.clone()),
        row("no fallback for a dead token", submission())
            .at("/fallback")
            .logic(invalid_token(""))
            .calls(submitted.clone())
            .is(427, ""),
        row("a submission without a fallback", submission())
            .logic_fails(Code::Internal)
            .calls(submitted)
            .is(500, INTERNAL),
    ]);
    rows
}

/// What the client gets of logic's answers.
fn answers() -> Vec<Row> {
    let next = |data: Option<Value>, error_message: &str| {
        let data = data.map(|data| flow_proto::json::to_struct(data.as_object().unwrap().clone()));
        let next = NextScreen { screen: "NEXT".to_owned(), data, error_message: error_message.to_owned() };
        HandleDataExchangeResponse { outcome: Some(Outcome::NextScreen(next)) }
    };
    let shown = |data: Value| json!({ "screen": "NEXT", "data": data });
    let without_params = HandleDataExchangeResponse { outcome: Some(Outcome::Completion(Completion::default())) };
    let finished =
        |params: Value| json!({ "screen": "SUCCESS", "data": { "extension_message_response": { "params": params } } });
    let rows = [
        row("a screen without data", init()).logic(next(None, "")).opens(200, shown(json!({}))),
        row("a screen with empty data", init()).logic(next(Some(json!({})), "")).opens(200, shown(json!({}))),
        row("a screen with values of every type", init()).logic(next(Some(values()), "")).opens(200, shown(values())),
        row("whole numbers within 2^53", init())
            .logic(next(
                Some(json!({ "seven": 7.0, "most": 9_007_199_254_740_992.0, "least": -9_007_199_254_740_992.0 })),
                "",
            ))
            .opens(
                200,
                shown(json!({ "seven": 7, "most": 9_007_199_254_740_992_i64, "least": -9_007_199_254_740_992_i64 })),
            ),
        row("an error message", init())
            .logic(next(Some(json!({ "a": 1 })), "please choose a day"))
            .opens(200, shown(json!({ "a": 1, "error_message": "please choose a day" }))),
        row("an error message without data", init())
            .logic(next(None, "please choose a day"))
            .opens(200, shown(json!({ "error_message": "please choose a day" }))),
        row("an error message in the data", init())
            .logic(next(Some(json!({ "error_message": "of the data" })), ""))
            .opens(200, shown(json!({ "error_message": "of the data" }))),
        row("an error message beside one in the data", init())
            .logic(next(Some(json!({ "error_message": "of the data" })), "of the field"))
            .opens(200, shown(json!({ "error_message": "of the field" }))),
        row("a completion", init())
            .logic(completion(json!({ "reference": "reference R-1" })))
            .opens(200, finished(json!({ "reference": "reference R-1", "flow_token": TOKEN }))),
        row("a completion without params", init())
            .logic(without_params.clone())
            .opens(200, finished(json!({ "flow_token": TOKEN }))),
        row("a completion with a token of logic's own", init())
            .logic(completion(json!({ "flow_token": "logic's own" })))
            .opens(200, finished(json!({ "flow_token": "logic's own" }))),
        row("an answer of the largest size", init())
            .logic(screen("S", text_for_answer_of(1_000_000)))
            .opens(200, json!({ "screen": "S", "data": text_for_answer_of(1_000_000) })),
        row("a dead token", init())
            .logic(invalid_token("this booking is complete"))
            .opens(427, json!({ "error_msg": "this booking is complete" })),
        row("a dead token without text", init()).logic(invalid_token("")).is(427, ""),
    ];
    let mut rows: Vec<_> = rows.into_iter().map(|row| row.calls(seen(json!({})))).collect();
    let anonymous = json!({ "version": "4.0", "action": "INIT" });
    let of_nobody = [
        row("a completion where neither has a token", anonymous.clone())
            .logic(without_params)
            .opens(200, finished(json!({}))),
        row("a completion where only logic has a token", anonymous)
            .logic(completion(json!({ "flow_token": "logic's own" })))
            .opens(200, finished(json!({ "flow_token": "logic's own" }))),
    ];
    rows.extend(of_nobody.map(|row| row.calls(seen(json!({ "flow_token": "" })))));
    rows
}

/// Data that make the plaintext of an answer with screen `S` this many bytes long.
fn text_for_answer_of(bytes: usize) -> Value {
    let frame = r#"{"screen":"S","data":{"text":""}}"#;
    json!({ "text": "a".repeat(bytes - frame.len()) })
}
