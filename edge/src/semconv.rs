//! The words of our telemetry: OpenTelemetry's where it has one, `flow.` for our own.

/// Status of the answer (OpenTelemetry HTTP semantic conventions).
pub(crate) const HTTP_STATUS: &str = "http.response.status_code";
/// The kind of failure, from a bounded set (OpenTelemetry general attributes).
pub(crate) const ERROR_TYPE: &str = "error.type";
/// Name of the endpoint in the configuration.
pub(crate) const ENDPOINT: &str = "flow.endpoint";
/// Action of the message, from a bounded set; absent where the message was not opened.
pub(crate) const ACTION: &str = "flow.action";
/// The identifier that the answer carries as `x-request-id`.
pub(crate) const REQUEST_ID: &str = "flow.request_id";
/// Whose fault a failure is: `client`, `edge` or `logic`.
pub(crate) const FAULT: &str = "flow.fault";
