//! What went over the line in a console's conversation, exchange by exchange, for people and for programs.
//!
//! All of it is the developer's own, form data included: it never leaves the machine. It refuses to know how it is drawn.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use flow_json::Verdict;
use flow_json::verdict::Severity;
use serde_json::{Value, json};

use crate::client::Object;
use crate::screens;

/// More than anybody looks at; the oldest go first.
const MOST: usize = 1000;

#[derive(Debug, Default)]
pub(crate) struct Timeline {
    exchanges: Vec<Exchange>,
    /// The number of the next one; numbers go on when old exchanges are gone.
    next: usize,
}

/// A request and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) number: usize,
    pub(crate) at: SystemTime,
    /// Plaintext, as it was sealed.
    pub(crate) request: Object,
    pub(crate) outcome: Outcome,
    /// From the first byte sent to the last one read.
    pub(crate) took: Duration,
    /// What logic was asked meanwhile; more than one where the edge repeated a call.
    pub(crate) calls: Vec<Call>,
    /// What a phone says of the answer.
    pub(crate) verdicts: Vec<Verdict>,
    /// What was made wrong on purpose.
    pub(crate) fault: Option<&'static str>,
    /// As in `traceparent`.
    pub(crate) trace_id: String,
    /// Where the same step was played before and came to something else: pointers into the answer, or `status`.
    pub(crate) differences: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Answered {
        status: u16,
        /// Opened; nothing where the body was not sealed.
        body: Option<Object>,
        request_id: Option<String>,
        /// What the status means to a phone; empty at 200.
        explanation: String,
    },
    /// There was no answer that a phone could open.
    NoAnswer(String),
}

/// One gRPC call of the edge to logic.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// gRPC's name of the status, such as `OK` or `UNAVAILABLE`; `no answer` where the connection broke off.
    pub(crate) code: String,
    pub(crate) text: String,
    /// Since the exchange began.
    pub(crate) after: Duration,
    pub(crate) took: Duration,
    /// As protobuf's JSON has it.
    pub(crate) request: Value,
    pub(crate) response: Value,
}

impl Timeline {
    /// Adds an exchange, which gets its number here.
    pub(crate) fn add(&mut self, exchange: Exchange) -> &Exchange {
        self.next += 1;
        if self.exchanges.len() == MOST {
            self.exchanges.remove(0);
        }
        self.exchanges.push(Exchange { number: self.next, ..exchange });
        &self.exchanges[self.exchanges.len() - 1]
    }

    /// Says of an exchange where it is another than one before.
    pub(crate) fn mark(&mut self, number: usize, differences: impl Fn(&Exchange) -> Vec<String>) {
        if let Some(exchange) = self.exchanges.iter_mut().find(|exchange| exchange.number == number) {
            exchange.differences = differences(exchange);
        }
    }

    /// Oldest first.
    pub(crate) fn exchanges(&self) -> &[Exchange] {
        &self.exchanges
    }

    pub(crate) fn get(&self, number: usize) -> Option<&Exchange> {
        self.exchanges.iter().find(|exchange| exchange.number == number)
    }
}

impl Exchange {
    /// What the client asked for: `INIT`, `BACK`, `data_exchange`, `ping`; of an error notification `error`.
    pub(crate) fn action(&self) -> &str {
        let is_notification = self.request.get("data").is_some_and(|data| data.get("error").is_some());
        let action = self.request.get("action").and_then(Value::as_str).unwrap_or_default();
        if is_notification && action != "ping" { "error" } else { action }
    }

    /// The screen that it came from; empty where it names none.
    pub(crate) fn screen(&self) -> &str {
        self.request.get("screen").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn status(&self) -> Option<u16> {
        match self.outcome {
            Outcome::Answered { status, .. } => Some(status),
            Outcome::NoAnswer(_) => None,
        }
    }

    /// The screen of the answer.
    pub(crate) fn next_screen(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Answered { body: Some(body), .. } => body.get("screen")?.as_str(),
            _ => None,
        }
    }

    /// A phone shows what came.
    pub(crate) fn is_good(&self) -> bool {
        let refused = self.verdicts.iter().any(|verdict| verdict.severity == Severity::Refused);
        matches!(self.status(), Some(200 | 427)) && !refused
    }

    /// For programs.
    pub(crate) fn to_json(&self) -> Value {
        let outcome = match &self.outcome {
            Outcome::Answered { status, body, request_id, explanation } => {
                json!({ "status": status, "answer": body, "request_id": request_id, "explanation": explanation })
            }
            Outcome::NoAnswer(why) => json!({ "status": null, "explanation": why }),
        };
        let call = |call: &Call| {
            json!({
                "method": call.method,
                "code": call.code,
                "text": call.text,
                "after_ms": milliseconds(call.after),
                "time_ms": milliseconds(call.took),
                "request": call.request,
                "response": call.response,
            })
        };
        json!({
            "number": self.number,
            "at": DateTime::<Utc>::from(self.at).to_rfc3339(),
            "action": self.action(),
            "request": self.request,
            "outcome": outcome,
            "time_ms": milliseconds(self.took),
            "calls": self.calls.iter().map(call).collect::<Value>(),
            "verdicts": self.verdicts.iter().map(screens::to_json).collect::<Value>(),
            "fault": self.fault,
            "trace_id": self.trace_id,
            "differences": self.differences,
            "good": self.is_good(),
        })
    }
}

/// With tenths, as people read times.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
