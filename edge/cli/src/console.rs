//! The console: a page on which a developer plays a flow and reads every exchange.

#[allow(dead_code, unused_imports, reason = "nothing serves the page yet")]
mod draw;
#[allow(dead_code, reason = "nothing records yet")]
pub(crate) mod timeline;
