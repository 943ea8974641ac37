//! The flow around an example, and JSON as an answer carries it.

use flow_json::{Action, Answer, Flow, Judge, Request, Verdict, check};
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use serde_json::{Map, Value as Json, json};

fn footer(action: &str) -> Json {
    json!({"type": "Footer", "label": "Next", "on-click-action": {"name": action, "payload": {}}})
}

/// Two screens, of which the example is a part: the components of the first, properties of it, or of the file.
pub(crate) fn around(example: Json, version: &str) -> Json {
    let data_api_version = if version.starts_with('7') { "4.0" } else { "3.0" };
    let mut flow = json!({
        "version": version, "data_api_version": data_api_version, "routing_model": {"START": ["END"], "END": []},
        "screens": [
            {"id": "START", "layout": {"type": "SingleColumnLayout", "children": []}},
            {"id": "END", "terminal": true, "layout": {"type": "SingleColumnLayout", "children": [footer("complete")]}},
        ],
    });
    let mut screen = json!({});
    let mut children = json!([]);
    match example {
        Json::Array(_) => children = example,
        Json::Object(fields) => {
            for (key, value) in fields {
                match key.as_str() {
                    "version" | "data_api_version" | "data_channel_uri" | "routing_model" | "screens" => {
                        flow[key] = value
                    }
                    "children" => children = value,
                    _ => screen[key] = value,
                }
            }
        }
        other => panic!("an example is an array or an object: {other}"),
    }
    let whole = children.to_string();
    if !["\"Footer\"", "\"NavigationList\"", "\"RichText\""].iter().any(|part| whole.contains(part)) {
        children.as_array_mut().unwrap().push(footer("data_exchange"));
    }
    let first = &mut flow["screens"][0];
    if first["id"] == "START" && first["layout"]["children"] == json!([]) {
        first["layout"]["children"] = children;
    }
    merge(first, screen);
    if let Some(id) = first["id"].as_str().filter(|id| *id != "START").map(str::to_owned) {
        flow["routing_model"] = json!({ id: ["END"], "END": [] });
    }
    // What is null is left out.
    flow.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    flow
}

fn merge(into: &mut Json, from: Json) {
    if let Json::Object(fields) = from {
        into.as_object_mut().unwrap().extend(fields);
    }
}

pub(crate) fn flow(value: &Json) -> Flow {
    check(&value.to_string()).flow.unwrap()
}

pub(crate) fn to_struct(fields: &Map<String, Json>) -> Struct {
    Struct { fields: fields.iter().map(|(key, value)| (key.clone(), to_value(value))).collect() }
}

pub(crate) fn object(value: Json) -> Struct {
    to_struct(value.as_object().unwrap())
}

pub(crate) fn to_value(value: &Json) -> Value {
    let kind = match value {
        Json::Null => Kind::NullValue(0),
        Json::Bool(flag) => Kind::BoolValue(*flag),
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap()),
        Json::String(text) => Kind::StringValue(text.clone()),
        Json::Array(values) => Kind::ListValue(ListValue { values: values.iter().map(to_value).collect() }),
        Json::Object(fields) => Kind::StructValue(to_struct(fields)),
    };
    Value { kind: Some(kind) }
}

/// Judges `{"request": {"action", "screen"}, "answer": {"screen", "data"}}`.
pub(crate) fn judge(judge: &Judge, exchange: &Json) -> Vec<Verdict> {
    let action = match exchange["request"]["action"].as_str() {
        Some("INIT") => Action::Init,
        Some("BACK") => Action::Back,
        Some("data_exchange") => Action::DataExchange,
        other => panic!("no action: {other:?}"),
    };
    let request = Request { action, screen: exchange["request"]["screen"].as_str().unwrap_or_default() };
    let data = object(exchange["answer"]["data"].clone());
    judge.judge(&request, &Answer { screen: exchange["answer"]["screen"].as_str().unwrap(), data: &data })
}
