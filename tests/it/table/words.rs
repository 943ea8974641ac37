//! The messages that the rows send, and what logic should see of them.

use flow_tests::Exchange;
use serde_json::{Value, json};

pub(super) const TOKEN: &str = "order-17/Zoë";
/// What logic says where a row does not care.
pub(super) const GREETING: &str = "good morning, Zoë";

pub(super) fn init() -> Value {
    json!({ "version": "4.0", "action": "INIT", "flow_token": TOKEN })
}

pub(super) fn submission() -> Value {
    json!({
        "version": "4.0", "action": "data_exchange", "screen": "DETAILS", "flow_token": TOKEN,
        "data": { "name": "Zoë Müller", "seats": 2 },
    })
}

pub(super) fn ping() -> Value {
    json!({ "version": "3.0", "action": "ping" })
}

pub(super) fn values() -> Value {
    json!({ "text": "ü \u{1f600} \"/\\", "list": [1.5, -3, true, null, []], "object": { "deep": {} }, "": "" })
}

pub(super) fn active() -> Value {
    json!({ "data": { "status": "active" } })
}

pub(super) fn acknowledged() -> Value {
    json!({ "data": { "acknowledged": true } })
}

/// What logic sees of [`init`], but for these fields.
pub(super) fn seen(changes: Value) -> Value {
    let call = json!({
        "call": "HandleDataExchange", "version": "4.0", "action": "ACTION_INIT", "screen": "", "data": null,
        "flow_token": TOKEN, "flow_token_verified": false,
    });
    with(call, changes)
}

/// What logic sees of [`submission`] as an error notification, but for these fields.
pub(super) fn seen_error(changes: Value) -> Value {
    let call = json!({
        "call": "HandleError", "version": "4.0", "action": "ACTION_DATA_EXCHANGE", "screen": "DETAILS",
        "flow_token": TOKEN, "error": "", "error_message": "",
    });
    with(call, changes)
}

pub(super) fn seen_ping(version: &str) -> Value {
    json!({ "call": "Ping", "version": version })
}

pub(super) fn with(mut object: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        object[key] = value.clone();
    }
    object
}

pub(super) fn envelope(exchange: &Exchange) -> Value {
    let (body, _) = exchange.clone().into_parts();
    serde_json::from_slice(&body).unwrap()
}
