//! The console of `flowctl dev`: a page on which a flow is played on a drawn phone, and every exchange is read.
//!
//! Its door. It is for one developer on one machine, and all that it shows is the developer's own.

pub(crate) mod examples;
pub(crate) mod line;
pub(crate) mod recorder;
pub(crate) mod timeline;

mod copy;
mod difference;
mod draw;
mod moves;
mod server;
mod session;

pub(crate) use self::moves::Move;
pub(crate) use self::server::{Console, File, Place};
pub(crate) use self::session::Session;
