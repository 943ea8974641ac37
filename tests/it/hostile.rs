//! What no client sends and everyone on the Internet can: the process goes on.

use flow_tests::{Edge, Logic, connect, screen};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

#[tokio::test]
async fn hostile_headers_never_stop_the_process() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let mut edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let long = "a".repeat(8_000);
    let zeros = format!("sha256={}", "0".repeat(64));
    let signatures: [Option<&[u8]>; 9] = [
        None,
        Some(b""),
        Some(b"sha256"),
        Some(b"sha256="),
        Some(b"sha256=0"),
        Some(b"sha256=\xff\xfe\xfd"),
        Some("sha256=äöü".as_bytes()),
        Some(long.as_bytes()),
        Some(zeros.as_bytes()),
    ];
    for signature in signatures {
        assert_eq!(client.send_signed("{}", signature).await.status, 432);
    }
    assert_still_well(&mut edge, &logic).await;
}

#[tokio::test]
async fn hostile_bodies_never_stop_the_process() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let mut edge = Edge::before(&logic).start().await;
    let client = edge.client();
    let mebibyte = 1024 * 1024;
    let bodies: [Vec<u8>; 9] = [
        Vec::new(),
        vec![0],
        vec![0xff; 1000],
        vec![b'['; mebibyte],
        b"{\"a\":".repeat(200_000),
        b"{\"encrypted_flow_data\":".repeat(40_000),
        b"null".to_vec(),
        b"{\"encrypted_flow_data\":\"\\ud800\"}".to_vec(),
        vec![b' '; mebibyte],
    ];
    for body in &bodies {
        assert_eq!(client.send_body(body.clone()).await.status, 400, "{:?}…", &body[..body.len().min(20)]);
        // The same once more, sealed as if it were a message.
        assert_eq!(client.send_plaintext(body.clone()).await.status, 400, "{:?}…", &body[..body.len().min(20)]);
    }
    assert_still_well(&mut edge, &logic).await;
}

#[tokio::test]
async fn deep_data_is_refused_before_it_reaches_logic() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let mut edge = Edge::before(&logic).start().await;
    let nested = |depth: usize| {
        let data = format!("{}{}", "{\"a\":".repeat(depth - 1) + "{}", "}".repeat(depth - 1));
        format!("{{\"version\":\"4.0\",\"action\":\"INIT\",\"data\":{data}}}")
    };
    assert_eq!(edge.client().send_plaintext(nested(30)).await.status, 200);
    assert_eq!(logic.calls().len(), 1);
    for depth in [31, 100, 126, 127, 128, 10_000] {
        assert_eq!(edge.client().send_plaintext(nested(depth)).await.status, 400);
    }
    assert_eq!(logic.calls().len(), 1);
    assert_still_well(&mut edge, &logic).await;
}

#[tokio::test]
async fn what_is_no_http_never_stops_the_process() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let mut edge = Edge::before(&logic).start().await;
    for bytes in
        [&b"\0\0\0\0"[..], b"GET", b"POST /flow HTTP/1.1\r\ncontent-length: -1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM"]
    {
        let mut connection = connect(&edge).await;
        connection.write_all(bytes).await.unwrap();
        connection.shutdown().await.unwrap();
        // And the same where TLS should begin.
        let mut plain = tokio::net::TcpStream::connect(edge.address()).await.unwrap();
        plain.write_all(bytes).await.unwrap();
    }
    assert_still_well(&mut edge, &logic).await;
}

async fn assert_still_well(edge: &mut Edge, logic: &Logic) {
    let calls = logic.calls().len();
    assert!(edge.is_running());
    assert_eq!(edge.client().send(json!({ "version": "4.0", "action": "INIT" })).await.status, 200);
    assert_eq!(logic.calls().len(), calls + 1);
}
