//! Every row of the table of answers, over HTTPS.

use flow_tests::{Answer, Edge, Gate, Logic, OTHER_APP_SECRET, completion, connect, invalid_token, screen};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::{Code, Status};

fn init() -> Value {
    json!({ "version": "4.0", "action": "INIT", "flow_token": "token" })
}

fn submission() -> Value {
    json!({ "version": "4.0", "action": "data_exchange", "screen": "DETAILS", "flow_token": "token", "data": { "a": 1 } })
}

/// Everything that is not sealed says what it is in one fixed line, and carries an identifier to find it by.
fn assert_refused(answer: &Answer, status: u16, text: &str) {
    assert_eq!(answer.status, status);
    assert_eq!(answer.body, text);
    assert_eq!(answer.header("content-type"), "text/plain");
    assert!(!answer.header("x-request-id").is_empty());
}

async fn any_logic() -> Logic {
    Logic::answering(screen("NEXT", json!({}))).await
}

#[tokio::test]
async fn an_unknown_path_is_404() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    let answer = edge.client().path(&edge, "/other").send(init()).await;
    assert_refused(&answer, 404, "no such endpoint\n");
    assert_refused(&edge.client().path(&edge, "/flow/").send(init()).await, 404, "no such endpoint\n");
}

#[tokio::test]
async fn another_method_than_post_is_405() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    let answer = edge.client().get().await;
    assert_refused(&answer, 405, "use POST\n");
    assert_eq!(answer.header("allow"), "POST");
}

#[tokio::test]
async fn too_many_requests_in_flight_are_503_before_any_cryptography() {
    let gate = Gate::closed();
    let held = gate.clone();
    let logic = Logic::handling(move |_| {
        let gate = held.clone();
        async move {
            gate.pass().await;
            Ok(screen("NEXT", json!({})))
        }
    })
    .await;
    let edge = Edge::before(&logic).section("limits", json!({ "max_in_flight": 1 })).start().await;
    let client = edge.client();
    let first = tokio::spawn(async move { client.send(init()).await });
    gate.arrival().await;

    // Unsigned: were the signature looked at, this would be a 432.
    let answer = edge.client().send_signed("", None).await;
    assert_refused(&answer, 503, "overloaded, try again\n");
    assert_eq!(answer.header("retry-after"), "1");

    gate.open();
    assert_eq!(first.await.unwrap().status, 200);
    gate.open();
    assert_eq!(edge.client().send(init()).await.status, 200);
}

#[tokio::test]
async fn a_body_larger_than_the_limit_is_413() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).section("limits", json!({ "max_body": "1000B" })).start().await;
    assert_refused(&edge.client().send_body(vec![b'a'; 1001]).await, 413, "request body too large\n");
    assert_eq!(edge.client().send_body(vec![b'a'; 1000]).await.status, 400);
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_408() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).section("limits", json!({ "body_timeout": "50ms" })).start().await;
    let mut connection = connect(&edge).await;
    connection.write_all(b"POST /flow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
    let mut answer = vec![0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn a_signature_missing_malformed_or_wrong_is_432() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let (body, signature) = client.seal(init().to_string()).into_parts();
    let hex = &signature["sha256=".len()..];
    let wrong: [Option<String>; 7] = [
        None,
        Some(String::new()),
        Some(hex.to_owned()),
        Some(format!("sha1={hex}")),
        Some(signature[..signature.len() - 1].to_owned()),
        Some(signature.to_uppercase()),
        Some(format!("sha256={}", "0".repeat(64))),
    ];
    for signature in wrong {
        let answer = client.send_signed(body.clone(), signature.as_deref().map(str::as_bytes)).await;
        assert_refused(&answer, 432, "signature mismatch\n");
    }
    assert_refused(&edge.client().app_secret(OTHER_APP_SECRET).send(init()).await, 432, "signature mismatch\n");
    assert!(logic.calls().is_empty());
}

#[tokio::test]
async fn a_signed_body_that_is_no_envelope_is_400() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let (body, _) = client.seal(init().to_string()).into_parts();
    let good: Value = serde_json::from_slice(&body).unwrap();
    let without = |field: &str| {
        let mut envelope = good.clone();
        envelope.as_object_mut().unwrap().remove(field);
        envelope.to_string()
    };
    let replaced = |field: &str, value: Value| {
        let mut envelope = good.clone();
        envelope[field] = value;
        envelope.to_string()
    };
    for body in [
        String::new(),
        "not JSON".to_owned(),
        "[]".to_owned(),
        without("encrypted_flow_data"),
        without("encrypted_aes_key"),
        without("initial_vector"),
        replaced("initial_vector", json!(7)),
        replaced("initial_vector", json!("AAAAAAAAAAAAAAAA")),
        replaced("encrypted_aes_key", json!("!!!!")),
        replaced("encrypted_flow_data", json!("AAAA")),
    ] {
        assert_refused(&client.send_body(body).await, 400, "malformed request\n");
    }
}

