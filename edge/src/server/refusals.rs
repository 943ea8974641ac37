//! Which refusals are written to the log.
//!
//! What anybody can cause, anybody can cause a million times: of each kind of refusal the first in a second is written, for each
//! endpoint, and it says how many were not. Some kinds are a mistake of the operator's as often as not, so the first of such in a
//! minute is a warning that says where to look.
//!
//! It takes as much memory as there are kinds and endpoints, and none for a refusal. It refuses to know what a line says.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flow_wire::{envelope, signature};
use tokio::time::Instant;

use crate::line::Error;

/// One line of a kind in this time.
const LINE_EVERY: Duration = Duration::from_secs(1);
/// One warning of a kind in this time.
const WARNING_EVERY: Duration = Duration::from_secs(60);

/// The refusals of one endpoint, or of the paths that belong to none.
#[derive(Debug)]
pub(crate) struct Refusals {
    since: Instant,
    kinds: [Counted; Kind::COUNT],
}

/// What is remembered of one kind. Times are in milliseconds since the beginning.
#[derive(Debug, Default)]
struct Counted {
    next_line: AtomicU64,
    next_warning: AtomicU64,
    suppressed: AtomicU64,
}

/// A refusal whose line may be left out, or is more than a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    NotFound,
    MethodNotAllowed,
    WebhookVerification,
    Overloaded,
    NoBodyMemory,
    TooManyFields,
    BodyTooLarge,
    BodyTimeout,
    BodyBroken,
    SignatureMissing,
    SignatureMalformed,
    SignatureMismatch,
    /// Gone before its signature was found to be good.
    ClientGone,
    Webhook,
    Undecryptable,
}

/// What is written of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// Nothing.
    No,
    /// A line, which says how many of its kind were not written since the last one.
    Line { suppressed: u64 },
    /// The same as a warning, with where to look.
    Warning { suppressed: u64, advice: &'static str },
}

impl Refusals {
    /// None so far.
    pub(crate) fn new() -> Self {
        Self { since: Instant::now(), kinds: array::from_fn(|_| Counted::default()) }
    }

    /// Notes one more refusal, and says what is written of it.
    pub(crate) fn note(&self, kind: Kind) -> Written {
        self.note_at(kind, self.since.elapsed())
    }

    /// The same at this time since the beginning.
    fn note_at(&self, kind: Kind, now: Duration) -> Written {
        let now = milliseconds(now);
        let counted = &self.kinds[kind as usize];
        if let Some(advice) = kind.advice()
            && is_due(&counted.next_warning, now, WARNING_EVERY)
        {
            counted.next_line.store(now.saturating_add(milliseconds(LINE_EVERY)), Ordering::Relaxed);
            return Written::Warning { suppressed: counted.suppressed.swap(0, Ordering::Relaxed), advice };
        }
        if !kind.is_anybodys() || is_due(&counted.next_line, now, LINE_EVERY) {
            return Written::Line { suppressed: counted.suppressed.swap(0, Ordering::Relaxed) };
        }
        counted.suppressed.fetch_add(1, Ordering::Relaxed);
        Written::No
    }
}

