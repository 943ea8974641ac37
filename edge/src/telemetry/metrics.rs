//! What is counted and measured, and how Prometheus reads it. Every label comes from a bounded set: the configuration's names, and
//! words of ours.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Counter, Histogram, Meter, MeterProvider as _};
use opentelemetry_sdk::metrics::{Instrument, MeterProviderBuilder, SdkMeterProvider, Stream};
use prometheus::{Registry, TextEncoder};

use super::request::{End, Stage};
use super::screens::{ScreenCounts, ScreenEvent};
use super::semconv;

/// Seconds. The platform looks at 1, 5 and 7.
const REQUEST_BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0];
/// Seconds. A signature takes microseconds, the private operation some 400 of them, logic what it takes.
const STAGE_BUCKETS: [f64; 15] =
    [1e-5, 2.5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 0.01, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Instruments whose series grow with the endpoints.
const BY_ENDPOINT: [&str; 6] = [
    semconv::HTTP_SERVER_REQUEST_DURATION,
    semconv::PRIVATE_KEY_USES,
    semconv::APP_SECRET_USES,
    semconv::PRIVATE_KEY_MODIFIED,
    semconv::ERROR_NOTIFICATIONS,
    semconv::VERDICTS,
];
/// Series of one endpoint in one of them. Actions, statuses and kinds of failure make the most, as far as they meet.
const SERIES_PER_ENDPOINT: usize = 40;
/// What OpenTelemetry bounds an instrument's series to unless told otherwise.
const DEFAULT_SERIES: usize = 2000;

/// The instruments, shared by everything that counts.
pub(crate) struct Metrics {
    registry: Registry,
    provider: SdkMeterProvider,
    meter: Meter,
    requests: Histogram<f64>,
    stages: Histogram<f64>,
    calls: Histogram<f64>,
    private_key_uses: Counter<u64>,
    app_secret_uses: Counter<u64>,
    reloads: Counter<u64>,
    replays: Counter<u64>,
    error_notifications: Counter<u64>,
    screen_events: Counter<u64>,
    verdicts: Counter<u64>,
    inexact_numbers: Counter<u64>,
    retries: Counter<u64>,
    unreachable: Counter<u64>,
    panics: Counter<u64>,
}

/// Why there can be no metrics.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be collected: {0}")]
pub struct Error(opentelemetry_sdk::error::OTelSdkError);

/// One request in the histogram.
#[derive(Debug)]
pub(crate) struct Point<'a> {
    pub(crate) took: Duration,
    pub(crate) method: &'static str,
    pub(crate) scheme: &'static str,
    /// Name and path of the endpoint.
    pub(crate) endpoint: Option<&'a (Arc<str>, Arc<str>)>,
    pub(crate) end: End<'a>,
}

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
    /// `builder` has the resource, and a reader where metrics are sent as well. So many endpoints have so many screens together;
    /// a reload may double them.
    pub(crate) fn new(builder: MeterProviderBuilder, endpoints: usize, screens: usize) -> Result<Self, Error> {
        let registry = Registry::new();
        let reader = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build();
        let series = endpoints * SERIES_PER_ENDPOINT;
        let by_screen = 2 * screens * ScreenEvent::ALL.len();
        let bound = move |instrument: &Instrument| {
            let series = match instrument.name() {
                semconv::SCREEN_EVENTS => by_screen,
                name if BY_ENDPOINT.contains(&name) => series,
                _ => 0,
            };
            let stream = (series > DEFAULT_SERIES).then(|| Stream::builder().with_cardinality_limit(series));
            stream?.build().ok()
        };
        let provider = builder.with_view(bound).with_reader(reader.map_err(Error)?).build();
        let meter = provider.meter("flow-edge");
        let counter = |name, description| meter.u64_counter(name).with_description(description).build();
        let histogram = |name, description, buckets: &[f64]| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(description);
            histogram.with_boundaries(buckets.to_vec()).build()
        };
        let metrics = Self {
            requests: histogram(
                semconv::HTTP_SERVER_REQUEST_DURATION,
                "Time of a request from its head to its answer",
                &REQUEST_BUCKETS,
            ),
            stages: histogram(semconv::STAGE_DURATION, "Time of a part of the work on a request", &STAGE_BUCKETS),
            calls: histogram(semconv::RPC_CLIENT_CALL_DURATION, "Time of an attempt to call logic", &REQUEST_BUCKETS),
            private_key_uses: counter(semconv::PRIVATE_KEY_USES, "Envelopes that a private key opened"),
            app_secret_uses: counter(semconv::APP_SECRET_USES, "Bodies whose signature an app secret verified"),
            reloads: counter(semconv::RELOADS, "Attempts to take over a changed configuration"),
            replays: counter(semconv::REPLAYS, "Envelopes that had been seen before"),
            error_notifications: counter(
                semconv::ERROR_NOTIFICATIONS,
                "Answers that a client could not use, by Meta's key for why",
            ),
            screen_events: counter(semconv::SCREEN_EVENTS, "What became of each screen"),
            verdicts: counter(semconv::VERDICTS, "What is wrong with answers by the Flow JSON, by code"),
            inexact_numbers: counter(
                semconv::INEXACT_NUMBERS,
                "Whole numbers in requests that no double holds exactly",
            ),
            retries: counter(semconv::RETRIES, "Calls to logic that were repeated because they never reached it"),
            unreachable: counter(
                semconv::UNREACHABLE,
                "How often an address of logic could not be reached any more, and why",
            ),
            panics: counter(semconv::PANICS, "Requests that ended in a panic"),
            registry,
            provider,
            meter,
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

    /// Has a gauge read whenever metrics are.
    pub(crate) fn gauge(
        &self,
        name: &'static str,
        unit: &'static str,
        description: &'static str,
        read: impl Fn() -> Vec<(u64, Vec<KeyValue>)> + Send + Sync + 'static,
    ) {
        let gauge = self.meter.u64_observable_gauge(name).with_unit(unit).with_description(description);
        let observe = move |observer: &dyn AsyncInstrument<u64>| {
            for (value, labels) in read() {
                observer.observe(value, &labels);
            }
        };
        gauge.with_callback(observe).build();
    }

    /// Has a count that is kept elsewhere read whenever metrics are.
    pub(crate) fn total(
        &self,
        name: &'static str,
        description: &'static str,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        let counter = self.meter.u64_observable_counter(name).with_description(description);
        counter.with_callback(move |observer| observer.observe(read(), &[])).build();
    }

    /// Has the requests that wait for their answers counted whenever metrics are read.
    pub(crate) fn active_requests(&self, read: impl Fn() -> usize + Send + Sync + 'static) {
        let active = self.meter.i64_observable_up_down_counter(semconv::HTTP_SERVER_ACTIVE_REQUESTS);
        active
            .with_description("Requests from their head to their answer")
            .with_callback(move |observer| observer.observe(i64::try_from(read()).unwrap_or(i64::MAX), &[]))
            .build();
    }

    pub(crate) fn request(&self, point: &Point<'_>) {
        let End { status, action, outcome, error, screen: _, next_screen: _ } = point.end;
        let mut labels = Vec::with_capacity(9);
        labels.push(KeyValue::new(semconv::HTTP_REQUEST_METHOD, point.method));
        labels.push(KeyValue::new(semconv::URL_SCHEME, point.scheme));
        labels.push(KeyValue::new(semconv::OUTCOME, outcome.name()));
        labels
            .extend(status.map(|status| KeyValue::new(semconv::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()))));
        labels.extend(action.map(|action| KeyValue::new(semconv::ACTION, action)));
        if let Some((name, path)) = point.endpoint {
            labels.push(KeyValue::new(semconv::ENDPOINT, Arc::clone(name)));
            labels.push(KeyValue::new(semconv::HTTP_ROUTE, Arc::clone(path)));
        }
        if let Some((kind, fault)) = error {
            labels.push(KeyValue::new(semconv::ERROR_TYPE, kind));
            labels.push(KeyValue::new(semconv::FAULT, fault));
        }
        self.requests.record(point.took.as_secs_f64(), &labels);
    }

    pub(crate) fn stage(&self, stage: Stage, took: Duration) {
        self.stages.record(took.as_secs_f64(), &[KeyValue::new(semconv::STAGE, stage.name())]);
    }

    pub(crate) fn call(&self, took: Duration, labels: &[KeyValue]) {
        self.calls.record(took.as_secs_f64(), labels);
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

    /// So many more; none where all there is to say is that there may be some.
    pub(crate) fn error_notifications(&self, endpoint: &Arc<str>, error_key: &'static str, count: u64) {
        let labels =
            [KeyValue::new(semconv::ENDPOINT, Arc::clone(endpoint)), KeyValue::new(semconv::ERROR_KEY, error_key)];
        self.error_notifications.add(count, &labels);
    }

    /// The counts of a screen that the endpoint's Flow JSON has.
    pub(crate) fn screen(&self, endpoint: &Arc<str>, screen: &Arc<str>) -> ScreenCounts {
        ScreenCounts::new(&self.screen_events, endpoint, screen)
    }

    /// So many more; none where all there is to say is that there may be some.
    pub(crate) fn verdicts(&self, endpoint: &Arc<str>, code: &'static str, severity: &'static str, count: u64) {
        let labels = [
            KeyValue::new(semconv::ENDPOINT, Arc::clone(endpoint)),
            KeyValue::new(semconv::CODE, code),
            KeyValue::new(semconv::SEVERITY, severity),
        ];
        self.verdicts.add(count, &labels);
    }

    pub(crate) fn inexact_numbers(&self, count: usize) {
        self.inexact_numbers.add(count as u64, &[]);
    }

    pub(crate) fn retry(&self) {
        self.retries.add(1, &[]);
    }

    pub(crate) fn unreachable(&self, address: &Arc<str>, cause: &'static str) {
        let labels =
            [KeyValue::new(semconv::SERVER_ADDRESS, Arc::clone(address)), KeyValue::new(semconv::CAUSE, cause)];
        self.unreachable.add(1, &labels);
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
        let labels = labels(key, endpoint, fingerprint);
        // A key that is never used is what an operator looks for, so it has a series from the start.
        counter.add(0, &labels);
        Self { counter: counter.clone(), labels }
    }

    pub(crate) fn count(&self) {
        self.counter.add(1, &self.labels);
    }
}

/// The reading of a gauge without labels.
pub(crate) fn one(value: usize) -> Vec<(u64, Vec<KeyValue>)> {
    vec![(value as u64, Vec::new())]
}

/// A key or secret is named by its endpoint and the first digits of its fingerprint.
pub(crate) fn labels(key: &'static str, endpoint: &str, fingerprint: &str) -> [KeyValue; 2] {
    let fingerprint = fingerprint.chars().take(8).collect::<String>();
    [KeyValue::new(semconv::ENDPOINT, endpoint.to_owned()), KeyValue::new(key, fingerprint)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_of_many_endpoints_has_a_series() {
        const ENDPOINTS: usize = 3000;
        let metrics = Metrics::new(SdkMeterProvider::builder(), ENDPOINTS, 0).unwrap();
        for endpoint in 0..ENDPOINTS {
            metrics.private_key_uses(&endpoint.to_string(), "fingerprint").count();
        }
        let text = metrics.text().unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("flow_private_key_uses_total{")).count(), ENDPOINTS);
        assert!(!text.contains("overflow"), "some of them are counted as one");
    }
}
