//! The FlowService behind an endpoint: where it is, which of its addresses serve, and one call to it over gRPC.
//!
//! It refuses to know the protocol of the platform. The text of a gRPC status never leaves this room, since logic may quote a
//! payload in it.

mod backend;
mod call;
mod cause;
mod pool;
mod unary;
mod violation;

pub(crate) use self::call::{Call, Error, Logic, Method};
pub(crate) use self::unary::{Encoded, MAX_MESSAGE};
pub use self::violation::Violation;