/// Whether the time for the next one has come; of several at once it has for one.
fn is_due(next: &AtomicU64, now: u64, every: Duration) -> bool {
    let due = next.load(Ordering::Relaxed);
    due <= now
        && next
            .compare_exchange(due, now.saturating_add(milliseconds(every)), Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Kind {
    /// The last one's place and one.
    const COUNT: usize = Self::Undecryptable as usize + 1;

    /// `None` where every line is written: whoever causes it signs like the platform.
    pub(crate) fn of(error: Error) -> Option<Self> {
        match error {
            Error::NotFound => Some(Self::NotFound),
            Error::MethodNotAllowed => Some(Self::MethodNotAllowed),
            Error::WebhookVerification => Some(Self::WebhookVerification),
            Error::Overloaded => Some(Self::Overloaded),
            Error::NoBodyMemory => Some(Self::NoBodyMemory),
            Error::TooManyFields => Some(Self::TooManyFields),
            Error::BodyTooLarge => Some(Self::BodyTooLarge),
            Error::BodyTimeout => Some(Self::BodyTimeout),
            Error::BodyBroken => Some(Self::BodyBroken),
            Error::Signature(signature::Error::Missing) => Some(Self::SignatureMissing),
            Error::Signature(signature::Error::Malformed) => Some(Self::SignatureMalformed),
            Error::Signature(signature::Error::Mismatch) => Some(Self::SignatureMismatch),
            Error::Envelope(envelope::Error::Webhook) => Some(Self::Webhook),
            Error::Undecryptable(_) => Some(Self::Undecryptable),
            Error::Envelope(_)
            | Error::Message(_)
            | Error::MessageTooLarge
            | Error::NonceReused
            | Error::TokenUnsigned
            | Error::Token(_)
            | Error::Panicked
            | Error::Logic(_)
            | Error::Violation(_)
            | Error::ClientWouldRefuse
            | Error::NoRoute => None,
        }
    }

    /// Whether no secret is needed to cause it.
    fn is_anybodys(self) -> bool {
        !matches!(self, Self::Webhook | Self::Undecryptable)
    }

    /// Where an operator should look, for what is a mistake of theirs as often as not.
    fn advice(self) -> Option<&'static str> {
        match self {
            Self::SignatureMissing => Some(
                "strangers send such requests; where the platform's are among them, a proxy in front drops the header \
                 X-Hub-Signature-256",
            ),
            Self::SignatureMalformed => Some(
                "strangers send such requests; where the platform's are among them, a proxy in front changes the header \
                 X-Hub-Signature-256",
            ),
            Self::SignatureMismatch => Some(
                "strangers send such requests; where the platform's are among them, app_secrets lacks the secret of the app that the \
                 flow belongs to (App settings, Basic), or a proxy in front changes bodies; flowctl doctor tells which",
            ),
            Self::WebhookVerification => Some(
                "where this was the platform, the callback URL of the app's webhooks is this endpoint's; give them one of their own, \
                 a flow's endpoint is not verified so",
            ),
            Self::Webhook => Some(
                "the app's webhooks have this endpoint as their callback URL; give them one of their own, such messages are lost here",
            ),
            Self::Undecryptable => Some(
                "the platform has a public key whose private key is not in private_keys, or a phone keeps an older one; \
                 flowctl keys status --public-key compares",
            ),
            Self::NotFound
            | Self::MethodNotAllowed
            | Self::Overloaded
            | Self::NoBodyMemory
            | Self::TooManyFields
            | Self::BodyTooLarge
            | Self::BodyTimeout
            | Self::BodyBroken
            | Self::ClientGone => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn line(suppressed: u64) -> Written {
        Written::Line { suppressed }
    }

    fn warned(written: Written) -> Option<u64> {
        match written {
            Written::Warning { suppressed, .. } => Some(suppressed),
            Written::No | Written::Line { .. } => None,
        }
    }

    #[test]
    fn the_first_of_a_kind_in_a_second_is_written_and_counts_the_others() {
        let refusals = Refusals::new();
        let note = |kind, seconds| refusals.note_at(kind, SECOND.mul_f64(seconds));
        assert_eq!(note(Kind::NotFound, 0.0), line(0));
        assert_eq!(note(Kind::NotFound, 0.1), Written::No);
        assert_eq!(note(Kind::NotFound, 0.9), Written::No);
        assert_eq!(note(Kind::BodyBroken, 0.9), line(0), "each kind counts for itself");
        assert_eq!(note(Kind::NotFound, 1.0), line(2));
        assert_eq!(note(Kind::NotFound, 1.9), Written::No);
    }

    #[test]
    fn the_first_in_a_minute_is_a_warning_where_an_operator_should_look() {
        let refusals = Refusals::new();
        let note = |kind, seconds| refusals.note_at(kind, SECOND.mul_f64(seconds));
        assert_eq!(warned(note(Kind::SignatureMismatch, 0.0)), Some(0));
        assert_eq!(note(Kind::SignatureMismatch, 0.1), Written::No);
        assert_eq!(warned(note(Kind::SignatureMissing, 0.2)), Some(0), "another cause is another kind");
        assert_eq!(note(Kind::SignatureMismatch, 1.0), line(1));
        assert_eq!(note(Kind::SignatureMismatch, 1.1), Written::No);
        assert_eq!(warned(note(Kind::SignatureMismatch, 60.0)), Some(1));
    }

    #[test]
    fn what_takes_the_platforms_signature_is_written_each_time() {
        let refusals = Refusals::new();
        let note = |seconds| refusals.note_at(Kind::Undecryptable, SECOND.mul_f64(seconds));
        assert_eq!(warned(note(0.0)), Some(0));
        assert_eq!(note(0.1), line(0));
        assert_eq!(note(0.1), line(0));
        assert_eq!(warned(note(60.0)), Some(0));
    }
}
