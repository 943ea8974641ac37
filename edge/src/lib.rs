//! The HTTPS endpoint of WhatsApp Flows in front of a gRPC FlowService.
//!
//! A request runs in one line through [`exchange`](mod@exchange): signature, envelope, message, logic, answer, seal. Around
//! it stand the [`listener`] (TLS, connections), the [`router`] (which endpoint, which limits) and the [`admin`] server. The
//! library exists for the `flow-edge` binary and for `flowctl`, which runs the same server in its own process and holds logic
//! services against the same mapping.

pub mod config;
pub mod convert;
pub mod server;
pub mod shutdown;

mod admin;
mod aside;
mod edge;
mod error;
mod exchange;
mod listener;
mod logic;
mod metrics;
mod observe;
mod reload;
mod replay;
mod ring;
mod router;
mod semconv;
mod turns;

pub use server::Server;
