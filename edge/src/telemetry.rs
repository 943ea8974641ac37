//! Logs on standard error: JSON for machines, plain lines on a terminal. A panic is a line as well, without its message, which
//! may quote what it is about.

use std::io::{IsTerminal as _, stderr};
use std::panic;

use tracing::error;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Starts logging. `RUST_LOG` sets levels, such as `debug` or `flow_edge=debug`; without it, `default` holds.
pub fn start_logging(default: LevelFilter) {
    let filter = EnvFilter::builder().with_default_directive(default.into()).from_env_lossy();
    let lines = fmt().with_env_filter(filter).with_writer(stderr);
    if stderr().is_terminal() {
        lines.init()
    } else {
        lines.json().flatten_event(true).init()
    }
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        error!(place, "panic");
    }));
}