#[tokio::test]
async fn what_no_key_opens_is_421_and_every_cause_looks_alike() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let other_key = edge.client().public_key("previous.pub").send(init()).await;
    assert_refused(&other_key, 421, "cannot be decrypted\n");

    let (body, _) = client.seal(init().to_string()).into_parts();
    let mut envelope: Value = serde_json::from_slice(&body).unwrap();
    // Another vector than the one it was sealed under: the tag cannot fit.
    envelope["initial_vector"] = json!("AAAAAAAAAAAAAAAAAAAAAA==");
    let bad_tag = client.send_body(envelope.to_string()).await;
    assert_refused(&bad_tag, 421, "cannot be decrypted\n");

    let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&other_key), names(&bad_tag));
}

#[tokio::test]
async fn an_opened_text_that_is_no_message_is_400() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    for plaintext in ["", "text", "[]", "{}", r#"{"action":"init"}"#, r#"{"action":"INIT","data":[]}"#] {
        assert_refused(&edge.client().send_plaintext(plaintext).await, 400, "malformed request\n");
    }
    assert!(logic.calls().is_empty());
}

#[tokio::test]
async fn a_dead_token_is_427_with_its_text_sealed() {
    let logic = Logic::answering(invalid_token("Your booking is complete.")).await;
    let edge = Edge::before(&logic).start().await;
    let answer = edge.client().send(init()).await;
    assert_eq!((answer.status, answer.header("content-type")), (427, "text/plain"));
    assert_eq!(answer.opened, json!({ "error_msg": "Your booking is complete." }));
}

#[tokio::test]
async fn a_dead_token_without_text_is_427_and_empty() {
    let logic = Logic::answering(invalid_token("")).await;
    let edge = Edge::before(&logic).start().await;
    let answer = edge.client().send(init()).await;
    assert_eq!((answer.status, answer.body.as_str()), (427, ""));
}

#[tokio::test]
async fn logic_that_misses_the_deadline_is_504() {
    let gate = Gate::closed();
    let held = gate.clone();
    let silent = Logic::handling(move |_| {
        let gate = held.clone();
        async move {
            gate.pass().await;
            Ok(screen("NEXT", json!({})))
        }
    })
    .await;
    let edge = Edge::before(&silent).with(json!({ "logic": { "deadline": "50ms" } })).start().await;
    assert_refused(&edge.client().send(init()).await, 504, "deadline exceeded\n");

    let late = Logic::failing(Status::deadline_exceeded("")).await;
    let edge = Edge::before(&late).start().await;
    assert_refused(&edge.client().send(init()).await, 504, "deadline exceeded\n");
}

#[tokio::test]
async fn logic_that_is_unavailable_is_503() {
    for code in [Code::Unavailable, Code::ResourceExhausted] {
        let logic = Logic::failing(Status::new(code, "")).await;
        let edge = Edge::before(&logic).start().await;
        for message in [init(), json!({ "version": "3.0", "action": "ping" })] {
            let answer = edge.client().send(message).await;
            assert_refused(&answer, 503, "unavailable, try again\n");
            assert_eq!(answer.header("retry-after"), "1");
        }
    }
    // Port 1 of this machine: nobody listens there.
    let edge = Edge::before_url("http://127.0.0.1:1").start().await;
    assert_refused(&edge.client().send(init()).await, 503, "unavailable, try again\n");
}

