//! Logs on standard error: JSON for machines, plain lines on a terminal. A panic is a line as well, without its message, which
//! may quote what it is about.
//!
//! A thread of its own writes the lines: a reader of them that is slow or stands still must not hold up requests.

use std::io::{BufWriter, IsTerminal as _, stderr};
use std::panic;

use tracing::error;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Lines that may wait to be written, some 10 MB. What comes beyond them is lost.
const MAX_WAITING_LINES: usize = 32_768;

/// Writes what is left of the log when it is dropped.
#[derive(Debug)]
#[must_use = "the last lines are written when it is dropped"]
pub struct Logs(#[expect(dead_code, reason = "it is there to be dropped")] WorkerGuard);

/// Starts logging. `RUST_LOG` sets levels, such as `debug` or `flow_edge=debug`; without it, `default` holds.
pub fn start_logging(default: LevelFilter) -> Logs {
    let filter = EnvFilter::builder().with_default_directive(default.into()).from_env_lossy();
    // Flushed whenever no line waits.
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(MAX_WAITING_LINES).finish(BufWriter::new(stderr()));
    let lines = fmt().with_env_filter(filter).with_writer(writer);
    if stderr().is_terminal() {
        lines.with_ansi(true).init()
    } else {
        lines.json().flatten_event(true).init()
    }
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        error!(place, "panic");
    }));
    Logs(guard)
}
