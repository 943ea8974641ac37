//! Answers for which time, load or the connection counts; all others are in the table.

use flow_tests::{Answer, Call, Edge, Gate, Logic, completion, connect, screen};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn init() -> Value {
    json!({ "version": "4.0", "action": "INIT", "flow_token": "token" })
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
async fn too_many_requests_in_flight_are_503_before_any_cryptography() {
    let gate = Gate::closed();
    let logic = Logic::held_by(&gate).await;
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
async fn a_body_that_does_not_come_in_time_is_408() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).section("limits", json!({ "body_timeout": "50ms" })).start().await;
    let mut connection = connect(&edge).await;
    let signature = "0".repeat(64);
    let head = format!("POST /flow HTTP/1.1\r\nhost: localhost\r\nx-hub-signature-256: sha256={signature}\r\n");
    connection.write_all(format!("{head}content-length: 10\r\n\r\nhalf").as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn the_causes_of_a_421_cannot_be_told_apart() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let other_key = edge.client().public_key("previous.pub").send(init()).await;

    let (body, _) = client.seal(init().to_string()).into_parts();
    let mut envelope: Value = serde_json::from_slice(&body).unwrap();
    // Another vector than the one it was sealed under: the tag cannot fit.
    envelope["initial_vector"] = json!("AAAAAAAAAAAAAAAAAAAAAA==");
    let bad_tag = client.send_body(envelope.to_string()).await;

    assert_eq!((other_key.status, bad_tag.status), (421, 421));
    assert_eq!(other_key.body, bad_tag.body);
    let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&other_key), names(&bad_tag));
}

#[tokio::test]
async fn logic_that_misses_the_deadline_is_504() {
    let gate = Gate::closed();
    let silent = Logic::held_by(&gate).await;
    let edge = Edge::before(&silent).with(json!({ "logic": { "deadline": "500ms" } })).start().await;
    edge.ready().await;
    assert_refused(&edge.client().send(init()).await, 504, "deadline exceeded\n");
}

#[tokio::test]
async fn logic_is_told_how_much_time_it_has() {
    let logic = any_logic().await;
    let edge = Edge::before(&logic).start().await;
    edge.client().send(init()).await;
    let Call::DataExchange(_, metadata) = logic.only_call() else { panic!("a data exchange") };
    // 8 s, less what has passed: the number comes in any of the units that gRPC knows.
    assert!(metadata.contains_key("grpc-timeout"));
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
