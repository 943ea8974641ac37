//! The HTTPS endpoint of WhatsApp Flows in front of a gRPC FlowService.
//!
//! Rooms, each of which uses only those below it:
//!
//! | room | |
//! |---|---|
//! | [`server`] | from sockets to one request, and back |
//! | [`line`](mod@line) | one request: signature, envelope, message, logic, answer, seal |
//! | `logic` | the call to the FlowService |
//! | `capacity` | what a request may take of the machine |
//! | `telemetry` | what is measured of it |
//! | [`config`] | what the file says |
//!
//! The library exists for the `flow-edge` binary and for `flowctl`, which runs the same server in its own process and holds logic
//! services against the same mapping.

pub mod config;
pub mod line;
pub mod server;

mod capacity;
mod logic;
mod telemetry;
