//! Several logics behind one name, which come and go; and logics at a Unix socket and behind TLS.

use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;
use std::time::{Duration, Instant};

use flow_tests::{Authority, Edge, Load, Logic, LogicBuilder, NAME, PATIENCE, Record, can_resolve, screen};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use crate::load::machine;

/// Calls in a row: that all miss one of three addresses, each taken at random, does not happen.
const CALLS: usize = 60;
/// What a busy machine may add to any time.
const SLACK: Duration = Duration::from_secs(3);

fn init() -> Value {
    json!({ "version": "4.0", "action": "INIT", "flow_token": "token" })
}

/// The nth address of this machine that logics are at.
fn address(n: u8) -> IpAddr {
    IpAddr::from([127, 0, 0, n + 1])
}

/// A port that none of these addresses uses.
async fn free_port() -> u16 {
    tokio::net::TcpListener::bind((address(1), 0)).await.unwrap().local_addr().unwrap().port()
}

/// A logic whose screen is its address.
async fn logic_at(address: IpAddr, port: u16) -> Logic {
    LogicBuilder::answering(screen(&address.to_string(), json!({}))).start_at(SocketAddr::new(address, port)).await
}

/// The same as a process.
struct Process(Child);

impl Process {
    async fn start(address: IpAddr, port: u16) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stand-in"));
        let command = command.arg(SocketAddr::new(address, port).to_string()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        timeout(PATIENCE, lines.next_line()).await.expect("it listens").unwrap().unwrap();
        Self(process)
    }

    fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(self.0.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(process, signal).unwrap();
    }
}

/// An edge before logics that are all at this port, once it knows that they serve.
async fn edge_before(addresses: &[IpAddr], port: u16, logic: Value) -> Edge {
    let edge = Edge::before_url(&format!("http://{NAME}:{port}")).with(json!({ "logic": logic }));
    let mut edge = edge.resolving(addresses).start().await;
    for address in addresses {
        edge.wait_for_log(&says(*address, port, "logic serves")).await;
    }
    edge
}

fn says(address: IpAddr, port: u16, text: &str) -> String {
    format!("\"{text}\",\"address\":\"{address}:{port}\"")
}

const BUSY: &str = "logic is busy: it is late with its health, and answers calls";

/// Clients under load.
const CLIENTS: usize = 8;

/// Busy clients of an edge, each on its own connection.
fn busy(edge: &Edge) -> Load {
    Load::start((0..CLIENTS).map(|_| edge.client()))
}

/// How many answers had this status; all others had success.
fn besides_success(record: &Record, status: u16) -> usize {
    assert!(record.statuses.keys().all(|answered| [200, status].contains(answered)), "{:?}", record.statuses);
    record.statuses.get(&status).copied().unwrap_or_default()
}

/// Keeps the clients busy until this logic is called.
async fn called(load: &Load, logic: &Logic) {
    let before = logic.calls().len();
    let called = async {
        while logic.calls().len() == before {
            load.rounds(1).await;
        }
    };
    timeout(PATIENCE, called).await.expect("logic gets calls");
}

