//! A plaintext: no message prints its payload, each reads the same when written again, and its data reaches the logic.

#![no_main]

use flow_proto::json;
use flow_wire::message::{Action, DataExchange, ErrorNotification, MAX_DEPTH, Object, Request};
use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use serde_json::{Value, json};

fuzz_target!(|plaintext: &[u8]| {
    let Ok(request) = Request::decode(plaintext) else { return };
    let printed = format!("{request:?}");
    match request {
        Request::Ping(_) => assert_eq!(printed, "Ping(Ping)"),
        Request::ErrorNotification(error) => {
            assert_eq!(printed, format!("ErrorNotification(ErrorNotification({:?}))", error.action));
            same_error(&error);
        }
        Request::DataExchange(exchange) => {
            assert_eq!(printed, format!("DataExchange(DataExchange({:?}))", exchange.action));
            assert_ne!(exchange.action, Action::Navigate);
            same_exchange(&exchange);
            reaches_logic(exchange.data.unwrap_or_default());
        }
    }
});

fn same_error(error: &ErrorNotification) {
    let again = decode(json!({
        "version": error.version, "action": name(error.action), "screen": error.screen, "flow_token": error.flow_token,
        "data": {"error": error.error, "error_message": error.error_message},
    }));
    assert!(matches!(again, Request::ErrorNotification(again) if again == *error));
}

fn same_exchange(exchange: &DataExchange) {
    let again = decode(json!({
        "version": exchange.version, "action": name(exchange.action), "screen": exchange.screen,
        "data": exchange.data, "flow_token": exchange.flow_token,
        "flow_token_signature": exchange.flow_token_signature,
    }));
    assert!(matches!(again, Request::DataExchange(again) if again == *exchange));
}

fn decode(message: Value) -> Request {
    Request::decode(message.to_string().as_bytes()).expect("what was decoded decodes again")
}

fn name(action: Action) -> &'static str {
    match action {
        Action::Init => "INIT",
        Action::Back => "BACK",
        Action::DataExchange => "data_exchange",
        Action::Navigate => "navigate",
    }
}

/// Stock protobuf decoders stop at 100 levels; what passed [`MAX_DEPTH`] must not meet that.
fn reaches_logic(data: Object) {
    let sent = json::to_struct(data);
    let wire = sent.encode_to_vec();
    let received = prost_types::Struct::decode(wire.as_slice()).unwrap_or_else(|error| panic!("{MAX_DEPTH}: {error}"));
    assert_eq!(received, sent);
    assert_eq!(json::to_struct(json::from_struct(received)), sent, "JSON and back");
}
