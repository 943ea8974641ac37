//! The access line in the log, one for each request but for refusals that came too many at a time, and the end of what is observed of
//! it.
//!
//! It refuses to know how a request is answered.

use std::fmt::{self, Display};

use flow_telemetry::Shortened;
use tokio::time::Instant;
use tracing::field::display;
use tracing::{info, warn};

use super::refusals::{Kind, Refusals, Written};
use crate::line::{Answer, Error, Fault, Seen};
use crate::logic::Call;
use crate::telemetry::{End, Outcome, semconv};

/// Longest path that is written, in bytes, of which each is a character in what HTTP calls a path.
const MAX_PATH: usize = 64;

/// The line of one request.
pub(super) struct Line<'a> {
    endpoint: Option<&'a str>,
    /// The path, where no endpoint has it.
    path: Option<Path>,
    refusals: &'a Refusals,
    call: &'a Call,
    started: Instant,
    /// What became known of the request so far.
    pub(super) seen: Seen,
    is_written: bool,
}

/// The beginning of a path, kept without an allocation: anybody can ask for any.
#[derive(Clone, Copy)]
pub(super) struct Path {
    bytes: [u8; MAX_PATH],
    length: usize,
    is_cut: bool,
}

impl Path {
    pub(super) fn of(path: &str) -> Self {
        let length = path.floor_char_boundary(MAX_PATH);
        let mut bytes = [0; MAX_PATH];
        bytes[..length].copy_from_slice(&path.as_bytes()[..length]);
        Self { bytes, length, is_cut: length < path.len() }
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beginning = std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default();
        write!(f, "{}{}", Shortened(beginning, MAX_PATH), if self.is_cut { "…" } else { "" })
    }
}

impl<'a> Line<'a> {
    /// Of the request that began then at this endpoint, or at a path that belongs to none, with the refusals of the same.
    pub(super) fn new(
        endpoint: Result<&'a str, Path>,
        refusals: &'a Refusals,
        call: &'a Call,
        started: Instant,
    ) -> Self {
        let (endpoint, path) = (endpoint.ok(), endpoint.err());
        Self { endpoint, path, refusals, call, started, seen: Seen::default(), is_written: false }
    }

    /// The request was answered.
    pub(super) fn write(&mut self, answer: &Result<Answer, Error>) {
        let (status, outcome, error) = match answer {
            Ok(answer) => (answer.status, answer.outcome, answer.hidden),
            Err(error) => (error.status(), Outcome::Failed, Some(*error)),
        };
        let error_of = error.map(|error| (error.kind(), error.fault().name()));
        let screen = self.seen.screen.clone();
        let end = End {
            status: Some(status),
            action: self.seen.action,
            screen: screen.as_deref(),
            next_screen: answer.as_ref().ok().and_then(|answer| answer.screen.as_deref()),
            outcome,
            error: error_of,
        };
        let written = error.and_then(Kind::of).map_or(Written::Line { suppressed: 0 }, |kind| self.refusals.note(kind));
        let is_ours = matches!(error.map(Error::fault), Some(Fault::Edge | Fault::Logic));
        self.end(end, error.as_ref().map(|error| error as &dyn Display), written, is_ours);
    }

    /// A warning where the edge or logic is at fault, or where an operator should look.
    fn end(&mut self, end: End<'_>, reason: Option<&dyn Display>, written: Written, is_ours: bool) {
        self.is_written = true;
        self.call.observer.end(end);
        let (suppressed, advice) = match written {
            Written::No => return,
            Written::Line { suppressed } => (suppressed, None),
            Written::Warning { suppressed, advice } => (suppressed, Some(advice)),
        };
        let suppressed = Some(suppressed).filter(|suppressed| *suppressed > 0);
        let (endpoint, request_id) = (self.endpoint, &self.call.request_id);
        let path = self.path.as_ref().map(display);
        let status = end.status.map(|status| status.as_u16());
        let (kind, fault) = end.error.unzip();
        let reason = reason.map(display);
        let duration_ms = milliseconds(self.started);
        let (trace_id, span_id) = self.call.observer.ids().unzip();
        // The level is part of a log line's static description, so only a macro can write one line at either.
        macro_rules! write {
            ($level:ident) => {
                $level!(
                    { semconv::ENDPOINT } = endpoint,
                    path,
                    { semconv::ACTION } = end.action,
                    { semconv::SCREEN } = end.screen,
                    { semconv::NEXT_SCREEN } = end.next_screen,
                    { semconv::HTTP_RESPONSE_STATUS_CODE } = status,
                    { semconv::OUTCOME } = end.outcome.name(),
                    { semconv::REQUEST_ID } = request_id,
                    { semconv::ERROR_TYPE } = kind,
                    { semconv::FAULT } = fault,
                    reason,
                    advice,
                    suppressed,
                    duration_ms,
                    trace_id,
                    span_id,
                    "request"
                )
            };
        }
        if is_ours || advice.is_some() {
            write!(warn);
        } else {
            write!(info);
        }
    }
}

/// A request that is dropped without an answer, because its client went away, has a line as well.
impl Drop for Line<'_> {
    fn drop(&mut self) {
        if !self.is_written {
            let error = Some(("client_gone", Fault::Client.name()));
            let end =
                End { status: None, action: None, screen: None, next_screen: None, outcome: Outcome::Failed, error };
            let written = match self.seen.is_verified {
                true => Written::Line { suppressed: 0 },
                false => self.refusals.note(Kind::ClientGone),
            };
            self.end(end, Some(&"the client went away before it was answered"), written, false);
        }
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_as_far_as_it_may_be() {
        let shown = |path: &str| Path::of(path).to_string();
        assert_eq!(shown("/flows/appointments"), "/flows/appointments");
        assert_eq!(shown(&"/".repeat(64)), "/".repeat(64));
        assert_eq!(shown(&"/".repeat(65)), format!("{}…", "/".repeat(64)));
        assert_eq!(shown("/a\u{202e}\u{1b}[2J"), r"/a\u{202e}\u{1b}[2J");
        assert_eq!(shown(&format!("/{}", "ż".repeat(64))), format!("/{}…", "ż".repeat(31)));
    }
}
