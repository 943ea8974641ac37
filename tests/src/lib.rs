//! What the tests of the running edge are built from: the edge as a process, a stand-in logic, and a messaging client.
//!
//! Everything that is started ends with the value that stands for it. Ports are chosen by the system, and nothing waits
//! for a fixed time: [`PATIENCE`] only bounds how long a broken test hangs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's helpers may panic as its tests do")]

mod client;
mod collector;
mod edge;
mod keys;
mod load;
mod logic;
mod operator;
mod private;
mod proxy;
mod service;
mod toolchain;

use std::time::Duration;

pub use client::{Answer, Client, Exchange, connect};
pub use collector::{Collector, Span};
pub use edge::{ADDRESS, Edge, EdgeBuilder, Finished, NAME, binary, can_resolve, flowctl, run};
pub use keys::{APP_SECRET, Authority, OTHER_APP_SECRET, Tls, key_file};
pub use load::{Load, Record};
pub use logic::{Call, Gate, Logic, LogicBuilder, completion, invalid_token, screen};
pub use proxy::Proxy;
pub use service::ExampleService;
pub use toolchain::is_there;

/// After this long, whatever is waited for will not come any more.
pub const PATIENCE: Duration = Duration::from_secs(30);
