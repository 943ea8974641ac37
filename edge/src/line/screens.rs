//! The screens of an endpoint: whether the client would take an answer, and what is told and counted by screen.
//!
//! It refuses to know keys, envelopes, and how an answer is written.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flow_json::verdict::Severity;
use flow_json::{Code, Judge, Verdict};
use flow_proto::json::AsJson;
use flow_telemetry::Shortened;
use flow_wire::message::{Action, Response};
use tracing::warn;

use super::convert::Answer;
use super::error::Error;
use crate::capacity::locked;
use crate::config::{Flow, FlowCheck};
use crate::logic::Call;
use crate::telemetry::{Metrics, ScreenCounts, ScreenEvent, semconv};

/// Longest name of a screen, in characters.
const MAX_SCREEN: usize = 64;
/// One warning of a kind about a screen in this time: a logic that is wrong is wrong each time.
const WARNING_EVERY: Duration = Duration::from_secs(60);
/// The client's own names of its reasons to refuse an answer.
const REFUSALS: [Code; 2] = [Code::InvalidScreenTransition, Code::PayloadSchemaError];

/// The screens of one endpoint.
pub(crate) struct Screens {
    endpoint: Arc<str>,
    metrics: Arc<Metrics>,
    judge: Judge,
    check: FlowCheck,
    counts: HashMap<Arc<str>, ScreenCounts>,
    told: Told,
}

/// Which screen asked for what.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) action: Action,
    /// As the client said it; empty where it named none.
    pub(super) screen: String,
}

impl Screens {
    pub(crate) fn new(flow: Flow, endpoint: &Arc<str>, metrics: &Arc<Metrics>) -> Self {
        let Flow { judge, check } = flow;
        // So that an alert on an increase sees the first one.
        for code in REFUSALS {
            metrics.verdicts(endpoint, code.as_str(), severity(Severity::Refused), 0);
        }
        let counts = |id: &str| {
            let id: Arc<str> = id.into();
            (Arc::clone(&id), metrics.screen(endpoint, &id))
        };
        let counts = judge.screens().into_iter().map(counts).collect();
        let (endpoint, metrics) = (Arc::clone(endpoint), Arc::clone(metrics));
        Self { endpoint, metrics, judge, check, counts, told: Told::default() }
    }

    /// The screen's name, where some edition has it: so it is a word from a bounded set.
    pub(super) fn known(&self, id: &str) -> Option<Arc<str>> {
        self.counts.get_key_value(id).map(|(id, _)| Arc::clone(id))
    }

    /// Whether the screen can be shown again with nothing but a message to its user.
    pub(super) fn fits_message_alone(&self, id: &str) -> bool {
        self.judge.fits_error_message_alone(id)
    }

    pub(super) fn count(&self, id: &str, event: ScreenEvent) {
        if let Some(counts) = self.counts.get(id) {
            counts.count(event);
        }
    }

    /// A client asked for an answer.
    pub(super) fn asked(&self, asked: &Asked) {
        match asked.action {
            Action::DataExchange => self.count(&asked.screen, ScreenEvent::Submitted),
            Action::Back => self.count(&asked.screen, ScreenEvent::Back),
            Action::Init | Action::Navigate => {}
        }
    }

    /// Holds an answer of logic against the screens, and tells what is wrong with it.
    pub(super) fn judge(&self, asked: &Asked, answer: &Answer, call: &Call) -> Result<(), Error> {
        let Response::Screen { screen, data: AsJson(data) } = answer else { return Ok(()) };
        let action = match asked.action {
            Action::Init => flow_json::Action::Init,
            Action::Back => flow_json::Action::Back,
            Action::DataExchange | Action::Navigate => flow_json::Action::DataExchange,
        };
        let request = flow_json::Request { action, screen: &asked.screen };
        let verdicts = self.judge.judge(&request, &flow_json::Answer { screen, data });
        self.tell(screen, &verdicts, call);
        let mut refused = verdicts.iter().filter(|verdict| verdict.severity == Severity::Refused).peekable();
        if self.check == FlowCheck::Warn || refused.peek().is_none() {
            return Ok(());
        }
        // It may be the phone that says that it is where it is not.
        let may_be_phones = !asked.screen.is_empty() && self.judge.has_screen(screen);
        let is_route = |verdict: &Verdict| verdict.code == Code::InvalidScreenTransition;
        Err(if may_be_phones && refused.all(is_route) { Error::NoRoute } else { Error::ClientWouldRefuse })
    }

