//! The phone from outside: one table of what each component takes, and conversations.

mod components;
mod conversations;
mod screens;

use std::sync::Arc;

use flow_json::{Flow, Judge, Severity};
use flow_proto::json::to_struct;
use serde_json::{Value as Json, json};

use super::{Arrival, Arrived, Phone, Untouched};

/// The value of a field or of data.
fn value(json: Json) -> prost_types::Value {
    to_struct([("it".to_owned(), json)].into_iter().collect()).fields.remove("it").unwrap()
}

fn flow(file: Json) -> Arc<Flow> {
    let checked = flow_json::check(&file.to_string());
    let errors: Vec<_> = checked.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    Arc::new(checked.flow.unwrap())
}

/// A flow of one screen, of this version, and what it holds beside a Footer.
fn one_screen(version: &str, data: Json, children: Json) -> Json {
    let mut children = children.as_array().unwrap().clone();
    children.push(json!({
        "type": "Footer", "label": "Done", "on-click-action": {"name": "complete", "payload": {}}
    }));
    let layout = json!({"type": "SingleColumnLayout", "children": children});
    json!({
        "version": version,
        "screens": [{"id": "ONLY", "title": "Only", "terminal": true, "data": data, "layout": layout}],
    })
}

/// Opened at its first screen, with the file's examples.
fn open(file: Json) -> Phone {
    let flow = flow(file);
    let judge = Arc::new(Judge::new([&*flow]));
    Phone::open(flow, judge, None, None, Untouched::LeftOut).unwrap()
}

fn arrive(phone: &mut Phone, status: u16, body: Json) -> Arrived {
    phone.arrive(Arrival::Answer { status, body: body.as_object() })
}
