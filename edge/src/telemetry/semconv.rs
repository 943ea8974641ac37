//! The words of our telemetry: OpenTelemetry's where it has one, `flow.` for our own. `docs/telemetry.md` has the same as a table.

pub(crate) use opentelemetry_semantic_conventions::attribute::{
    ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, NETWORK_PROTOCOL_VERSION, RPC_METHOD,
    RPC_RESPONSE_STATUS_CODE, RPC_SYSTEM_NAME, SERVER_ADDRESS, SERVER_PORT, URL_SCHEME,
};
pub(crate) use opentelemetry_semantic_conventions::metric::{
    HTTP_SERVER_ACTIVE_REQUESTS, HTTP_SERVER_REQUEST_DURATION, RPC_CLIENT_CALL_DURATION,
};

/// Name of the endpoint in the configuration.
pub(crate) const ENDPOINT: &str = "flow.endpoint";
/// Action of the message, from a bounded set; absent where the message was not opened.
pub(crate) const ACTION: &str = "flow.action";
/// The identifier that the answer carries as `x-request-id`.
pub(crate) const REQUEST_ID: &str = "flow.request_id";
/// Whose fault a failure is: `client`, `platform`, `edge` or `logic`.
pub(crate) const FAULT: &str = "flow.fault";
/// First 8 hex digits of a private key's fingerprint: SHA-256 over the public half's SPKI.
pub(crate) const PRIVATE_KEY: &str = "flow.private_key";
/// First 8 hex digits of SHA-256 over an app secret.
pub(crate) const APP_SECRET: &str = "flow.app_secret";
/// Meta's key for why a client could not use an answer, or `other`.
pub(crate) const ERROR_KEY: &str = "flow.error_key";
/// Screen that the request came from, where the endpoint's Flow JSON has it.
pub(crate) const SCREEN: &str = "flow.screen";
/// Screen that the answer shows.
pub(crate) const NEXT_SCREEN: &str = "flow.next_screen";
/// What becomes of a screen, from a bounded set.
pub(crate) const EVENT: &str = "flow.event";
/// What is wrong with an answer: a code of `flowctl flow check --explain`.
pub(crate) const CODE: &str = "flow.code";
/// How much that weighs: `refused`, `shown_wrongly` or `note`.
pub(crate) const SEVERITY: &str = "flow.severity";
/// How something ended, from a set of its own.
pub(crate) const OUTCOME: &str = "flow.outcome";
/// A part of the work on a request.
pub(crate) const STAGE: &str = "flow.stage";
/// What an address of logic is good for at the moment.
pub(crate) const STATE: &str = "flow.state";

/// Time of a part of the work on a request.
pub(crate) const STAGE_DURATION: &str = "flow.stage.duration";
/// Counts the envelopes that each private key opened.
pub(crate) const PRIVATE_KEY_USES: &str = "flow.private_key.uses";
/// When the file of a private key was changed last, in Unix time.
pub(crate) const PRIVATE_KEY_MODIFIED: &str = "flow.private_key.modified";
/// Counts the bodies that each app secret verified.
pub(crate) const APP_SECRET_USES: &str = "flow.app_secret.uses";
/// When the certificate that is served expires, in Unix time.
pub(crate) const CERTIFICATE_NOT_AFTER: &str = "flow.tls.certificate.not_after";
/// Counts attempts to take over a changed configuration, by outcome: `applied` or `refused`.
pub(crate) const RELOADS: &str = "flow.reloads";
/// Counts envelopes seen before, by outcome: `answered` or `refused`.
pub(crate) const REPLAYS: &str = "flow.replays";
/// Counts the error notifications of clients.
pub(crate) const ERROR_NOTIFICATIONS: &str = "flow.error_notifications";
/// Counts what becomes of each screen.
pub(crate) const SCREEN_EVENTS: &str = "flow.screen.events";
/// Counts what the judge says of answers.
pub(crate) const VERDICTS: &str = "flow.answer.verdicts";
/// Counts whole numbers in requests that no double holds exactly, and that logic gets as the nearest one.
pub(crate) const INEXACT_NUMBERS: &str = "flow.inexact_numbers";
/// Counts calls to logic that were repeated because they never reached it.
pub(crate) const RETRIES: &str = "flow.logic.retries";
/// How many addresses of logic are in which state.
pub(crate) const LOGIC_ADDRESSES: &str = "flow.logic.addresses";
/// Counts how often an address of logic could not be reached any more, by cause.
pub(crate) const UNREACHABLE: &str = "flow.logic.unreachable";
/// Why an address of logic cannot be reached, from a bounded set.
pub(crate) const CAUSE: &str = "flow.cause";
/// Counts requests that ended in a panic.
pub(crate) const PANICS: &str = "flow.panics";
/// Counts lines of the log that were lost because nobody read them fast enough.
pub(crate) const LOST_LINES: &str = "flow.log.lost_lines";
/// Open connections of the public listener.
pub(crate) const CONNECTIONS: &str = "flow.connections";
/// How many connections of the public listener there may be.
pub(crate) const CONNECTIONS_LIMIT: &str = "flow.connections.limit";
/// Counts connections without a signed request that made room for others.
pub(crate) const CONNECTIONS_DISPLACED: &str = "flow.connections.displaced";
/// Memory of requests, from their heads to their answers.
pub(crate) const BODY_MEMORY: &str = "flow.body_memory";
/// How much memory requests may hold.
pub(crate) const BODY_MEMORY_LIMIT: &str = "flow.body_memory.limit";
/// Memory of the answers that are remembered.
pub(crate) const REPLAY_MEMORY: &str = "flow.replay.memory";
/// Requests that wait for their turn with the private operation.
pub(crate) const TURNS_WAITING: &str = "flow.turns.waiting";
