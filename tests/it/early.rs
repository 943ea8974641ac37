//! What is answered at the head of a request: on HTTP/2 nobody waits for a body that nobody wants.

use bytes::Bytes;
use flow_tests::{Edge, Logic, PATIENCE, connect, screen};
use h2::client::SendRequest;
use http::{HeaderMap, HeaderValue, Request};
use serde_json::json;
use tokio::time::timeout;

const PATH: &str = "https://localhost/flow";

async fn edge(logic: &Logic) -> Edge {
    Edge::before(logic).section("limits", json!({ "body_timeout": "10m" })).start().await
}

async fn http2(edge: &Edge) -> SendRequest<Bytes> {
    let (requests, connection) = h2::client::handshake(connect(edge).await).await.unwrap();
    tokio::spawn(connection);
    requests
}

/// The answer to a head whose body never comes.
async fn status(requests: &SendRequest<Bytes>, method: &str, path: &str, headers: HeaderMap) -> u16 {
    let mut request = Request::builder().method(method).uri(path).body(()).unwrap();
    *request.headers_mut() = headers;
    let mut requests = requests.clone().ready().await.unwrap();
    let (answer, _body) = requests.send_request(request, false).unwrap();
    timeout(PATIENCE, answer).await.expect("it is answered without its body").unwrap().status().as_u16()
}

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
}

#[tokio::test]
async fn on_http_2_what_the_head_decides_is_answered_without_the_body() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = edge(&logic).await;
    let requests = http2(&edge).await;
    let zeros = format!("sha256={}", "0".repeat(64));
    let signed: &[_] = &[("x-hub-signature-256", zeros.as_str())];
    let too_large = [signed, &[("content-length", "3000000")]].concat();
    let fields: Vec<_> = (0..100).map(|index| format!("x-{index}")).collect();
    let mut too_many = headers(signed);
    too_many.extend(fields.iter().map(|name| (Some(name.parse().unwrap()), HeaderValue::from_static(""))));
    for (method, path, headers, expected) in [
        ("POST", "https://localhost/nowhere", headers(signed), 404),
        ("GET", PATH, headers(signed), 405),
        ("POST", PATH, headers(&[]), 432),
        ("POST", PATH, headers(&[("x-hub-signature-256", "sha256=0")]), 432),
        ("POST", PATH, headers(&too_large), 413),
        ("POST", PATH, too_many, 431),
    ] {
        assert_eq!(status(&requests, method, path, headers).await, expected, "{method} {path}");
    }
    // On the same connection a request is answered as ever.
    assert_eq!(edge.client().send(json!({ "action": "INIT" })).await.status, 200);
}

#[tokio::test]
async fn on_http_2_an_edge_without_room_says_so_at_once() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    // Room for the head of one request.
    let limits = json!({ "body_timeout": "10m", "max_body_memory": "8KiB" });
    let edge = Edge::before(&logic).section("limits", limits).start().await;
    let requests = http2(&edge).await;
    let zeros = format!("sha256={}", "0".repeat(64));
    let waits = Request::post(PATH).header("x-hub-signature-256", &zeros).body(()).unwrap();
    let (first, _body) = requests.clone().ready().await.unwrap().send_request(waits, false).unwrap();
    while edge.metric("flow_body_memory_bytes").await == 0 {}
    // One that comes has the room of one that only waits.
    let waits = Request::post(PATH).header("x-hub-signature-256", &zeros).body(()).unwrap();
    let _second = requests.clone().ready().await.unwrap().send_request(waits, false).unwrap();
    let answer = timeout(PATIENCE, first).await.expect("it gave way").unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &HeaderValue::from_static("1")));
}
