//! What a request gives reason to tell an operator, beside its one access line, and counts of it.
//!
//! No text that a user may have written is in any of it: names of screens and fields are the flow's own, and cut.

use std::sync::Arc;

use flow_proto::json::{self, AsJson};
use flow_telemetry::Shortened;
use flow_wire::message::{DataExchange, ErrorNotification, Response};
use tracing::warn;

use super::convert::Answer;
use super::endpoint::Endpoint;
use crate::logic::Call;
use crate::telemetry::{Metrics, ScreenEvent, semconv};

/// Longest name of a screen, in characters.
const MAX_SCREEN: usize = 64;
/// Longest path of a field.
const MAX_PATH: usize = 128;

/// Meta's keys for why a client could not use an answer, as far as they were seen; any other is `other`.
const ERROR_KEYS: [&str; 4] =
    ["response-decryption-error", "invalid-screen-transition", "payload-schema-error", "components-validation-error"];
const OTHER: &str = "other";

/// The client could not use an earlier answer.
pub(crate) struct Notification {
    error_key: &'static str,
    action: &'static str,
    screen: String,
}

impl Notification {
    /// So that an alert on an increase sees the first one.
    pub(crate) fn expect(metrics: &Metrics, endpoint: &Arc<str>) {
        for error_key in ERROR_KEYS.into_iter().chain([OTHER]) {
            metrics.error_notifications(endpoint, error_key, 0);
        }
    }

    pub(super) fn of(notification: &ErrorNotification) -> Self {
        Self {
            error_key: ERROR_KEYS.into_iter().find(|key| *key == notification.error).unwrap_or(OTHER),
            action: notification.action.name(),
            screen: Shortened(&notification.screen, MAX_SCREEN).to_string(),
        }
    }

    pub(super) fn tell(&self, endpoint: &Endpoint, call: &Call) {
        let Self { error_key, action, screen } = self;
        endpoint.metrics.error_notifications(&endpoint.name, error_key, 1);
        if let Some(screens) = &endpoint.screens {
            screens.count(screen, ScreenEvent::RefusedByClient);
        }
        let (trace_id, span_id) = call.observer.ids().unzip();
        warn!(
            { semconv::ENDPOINT } = &*endpoint.name,
            { semconv::ERROR_KEY } = error_key,
            action,
            screen,
            { semconv::REQUEST_ID } = call.request_id,
            trace_id,
            span_id,
            "the client could not use an answer"
        );
    }
}

/// Logic gets other numbers than the client sent.
pub(super) fn inexact_numbers(request: &DataExchange, endpoint: &Endpoint, call: &Call) {
    let Some(inexact) = request.data.as_ref().and_then(json::inexact_integers) else { return };
    endpoint.metrics.inexact_numbers(inexact.count);
    let (trace_id, span_id) = call.observer.ids().unzip();
    warn!(
        { semconv::ENDPOINT } = &*endpoint.name,
        screen = %Shortened(&request.screen, MAX_SCREEN),
        path = %Shortened(&inexact.pointer, MAX_PATH),
        numbers = inexact.count,
        { semconv::REQUEST_ID } = call.request_id,
        trace_id,
        span_id,
        "a whole number is larger than a double holds, logic gets the nearest one; send such a number as text"
    );
}

/// A completion carries the flow token by which the business knows the conversation, so logic mixed two of them up.
pub(super) fn foreign_flow_token(answer: &Answer, flow_token: &str, endpoint: &Endpoint, call: &Call) {
    let Response::Completion { params: AsJson(params) } = answer else { return };
    let is_foreign = params.fields.get("flow_token").is_some_and(|value| *value != flow_token.into());
    if flow_token.is_empty() || !is_foreign {
        return;
    }
    let (trace_id, span_id) = call.observer.ids().unzip();
    warn!(
        { semconv::ENDPOINT } = &*endpoint.name,
        { semconv::REQUEST_ID } = call.request_id,
        trace_id,
        span_id,
        "logic ended the flow with another conversation's flow_token; leave it out, and the edge adds the right one"
    );
}
