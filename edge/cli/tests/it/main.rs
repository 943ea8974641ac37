//! The real `flowctl` binary, run as a user runs it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's helpers may panic as its tests do")]

mod bench;
mod browser;
mod conformance;
mod console;
mod dev;
mod doctor;
mod endpoint;
mod flow;
mod front;
mod graph;
mod graph_api;
mod keys;
mod process;
mod secrets;
mod simulate;
mod walk;
