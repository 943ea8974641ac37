//! How long a connection may take, how many there may be, and how much they may send.

use flow_tests::{Edge, Gate, Logic, PATIENCE, connect};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, split};
use tokio::net::TcpStream;
use tokio::time::{Duration, interval, timeout};
use tokio_rustls::client::TlsStream;

use super::{any_logic, init, memory};

async fn limited(logic: &Logic, limits: Value) -> Edge {
    Edge::before(logic).section("limits", limits).start().await
}

/// Sends a request that needs no logic, and reads its answer.
async fn ask(connection: &mut TlsStream<TcpStream>) {
    connection.write_all(b"GET /flow HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nuse POST\n") {
        assert_ne!(connection.read_buf(&mut answer).await.unwrap(), 0, "{}", answer.escape_ascii());
    }
    assert!(answer.starts_with(b"HTTP/1.1 405"));
}

/// Waits until the edge has closed the connection, and returns what it sent before.
async fn closed(mut connection: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut sent = Vec::new();
    // Whether it ends or breaks is TCP's business.
    let end = timeout(PATIENCE, connection.read_to_end(&mut sent)).await;
    assert!(end.is_ok(), "the edge closes the connection");
    sent
}

#[tokio::test]
async fn a_connection_that_sends_no_head_is_closed_after_header_timeout() {
    let logic = any_logic().await;
    let edge = limited(&logic, json!({ "header_timeout": "1s" })).await;
    // A connection that had a signed request is another case: what closes the others must not close this.
    let used = edge.client();
    assert_eq!(used.send(init()).await.status, 200);

    let without_handshake = TcpStream::connect(edge.address()).await.unwrap();
    let silent = connect(&edge).await;
    let (reader, mut writer) = split(connect(&edge).await);
    let trickle = tokio::spawn(async move {
        let mut pace = interval(Duration::from_millis(10));
        writer.write_all(b"POST /flow HTTP/1.1\r\nx-slow: ").await.unwrap();
        while writer.write_all(b"a").await.is_ok() {
            pace.tick().await;
        }
    });
    let (nothing, no_answer, no_answer_either) =
        tokio::join!(closed(without_handshake), closed(silent), closed(reader));
    assert_eq!((nothing, no_answer, no_answer_either), (vec![], vec![], vec![]));
    trickle.abort();
    assert_eq!(used.send(init()).await.status, 200);
}

