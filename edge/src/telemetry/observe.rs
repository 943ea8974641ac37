//! What is measured of one request: its span, the time of each of its stages, its point in the histogram of all requests.
//!
//! Spans are made where they are recorded and nowhere else. It refuses to know what happens in a stage.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use flow_telemetry::Telemetry;
use futures_util::FutureExt as _;
use http::{HeaderMap, Method, Version};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, Span};

use super::metrics::{Metrics, Point};
use super::request::{End, Stage};
use super::semconv;

/// Makes the observers of requests.
#[derive(Debug)]
pub(crate) struct Observatory {
    tracer: Option<SdkTracer>,
    propagator: TraceContextPropagator,
    metrics: Arc<Metrics>,
}

/// Observes one request from its head to its answer.
#[derive(Debug)]
pub(crate) struct Observer {
    observatory: Arc<Observatory>,
    /// With the request's span; with that of a proxy of ours where traces are not exported.
    context: Context,
    started: Instant,
    method: &'static str,
    scheme: &'static str,
    endpoint: Option<(Arc<str>, Arc<str>)>,
}

/// What is known of a request from its head.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    pub(crate) version: Version,
    pub(crate) is_tls: bool,
    /// Name and path of the endpoint.
    pub(crate) endpoint: Option<(&'a Arc<str>, &'a Arc<str>)>,
    pub(crate) request_id: &'a str,
    /// The headers, where a proxy of ours sets the trace's.
    pub(crate) trace: Option<&'a HeaderMap>,
}

impl Observatory {
    pub(crate) fn new(telemetry: &Telemetry, metrics: Arc<Metrics>) -> Self {
        Self { tracer: telemetry.tracer(), propagator: TraceContextPropagator::new(), metrics }
    }

    /// Begins to observe a request.
    pub(crate) fn observe(self: &Arc<Self>, head: &Head<'_>) -> Observer {
        let method = method(head.method);
        let scheme = if head.is_tls { "https" } else { "http" };
        let mut context = Context::new();
        if let Some(headers) = head.trace {
            context = self.propagator.extract_with_context(&context, &HeaderExtractor(headers));
        }
        if let Some(tracer) = &self.tracer {
            let span =
                SpanBuilder::from_name(if method == OTHER { "HTTP" } else { method }).with_kind(SpanKind::Server);
            let mut span = tracer.build_with_context(span, &context);
            // Most are not recorded, and should cost nothing more.
            if span.is_recording() {
                describe(&mut span, head, method, scheme);
            }
            context = context.with_span(span);
        }
        let endpoint = head.endpoint.map(|(endpoint, path)| (Arc::clone(endpoint), Arc::clone(path)));
        Observer { observatory: Arc::clone(self), context, started: Instant::now(), method, scheme, endpoint }
    }
}

/// What is known of a request from its head, by HTTP's conventions.
fn describe(span: &mut Span, head: &Head<'_>, method: &'static str, scheme: &'static str) {
    span.set_attribute(KeyValue::new(semconv::HTTP_REQUEST_METHOD, method));
    span.set_attribute(KeyValue::new(semconv::URL_SCHEME, scheme));
    span.set_attribute(KeyValue::new(semconv::NETWORK_PROTOCOL_VERSION, version(head.version)));
    span.set_attribute(KeyValue::new(semconv::REQUEST_ID, head.request_id.to_owned()));
    if let Some((endpoint, path)) = head.endpoint {
        span.update_name(format!("{method} {path}"));
        span.set_attribute(KeyValue::new(semconv::HTTP_ROUTE, Arc::clone(path)));
        span.set_attribute(KeyValue::new(semconv::ENDPOINT, Arc::clone(endpoint)));
    }
}

impl Observer {
    /// Trace and span in hexadecimal, for the log; `None` where there is no trace.
    pub(crate) fn ids(&self) -> Option<(String, String)> {
        let span = self.context.span();
        let context = span.span_context();
        context.is_valid().then(|| (context.trace_id().to_string(), context.span_id().to_string()))
    }

