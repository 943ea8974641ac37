//! What is drawn, held against what the script and a screen reader rely on.

mod page;
mod phone;

use std::sync::Arc;

use flow_json::Judge;
use flow_json::verdict::{Severity, Verdict};
use flow_proto::json::to_struct;
use regex::Regex;
use serde_json::{Value as Json, json};

use super::{Face, phone as draw};
use crate::phone::{Phone, Untouched};

/// One transparent pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// The value of a field or of data.
fn value(json: Json) -> prost_types::Value {
    to_struct([("it".to_owned(), json)].into_iter().collect()).fields.remove("it").unwrap()
}

/// A flow of one screen that holds these; they may be more than the platform takes on one.
fn phone(title: &str, children: &Json) -> Phone {
    let layout = json!({"type": "SingleColumnLayout", "children": children});
    let screen = json!({"id": "ONLY", "title": title, "terminal": true, "layout": layout});
    let file = json!({"version": "7.3", "screens": [screen]});
    let flow = Arc::new(flow_json::check(&file.to_string()).flow.unwrap());
    let judge = Arc::new(Judge::new([&*flow]));
    Phone::open(flow, judge, None, None, Untouched::LeftOut).unwrap()
}

fn drawn(phone: &Phone) -> String {
    let view = phone.screen();
    draw(&Face { view: view.as_ref(), ending: phone.ending(), ..Face::default() }).into_string()
}

/// The start tags of these elements, each with what stands before it.
fn tags<'a>(html: &'a str, names: &str) -> Vec<(&'a str, &'a str)> {
    let tag = Regex::new(&format!("<(?:{names})(?: [^>]*)?>")).unwrap();
    tag.find_iter(html).map(|found| (&html[..found.start()], found.as_str())).collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

/// What must be so of everything that is drawn.
fn assert_sound(html: &str) {
    let all = tags(html, "[a-z0-9]+");
    let mut ids: Vec<_> = all.iter().filter_map(|(_, tag)| attribute(tag, "id")).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id comes twice");
    let values = Regex::new("\"[^\"]*\"").unwrap();
    for (_, tag) in &all {
        let names = values.replace_all(tag, "");
        assert!(!names.contains(" style") && !names.contains(" on"), "{tag}");
        let listed = ["for", "aria-describedby", "aria-labelledby"].into_iter().filter_map(|name| attribute(tag, name));
        for id in listed.flat_map(str::split_whitespace) {
            assert!(ids.contains(&id), "{tag} names an id that is not there");
        }
    }
    for (before, tag) in tags(html, "input|select|textarea|button") {
        let id = attribute(tag, "id").unwrap_or_else(|| panic!("{tag} has no id"));
        let is_labelled = attribute(tag, "aria-label").is_some()
            || html.contains(&format!("<label for=\"{id}\">"))
            || before.rfind("<label") > before.rfind("</label>");
        assert!(tag.starts_with("<button") || is_labelled, "{tag} has no label");
    }
}

fn verdict(severity: Severity) -> Verdict {
    let file =
        json!({"version": "7.3", "screens": [{"id": "A", "layout": {"type": "SingleColumnLayout", "children": []}}]});
    let flow = flow_json::check(&file.to_string()).flow.unwrap();
    let request = flow_json::Request { action: flow_json::Action::Init, screen: "" };
    let data = prost_types::Struct::default();
    let answer = flow_json::Answer { screen: "NOWHERE", data: &data };
    let verdict = Judge::new([&flow]).judge(&request, &answer).remove(0);
    Verdict { severity, ..verdict }
}
