//! A walk as a conversation script, in the format that `flowctl simulate --script` plays.
//!
//! What was chosen from an answer is kept from it, so that the script can be played on another day.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use flow_json::expression::Type;
use flow_json::model::DataType;
use flow_json::verdict::Severity;
use flow_json::{Action, Code, Flow};
use flow_proto::json::from_struct;
use serde_json::{Map, Value, json};

use super::fault::{Blocked, Fault, Kind, Why};
use super::session::Exchanged;
use super::shrink::Found;

pub(super) fn write(found: &Found, flow: &Flow) -> String {
    let mut kept = Kept { steps: found.log.iter().map(|_| Vec::new()).collect(), names: BTreeMap::new() };
    let mut sends = Vec::new();
    for (place, exchanged) in found.log.iter().enumerate() {
        let mut data = Value::Object(from_struct(exchanged.asked.data.clone()));
        kept.keep(&mut data, "", &found.log[..place]);
        sends.push(send(exchanged, &data));
    }
    let mut text = format!("name: {}\nsteps:\n", json!(format!("walk: {}", found.fault.key())));
    let last = found.log.len().saturating_sub(1);
    for (place, exchanged) in found.log.iter().enumerate() {
        let expect = if place == last { wanted(&found.fault, exchanged, flow) } else { came(exchanged) };
        // Writing to a String does not fail.
        if place == last {
            let _ = writeln!(text, "  # came: {}", one_line(&found.fault.came()));
        }
        let _ = writeln!(text, "  - name: {}", json!(one_line(&exchanged.name)));
        let _ = writeln!(text, "    send: {}", sends[place]);
        let _ = writeln!(text, "    expect: {expect}");
        if !kept.steps[place].is_empty() {
            let kept: Map<_, _> = kept.steps[place].iter().cloned().collect();
            let _ = writeln!(text, "    keep: {}", Value::Object(kept));
        }
    }
    text
}

/// In the order in which people read a request.
fn send(exchanged: &Exchanged, data: &Value) -> String {
    let message = exchanged.asked.to_message();
    let others = exchanged.is_others.then(|| Value::from("the token of somebody else"));
    let fields = [
        ("action", message.get("action")),
        ("screen", message.get("screen")),
        ("flow_token", others.as_ref()),
        ("data", message.get("data").map(|_| data)),
    ];
    let written = fields.into_iter().filter_map(|(key, value)| Some(format!("\"{key}\": {}", value?)));
    format!("{{{}}}", written.collect::<Vec<_>>().join(", "))
}

fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// What later steps use of the answers.
struct Kept {
    /// For each step the variables and where in its answer they stand.
    steps: Vec<Vec<(String, Value)>>,
    /// Each value's variable.
    names: BTreeMap<String, String>,
}

impl Kept {
    /// Puts variables in the place of what was an option of an earlier answer.
    fn keep(&mut self, value: &mut Value, key: &str, before: &[Exchanged]) {
        match value {
            Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| self.keep(value, key, before)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.keep(item, key, before)),
            Value::String(text) if !text.is_empty() => {
                if !self.names.contains_key(text) {
                    let offered = before.iter().enumerate().rev().find_map(|(step, exchanged)| {
                        Some((step, option(exchanged.body.get("data")?, text, "/data")?))
                    });
                    let Some((step, pointer)) = offered else { return };
                    let name = self.free_name(key);
                    self.steps[step].push((name.clone(), pointer.into()));
                    self.names.insert(text.clone(), name);
                }
                if let Some(name) = self.names.get(text) {
                    *text = format!("${{{name}}}");
                }
            }
            _ => {}
        }
    }

    fn free_name(&self, key: &str) -> String {
        let word: String = key.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' }).collect();
        let word = if word.is_empty() || word == "flow_token" { "option".to_owned() } else { word };
        let is_taken = |name: &String| self.names.values().any(|taken| taken == name);
        let numbered = (2..).map(|number| format!("{word}_{number}"));
        std::iter::once(word.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(word)
    }
}

/// Where an option has this id.
fn option(value: &Value, id: &str, way: &str) -> Option<String> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(key, value)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            option(value, id, &format!("{way}/{key}"))
        }),
        Value::Array(items) => items.iter().enumerate().find_map(|(place, item)| {
            if item.get("id").and_then(Value::as_str) == Some(id) && item.get("title").is_some() {
                return Some(format!("{way}/{place}/id"));
            }
            option(item, id, &format!("{way}/{place}"))
        }),
        _ => None,
    }
}

/// What an answer on the way was, as far as the next step needs it.
fn came(exchanged: &Exchanged) -> Value {
    match (exchanged.status, exchanged.body.get("screen")) {
        (200, Some(screen)) => json!({"screen": screen}),
        (status, _) => json!({"status": status}),
    }
}

