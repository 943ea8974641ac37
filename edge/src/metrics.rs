//! What is counted, and how Prometheus reads it. Every label comes from a bounded set: the configuration's names, and words of
//! ours.

use std::fmt;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, MeterProvider as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};

use crate::semconv;

/// The instruments, shared by everything that counts.
pub(crate) struct Metrics {
    registry: Registry,
    provider: SdkMeterProvider,
    private_key_uses: Counter<u64>,
    app_secret_uses: Counter<u64>,
    reloads: Counter<u64>,
    replays: Counter<u64>,
    inexact_numbers: Counter<u64>,
    retries: Counter<u64>,
    panics: Counter<u64>,
}

/// Why there can be no metrics.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be collected: {0}")]
pub struct Error(opentelemetry_sdk::error::OTelSdkError);

/// Counts how often one key or secret fitted.
pub(crate) struct Uses {
    counter: Counter<u64>,
    labels: [KeyValue; 2],
}

/// How an attempt to reload ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reload {
    Applied,
    Refused,
}

/// What a repeated envelope was answered with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Replay {
    /// The same answer as before.
    Answered,
    /// Nothing: key and vector were seen with another ciphertext, or at another endpoint.
    Refused,
}

impl Metrics {
    pub(crate) fn new() -> Result<Self, Error> {
        let registry = Registry::new();
        let reader = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build();
        let provider = SdkMeterProvider::builder().with_reader(reader.map_err(Error)?).build();
        let meter = provider.meter("flow-edge");
        let counter = |name, description| meter.u64_counter(name).with_description(description).build();
        let metrics = Self {
            private_key_uses: counter(semconv::PRIVATE_KEY_USES, "Envelopes that a private key opened"),
            app_secret_uses: counter(semconv::APP_SECRET_USES, "Bodies whose signature an app secret verified"),
            reloads: counter(semconv::RELOADS, "Attempts to take over a changed configuration"),
            replays: counter(semconv::REPLAYS, "Envelopes that had been seen before"),
            inexact_numbers: counter(
                semconv::INEXACT_NUMBERS,
                "Whole numbers in requests that no double holds exactly",
            ),
            retries: counter(semconv::RETRIES, "Calls to logic that were repeated because they never reached it"),
            panics: counter(semconv::PANICS, "Requests that ended in a panic"),
            registry,
            provider,
        };
        // So that an alert on an increase sees the first one.
        for (counter, key, values) in [
            (&metrics.reloads, semconv::OUTCOME, [Reload::Applied.name(), Reload::Refused.name()].as_slice()),
            (&metrics.replays, semconv::OUTCOME, &[Replay::Answered.name(), Replay::Refused.name()]),
        ] {
            for value in values {
                counter.add(0, &[KeyValue::new(key, *value)]);
            }
        }
        metrics.inexact_numbers.add(0, &[]);
        metrics.retries.add(0, &[]);
        metrics.panics.add(0, &[]);
        Ok(metrics)
    }

    pub(crate) fn private_key_uses(&self, endpoint: &str, fingerprint: &str) -> Uses {
        Uses::new(&self.private_key_uses, semconv::PRIVATE_KEY, endpoint, fingerprint)
    }

    pub(crate) fn app_secret_uses(&self, endpoint: &str, fingerprint: &str) -> Uses {
        Uses::new(&self.app_secret_uses, semconv::APP_SECRET, endpoint, fingerprint)
    }

    pub(crate) fn reload(&self, outcome: Reload) {
        self.reloads.add(1, &[KeyValue::new(semconv::OUTCOME, outcome.name())]);
    }

    pub(crate) fn replay(&self, outcome: Replay) {
        self.replays.add(1, &[KeyValue::new(semconv::OUTCOME, outcome.name())]);
    }

    pub(crate) fn inexact_numbers(&self, count: usize) {
        if count > 0 {
            self.inexact_numbers.add(count as u64, &[]);
        }
    }

    pub(crate) fn retry(&self) {
        self.retries.add(1, &[]);
    }

    pub(crate) fn panic(&self) {
        self.panics.add(1, &[]);
    }

    /// Everything in Prometheus' text format.
    pub(crate) fn text(&self) -> Result<String, prometheus::Error> {
        let mut families = self.registry.gather();
        for metric in families.iter_mut().flat_map(|family| family.mut_metric()) {
            // Which library counted is the same everywhere.
            let labels = metric.take_label();
            metric.set_label(labels.into_iter().filter(|label| label.name() != "otel_scope_name").collect());
        }
        TextEncoder::new().encode_to_string(&families)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl Uses {
    fn new(counter: &Counter<u64>, key: &'static str, endpoint: &str, fingerprint: &str) -> Self {
        let fingerprint = fingerprint.chars().take(8).collect::<String>();
        let labels = [KeyValue::new(semconv::ENDPOINT, endpoint.to_owned()), KeyValue::new(key, fingerprint)];
        // A key that is never used is what an operator looks for, so it has a series from the start.
        counter.add(0, &labels);
        Self { counter: counter.clone(), labels }
    }

    pub(crate) fn count(&self) {
        self.counter.add(1, &self.labels);
    }
}

impl Reload {
    fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Refused => "refused",
        }
    }
}

impl Replay {
    fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
        }
    }
}
