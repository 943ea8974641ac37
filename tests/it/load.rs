//! The edge while it is busy: slow and hostile peers, changes of its files, and its end.

mod limits;
mod stopping;

use flow_tests::{Logic, screen};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

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