    /// An answer goes out. The screen that it shows, where it is known.
    pub(super) fn answered(&self, asked: &Asked, answer: &Answer) -> Option<Arc<str>> {
        match answer {
            Response::Screen { screen, data: AsJson(data) } => {
                if *screen != asked.screen {
                    // Whom the way back leads to a screen has been there.
                    if asked.action != Action::Back {
                        self.count(screen, ScreenEvent::Shown);
                    }
                } else if asked.action == Action::Init {
                    self.count(screen, ScreenEvent::Shown);
                } else if data.fields.contains_key("error_message") {
                    self.count(screen, ScreenEvent::ErrorMessage);
                }
                self.known(screen)
            }
            Response::Completion { .. } => {
                self.count(&asked.screen, ScreenEvent::Completed);
                None
            }
            Response::InvalidFlowToken { .. } | Response::Active | Response::Acknowledged => None,
        }
    }

    /// The same for the fallback in place of an answer.
    pub(super) fn fallen_back(&self, asked: &Asked) -> Option<Arc<str>> {
        self.count(&asked.screen, ScreenEvent::ErrorMessage);
        self.known(&asked.screen)
    }

    /// Each code once, with its first place: what a reader needs to find the rest.
    fn tell(&self, screen: &str, verdicts: &[Verdict], call: &Call) {
        for (place, verdict) in verdicts.iter().enumerate() {
            let is_same = |other: &&Verdict| (other.code, other.severity) == (verdict.code, verdict.severity);
            if verdicts[..place].iter().any(|earlier| is_same(&earlier)) {
                continue;
            }
            let count = verdicts.iter().filter(is_same).count();
            let (code, severity) = (verdict.code.as_str(), severity(verdict.severity));
            self.metrics.verdicts(&self.endpoint, code, severity, count as u64);
            // It works, and would be said of every answer.
            if verdict.severity == Severity::Note {
                continue;
            }
            let Some(suppressed) = self.told.tell(self.known(screen), verdict.code) else { continue };
            let (trace_id, span_id) = call.observer.ids().unzip();
            warn!(
                { semconv::ENDPOINT } = &*self.endpoint,
                { semconv::NEXT_SCREEN } = %Shortened(screen, MAX_SCREEN),
                { semconv::CODE } = code,
                { semconv::SEVERITY } = severity,
                pointer = verdict.pointer,
                reason = verdict.message,
                places = count,
                { semconv::REQUEST_ID } = call.request_id,
                trace_id,
                span_id,
                suppressed,
                "logic's answer does not fit the screens"
            );
        }
    }
}

impl fmt::Debug for Screens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screens").field("check", &self.check).finish_non_exhaustive()
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Refused => "refused",
        Severity::ShownWrongly => "shown_wrongly",
        Severity::Note => "note",
    }
}

/// What was told of late, by screen and code, of which there are as many as the files and the crate have.
#[derive(Debug, Default)]
struct Told(Mutex<HashMap<About, Last>>);

/// A screen that is known, or any that is not, and what is wrong with it.
type About = (Option<Arc<str>>, Code);

#[derive(Debug)]
struct Last {
    at: Instant,
    suppressed: u64,
}

impl Told {
    /// How often it was not told since the last time, where it is to be told now.
    fn tell(&self, screen: Option<Arc<str>>, code: Code) -> Option<u64> {
        let now = Instant::now();
        let mut told = locked(&self.0);
        let Some(last) = told.get_mut(&(screen.clone(), code)) else {
            told.insert((screen, code), Last { at: now, suppressed: 0 });
            return Some(0);
        };
        if now.duration_since(last.at) < WARNING_EVERY {
            last.suppressed += 1;
            return None;
        }
        last.at = now;
        Some(std::mem::take(&mut last.suppressed))
    }
}
