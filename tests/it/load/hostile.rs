//! Peers that hold connections or flood them, and what they leave to others.

use std::fs;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use flow_tests::{Client, Edge, Load, PATIENCE, Record, connect};
use h2::Reason;
use http::{Method, Request};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{interval, timeout};
use tokio_rustls::client::TlsStream;

use super::{any_logic, clients, machine, memory};

/// Connections of each slow kind.
const SLOW: usize = 1000;
/// Connections that flood.
const FLOODS: usize = 4;
/// Requests that are opened and reset in one go.
const BURST: usize = 50;

/// Lets this process, and each edge that it starts from now on, have as many connections as the system allows.
fn allow_many_connections() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    assert!(limit.current.is_none_or(|files| files > 3 * SLOW as u64), "ulimit -Hn is too low: {limit:?}");
}

/// Connections that say nothing, every other one after its handshake.
struct Silent {
    _tcp: Vec<TcpStream>,
    _tls: Vec<TlsStream<TcpStream>>,
}

impl Silent {
    async fn start(edge: &Arc<Edge>) -> Self {
        let mut tcp = Vec::new();
        for _ in 0..SLOW / 2 {
            tcp.push(TcpStream::connect(edge.address()).await.unwrap());
        }
        Self { _tcp: tcp, _tls: connections(edge, SLOW / 2).await }
    }
}

async fn connections(edge: &Arc<Edge>, count: usize) -> Vec<TlsStream<TcpStream>> {
    let mut connections = Vec::new();
    while connections.len() < count {
        let mut some = JoinSet::new();
        for _ in 0..50 {
            let edge = Arc::clone(edge);
            some.spawn(async move { connect(&edge).await });
        }
        connections.extend(some.join_all().await);
    }
    connections
}

/// Work that goes on until it is stopped. That it then still goes on is part of the test: a task ends by a panic only.
struct Background(JoinSet<()>);

impl Background {
    async fn stop(mut self) {
        assert!(self.0.try_join_next().is_none(), "a hostile peer gave up");
        self.0.shutdown().await;
    }
}

/// Connections that each send the next byte of a request now and then: half of them of its head, half of its body.
async fn trickle(edge: &Arc<Edge>) -> Background {
    let mut connections = connections(edge, SLOW).await;
    for (index, connection) in connections.iter_mut().enumerate() {
        let begin: &[u8] = match index % 2 {
            0 => b"POST /flow HTTP/1.1\r\nhost: localhost\r\nx-slow: ",
            _ => b"POST /flow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n",
        };
        connection.write_all(begin).await.unwrap();
    }
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut pace = interval(Duration::from_millis(1));
        loop {
            for connection in &mut connections {
                pace.tick().await;
                connection.write_all(b"a").await.unwrap();
            }
        }
    });
    Background(tasks)
}

/// Connections that open requests and reset them at once, again and again, and come back when they are thrown out.
struct Flood {
    tasks: Background,
    thrown_out: Arc<AtomicUsize>,
    resets: Arc<AtomicUsize>,
}

impl Flood {
    fn start(edge: &Arc<Edge>) -> Self {
        let (thrown_out, resets) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..FLOODS {
            let (edge, thrown_out, resets) = (Arc::clone(edge), Arc::clone(&thrown_out), Arc::clone(&resets));
            tasks.spawn(async move {
                loop {
                    let reason = flood(&edge, &resets).await;
                    assert!(matches!(reason, None | Some(Reason::ENHANCE_YOUR_CALM)), "{reason:?}");
                    thrown_out.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Self { tasks: Background(tasks), thrown_out, resets }
    }

    async fn stop(self) {
        self.tasks.stop().await;
    }
}

/// Floods one connection until the edge ends it, and returns the reason that it gave, unless the farewell was lost.
async fn flood(edge: &Edge, resets: &AtomicUsize) -> Option<Reason> {
    let (requests, mut connection) = h2::client::handshake(connect(edge).await).await.unwrap();
    loop {
        for _ in 0..BURST {
            let request = Request::builder().method(Method::POST).uri(edge.url("/flow")).body(()).unwrap();
            // A clone for each, since one waits until its request was sent.
            if let Ok((_, mut stream)) = requests.clone().send_request(request, false) {
                stream.send_reset(Reason::CANCEL);
                resets.fetch_add(1, Ordering::Relaxed);
            }
        }
        // Sends what there is, and looks whether the edge has had enough.
        match poll_fn(|context| Poll::Ready(Pin::new(&mut connection).poll(context))).await {
            Poll::Ready(Err(error)) => return error.reason(),
            Poll::Ready(Ok(())) => return None,
            Poll::Pending => yield_now().await,
        }
    }
}

fn open_files(edge: &Edge) -> usize {
    fs::read_dir(format!("/proc/{}/fd", edge.process())).unwrap().count()
}

/// What normal clients get now.
async fn measured(clients: &[Client]) -> Record {
    let load = Load::start(clients.to_vec());
    load.rounds(100).await;
    let record = load.stop().await;
    record.assert_flawless();
    record
}

/// How many times as long as without hostile peers 99 of 100 answers may take with them. It bounds no more than that nobody waits
/// for a slow peer: most of it is what clients, peers and other tests leave of the processor.
const SLOWER: u32 = 15;
/// How much memory a flood may take, beside what 2,000 connections do.
const FLOOD_MEMORY: u64 = 64 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_slow_connections_and_a_flood_of_resets_hold_nobody_up() {
    let _machine = machine().await;
    allow_many_connections();
    let logic = any_logic().await;
    // The slow ones are to stay to the end.
    let limits = json!({ "header_timeout": "10m", "body_timeout": "10m" });
    let patient = json!({ "logic": { "deadline": "10m" } });
    let edge = Edge::before(&logic).with(patient).section("limits", limits).quiet();
    // Its open files are counted, which otherwise is root's alone.
    let mut edge = Arc::new(edge.arguments(&["--core-dumps"]).start().await);
    let normal = clients(&edge, 4);
    let first = measured(&normal).await;

    let silent = Silent::start(&edge).await;
    let trickle = trickle(&edge).await;
    let slow = measured(&normal).await;
    let memory_before = memory(&edge);
    let flood = Flood::start(&edge);
    let flooded = measured(&normal).await;
    let memory_after = memory(&edge);
    assert!(open_files(&edge) > 2 * SLOW);
    assert!(flood.thrown_out.load(Ordering::Relaxed) > FLOODS);
    let (resets, thrown_out) = (flood.resets.load(Ordering::Relaxed), flood.thrown_out.load(Ordering::Relaxed));
    flood.stop().await;
    trickle.stop().await;
    drop(silent);
    let gone = async {
        while open_files(&edge) > SLOW {
            yield_now().await
        }
    };
    timeout(PATIENCE, gone).await.expect("the edge lets go of connections that were closed");

    let last = measured(&normal).await;
    let alone = first.p99().max(last.p99());
    eprintln!(
        "p99: {:?} and {:?} alone, {:?} with slow peers, {:?} with a flood too; {resets} resets, thrown out {thrown_out} times, {} MiB and {} MiB",
        first.p99(),
        last.p99(),
        slow.p99(),
        flooded.p99(),
        memory_before >> 20,
        memory_after >> 20,
    );
    for busy in [slow.p99(), flooded.p99()] {
        assert!(busy < alone * SLOWER, "{busy:?} instead of {alone:?}");
    }
    assert!(memory_after < memory_before + FLOOD_MEMORY, "{memory_before} bytes before, {memory_after} after");
    assert!(Arc::get_mut(&mut edge).unwrap().is_running());
}
