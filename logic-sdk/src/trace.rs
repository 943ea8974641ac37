//! The span of a call: the edge's trace goes on in it, and its identifiers are on every log line of the call.

use flow_telemetry::{Service, Telemetry, TelemetryError, grpc_status};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tonic::metadata::{KeyRef, MetadataMap};
use tonic::{Code, Status};
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Starts telemetry: logs on standard error, JSON unless it is a terminal, and traces by OTLP where an `OTEL_*` variable names a
/// collector. Call it once, where tokio runs, and keep what it returns until the end of `main`.
///
/// `name` and `version` are what the service is called: `env!("CARGO_PKG_NAME")` and `env!("CARGO_PKG_VERSION")`, unless
/// `OTEL_SERVICE_NAME` says otherwise. `RUST_LOG` sets levels of the log; without it, `info` holds.
///
/// Every call has a span under that of flow-edge, and the spans that a logic makes with [`tracing`] are under it in turn.
///
/// # Errors
///
/// [`TelemetryError`] where a variable says what cannot be.
pub fn start_telemetry(name: &'static str, version: &'static str) -> Result<Telemetry, TelemetryError> {
    flow_telemetry::start(Service { name, version, level: LevelFilter::INFO, tracing_spans: true })
}

/// The span of a call to `method`, as OpenTelemetry's conventions want it.
pub(crate) fn span(method: &'static str, metadata: &MetadataMap, endpoint: &str, request_id: &str) -> Span {
    let span = info_span!(
        "call",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = Empty,
        error.r#type = Empty,
        flow.endpoint = endpoint,
        flow.request_id = request_id,
        trace_id = Empty,
        span_id = Empty,
    );
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &Metadata(metadata));
    // Without telemetry there is no span that could have a parent.
    let _ = span.set_parent(parent);
    let context = span.context();
    let ids = context.span().span_context().clone();
    if ids.is_valid() {
        span.record("trace_id", ids.trace_id().to_string());
        span.record("span_id", ids.span_id().to_string());
    }
    span
}

/// The call ended like this.
pub(crate) fn ended<T>(span: &Span, outcome: &Result<T, Status>) {
    let code = outcome.as_ref().map_or_else(Status::code, |_| Code::Ok);
    let name = grpc_status(code.into());
    span.record("rpc.response.status_code", name);
    // By the conventions these are the server's fault.
    if matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    ) {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", name);
    }
}

/// Metadata as OpenTelemetry reads it.
struct Metadata<'a>(&'a MetadataMap);

impl Extractor for Metadata<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        let text = self.0.keys().filter_map(|key| match key {
            KeyRef::Ascii(key) => Some(key.as_str()),
            KeyRef::Binary(_) => None,
        });
        text.collect()
    }
}
