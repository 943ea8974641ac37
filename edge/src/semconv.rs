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
/// First 8 hex digits of a private key's fingerprint: SHA-256 over the public half's SPKI.
pub(crate) const PRIVATE_KEY: &str = "flow.private_key";
/// First 8 hex digits of SHA-256 over an app secret.
pub(crate) const APP_SECRET: &str = "flow.app_secret";
/// How something ended, from a set of its own.
pub(crate) const OUTCOME: &str = "flow.outcome";

/// Counts the envelopes that each private key opened.
pub(crate) const PRIVATE_KEY_USES: &str = "flow.private_key.uses";
/// Counts the bodies that each app secret verified.
pub(crate) const APP_SECRET_USES: &str = "flow.app_secret.uses";
/// Counts attempts to take over a changed configuration, by outcome: `applied` or `refused`.
pub(crate) const RELOADS: &str = "flow.reloads";
/// Counts envelopes seen before, by outcome: `answered` or `refused`.
pub(crate) const REPLAYS: &str = "flow.replays";
/// Counts whole numbers in requests that no double holds exactly, and that logic gets as the nearest one.
pub(crate) const INEXACT_NUMBERS: &str = "flow.inexact_numbers";
/// Counts calls to logic that were repeated because they never reached it.
pub(crate) const RETRIES: &str = "flow.logic.retries";
/// Counts requests that ended in a panic.
pub(crate) const PANICS: &str = "flow.panics";