/// What would have been right in the place of the last answer, as far as a script can say it.
fn wanted(fault: &Fault, exchanged: &Exchanged, flow: &Flow) -> Value {
    match &fault.kind {
        Kind::Status { .. } | Kind::NoAnswer(_) => json!({"status": 200}),
        Kind::ForeignToken => {
            json!({"data": {"extension_message_response": {"params": {"flow_token": "${flow_token}"}}}})
        }
        Kind::Refused { verdicts, .. } => {
            let Some(verdict) = verdicts.iter().find(|it| it.severity == Severity::Refused) else {
                return json!({"screen": {"$present": true}, "data": {}});
            };
            if verdict.code == Code::InvalidScreenTransition {
                let screens = may_follow(fault, flow).join("|");
                return json!({"screen": {"$regex": format!("^({screens})$")}});
            }
            let screen = exchanged.body.get("screen").and_then(Value::as_str).unwrap_or_default();
            // What a choice is answered with is the same screen.
            if exchanged.is_choice && screen != fault.screen {
                return json!({"screen": fault.screen});
            }
            let mut steps = verdict.pointer.split('/').skip(2).map(|it| it.replace("~1", "/").replace("~0", "~"));
            let Some(key) = steps.next() else { return json!({"screen": screen}) };
            let rest: Vec<_> = steps.collect();
            let declared = flow.screen(screen).and_then(|it| it.data.as_ref()?.get(&key)).map(|it| &it.data_type);
            let found = exchanged.body.get("data").and_then(|data| data.get(&key));
            json!({"screen": screen, "data": {key: pattern(&rest, declared, found)}})
        }
        Kind::DeadEnd(blocked) => {
            let screen = flow.screen(&fault.screen);
            // Those after the first often wait for it.
            let data: Map<_, _> = blocked.iter().take(1).filter_map(|it| way_on(it, screen?)).collect();
            json!({"screen": fault.screen, "data": data})
        }
    }
}

fn may_follow(fault: &Fault, flow: &Flow) -> Vec<String> {
    let edges = flow.edges();
    if fault.action == Action::Init {
        let ids = flow.screens.iter().map(|screen| screen.id.text.clone());
        return ids.filter(|id| !edges.iter().any(|(_, to)| to.text == *id)).collect();
    }
    let of = |id: &str| edges.iter().filter(|(from, _)| from.text == id).map(|(_, to)| to.text.clone()).collect();
    let before = || edges.iter().filter(|(_, to)| to.text == fault.screen).map(|(from, _)| from.text.clone());
    let mut screens: Vec<String> = if fault.action == Action::Back { before().collect() } else { of(&fault.screen) };
    screens.push(fault.screen.clone());
    screens
}

/// A matcher for the place where something is missing or of another type.
fn pattern(steps: &[String], declared: Option<&DataType>, found: Option<&Value>) -> Value {
    let Some((step, rest)) = steps.split_first() else {
        return match declared.map(|it| it.kind) {
            Some(Type::Text) => json!({"$regex": ""}),
            Some(Type::Object) => json!({}),
            // A list may well be empty, which no matcher leaves open.
            Some(Type::List) if found.is_some_and(|it| !it.is_null()) => json!({"$contains": {"$present": true}}),
            _ => json!({"$present": true}),
        };
    };
    match (found, step.parse::<usize>()) {
        (Some(Value::Array(items)), Ok(wrong)) => {
            let inner = declared.and_then(|it| it.items.as_deref());
            // A list may be longer another day, but one good entry among wrong ones needs its place.
            if !items.iter().any(|item| fits(rest, inner, item)) {
                return json!({"$contains": pattern(rest, inner, items.get(wrong))});
            }
            let item = |(place, item)| match place == wrong {
                true => pattern(rest, inner, Some(item)),
                false => json!({"$present": true}),
            };
            items.iter().enumerate().map(item).collect()
        }
        _ => {
            let inner = declared.and_then(|it| it.get(step));
            json!({step: pattern(rest, inner, found.and_then(|it| it.get(step)))})
        }
    }
}

/// An entry has at the end of this way what is declared there.
fn fits(steps: &[String], declared: Option<&DataType>, found: &Value) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return match declared.map(|it| it.kind) {
            Some(Type::Text) => found.is_string(),
            Some(Type::Object) => found.is_object(),
            Some(Type::List) => found.is_array(),
            Some(Type::Boolean) => found.is_boolean(),
            Some(Type::Number) => found.is_number(),
            _ => true,
        };
    };
    found.get(step).is_some_and(|found| fits(rest, declared.and_then(|it| it.get(step)), found))
}

/// What the data would have to say for the field to be of use.
fn way_on(blocked: &Blocked, screen: &flow_json::model::Screen) -> Option<(String, Value)> {
    let (property, wanted) = match blocked.why {
        Why::Disabled => ("enabled", json!(true)),
        Why::NothingOffered => ("data-source", json!({"$contains": {"$present": true}})),
    };
    let reference = screen.field(&blocked.field)?.get(property)?.value.expression()?.as_reference()?;
    (reference.path.len() == 1).then(|| (reference.name().to_owned(), wanted))
}
