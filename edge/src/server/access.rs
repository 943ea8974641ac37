//! The access line in the log, one for each request.
//!
//! It refuses to know how a request is answered.

use std::fmt::Display;

use tokio::time::Instant;
use tracing::field::display;
use tracing::{info, warn};

use crate::line::{Answer, Error, Fault, Seen};
use crate::logic::Call;
use crate::telemetry::{End, Outcome, semconv};

/// The access line, one for each request; and the end of what is observed of it.
pub(super) struct Line<'a> {
    endpoint: Option<&'a str>,
    call: &'a Call,
    started: Instant,
    is_written: bool,
}

impl<'a> Line<'a> {
    /// Of the request that began then.
    pub(super) fn new(endpoint: Option<&'a str>, call: &'a Call, started: Instant) -> Self {
        Self { endpoint, call, started, is_written: false }
    }

    /// The request was answered.
    pub(super) fn write(&mut self, seen: &Seen, answer: &Result<Answer, Error>) {
        let (status, outcome, error) = match answer {
            Ok(answer) => (answer.status, answer.outcome, answer.hidden),
            Err(error) => (error.status(), Outcome::Failed, Some(*error)),
        };
        let is_ours = matches!(error.map(Error::fault), Some(Fault::Edge | Fault::Logic));
        let error_of = error.map(|error| (error.kind(), error.fault().name()));
        let end = End { status: Some(status), action: seen.action, outcome, error: error_of };
        self.end(end, error.as_ref().map(|error| error as &dyn Display), is_ours);
    }

    /// A warning where the edge or logic is at fault.
    fn end(&mut self, end: End, reason: Option<&dyn Display>, is_ours: bool) {
        self.is_written = true;
        let (endpoint, request_id) = (self.endpoint, &self.call.request_id);
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
                    { semconv::ACTION } = end.action,
                    { semconv::HTTP_RESPONSE_STATUS_CODE } = status,
                    { semconv::OUTCOME } = end.outcome.name(),
                    { semconv::REQUEST_ID } = request_id,
                    { semconv::ERROR_TYPE } = kind,
                    { semconv::FAULT } = fault,
                    reason,
                    duration_ms,
                    trace_id,
                    span_id,
                    "request"
                )
            };
        }
        if is_ours {
            write!(warn);
        } else {
            write!(info);
        }
        self.call.observer.end(end);
    }
}

/// A request that is dropped without an answer, because its client went away, has a line as well.
impl Drop for Line<'_> {
    fn drop(&mut self) {
        if !self.is_written {
            let error = Some(("client_gone", Fault::Client.name()));
            let end = End { status: None, action: None, outcome: Outcome::Failed, error };
            self.end(end, Some(&"the client went away before it was answered"), false);
        }
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
