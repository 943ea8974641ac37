//! What is counted of the screens of an endpoint.
//!
//! Who lends the names of screens bounds them: by what a Flow JSON has.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;

use super::semconv;

/// What becomes of a screen, as far as the endpoint sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScreenEvent {
    /// An answer led to it, from another screen or at the beginning.
    Shown,
    /// A form or a selection came from it.
    Submitted,
    /// The user left it backwards.
    Back,
    /// The flow ended with an answer to it.
    Completed,
    /// It was answered with a message to its user.
    ErrorMessage,
    /// The client could not use an answer, and names it.
    RefusedByClient,
}

/// Counts what becomes of one screen.
pub(crate) struct ScreenCounts {
    counter: Counter<u64>,
    labels: [[KeyValue; 3]; ScreenEvent::ALL.len()],
}

impl ScreenCounts {
    /// Each event has a series from the start: a screen that nobody reaches is what a funnel should show.
    pub(super) fn new(counter: &Counter<u64>, endpoint: &Arc<str>, screen: &Arc<str>) -> Self {
        let labels = ScreenEvent::ALL.map(|event| {
            [
                KeyValue::new(semconv::ENDPOINT, Arc::clone(endpoint)),
                KeyValue::new(semconv::SCREEN, Arc::clone(screen)),
                KeyValue::new(semconv::EVENT, event.name()),
            ]
        });
        labels.iter().for_each(|labels| counter.add(0, labels));
        Self { counter: counter.clone(), labels }
    }

    pub(crate) fn count(&self, event: ScreenEvent) {
        self.counter.add(1, &self.labels[event as usize]);
    }
}

impl ScreenEvent {
    pub(super) const ALL: [Self; 6] =
        [Self::Shown, Self::Submitted, Self::Back, Self::Completed, Self::ErrorMessage, Self::RefusedByClient];

    fn name(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Submitted => "submitted",
            Self::Back => "back",
            Self::Completed => "completed",
            Self::ErrorMessage => "error_message",
            Self::RefusedByClient => "refused_by_client",
        }
    }
}