    /// Does one stage of the work.
    pub(crate) fn stage<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let begun = Begun::now(stage, self);
        let done = work();
        begun.end(self);
        done
    }

    /// Does one stage of the work that waits for something, from now on.
    pub(crate) fn stage_of<T>(&self, stage: Stage, work: impl Future<Output = T>) -> impl Future<Output = T> {
        let begun = Begun::now(stage, self);
        work.inspect(move |_| begun.end(self))
    }

    /// Begins one attempt at a call.
    pub(crate) fn call<'a>(&'a self, method: &'static str, server: &'a Server) -> Call<'a> {
        let tracer = self.recording();
        let context = tracer.map_or_else(
            || self.context.clone(),
            |tracer| {
                let mut attributes = vec![
                    KeyValue::new(semconv::RPC_SYSTEM_NAME, GRPC),
                    KeyValue::new(semconv::RPC_METHOD, method),
                    KeyValue::new(semconv::SERVER_ADDRESS, Arc::clone(&server.address)),
                ];
                attributes.extend(server.port.map(|port| KeyValue::new(semconv::SERVER_PORT, i64::from(port))));
                let span = SpanBuilder::from_name(method).with_kind(SpanKind::Client).with_attributes(attributes);
                self.context.with_span(tracer.build_with_context(span, &self.context))
            },
        );
        Call { observer: self, method, server, context, is_recording: tracer.is_some(), started: Instant::now() }
    }

    /// The request was answered, or will not be.
    pub(crate) fn end(&self, end: End<'_>) {
        self.observatory.metrics.request(&Point {
            took: self.started.elapsed(),
            method: self.method,
            scheme: self.scheme,
            endpoint: self.endpoint.as_ref(),
            end,
        });
        if self.recording().is_none() {
            return;
        }
        let span = self.context.span();
        if let Some(status) = end.status {
            span.set_attribute(KeyValue::new(semconv::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16())));
            if status.is_server_error() {
                span.set_status(Status::error(""));
            }
        }
        span.set_attribute(KeyValue::new(semconv::OUTCOME, end.outcome.name()));
        if let Some(action) = end.action {
            span.set_attribute(KeyValue::new(semconv::ACTION, action));
        }
        for (key, screen) in [(semconv::SCREEN, end.screen), (semconv::NEXT_SCREEN, end.next_screen)] {
            if let Some(screen) = screen {
                span.set_attribute(KeyValue::new(key, screen.to_owned()));
            }
        }
        if let Some((kind, fault)) = end.error {
            span.set_attribute(KeyValue::new(semconv::ERROR_TYPE, kind));
            span.set_attribute(KeyValue::new(semconv::FAULT, fault));
        }
        span.end();
    }

    /// What makes spans, where this request's is recorded.
    fn recording(&self) -> Option<&SdkTracer> {
        self.observatory.tracer.as_ref().filter(|_| self.context.span().is_recording())
    }
}

/// A stage that began.
struct Begun {
    stage: Stage,
    at: Instant,
    /// Where a span is made of it.
    time: Option<SystemTime>,
}

impl Begun {
    fn now(stage: Stage, observer: &Observer) -> Self {
        Self { stage, at: Instant::now(), time: observer.recording().map(|_| SystemTime::now()) }
    }

    fn end(self, observer: &Observer) {
        observer.observatory.metrics.stage(self.stage, self.at.elapsed());
        // The calls to logic have spans of their own.
        if let (Some(time), Some(tracer)) = (self.time, observer.recording())
            && self.stage != Stage::Logic
        {
            let span = SpanBuilder::from_name(self.stage.name()).with_start_time(time);
            // It ends as it is dropped.
            drop(tracer.build_with_context(span, &observer.context));
        }
    }
}

const GRPC: &str = "grpc";

/// Where a call goes, as telemetry names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) address: Arc<str>,
    pub(crate) port: Option<u16>,
}

/// One attempt at a call.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    observer: &'a Observer,
    method: &'static str,
    server: &'a Server,
    context: Context,
    is_recording: bool,
    started: Instant,
}

impl Call<'_> {
    /// What tells logic of the trace.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        self.observer.observatory.propagator.inject_context(&self.context, &mut HeaderInjector(&mut headers));
        headers
    }

    /// It ended: with this status where an answer came, and with this kind of failure where it is one.
    pub(crate) fn end(self, status: Option<&'static str>, error: Option<&'static str>) {
        let mut labels = Vec::with_capacity(5);
        labels.push(KeyValue::new(semconv::RPC_METHOD, self.method));
        labels.push(KeyValue::new(semconv::RPC_SYSTEM_NAME, GRPC));
        labels.push(KeyValue::new(semconv::SERVER_ADDRESS, Arc::clone(&self.server.address)));
        let result = [(semconv::RPC_RESPONSE_STATUS_CODE, status), (semconv::ERROR_TYPE, error)];
        let result = result.into_iter().filter_map(|(key, value)| Some(KeyValue::new(key, value?)));
        labels.extend(result.clone());
        self.observer.observatory.metrics.call(self.started.elapsed(), &labels);
        if self.is_recording {
            let span = self.context.span();
            result.for_each(|attribute| span.set_attribute(attribute));
            if error.is_some() {
                span.set_status(Status::error(""));
            }
            span.end();
        }
    }
}

const OTHER: &str = "_OTHER";

/// By the semantic conventions what is no known method has one name.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::PATCH => "PATCH",
        Method::TRACE => "TRACE",
        _ => OTHER,
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}
