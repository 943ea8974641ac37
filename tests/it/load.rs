//! The edge while it is busy: slow and hostile peers, changes of its files, and its end.

mod hostile;
mod limits;
mod rotation;
mod stopping;

use std::fs;

use flow_tests::{Client, Edge, Logic, screen};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

/// Held by the tests that put load on the machine: side by side they would measure each other.
static MACHINE: Mutex<()> = Mutex::const_new(());

pub(crate) async fn machine() -> MutexGuard<'static, ()> {
    MACHINE.lock().await
}

async fn any_logic() -> Logic {
    Logic::answering(screen("NEXT", json!({}))).await
}

fn init() -> Value {
    json!({ "version": "4.0", "action": "INIT", "flow_token": "token" })
}

/// Clients on connections of their own, every other one on HTTP/1.1.
fn clients(edge: &Edge, count: usize) -> Vec<Client> {
    let client = |index| if index % 2 == 0 { edge.client() } else { edge.client().http1(edge) };
    (0..count).map(client).collect()
}

/// The most memory in bytes that the process has had.
fn memory(edge: &Edge) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", edge.process())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
}
