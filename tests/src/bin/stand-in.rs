//! A logic service as a process, for what only happens to processes: being killed, being frozen. Its screen is its address.
#![allow(clippy::unwrap_used, reason = "a test's helpers may panic as its tests do")]

use std::env;
use std::future::pending;
use std::net::SocketAddr;

use flow_tests::{LogicBuilder, screen};
use serde_json::json;

#[tokio::main]
async fn main() {
    let address: SocketAddr = env::args().nth(1).unwrap().parse().unwrap();
    let answer = screen(&address.ip().to_string(), json!({}));
    let logic = LogicBuilder::answering(answer).start_at(address).await;
    println!("{}", logic.url());
    pending().await
}
