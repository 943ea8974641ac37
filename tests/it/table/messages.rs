//! What logic sees of a message, and which messages are none.

use serde_json::{Value, json};
use tonic::Code;

use super::words::{acknowledged, active, init, ping, seen, seen_error, seen_ping, submission, values, with};
use super::{MALFORMED, Row, assert_all, row};

#[tokio::test]
async fn what_logic_sees_of_a_message() {
    assert_all([no_messages(), lenient_reader(), error_notifications(), pings()]).await;
}

fn no_messages() -> Vec<Row> {
    let mut rows: Vec<_> = ["", "text", "[]", "null", "\"INIT\"", "7", "{}", r#"{"version":"4.0"}"#, "{", "{} {}"]
        .into_iter()
        .map(|text| row(format!("the plaintext {text:?}"), text))
        .collect();
    rows.push(Row {
        plaintext: b"{\"action\":\"INIT\",\"\xff\":1}".to_vec(),
        ..row("a plaintext that is no UTF-8", "")
    });
    for action in ["", "init", "Init", "PING", "DATA_EXCHANGE", "navigate", "update_data", "open_url", "complete"] {
        rows.push(row(format!("the action {action:?}"), with(init(), json!({ "action": action }))));
    }
    for change in [
        json!({ "action": null }),
        json!({ "action": 7 }),
        json!({ "action": ["INIT"] }),
        json!({ "version": true }),
        json!({ "version": [] }),
        json!({ "screen": 7 }),
        json!({ "screen": {} }),
        json!({ "data": [] }),
        json!({ "data": "long enough text" }),
        json!({ "data": 7 }),
        json!({ "flow_token": 7 }),
        json!({ "flow_token": {} }),
        json!({ "flow_token_signature": 7 }),
        json!({ "flow_token_signature": [] }),
        json!({ "data": { "error": 7, "error_message": "it is missing" } }),
        json!({ "data": { "error_key": {}, "error_message": "it is missing" } }),
        json!({ "data": { "error": "payload-schema-error", "error_message": [] } }),
    ] {
        rows.push(row(format!("{change} in the message"), with(init(), change)));
    }
    let navigated = json!({ "action": "navigate", "data": { "error": "payload-schema-error", "name": "Zoë Müller" } });
    rows.push(row("navigate with an error among other data", with(init(), navigated)));
    rows.push(row("data that nest 31 levels", nested(31)));
    rows.into_iter().map(|row| row.is(400, MALFORMED)).collect()
}

fn lenient_reader() -> Vec<Row> {
    let mut rows = vec![
        row("every field", submission()).passes(seen(json!({
            "action": "ACTION_DATA_EXCHANGE", "screen": "DETAILS", "data": submission()["data"],
        }))),
        row("INIT with nothing else", json!({ "version": "3.0", "action": "INIT" }))
            .passes(seen(json!({ "version": "3.0", "flow_token": "" }))),
        row(
            "INIT with everything empty",
            json!({
                "version": "4.0", "action": "INIT", "screen": "", "data": {}, "flow_token": "", "flow_token_signature": "",
            }),
        )
        .passes(seen(json!({ "data": {}, "flow_token": "" }))),
        row(
            "INIT with everything null",
            json!({
                "version": "4.0", "action": "INIT", "screen": null, "data": null, "flow_token": null,
                "flow_token_signature": null,
            }),
        )
        .passes(seen(json!({ "flow_token": "" }))),
        row("BACK", with(init(), json!({ "action": "BACK", "screen": "SUMMARY" })))
            .passes(seen(json!({ "action": "ACTION_BACK", "screen": "SUMMARY" }))),
        row("data_exchange without screen and data", with(init(), json!({ "action": "data_exchange" })))
            .passes(seen(json!({ "action": "ACTION_DATA_EXCHANGE" }))),
        row("the token of a sender who set none", with(init(), json!({ "flow_token": "unused" })))
            .passes(seen(json!({ "flow_token": "unused" }))),
        row("unknown fields", with(init(), json!({ "locale": "de_DE", "device": { "screen": 7 } })))
            .passes(seen(json!({}))),
        row("escaped slashes", r#"{"version":"4.0","action":"INIT","flow_token":"a\/b","data":{"link":"https:\/\/a.example\/"}}"#)
            .passes(seen(json!({ "flow_token": "a/b", "data": { "link": "https://a.example/" } }))),
        row("white space", "\n{ \"version\" : \"4.0\",\t\"action\" : \"INIT\" }\r\n")
            .passes(seen(json!({ "flow_token": "" }))),
        row("values of every type", with(init(), json!({ "data": values() }))).passes(seen(json!({ "data": values() }))),
        // 2^53 + 1, which no double holds; 2^53 is as near as any.
        row("a number beyond a double", r#"{"version":"4.0","action":"INIT","data":{"n":9007199254740993}}"#)
            .passes(seen(json!({ "flow_token": "", "data": { "n": 9_007_199_254_740_992_i64 } }))),
        row("data that nest 30 levels", nested(30)).passes(seen(json!({
            "flow_token": "", "data": serde_json::from_str::<Value>(&nested(30)).unwrap()["data"],
        }))),
    ];
    for (given, version) in [
        (json!("3.0"), "3.0"),
        (json!("4.0"), "4.0"),
        (json!(300), "3.0"),
        (json!(400), "4.0"),
        (json!("300"), "3.0"),
        (json!("400"), "4.0"),
    ] {
        rows.push(
            row(format!("the version {given}"), with(init(), json!({ "version": given })))
                .passes(seen(json!({ "version": version }))),
        );
    }
    rows
}

fn error_notifications() -> Vec<Row> {
    let notification = |data: Value| with(submission(), json!({ "data": data }));
    let acknowledged = |row: Row, changes: Value| row.calls(seen_error(changes)).opens(200, acknowledged());
    let schema = "payload-schema-error";
    let mut rows = vec![
        acknowledged(row("error alone", notification(json!({ "error": schema }))), json!({ "error": schema })),
        acknowledged(row("error_key alone", notification(json!({ "error_key": schema }))), json!({ "error": schema })),
        acknowledged(
            row("error and its message", notification(json!({ "error": schema, "error_message": "it is missing" }))),
            json!({ "error": schema, "error_message": "it is missing" }),
        ),
        acknowledged(
            row("error_key and its message", notification(json!({ "error_key": schema, "error_message": "it is missing" }))),
            json!({ "error": schema, "error_message": "it is missing" }),
        ),
        acknowledged(
            row("error and error_key", notification(json!({ "error_key": "components-validation-error", "error": schema }))),
            json!({ "error": schema }),
        ),
        acknowledged(
            row(
                "an error notification with nothing else",
                json!({ "version": 300, "action": "INIT", "data": { "error_key": schema } }),
            ),
            json!({ "version": "3.0", "action": "ACTION_INIT", "screen": "", "flow_token": "", "error": schema }),
        ),
        row("error_message alone is data", notification(json!({ "error_message": "it is missing" }))).passes(seen(json!({
            "action": "ACTION_DATA_EXCHANGE", "screen": "DETAILS", "data": { "error_message": "it is missing" },
        }))),
        row("an error among other data is data", notification(json!({ "error": schema, "name": "Zoë Müller" }))).passes(
            seen(json!({
                "action": "ACTION_DATA_EXCHANGE", "screen": "DETAILS", "data": { "error": schema, "name": "Zoë Müller" },
            })),
        ),
        // A form whose fields are called so: `error-field-form.json`, `error-field-form-two-keys.json`.
        a_form(json!({ "error": "the printer is jammed" })),
        a_form(json!({ "error": "the printer is jammed", "room": "B12" })),
        a_form(json!({ "error": "the printer is jammed", "error_message": null })),
        a_form(json!({ "error": "the printer is jammed", "error_message": "" })),
        a_form(json!({ "error_key": "jammed" })),
        a_form(json!({ "error": "Payload-schema-error" })),
        a_form(json!({ "error": "paper-jammed-" })),
        a_form(json!({ "error": "" })),
        a_form(json!({ "error": 7 })),
        a_form(json!({ "error_key": {} })),
        a_form(json!({ "error": ["jammed"] })),
        acknowledged(
            row("a key of nobody's", notification(json!({ "error": "some-new-error" }))),
            json!({ "error": "some-new-error" }),
        ),
        acknowledged(
            row("a key in other words, explained", notification(json!({ "error": "Oh no", "error_message": "why not" }))),
            json!({ "error": "Oh no", "error_message": "why not" }),
        ),
        row("a ping is no error notification", with(notification(json!({ "error": schema })), json!({ "action": "ping" })))
            .calls(seen_ping("4.0"))
            .opens(200, active()),
    ];
    for (action, name) in [("BACK", "ACTION_BACK"), ("navigate", "ACTION_NAVIGATE"), ("INIT", "ACTION_INIT")] {
        let message = with(notification(json!({ "error": schema })), json!({ "action": action }));
        let row = row(format!("an error notification of {action}"), message);
        rows.push(acknowledged(row, json!({ "action": name, "error": schema })));
    }
    for version in [json!(400), json!("400"), json!("4.0")] {
        let message = with(notification(json!({ "error": schema })), json!({ "version": version }));
        let row = row(format!("an error notification of version {version}"), message);
        rows.push(acknowledged(row, json!({ "version": "4.0", "error": schema })));
    }
    rows
}

fn a_form(data: Value) -> Row {
    row(format!("a form of {data}"), with(submission(), json!({ "data": data }))).passes(seen(json!({
        "action": "ACTION_DATA_EXCHANGE", "screen": "DETAILS", "data": data,
    })))
}

fn pings() -> Vec<Row> {
    let rows = [
        row("a ping", ping()).calls(seen_ping("3.0")),
        row("a ping of version 400", json!({ "version": 400, "action": "ping" })).calls(seen_ping("4.0")),
        row("a ping with all that others carry", with(submission(), json!({ "action": "ping" })))
            .calls(seen_ping("4.0")),
        row("a ping that the edge answers", ping()).at("/ping-edge"),
        row("a ping that the edge answers while logic fails", ping()).at("/ping-edge").logic_fails(Code::Unavailable),
    ];
    let mut rows: Vec<_> = rows.into_iter().map(|row| row.opens(200, active())).collect();
    // Only pings are the edge's.
    rows.push(row("an INIT where the edge answers pings", init()).at("/ping-edge").passes(seen(json!({}))));
    rows
}

/// An INIT whose data nest so deep, `data` itself counted.
fn nested(depth: usize) -> String {
    let data = format!("{}{{}}{}", "{\"a\":".repeat(depth - 1), "}".repeat(depth - 1));
    format!("{{\"version\":\"4.0\",\"action\":\"INIT\",\"data\":{data}}}")
}