#[tokio::test]
async fn a_connection_without_a_signed_request_is_closed_after_header_timeout() {
    let logic = any_logic().await;
    let edge = limited(&logic, json!({ "header_timeout": "1s" })).await;
    let mut unsigned = connect(&edge).await;
    ask(&mut unsigned).await;
    assert_eq!(closed(unsigned).await, b"");
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_after_idle_timeout() {
    let logic = any_logic().await;
    let edge = limited(&logic, json!({ "idle_timeout": "100ms" })).await;
    let mut used = connect(&edge).await;
    ask(&mut used).await;
    assert_eq!(closed(used).await, b"");
}

#[tokio::test]
async fn an_http_2_connection_is_told_before_it_is_closed() {
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const GOAWAY: u8 = 7;
    let logic = any_logic().await;
    let edge = limited(&logic, json!({ "idle_timeout": "100ms" })).await;
    let mut connection = connect(&edge).await;
    let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    hello.extend([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]);
    // GET https://localhost/ in HPACK, with the flags END_HEADERS and END_STREAM.
    hello.extend([0, 0, 14, 1, 5, 0, 0, 0, 1, 0x82, 0x87, 0x84, 0x41, 9]);
    hello.extend(b"localhost");
    connection.write_all(&hello).await.unwrap();

    let mut reasons = Vec::new();
    let frames = async {
        let mut head = [0; 9];
        while connection.read_exact(&mut head).await.is_ok() {
            let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
            connection.read_exact(&mut payload).await.unwrap();
            match head[3] {
                GOAWAY => reasons.push(payload[4..8].to_vec()),
                PING => {
                    // The acknowledgement, without which the edge would wait for what may still be on its way.
                    let answer = [&[0, 0, 8, PING, 1, 0, 0, 0, 0], &*payload].concat();
                    connection.write_all(&answer).await.unwrap();
                }
                _ => {}
            }
        }
    };
    timeout(PATIENCE, frames).await.expect("the edge closes the connection");
    assert!(!reasons.is_empty() && reasons.iter().all(|reason| reason == &[0; 4]), "NO_ERROR: {reasons:?}");
}

#[tokio::test]
async fn a_request_that_takes_longer_than_idle_timeout_is_answered() {
    let gate = Gate::closed();
    let logic = Logic::held_by(&gate).await;
    let edge = limited(&logic, json!({ "idle_timeout": "100ms" })).await;
    let clients = [edge.client(), edge.client().http1(&edge)];
    let requests = clients.map(|client| tokio::spawn(async move { client.send(init()).await }));
    for _ in &requests {
        gate.arrival().await;
    }
    // The time is over when it is for one that began later.
    let mut idle = connect(&edge).await;
    ask(&mut idle).await;
    closed(idle).await;
    for _ in &requests {
        gate.open();
    }
    for request in requests {
        assert_eq!(request.await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_head_larger_than_the_limit_is_431() {
    let logic = any_logic().await;
    let edge = limited(&logic, json!({ "max_header": "8KiB" })).await;
    let mut connection = connect(&edge).await;
    let head = format!("POST /flow HTTP/1.1\r\nhost: localhost\r\nx-long: {}", "a".repeat(8 * 1024));
    connection.write_all(head.as_bytes()).await.unwrap();
    assert!(closed(connection).await.starts_with(b"HTTP/1.1 431 "));
    // HTTP/2 says it for one request, and the connection goes on.
    let client = edge.client();
    assert_eq!(client.send_signed("{}", Some(&[b'a'; 8 * 1024])).await.status, 431);
    assert_eq!(client.send(init()).await.status, 200);
}

#[tokio::test]
async fn a_connection_too_many_waits_while_all_others_have_sent_signed_requests() {
    let logic = any_logic().await;
    let edge = limited(&logic, json!({ "max_connections": 2 })).await;
    let (first, second) = (edge.client(), edge.client());
    for client in [&first, &second] {
        assert_eq!(client.send(init()).await.status, 200);
    }
    let client = edge.client();
    let third = tokio::spawn(async move { client.send(init()).await });
    for _ in 0..10 {
        assert_eq!(first.send(init()).await.status, 200);
        assert_eq!(second.send(init()).await.status, 200);
    }
    assert!(!third.is_finished());
    drop(first);
    assert_eq!(third.await.unwrap().status, 200);
    assert_eq!(second.send(init()).await.status, 200);
}

#[tokio::test]
async fn where_there_is_no_room_the_longest_idle_without_a_signed_request_goes() {
    let logic = any_logic().await;
    let mut edge = limited(&logic, json!({ "max_connections": 5 })).await;
    let signed = edge.client();
    assert_eq!(signed.send(init()).await.status, 200);
    let mut idle = Vec::new();
    for _ in 0..4 {
        idle.push(connect(&edge).await);
        ask(idle.last_mut().unwrap()).await;
    }
    // The first of them is the latest to be idle.
    ask(&mut idle[0]).await;
    for _ in 0..3 {
        assert_eq!(edge.client().send(init()).await.status, 200);
    }
    ask(&mut idle[0]).await;
    for connection in idle.drain(1..) {
        closed(connection).await;
    }
    assert_eq!(signed.send(init()).await.status, 200);
    edge.wait_for_log("connections near their limit").await;
}

#[tokio::test]
async fn a_request_that_would_take_too_much_memory_is_503() {
    let logic = any_logic().await;
    let edge = limited(&logic, json!({ "max_body_memory": "64KiB" })).await;
    let client = edge.client();
    let answer = client.send_body(vec![b'a'; 64 * 1024]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    assert_eq!(client.send_body(vec![b'a'; 40 * 1024]).await.status, 400);
    assert_eq!(client.send(init()).await.status, 200);
}

#[tokio::test]
async fn a_large_body_that_is_still_coming_gives_way_to_a_small_one() {
    let logic = any_logic().await;
    let edge = limited(&logic, json!({ "max_body_memory": "64KiB", "body_timeout": "1m" })).await;
    let signature = "0".repeat(64);
    let head = format!("POST /flow HTTP/1.1\r\nhost: localhost\r\nx-hub-signature-256: sha256={signature}\r\n");
    let slow = async |length: usize, sent: usize| {
        let mut slow = connect(&edge).await;
        slow.write_all(format!("{head}content-length: {length}\r\n\r\n").as_bytes()).await.unwrap();
        slow.write_all(&vec![b'a'; sent]).await.unwrap();
        slow
    };
    let (mut large, mut small) = (slow(41_000, 40_000).await, slow(1_000, 1).await);
    // As soon as both are there, there is too little for another of this size.
    while edge.metric("flow_body_memory_bytes").await < 56_000 {}
    assert_eq!(edge.client().send_body(vec![b'a'; 10_000]).await.status, 400);
    let mut answer = [0; 12];
    large.write_all(&[b'a'; 1_000]).await.unwrap();
    large.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503");
    small.write_all(&[b'a'; 999]).await.unwrap();
    small.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 432");
}

#[tokio::test]
async fn a_body_in_parts_of_one_byte_takes_little_more_memory_than_its_bytes() {
    let logic = any_logic().await;
    let slowly = json!({ "logic": { "deadline": "1m" } });
    let edge =
        Edge::before(&logic).with(slowly).section("limits", json!({ "body_timeout": "1m" })).quiet().start().await;
    let before = memory(&edge);
    let mut connection = connect(&edge).await;
    connection
        .write_all(
            b"POST /flow HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\nx-hub-signature-256: sha256=",
        )
        .await
        .unwrap();
    connection.write_all(&[b'0'; 64]).await.unwrap();
    connection.write_all(b"\r\n\r\n").await.unwrap();
    connection.write_all(&b"1\r\na\r\n".repeat(1024 * 1024)).await.unwrap();
    connection.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 432");
    // A mebibyte, and what it takes to receive it; kept part by part it would be forty.
    let taken = memory(&edge) - before;
    assert!(taken < 16 * 1024 * 1024, "{taken} bytes");
}
