//! An exporter whose failures are said once, and again only when it has worked in between.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tracing::{info, warn};

use crate::environment::Destination;

pub(crate) struct Soft<E> {
    signal: &'static str,
    destination: Destination,
    exporter: E,
    is_failing: AtomicBool,
}

impl<E> Soft<E> {
    /// `signal` is what the log calls it.
    pub(crate) fn new(signal: &'static str, destination: Destination, exporter: E) -> Self {
        Self { signal, destination, exporter, is_failing: AtomicBool::new(false) }
    }

    fn note(&self, outcome: OTelSdkResult) -> OTelSdkResult {
        let (signal, Destination { address, hint }) = (self.signal, &self.destination);
        match &outcome {
            Ok(()) if self.is_failing.swap(false, Ordering::Relaxed) => info!(signal, "the collector takes it again"),
            Ok(()) => {}
            Err(error) if !self.is_failing.swap(true, Ordering::Relaxed) => {
                warn!(
                    signal,
                    %address,
                    %error,
                    hint,
                    "the collector does not take it; what it misses is lost, and nothing waits for it"
                );
            }
            Err(_) => {}
        }
        outcome
    }
}

impl<E: SpanExporter> SpanExporter for Soft<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.note(self.exporter.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Soft<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.note(self.exporter.export(metrics).await)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

impl<E> fmt::Debug for Soft<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Soft").field("signal", &self.signal).finish_non_exhaustive()
    }
}