#[tokio::test]
async fn logic_that_fails_otherwise_is_500() {
    for code in [
        Code::Cancelled,
        Code::Unknown,
        Code::InvalidArgument,
        Code::NotFound,
        Code::PermissionDenied,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::Unimplemented,
        Code::Internal,
        Code::DataLoss,
        Code::Unauthenticated,
    ] {
        let logic = Logic::failing(Status::new(code, "")).await;
        let edge = Edge::before(&logic).start().await;
        for message in [init(), json!({ "version": "3.0", "action": "ping" })] {
            assert_refused(&edge.client().send(message).await, 500, "internal error\n");
        }
    }
}

#[tokio::test]
async fn logic_that_breaks_the_contract_is_500() {
    let too_large = screen("S", text_for_answer_of(1_000_001));
    for answer in [Default::default(), screen("", json!({})), screen("SUCCESS", json!({})), too_large] {
        let logic = Logic::answering(answer).await;
        let edge = Edge::before(&logic).start().await;
        assert_refused(&edge.client().send(init()).await, 500, "internal error\n");
    }
}

#[tokio::test]
async fn an_answer_of_the_largest_size_passes() {
    let data = text_for_answer_of(1_000_000);
    let logic = Logic::answering(screen("S", data.clone())).await;
    let edge = Edge::before(&logic).start().await;
    let answer = edge.client().send(init()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.opened == json!({ "screen": "S", "data": data }));
}

/// Data that make the plaintext of an answer with screen `S` this many bytes long.
fn text_for_answer_of(bytes: usize) -> Value {
    let frame = r#"{"screen":"S","data":{"text":""}}"#;
    json!({ "text": "a".repeat(bytes - frame.len()) })
}

#[tokio::test]
async fn with_a_fallback_message_a_submission_that_fails_is_200_with_the_same_screen() {
    let fallback = json!({ "logic": { "fallback_message": "Please try again." } });
    let expected = json!({ "screen": "DETAILS", "data": { "error_message": "Please try again." } });
    for logic in [
        Logic::failing(Status::internal("")).await,
        Logic::failing(Status::unavailable("")).await,
        Logic::answering(screen("SUCCESS", json!({}))).await,
    ] {
        let edge = Edge::before(&logic).with(fallback.clone()).start().await;
        let answer = edge.client().send(submission()).await;
        assert_eq!((answer.status, answer.opened), (200, expected.clone()));
        // There is no screen to show again.
        assert!(edge.client().send(init()).await.status >= 500);
    }
    let unreachable = Edge::before_url("http://127.0.0.1:1").with(fallback).start().await;
    assert_eq!(unreachable.client().send(submission()).await.opened, expected);
}

#[tokio::test]
async fn an_error_leaves_the_connection_open() {
    let logic = Logic::answering(completion(json!({}))).await;
    let edge = Edge::before(&logic).section("limits", json!({ "max_body": "1000B" })).start().await;
    let mut connection = connect(&edge).await;
    let long = format!("POST /flow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2000\r\n\r\n{}", "a".repeat(2000));
    for (request, status) in [
        ("GET /flow HTTP/1.1\r\nhost: localhost\r\n\r\n", 405),
        ("POST /other HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\nbody", 404),
        (long.as_str(), 413),
        ("POST /flow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\nbody", 432),
    ] {
        connection.write_all(request.as_bytes()).await.unwrap();
        let head = read_answer(&mut connection).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert!(!head.contains("connection: close"), "{head}");
    }
}

/// Reads one answer and its body; gives the head.
async fn read_answer(connection: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(char::from(connection.read_u8().await.unwrap()));
    }
    let (_, length) = head.split_once("content-length: ").unwrap();
    let length = length.lines().next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.unwrap();
    head
}
