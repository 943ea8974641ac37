//! What goes wrong between the edge and logic, and in logic: what the client gets and when, and how often logic was called.

mod causes;
mod deadline;
mod health;
mod peer;
mod repeats;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flow_tests::{Answer, Client, Edge, Logic, PATIENCE, Proxy, screen};
use futures_util::future::join_all;
use h2::Reason;
use serde_json::{Value, json};
use tokio::sync::watch;
use tonic::{Code, Status};

use self::peer::{Peer, Step, message};
use crate::load::machine;

const DEADLINE: Duration = Duration::from_secs(3);
/// How much later than at the deadline an answer may come on a busy machine.
const SLACK: Duration = Duration::from_secs(3);
/// Where a fault only slows logic down, by how much.
const DELAY: Duration = Duration::from_millis(500);

const FALLBACK: &str = "Please try again.";

/// What is wrong with a logic.
#[derive(Clone)]
enum Fault {
    /// There is none.
    Nowhere(&'static str),
    /// It says that it does not serve.
    NotServing,
    /// It answers with this status.
    Status(Code),
    /// It answers a data exchange like this, and all else with success.
    Answer(fn() -> flow_proto::v1::HandleDataExchangeResponse),
    /// It takes calls and never answers.
    Silent,
    /// Its connections are like this from the start.
    Always(fn(&Proxy)),
    /// Its connections become like this before the call.
    Before(fn(&Proxy)),
    /// It is gone before the call.
    Gone,
    /// Its connections become like this when a call has arrived.
    Arrived(fn(&Proxy)),
    /// It is no gRPC server.
    NoGrpc,
    /// It says this, byte for byte.
    Says(Vec<Step>),
}

/// When an answer must be there.
#[derive(Debug, Clone, Copy)]
enum When {
    /// Before the deadline: nothing is left to wait for.
    Soon,
    AtDeadline,
}
use When::{AtDeadline, Soon};

struct Row {
    name: &'static str,
    fault: Fault,
    /// What INIT is answered, and a submission but for the fallback.
    status: u16,
    /// What a ping and an error notification are answered.
    others: u16,
    when: When,
    /// How often logic sees each call.
    seen: usize,
}

fn row(name: &'static str, fault: Fault, status: u16, when: When, seen: usize) -> Row {
    Row { name, fault, status, others: status, when, seen }
}

impl Row {
    fn others(mut self, status: u16) -> Self {
        self.others = status;
        self
    }
}

const GRPC: &[(&str, &str)] = &[("content-type", "application/grpc")];
const HTML: &[(&str, &str)] = &[("content-type", "text/html")];
const OK: Step = Step::Trailers(&[("grpc-status", "0")]);

fn says(steps: impl Into<Vec<Step>>) -> Fault {
    Fault::Says(steps.into())
}

/// An answer in trailers alone.
fn says_only(fields: &'static [(&'static str, &'static str)]) -> Fault {
    says([Step::HeadOnly(200, fields)])
}

/// An HTTP answer of something that does not know gRPC.
fn says_in_html(status: u16) -> Fault {
    says([Step::Head(status, HTML), Step::LastBody(b"<html></html>".to_vec())])
}

/// A good answer to any call whose outcome is `invalid_flow_token`, and its first bytes.
fn good() -> Vec<u8> {
    message(&[0x1a, 0x00])
}

/// How often a call that no logic looks at is made.
const ATTEMPTS: usize = 3;

fn half() -> Vec<u8> {
    good()[..6].to_vec()
}

fn megabytes(count: usize) -> flow_proto::v1::HandleDataExchangeResponse {
    screen("NEXT", json!({ "text": "a".repeat(count * 1024 * 1024) }))
}

fn table() -> Vec<Row> {
    vec![
        // Before logic.
        row("nobody listens", Fault::Nowhere("http://127.0.0.1:1"), 503, Soon, 0),
        row("no Unix socket", Fault::Nowhere("unix:///nowhere/logic.sock"), 503, Soon, 0),
        row("does not serve", Fault::NotServing, 503, Soon, 0),
        row("no gRPC at all", Fault::NoGrpc, 503, Soon, 0),
        row("black hole from the start", Fault::Always(Proxy::swallow), 503, Soon, 0),
        row("reset from the start", Fault::Always(Proxy::reset), 503, Soon, 0),
        row("gone before the call", Fault::Gone, 503, Soon, 0),
        row("black hole before the call", Fault::Before(Proxy::swallow), 504, AtDeadline, 0),
        // Never looked at, so tried again at the only address there is, and given up then.
        row("GOAWAY without the call", says([Step::GoAwayBefore(Reason::NO_ERROR), Step::Close]), 503, Soon, ATTEMPTS),
        row("REFUSED_STREAM", says([Step::Reset(Reason::REFUSED_STREAM)]), 503, Soon, ATTEMPTS),
        // The connection and the stream, with the call in logic's hands.
        row("slow within the deadline", Fault::Arrived(|proxy| proxy.delay(DELAY)), 200, Soon, 1),
        row("too slow", Fault::Arrived(|proxy| proxy.delay(PATIENCE)), 504, AtDeadline, 1),
        row("black hole after the call", Fault::Arrived(Proxy::swallow), 504, AtDeadline, 1),
        row("cut before the head", Fault::Arrived(|proxy| proxy.cut_after(0)), 503, Soon, 1),
        row("cut in the head", Fault::Arrived(|proxy| proxy.cut_after(12)), 503, Soon, 1),
        row("reset", Fault::Arrived(Proxy::reset), 503, Soon, 1),
        row("closed after the head", says([Step::Head(200, GRPC), Step::Close]), 503, Soon, 1),
        row("closed in the message", says([Step::Head(200, GRPC), Step::Body(half()), Step::Close]), 503, Soon, 1),
        row("closed before the trailers", says([Step::Head(200, GRPC), Step::Body(good()), Step::Close]), 503, Soon, 1),
        row("GOAWAY with the call", says([Step::GoAwayAfter(Reason::NO_ERROR), Step::Close]), 503, Soon, 1),
        row("GOAWAY by an error", says([Step::GoAwayAfter(Reason::INTERNAL_ERROR), Step::Close]), 503, Soon, 1),
        row("RST_STREAM CANCEL", says([Step::Reset(Reason::CANCEL)]), 503, Soon, 1),
        row("RST_STREAM INTERNAL_ERROR", says([Step::Reset(Reason::INTERNAL_ERROR)]), 503, Soon, 1),
        row(
            "RST_STREAM INTERNAL_ERROR in the message",
            says([Step::Head(200, GRPC), Step::Body(half()), Step::Reset(Reason::INTERNAL_ERROR)]),
            503,
            Soon,
            1,
        ),
        row("noise", says([Step::Noise(b"HTTP/1.1 400 Bad Request\r\n\r\n")]), 503, Soon, 1),
        row("silent", Fault::Silent, 504, AtDeadline, 1),
        row("silent after the head", says([Step::Head(200, GRPC)]), 504, AtDeadline, 1),
        row("silent in the message", says([Step::Head(200, GRPC), Step::Body(half())]), 504, AtDeadline, 1),
        row("silent before the trailers", says([Step::Head(200, GRPC), Step::Body(good())]), 504, AtDeadline, 1),
        // Statuses.
        row("UNAVAILABLE", Fault::Status(Code::Unavailable), 503, Soon, 1),
        row("RESOURCE_EXHAUSTED", Fault::Status(Code::ResourceExhausted), 503, Soon, 1),
        row("DEADLINE_EXCEEDED", Fault::Status(Code::DeadlineExceeded), 504, Soon, 1),
        row("INTERNAL", Fault::Status(Code::Internal), 500, Soon, 1),
        row(
            "trailers alone, UNAVAILABLE",
            says_only(&[("content-type", "application/grpc"), ("grpc-status", "14")]),
            503,
            Soon,
            1,
        ),
        row(
            "trailers alone, no known status",
            says_only(&[("content-type", "application/grpc"), ("grpc-status", "99")]),
            500,
            Soon,
            1,
        ),
        row("trailers alone, no status", says_only(GRPC), 500, Soon, 1),
        row(
            "a message and then UNAVAILABLE",
            says([Step::Head(200, GRPC), Step::Body(good()), Step::Trailers(&[("grpc-status", "14")])]),
            503,
            Soon,
            1,
        ),
        // Answers that are none.
        row("HTML with 200", says_in_html(200), 500, Soon, 1),
        row("HTML with 404", says_in_html(404), 500, Soon, 1),
        row("404 and no body", says([Step::HeadOnly(404, HTML)]), 500, Soon, 1),
        row("503 of a proxy", says([Step::HeadOnly(503, HTML)]), 503, Soon, 1),
        row("no message", says([Step::Head(200, GRPC), OK]), 500, Soon, 1),
        row("two messages", says([Step::Head(200, GRPC), Step::Body(good()), Step::Body(good()), OK]), 500, Soon, 1),
        row("a good answer as HTML", says([Step::Head(200, HTML), Step::Body(good()), OK]), 500, Soon, 1),
        row("ended in the message", says([Step::Head(200, GRPC), Step::LastBody(half())]), 500, Soon, 1),
        row("ended before the trailers", says([Step::Head(200, GRPC), Step::LastBody(good())]), 500, Soon, 1),
        row("no protobuf", says([Step::Head(200, GRPC), Step::Body(message(&[0xff; 8])), OK]), 500, Soon, 1),
        row("compressed by nothing", says([Step::Head(200, GRPC), Step::Body(vec![1, 0, 0, 0, 0]), OK]), 500, Soon, 1),
        row(
            "a message of 4 GiB begins",
            says([Step::Head(200, GRPC), Step::Body(vec![0, 255, 255, 255, 255])]),
            500,
            Soon,
            1,
        ),
        row("over 1 MB", Fault::Answer(|| megabytes(1)), 500, Soon, 1).others(200),
        row("over 4 MiB", Fault::Answer(|| megabytes(5)), 500, Soon, 1).others(200),
        row("no outcome", Fault::Answer(Default::default), 500, Soon, 1).others(200),
    ]
}

fn init() -> Value {
    json!({ "version": "4.0", "action": "INIT", "flow_token": "token" })
}

fn submission() -> Value {
    json!({ "version": "4.0", "action": "data_exchange", "screen": "DETAILS", "flow_token": "token", "data": { "a": 1 } })
}

fn ping() -> Value {
    json!({ "version": "3.0", "action": "ping" })
}

fn error_notification() -> Value {
    let data = json!({ "error": "timeout", "error_message": "It took too long." });
    json!({ "version": "4.0", "action": "data_exchange", "screen": "DETAILS", "flow_token": "token", "data": data })
}

/// A faulty logic; it ends with this.
struct Behind {
    url: String,
    /// Whether the edge finds nothing wrong with it before the call.
    seems_good: bool,
    calls: Calls,
    proxy: Option<Proxy>,
    _peer: Option<Peer>,
}

enum Calls {
    Of(Logic),
    Counted(Arc<AtomicUsize>),
    None,
}

impl Calls {
    fn count(&self) -> usize {
        match self {
            Self::Of(logic) => logic.calls().len(),
            Self::Counted(count) => count.load(Ordering::Relaxed),
            Self::None => 0,
        }
    }
}

impl Behind {
    async fn start(fault: &Fault) -> Self {
        let any = "127.0.0.1:0".parse().unwrap();
        match fault.clone() {
            Fault::Nowhere(url) => {
                Self { url: url.to_owned(), seems_good: false, calls: Calls::None, proxy: None, _peer: None }
            }
            Fault::NotServing => {
                let logic = Logic::answering(screen("NEXT", json!({}))).await;
                logic.say_not_serving().await;
                Self { seems_good: false, ..Self::logic(logic) }
            }
            Fault::Status(code) => Self::logic(Logic::failing(Status::new(code, "")).await),
            Fault::Answer(answer) => Self::logic(Logic::answering(answer()).await),
            Fault::Silent => Self::logic(Logic::always(std::future::pending).await),
            Fault::Always(act) => {
                let behind = Self::proxied(|_| {}).await;
                behind.proxy.as_ref().map(act);
                Self { seems_good: false, ..behind }
            }
            Fault::Before(_) | Fault::Gone => Self::proxied(|_| {}).await,
            Fault::Arrived(act) => Self::proxied(act).await,
            Fault::NoGrpc => Self { seems_good: false, ..Self::peer(Peer::web_server().await) },
            Fault::Says(script) => Self::peer(Peer::start_at(any, script).await),
        }
    }

