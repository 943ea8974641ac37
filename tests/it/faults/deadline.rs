//! The time of a call: how much of it logic is told, and what logic sees of its end.

use std::time::{Duration, Instant};

use flow_tests::{Call, Edge, Logic, PATIENCE, connect, screen};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::{DELAY, SLACK, error_notification, init, ping};

#[tokio::test]
async fn logic_sees_that_a_call_is_given_up_at_the_deadline() {
    let (given_up, mut calls_given_up) = mpsc::unbounded_channel();
    let logic = Logic::always(move || {
        let guard = OnDrop(given_up.clone());
        async move {
            let _guard = guard;
            std::future::pending().await
        }
    })
    .await;
    for message in [init(), ping(), error_notification()] {
        let edge = Edge::before(&logic).with(json!({ "logic": { "deadline": "500ms" } })).start().await;
        edge.ready().await;
        assert_eq!(edge.client().send(message).await.status, 504);
        timeout(PATIENCE, calls_given_up.recv()).await.expect("logic's work is dropped").unwrap();
    }
    assert_eq!(logic.calls().len(), 3);
}

/// Tells of its end.
struct OnDrop(mpsc::UnboundedSender<()>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        // At the end of the test nobody listens any more.
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn logic_is_told_how_much_time_is_left() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let deadline = Duration::from_secs(8);
    let edge = Edge::before(&logic).start().await;
    let (body, signature) = edge.client().seal(init().to_string()).into_parts();
    let mut connection = connect(&edge).await;
    let head = format!(
        "POST /flow HTTP/1.1\r\nhost: localhost\r\nx-hub-signature-256: {signature}\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    // From here on the edge has the head.
    let mut go_on = [0; 12];
    connection.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100");
    let begun = Instant::now();
    // What is tested is what becomes of time that passes.
    sleep(DELAY).await;
    let spent = begun.elapsed();
    connection.write_all(&body).await.unwrap();
    let called = async {
        while logic.calls().is_empty() {
            yield_now().await
        }
    };
    timeout(PATIENCE, called).await.expect("logic is called");
    let spent_at_most = begun.elapsed() + SLACK;
    let Call::DataExchange(_, metadata) = logic.only_call() else { panic!("a data exchange") };
    let left = grpc_timeout(metadata.get("grpc-timeout").unwrap().to_str().unwrap());
    assert!(left <= deadline - spent, "{left:?} left after {spent:?}");
    assert!(left >= deadline - spent_at_most, "{left:?} left after {spent:?}");
}

/// Reads `grpc-timeout` as the specification has it: at most eight digits and a unit.
fn grpc_timeout(text: &str) -> Duration {
    let (digits, unit) = text.split_at(text.len() - 1);
    assert!(digits.len() <= 8, "{text}");
    let nanoseconds = match unit {
        "H" => 3_600_000_000_000,
        "M" => 60_000_000_000,
        "S" => 1_000_000_000,
        "m" => 1_000_000,
        "u" => 1_000,
        "n" => 1,
        _ => panic!("{text}"),
    };
    Duration::from_nanos(digits.parse::<u64>().unwrap() * nanoseconds)
}

/// Logic that is slow once is not gone: other calls go on, and so does its connection.
#[tokio::test]
async fn a_call_that_is_given_up_does_not_set_logic_aside() {
    let logic = Logic::always(std::future::pending).await;
    let edge = Edge::before(&logic).with(json!({ "logic": { "deadline": "200ms" } })).start().await;
    edge.ready().await;
    for _ in 0..20 {
        assert_eq!(edge.client().send(init()).await.status, 504);
    }
    let log = edge.stop().await.log;
    assert!(!log.iter().any(|line| line.contains("logic cannot be reached")), "{log:#?}");
}
