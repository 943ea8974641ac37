//! The edge while it is busy: slow and hostile peers, changes of its files, and its end.

mod limits;
mod rotation;
mod stopping;

use flow_tests::{Client, Edge, Logic, PATIENCE, screen};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

/// Held by the tests that put load on the machine: side by side they would measure each other.
static MACHINE: Mutex<()> = Mutex::const_new(());

async fn machine() -> MutexGuard<'static, ()> {
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

/// The value of a metric whose one label of interest is this.
async fn metric(edge: &Edge, name: &str, label: &str, value: &str) -> u64 {
    let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let text = http.get(edge.admin_url("/metrics")).send().await.unwrap().text().await.unwrap();
    let label = format!("{label}=\"{value}\"");
    let mut series = text.lines().filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(&label));
    let (Some(only), None) = (series.next(), series.next()) else { panic!("not one {name} with {label}: {text}") };
    only.rsplit(' ').next().unwrap().parse().unwrap()
}

async fn reloads(edge: &Edge, outcome: &str) -> u64 {
    metric(edge, "flow_reloads_total", "flow_outcome", outcome).await
}

/// Returns as soon as so many attempts to reload ended like this.
async fn until_reloads(edge: &Edge, outcome: &str, count: u64) {
    let counted = async { while reloads(edge, outcome).await < count {} };
    timeout(PATIENCE, counted).await.unwrap_or_else(|_| panic!("the edge has not {outcome} {count} times"));
}
