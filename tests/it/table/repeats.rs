//! An envelope gets one answer, however often it comes.

use flow_proto::v1::HandleDataExchangeResponse;
use flow_tests::{Client, Edge, Exchange, Logic, completion, invalid_token, screen};
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::words::{GREETING, init, ping, submission, with};
use super::{FALLBACK, MALFORMED, at};

/// An envelope that comes again.
struct Repeat {
    name: &'static str,
    path: &'static str,
    message: Value,
    /// What logic says to the first request; to a second it would say that all is well.
    logic: Result<HandleDataExchangeResponse, Status>,
    status: u16,
    second: fn(&Client, &Exchange) -> Exchange,
    outcome: Again,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Again {
    /// The bytes of the first answer, and no second call.
    Same,
    /// 400 and no second call.
    Refused,
    /// A second call, whose answer the client gets.
    Anew,
}

fn repeat(
    name: &'static str,
    logic: Result<HandleDataExchangeResponse, Status>,
    status: u16,
    outcome: Again,
) -> Repeat {
    let second = |_: &Client, first: &Exchange| first.clone();
    Repeat { name, path: "/flow", message: submission(), logic, status, second, outcome }
}

#[tokio::test]
async fn an_envelope_gets_one_answer_however_often_it_comes() {
    let fails = |code| Err(Status::new(code, ""));
    let well = || Ok(screen("FIRST", json!({ "text": GREETING })));
    let error = with(submission(), json!({ "data": { "error": "payload-schema-error" } }));
    let other_text = |client: &Client, first: &Exchange| client.seal_like(first, init().to_string());
    let rows = [
        repeat("a screen", well(), 200, Again::Same),
        repeat("a completion", Ok(completion(json!({}))), 200, Again::Same),
        repeat("a dead token with text", Ok(invalid_token("this booking is complete")), 427, Again::Same),
        Repeat { message: ping(), ..repeat("a ping", well(), 200, Again::Same) },
        Repeat { message: error, ..repeat("an error notification", well(), 200, Again::Same) },
        Repeat { path: "/fallback", ..repeat("a fallback", fails(Code::Internal), 200, Again::Same) },
        Repeat {
            second: |client, first| client.seal_like(first, submission().to_string()),
            ..repeat("the same key, vector and text, wrapped anew", well(), 200, Again::Same)
        },
        Repeat {
            second: other_text,
            ..repeat("another text under the same key and vector", well(), 200, Again::Refused)
        },
        Repeat {
            second: other_text,
            ..repeat(
                "another text after a dead token",
                Ok(invalid_token("this booking is complete")),
                427,
                Again::Refused,
            )
        },
        Repeat {
            second: |client, _| client.seal(submission().to_string()),
            ..repeat("the same text under another key", well(), 200, Again::Anew)
        },
        repeat("a dead token without text", Ok(invalid_token("")), 427, Again::Anew),
        repeat("logic that failed", fails(Code::Internal), 500, Again::Anew),
        repeat("logic that was unavailable", fails(Code::Unavailable), 503, Again::Anew),
        repeat("logic that was late", fails(Code::DeadlineExceeded), 504, Again::Anew),
        repeat("logic that broke the contract", Ok(HandleDataExchangeResponse::default()), 500, Again::Anew),
        Repeat {
            second: other_text,
            ..repeat("another text after a failure", fails(Code::Unavailable), 503, Again::Anew)
        },
    ];
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic)
        .endpoint(at("fallback", logic.url()))
        .with(json!({ "logic": { "fallback_message": FALLBACK } }))
        .start()
        .await;
    for Repeat { name, path, message, logic: answer, status, second, outcome } in rows {
        let client = edge.client().path(&edge, path);
        let before = logic.calls().len();
        logic.answer(answer);
        let exchange = client.seal(message.to_string());
        let first = exchange.send().await;
        assert_eq!((first.status, logic.calls().len()), (status, before + 1), "{name}");

        logic.answer(Ok(screen("SECOND", json!({}))));
        let second = second(&client, &exchange).send().await;
        let (calls, expected) = match outcome {
            Again::Same => (1, (status, first.body.clone())),
            Again::Refused => (1, (400, MALFORMED.to_owned())),
            Again::Anew => (2, (200, second.body.clone())),
        };
        assert_eq!((second.status, second.body), expected, "{name}");
        assert_eq!(logic.calls().len(), before + calls, "{name}");
        assert!(outcome != Again::Anew || second.opened["screen"] == "SECOND", "{name}");
        assert_ne!(first.header("x-request-id"), second.headers["x-request-id"], "{name}");
    }
    edge.stop().await;
}

/// After a 421 Android repeats key, vector and ciphertext under the public key that it has fetched again.
#[tokio::test]
async fn what_did_not_open_is_answered_once_it_comes_under_the_right_key() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    let stale = edge.client().public_key("previous.pub").seal(init().to_string());
    assert_eq!(stale.send().await.status, 421);
    let answer = edge.client().seal_like(&stale, init().to_string()).send().await;
    assert_eq!((answer.status, &answer.opened["screen"]), (200, &json!("NEXT")));
    assert_eq!(logic.calls().len(), 1);
    edge.stop().await;
}