    fn logic(logic: Logic) -> Self {
        Self { url: logic.url(), seems_good: true, calls: Calls::Of(logic), proxy: None, _peer: None }
    }

    fn peer(peer: Peer) -> Self {
        let calls = Calls::Counted(peer.calls());
        Self { url: peer.url(), seems_good: true, calls, proxy: None, _peer: Some(peer) }
    }

    /// A good logic behind a proxy, to which it does something when a call arrives.
    async fn proxied(act: fn(&Proxy)) -> Self {
        let (set, proxy) = watch::channel(None::<Proxy>);
        let logic = Logic::always(move || {
            proxy.borrow().as_ref().map(act);
            std::future::ready(Ok(screen("NEXT", json!({}))))
        })
        .await;
        let proxy = Proxy::before(&logic.url()).await;
        set.send_replace(Some(proxy.clone()));
        Self { url: proxy.url(), proxy: Some(proxy), ..Self::logic(logic) }
    }

    /// What is done to a logic that the edge found nothing wrong with.
    async fn strike(&self, fault: &Fault) {
        match (fault, &self.proxy) {
            (Fault::Before(act), Some(proxy)) => act(proxy),
            (Fault::Gone, Some(proxy)) => proxy.refuse().await,
            _ => {}
        }
    }
}

/// What is wrong with the answer to a message, by the table.
fn complaint(row: &Row, kind: usize, answer: &Answer, time: Duration, calls: usize) -> Option<String> {
    let fails = row.status != 200;
    let expected = match kind {
        0 => (row.status, if fails { Value::Null } else { json!({ "screen": "NEXT", "data": {} }) }),
        1 if fails => (200, json!({ "screen": "DETAILS", "data": { "error_message": FALLBACK } })),
        1 => (200, json!({ "screen": "NEXT", "data": {} })),
        2 if row.others == 200 => (200, json!({ "data": { "status": "active" } })),
        3 if row.others == 200 => (200, json!({ "data": { "acknowledged": true } })),
        _ => (row.others, Value::Null),
    };
    let in_time = match row.when {
        Soon => time < DEADLINE,
        AtDeadline => time >= DEADLINE && time < DEADLINE + SLACK,
    };
    // Where each attempt ends its connection, the address may be found gone before the last one.
    let is_seen = calls == row.seen || row.seen == ATTEMPTS && (1..ATTEMPTS).contains(&calls);
    let good = in_time && (answer.status, &answer.opened) == (expected.0, &expected.1) && is_seen;
    let kind = KINDS[kind];
    (!good).then(|| {
        format!(
            "{}, {kind}: {} {} after {time:?}, logic called {calls} times; should be {} {} {:?}, {} times",
            row.name, answer.status, answer.opened, expected.0, expected.1, row.when, row.seen
        )
    })
}

const KINDS: [&str; 4] = ["INIT", "a submission", "a ping", "an error notification"];

/// Rows that are tried at a time, each by every kind of message.
const AT_A_TIME: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_has_its_status_in_time_and_no_call_that_may_have_been_seen_is_made_twice() {
    let _machine = machine().await;
    // Those for which one has to wait are tried together.
    let (waiting, soon): (Vec<_>, Vec<_>) = table().into_iter().partition(|row| matches!(row.when, AtDeadline));
    let mut complaints = Vec::new();
    for rows in [waiting].iter().map(Vec::as_slice).chain(soon.chunks(AT_A_TIME)) {
        complaints.extend(complaints_about(rows).await);
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

async fn complaints_about(rows: &[Row]) -> Vec<String> {
    let deadline = format!("{}ms", DEADLINE.as_millis());
    let mut edge = Edge::without_endpoints();
    let mut all = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        for kind in 0..KINDS.len() {
            let behind = Behind::start(&row.fault).await;
            let name = format!("{index}-{kind}");
            let logic = json!({ "url": behind.url, "deadline": deadline, "fallback_message": FALLBACK });
            edge = edge.endpoint(json!({ "name": name, "path": format!("/{name}"), "logic": logic }));
            all.push((row, kind, name, behind));
        }
    }
    let mut edge = edge.start().await;
    for (_, _, _, behind) in all.iter().filter(|(_, _, _, behind)| behind.seems_good) {
        let address = behind.url.trim_start_matches("http://");
        edge.wait_for_log(&format!("\"logic serves\",\"address\":\"{address}\"")).await;
    }
    let client = edge.client();
    let exchanges = all.iter().map(async |(row, kind, name, behind)| {
        let client = client.clone().path(&edge, &format!("/{name}"));
        let message = [init(), submission(), ping(), error_notification()][*kind].clone();
        behind.strike(&row.fault).await;
        let (answer, time) = timed(&client, message).await;
        complaint(row, *kind, &answer, time, behind.calls.count())
    });
    join_all(exchanges).await.into_iter().flatten().collect()
}

async fn timed(client: &Client, message: Value) -> (Answer, Duration) {
    let exchange = client.seal(message.to_string());
    let begun = Instant::now();
    let answer = exchange.send().await;
    (answer, begun.elapsed())
}

/// docs/configuration.md: "Where no address serves, the answer is 503 at once."
#[tokio::test]
async fn a_name_that_does_not_resolve_is_503_at_once() {
    // No label may have more than 63 letters, so nobody needs to be asked.
    let url = format!("http://{}.test:50051", "a".repeat(64));
    let edge = Edge::before_url(&url).with(json!({ "logic": { "deadline": "3s" } }));
    let mut edge = edge.start().await;
    edge.wait_for_log("cannot be resolved").await;
    let (answer, time) = timed(&edge.client(), init()).await;
    assert_eq!(answer.status, 503);
    assert!(time < DEADLINE, "{time:?}");
}
