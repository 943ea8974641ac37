//! One request, from signed bytes to sealed bytes: the line itself, and what each of its steps needs.
//!
//! It refuses to know sockets and HTTP, apart from the status that an answer has. Of screens it knows what `flow-json` says of them.

pub mod convert;

mod answer;
mod endpoint;
mod error;
mod exchange;
mod notice;
mod replay;
mod ring;
mod screens;

pub(crate) use self::answer::Answer;
pub(crate) use self::endpoint::Endpoint;
pub use self::error::status_of_logic;
pub(crate) use self::error::{Error, Fault};
pub(crate) use self::exchange::{Received, Seen, exchange};
pub(crate) use self::notice::Notification;
pub(crate) use self::replay::Replay;
pub(crate) use self::ring::Ring;
pub(crate) use self::screens::Screens;
pub use crate::logic::Violation;
