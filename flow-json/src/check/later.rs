//! What the platform takes and what breaks later, in the endpoint or on a phone.

use super::rules::Rules;
use crate::code::Code;
use crate::expression::Source;
use crate::json::cut;
use crate::model::{ActionKind, Component, Screen, TemplateKind};
use crate::schema::Kind;

pub(super) fn check(rules: &mut Rules<'_>) {
    for screen in &rules.flow.screens {
        reserved_keys(rules, screen);
        forwarded_numbers(rules, screen);
        for component in screen.components() {
            unseen(rules, screen, component);
            optional_pattern(rules, component);
        }
    }
}

/// Keys that the protocol uses itself: with `error` a form looks like the client's report of an error, and frameworks that
/// lay the data over the message lose the others.
fn reserved_keys(rules: &mut Rules<'_>, screen: &Screen) {
    for action in screen.components().into_iter().flat_map(|component| &component.actions) {
        let reserved: &[&str] = match action.kind {
            ActionKind::DataExchange => {
                &["error", "error_key", "error_message", "action", "screen", "version", "flow_token"]
            }
            ActionKind::Complete => &["flow_token"],
            ActionKind::Navigate | ActionKind::UpdateData | ActionKind::OpenUrl => continue,
        };
        for (key, _) in action.payload.iter().flat_map(|payload| payload.members()) {
            if reserved.contains(&key.text.as_str()) {
                let message = format!("`{}` is a key of the protocol itself", key.text);
                let help = match key.text.as_str() {
                    "error" | "error_key" | "error_message" => {
                        "another key: this form can pass for an error that the client reports"
                    }
                    "flow_token" => "remove it: the client adds the flow token",
                    _ => "another key, so that nobody takes it for the message's own",
                };
                rules.findings.warning(Code::ReservedPayloadKey, key.span, message, help);
            }
        }
    }
}

/// A number that was typed in reaches the next screen as text on some clients and as a number on others.
fn forwarded_numbers(rules: &mut Rules<'_>, screen: &Screen) {
    for action in screen.components().into_iter().flat_map(|component| &component.actions) {
        if action.kind != ActionKind::Navigate {
            continue;
        }
        for (_, value) in action.payload.iter().flat_map(|payload| payload.members()) {
            let reference = value.expression().and_then(|expression| expression.as_reference());
            let Some(reference) = reference.filter(|it| it.source == Source::Form && it.screen.is_none()) else {
                continue;
            };
            let field = rules.index.field(screen, reference.name());
            if field.is_some_and(|field| field.text("input-type") == Some("number")) {
                let message = format!("`{}` is a number on some phones and a string on others", cut(reference.name()));
                let help =
                    format!("read it where it is needed: ${{screen.{}.form.{}}}", screen.id.text, reference.name());
                rules.findings.warning(Code::NumberForwarded, value.span, message, help);
            }
        }
    }
}

/// Required, and never to be filled in.
fn unseen(rules: &mut Rules<'_>, screen: &Screen, component: &Component) {
    if component.flag("required") != Some(true) {
        return;
    }
    for flag in ["visible", "enabled"] {
        let Some(property) = component.get(flag) else { continue };
        let word = if flag == "visible" { "seen" } else { "changed" };
        let message = match &property.value.kind {
            TemplateKind::Boolean(false) => format!("a required field that cannot be {word}"),
            // What becomes visible later is seen; what the example hides was hidden on purpose.
            TemplateKind::Expression(expression) if flag == "visible" => {
                let example = |name: &str| screen.data.as_ref()?.get(name)?.example.as_ref().map(|(value, _)| value);
                let reference = expression.as_reference().filter(|it| it.source == Source::Data && it.screen.is_none());
                let hidden = reference.filter(|it| it.path.len() == 1).and_then(|it| example(it.name()));
                if hidden.and_then(|value| value.kind.as_ref()) != Some(&prost_types::value::Kind::BoolValue(false)) {
                    continue;
                }
                "a required field that cannot be seen while this is false".to_owned()
            }
            _ => continue,
        };
        let help = format!("bind `required` to the same value as `{flag}`");
        rules.findings.warning(Code::RequiredUnseen, property.value.span, message, help);
    }
}

/// Some clients hold the empty text of an optional field against its pattern.
fn optional_pattern(rules: &mut Rules<'_>, component: &Component) {
    let Some(pattern) = component.get("pattern").filter(|_| component.kind == Kind::TextInput) else { return };
    let optional = component.get("required").is_none() || component.flag("required") == Some(false);
    let TemplateKind::Text(text) = &pattern.value.kind else { return };
    let takes_nothing = text.text.starts_with("^$|") || text.text.ends_with("|^$") || text.text.ends_with(")?$");
    if optional && !takes_nothing {
        let message = "an optional field with a pattern: left empty, it may not pass";
        let help = "let the pattern take nothing, such as `^$|…`, or make the field required";
        rules.findings.warning(Code::OptionalPattern, pattern.value.span, message, help);
    }
}