#[tokio::test]
async fn calls_go_to_all_that_serve() {
    if !can_resolve().await {
        return;
    }
    let port = free_port().await;
    let addresses = [1, 2, 3].map(address);
    let logics =
        [logic_at(addresses[0], port).await, logic_at(addresses[1], port).await, logic_at(addresses[2], port).await];
    let edge = edge_before(&addresses, port, json!({})).await;
    for _ in 0..CALLS {
        assert_eq!(edge.client().send(init()).await.status, 200);
    }
    let calls = logics.each_ref().map(|logic| logic.calls().len());
    assert!(calls.iter().all(|&calls| calls > 0), "{calls:?}");
    assert_eq!(calls.iter().sum::<usize>(), CALLS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_killed_takes_only_the_calls_in_its_hands_with_it() {
    if !can_resolve().await {
        return;
    }
    let _machine = machine().await;
    let port = free_port().await;
    let addresses = [1, 2, 3].map(address);
    let _others = [logic_at(addresses[0], port).await, logic_at(addresses[1], port).await];
    let killed = Process::start(addresses[2], port).await;
    let edge = edge_before(&addresses, port, json!({})).await;
    let load = busy(&edge);
    load.rounds(20).await;
    killed.signal(Signal::KILL);
    load.rounds(50).await;
    let record = load.stop().await;
    eprintln!("killed under load: {:?}, {:?}", record.statuses, record.screens);
    assert_eq!((&record.broken, record.refused, record.unopened), (&Vec::new(), 0, 0));
    assert!(record.screens[&addresses[2].to_string()] > 0);
    // Each client has one request at a time.
    assert!(besides_success(&record, 503) <= CLIENTS, "{:?}", record.statuses);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_frozen_is_set_aside_and_comes_back() {
    if !can_resolve().await {
        return;
    }
    let deadline = Duration::from_secs(2);
    let port = free_port().await;
    let addresses = [1, 2, 3].map(address);
    let _others = [logic_at(addresses[0], port).await, logic_at(addresses[1], port).await];
    let frozen = Process::start(addresses[2], port).await;
    let mut edge = edge_before(&addresses, port, json!({ "deadline": "2s" })).await;
    let load = busy(&edge);
    load.rounds(20).await;
    let begun = Instant::now();
    frozen.signal(Signal::STOP);
    // It has calls in its hands, so it may just be busy; but there are others.
    edge.wait_for_log(&says(addresses[2], port, BUSY)).await;
    let set_aside = begun.elapsed();
    // Asked once a second, it has a second and a half to answer, twice.
    assert!(set_aside < Duration::from_secs(4) + SLACK, "{set_aside:?}");
    load.rounds(10).await;
    let record = load.stop().await;
    let longest = record.latencies.iter().max().unwrap();
    eprintln!("frozen: set aside after {set_aside:?}, {:?}, longest {longest:?}", record.statuses);
    assert_eq!((&record.broken, record.refused, record.unopened), (&Vec::new(), 0, 0));
    besides_success(&record, 504);
    assert!(*longest < deadline + SLACK, "{longest:?}");

    let load = busy(&edge);
    load.rounds(20).await;
    let record = load.stop().await;
    record.assert_flawless();
    assert_eq!(record.screens.get(&addresses[2].to_string()), None);

    frozen.signal(Signal::CONT);
    let returns = async { while edge.client().send(init()).await.opened["screen"] != addresses[2].to_string() {} };
    timeout(PATIENCE, returns).await.expect("it gets calls again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_added_gets_calls_within_ten_seconds() {
    if !can_resolve().await {
        return;
    }
    let _machine = machine().await;
    let port = free_port().await;
    let addresses = [1, 2].map(address);
    let _first = logic_at(addresses[0], port).await;
    let edge = edge_before(&addresses[..1], port, json!({})).await;
    let load = busy(&edge);
    let second = logic_at(addresses[1], port).await;
    let begun = Instant::now();
    edge.resolve(&addresses);
    called(&load, &second).await;
    let after = begun.elapsed();
    eprintln!("added: called after {after:?}");
    assert!(after < Duration::from_secs(10), "{after:?}");
    load.stop().await.assert_flawless();
}

#[tokio::test]
async fn one_that_says_that_it_does_not_serve_gets_no_calls_until_it_does() {
    if !can_resolve().await {
        return;
    }
    let port = free_port().await;
    let addresses = [1, 2].map(address);
    let logics = [logic_at(addresses[0], port).await, logic_at(addresses[1], port).await];
    let mut edge = edge_before(&addresses, port, json!({})).await;
    let begun = Instant::now();
    logics[0].say_not_serving().await;
    edge.wait_for_log(&says(addresses[0], port, "logic does not serve")).await;
    let after = begun.elapsed();
    assert!(after < Duration::from_secs(2) + SLACK, "{after:?}");
    for _ in 0..CALLS {
        assert_eq!(edge.client().send(init()).await.status, 200);
    }
    assert_eq!(logics.each_ref().map(|logic| logic.calls().len()), [0, CALLS]);
    logics[0].say_serving().await;
    let returns = async { while edge.client().send(init()).await.opened["screen"] != addresses[0].to_string() {} };
    timeout(PATIENCE, returns).await.expect("it gets calls again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_all_where_they_are_loses_nothing() {
    if !can_resolve().await {
        return;
    }
    let _machine = machine().await;
    let port = free_port().await;
    let addresses = [1, 2, 3].map(address);
    let mut logics = Vec::new();
    for address in addresses {
        logics.push(logic_at(address, port).await);
    }
    let edge = edge_before(&addresses, port, json!({})).await;
    let load = busy(&edge);
    load.rounds(10).await;
    let mut replaced = Vec::new();
    for (old, address) in logics.into_iter().zip(addresses) {
        old.say_not_serving().await;
        // Stopped first, since both want the same port.
        old.stop().await;
        let new = logic_at(address, port).await;
        called(&load, &new).await;
        replaced.push(new);
    }
    let record = load.stop().await;
    eprintln!("replaced in place: {:?} {:?}", record.statuses, record.screens);
    record.assert_flawless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_all_by_others_elsewhere_loses_nothing() {
    if !can_resolve().await {
        return;
    }
    let _machine = machine().await;
    let port = free_port().await;
    let mut old = Vec::new();
    for n in [1, 2, 3] {
        old.push((address(n), logic_at(address(n), port).await));
    }
    let mut known: Vec<_> = old.iter().map(|(address, _)| *address).collect();
    let edge = edge_before(&known, port, json!({})).await;
    let load = busy(&edge);
    load.rounds(10).await;
    let mut new = Vec::new();
    for (n, (old_address, logic)) in old.into_iter().enumerate() {
        let new_address = address(11 + u8::try_from(n).unwrap());
        let replacement = logic_at(new_address, port).await;
        known.push(new_address);
        edge.resolve(&known);
        called(&load, &replacement).await;
        new.push(replacement);
        // As in Kubernetes, the name may have lost it before or after it stops.
        known.retain(|address| *address != old_address);
        edge.resolve(&known);
        logic.say_not_serving().await;
        logic.stop().await;
    }
    load.rounds(10).await;
    let record = load.stop().await;
    eprintln!("replaced elsewhere: {:?} {:?}", record.statuses, record.screens);
    record.assert_flawless();
}

#[tokio::test]
async fn an_edge_that_starts_before_its_logic_recovers_by_itself() {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port().await));
    let edge = Edge::before_url(&format!("http://{address}")).start().await;
    assert_eq!(edge.client().send(init()).await.status, 503);
    assert!(!edge.is_ready().await);
    let _logic = LogicBuilder::answering(screen("NEXT", json!({}))).start_at(address).await;
    edge.ready().await;
    assert_eq!(edge.client().send(init()).await.status, 200);
}

#[tokio::test]
async fn logic_may_be_at_a_unix_socket() {
    let folder = TempDir::new().unwrap();
    let logic = LogicBuilder::answering(screen("NEXT", json!({})));
    let logic = logic.start_at_socket(&folder.path().join("logic.sock")).await;
    let edge = Edge::before(&logic).start().await;
    assert_eq!(edge.client().send(init()).await.opened["screen"], "NEXT");
    assert_eq!(edge.client().send(json!({ "version": "3.0", "action": "ping" })).await.status, 200);
    assert_eq!(logic.calls().len(), 2);
}

#[tokio::test]
async fn logic_behind_tls_and_the_edge_prove_who_they_are() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (server, client, strange_client) = (authority.issue(), authority.issue(), stranger.issue());
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(server.certificate, server.private_key))
        .client_ca_root(Certificate::from_pem(&authority.certificate));
    let logic = LogicBuilder::answering(screen("NEXT", json!({}))).tls(tls).start().await;
    let files = ("ca.crt", "client.crt", "client.key");
    let mut calls = 0;
    for (ca, client, status) in [
        (&authority, Some(&client), 200),
        (&stranger, Some(&client), 503),
        (&authority, Some(&strange_client), 503),
        (&authority, None, 503),
    ] {
        let mut tls = json!({ "ca_file": files.0 });
        let mut edge = Edge::before(&logic).file(files.0, &ca.certificate);
        if let Some(client) = client {
            edge = edge.file(files.1, &client.certificate).file(files.2, &client.private_key);
            tls["certificate_file"] = files.1.into();
            tls["private_key_file"] = files.2.into();
        }
        let edge = edge.with(json!({ "logic": { "tls": tls } })).start().await;
        assert_eq!(edge.client().send(init()).await.status, status);
        calls += usize::from(status == 200);
        assert_eq!(logic.calls().len(), calls);
    }
}
