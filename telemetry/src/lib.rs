//! Logs and traces as flow-edge and the logic SDK both make them.
//!
//! Logs go to standard error: JSON for machines, plain lines on a terminal. A thread of its own writes them, since a reader that
//! stands still must not hold up requests; what waits for it has a bound in memory, and what is lost then is counted. A panic is a line as well, without its message, which may quote what it is about.
//!
//! Traces and metrics go out by OTLP as the `OTEL_*` variables say, and nowhere unless one of them names a collector. A collector
//! that fails costs no request and no more memory than a queue of spans.
//!
//! It refuses to know what is logged or measured.

mod environment;
mod error;
mod shortened;
mod soft;
mod waiting;

pub use self::error::TelemetryError;

use std::fmt;
use std::io::{BufWriter, IsTerminal as _, stderr};
use std::panic;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{MeterProviderBuilder, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::error;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt as lines};

use self::environment::Signal;
pub use self::shortened::Shortened;
use self::soft::Soft;
pub use self::waiting::LostLines;
use self::waiting::Waiting;

/// How long the end of a process may wait for a collector that does not take the last spans.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a process says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` says otherwise.
    pub name: &'static str,
    /// The version that was built.
    pub version: &'static str,
    /// The level where `RUST_LOG` does not say.
    pub level: LevelFilter,
    /// Whether spans of `tracing` become spans of the trace.
    pub tracing_spans: bool,
}

/// Running telemetry. What is left of it is written and sent when this is dropped, which takes no longer than two seconds.
#[must_use = "the last lines and spans go out when it is dropped"]
pub struct Telemetry {
    resource: Resource,
    traces: Option<SdkTracerProvider>,
    tracer: Option<SdkTracer>,
    lost_lines: LostLines,
    _logs: WorkerGuard,
}

/// Starts logs, and traces where a variable names a collector. Wants to be called once, where tokio runs.
///
/// `RUST_LOG` sets levels of the log, such as `debug` or `flow_edge=debug`.
///
/// # Errors
///
/// [`TelemetryError`] where a variable says what cannot be.
pub fn start(service: Service) -> Result<Telemetry, TelemetryError> {
    let traces = environment::is_wanted(Signal::Traces)?.then(SpanExporter::builder).map(|exporter| exporter.build());
    let resource = resource(service);
    let traces = traces.transpose()?.map(|exporter| {
        let provider = SdkTracerProvider::builder().with_resource(resource.clone());
        provider.with_batch_exporter(Soft::new("traces", environment::destination(Signal::Traces), exporter)).build()
    });
    let tracer = traces.as_ref().map(|provider| provider.tracer(service.name));

    let filter = EnvFilter::builder().with_default_directive(service.level.into()).from_env_lossy();
    let (writer, lost_lines, logs) = Waiting::new(BufWriter::new(stderr()));
    let lines = lines::layer().with_writer(writer);
    let lines =
        if stderr().is_terminal() { lines.with_ansi(true).boxed() } else { lines.json().flatten_event(true).boxed() };
    let spans = tracer.clone().filter(|_| service.tracing_spans).map(|tracer| {
        // Its own spans and those of the logic, not those of every library at every level.
        tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_filter(LevelFilter::INFO)
    });
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(spans).init();
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        error!(place, "panic");
    }));
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(lost_lines.clone().say());
    }
    Ok(Telemetry { resource, traces, tracer, lost_lines, _logs: logs })
}

impl Telemetry {
    /// Makes spans; `None` where traces are not exported.
    pub fn tracer(&self) -> Option<SdkTracer> {
        self.tracer.clone()
    }

    /// Counts the lines of the log that were lost.
    pub fn lost_lines(&self) -> LostLines {
        self.lost_lines.clone()
    }

    /// Makes meters, whose metrics are sent again and again where a variable names a collector, as often as
    /// `OTEL_METRIC_EXPORT_INTERVAL` says. Wants to be called where tokio runs.
    ///
    /// # Errors
    ///
    /// [`TelemetryError`] where a variable says what cannot be.
    pub fn meters(&self) -> Result<MeterProviderBuilder, TelemetryError> {
        let meters = SdkMeterProvider::builder().with_resource(self.resource.clone());
        if !environment::is_wanted(Signal::Metrics)? {
            return Ok(meters);
        }
        let exporter =
            Soft::new("metrics", environment::destination(Signal::Metrics), MetricExporter::builder().build()?);
        Ok(meters.with_reader(PeriodicReader::builder(exporter).build()))
    }
}

/// Which process its telemetry is from.
fn resource(service: Service) -> Resource {
    let version = opentelemetry::KeyValue::new("service.version", service.version);
    let said = Resource::builder().with_attribute(version.clone()).build();
    let name = said.get(&"service.name".into()).map(|name| name.to_string());
    if name.is_none_or(|name| name.starts_with("unknown_service")) {
        return Resource::builder().with_attribute(version).with_service_name(service.name).build();
    }
    said
}

/// A status of gRPC as its specification writes it, for `rpc.response.status_code`.
pub fn grpc_status(code: i32) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    usize::try_from(code).ok().and_then(|code| NAMES.get(code)).copied().unwrap_or("UNKNOWN")
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(traces) = &self.traces {
            // A collector that is gone was reported when it went.
            let _ = traces.shutdown_with_timeout(FAREWELL);
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("traces", &self.traces.is_some()).finish()
    }
}
