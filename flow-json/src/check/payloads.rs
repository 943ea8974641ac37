//! Payloads: what a `navigate` gives the next screen, what `update_data` changes, and where picked files may go.

use std::collections::HashSet;

use super::rules::{Rules, type_of};
use crate::code::Code;
use crate::expression::{Source, Type};
use crate::finding::Severity;
use crate::json::cut;
use crate::model::{Action, ActionKind, DataModel, Screen, Template, TemplateKind};
use crate::schema::Kind;

/// Of a message, in all.
const MAX_FILES: f64 = 10.0;

pub(super) fn check(rules: &mut Rules<'_>) {
    let flow = rules.flow;
    for screen in &flow.screens {
        for action in screen.components().into_iter().flat_map(|component| &component.actions) {
            match action.kind {
                ActionKind::Navigate => navigate(rules, screen, action),
                ActionKind::UpdateData => update_data(rules, screen, action),
                ActionKind::DataExchange | ActionKind::Complete | ActionKind::OpenUrl => {}
            }
            picked_files(rules, screen, action);
        }
    }
}

/// The payload is the data of the next screen: the same keys, the same types.
fn navigate(rules: &mut Rules<'_>, screen: &Screen, action: &Action) {
    let flow = rules.flow;
    let Some(target) = action.next.as_ref().and_then(|next| flow.screen(&next.text)) else { return };
    if target.id.text == screen.id.text {
        return;
    }
    let empty = DataModel::empty(target.span);
    let model = target.data.as_ref().unwrap_or(&empty);
    let known: Vec<&str> = model.keys.iter().map(|key| key.name.text.as_str()).collect();
    let members = action.payload.as_ref().map(Template::members).unwrap_or_default();
    for (key, value) in members {
        let Some(declared) = model.get(&key.text) else {
            let message = format!("`{}` is not in the data of `{}`", cut(&key.text), cut(&target.id.text));
            let help = match known.is_empty() {
                true => "the screen declares no data: declare the key there, or leave it out".to_owned(),
                false => rules.findings.did_you_mean(&key.text, &known),
            };
            rules.findings.error(Code::InvalidNavigateActionPayload, key.span, message, help);
            continue;
        };
        differs(rules, screen, value, declared.data_type.kind, &key.text, Code::InvalidNavigateActionPayload);
    }
    let sent: HashSet<&str> = members.iter().map(|(key, _)| key.text.as_str()).collect();
    for key in model.keys.iter().filter(|key| !sent.contains(key.name.text.as_str())) {
        // Of a flow with an endpoint, which can give the rest, it is not known whether the platform checks this.
        let severity = if flow.has_endpoint() { Severity::Warning } else { Severity::Error };
        let place = action.payload.as_ref().map_or(action.span, |payload| payload.span);
        let message = format!("`{}` needs `{}`, and the payload lacks it", cut(&target.id.text), cut(&key.name.text));
        let help = format!("\"{}\": a {}", cut(&key.name.text), key.data_type.kind);
        rules.findings.add(severity, Code::InvalidNavigateActionPayload, place.opening(), message, help);
    }
}

fn update_data(rules: &mut Rules<'_>, screen: &Screen, action: &Action) {
    let empty = DataModel::empty(screen.span);
    let model = screen.data.as_ref().unwrap_or(&empty);
    let known: Vec<&str> = model.keys.iter().map(|key| key.name.text.as_str()).collect();
    for (key, value) in action.payload.as_ref().map(Template::members).unwrap_or_default() {
        let Some(declared) = model.get(&key.text) else {
            let message = format!("`{}` is not in the data of this screen", cut(&key.text));
            let help = rules.findings.did_you_mean(&key.text, &known);
            rules.findings.error(Code::InvalidUpdateDataActionPayload, key.span, message, help);
            continue;
        };
        differs(rules, screen, value, declared.data_type.kind, &key.text, Code::InvalidUpdateDataActionPayload);
        let reference = value.expression().and_then(|expression| expression.as_reference());
        if reference
            .is_some_and(|it| it.screen.is_none() && it.source == Source::Data && it.path == [key.text.as_str()])
        {
            let message = format!("`{}` is set to itself", cut(&key.text));
            rules.findings.error(Code::InvalidUpdateDataActionPayload, value.span, message, "another value");
        }
    }
}

fn differs(rules: &mut Rules<'_>, screen: &Screen, value: &Template, wanted: Type, key: &str, code: Code) {
    let index = rules.index;
    let found = match &value.kind {
        TemplateKind::Null => None,
        TemplateKind::Boolean(_) => Some(Type::Boolean),
        TemplateKind::Number(_) => Some(Type::Number),
        TemplateKind::Text(_) => Some(Type::Text),
        TemplateKind::List(_) => Some(Type::List),
        TemplateKind::Object(_) => Some(Type::Object),
        // What does not fit together is reported where it is read.
        TemplateKind::Expression(expression) => {
            Some(expression.type_of(&|reference| type_of(index, screen, reference)).unwrap_or(Type::Unknown))
        }
    };
    if found.is_none_or(|found| !found.fits(wanted)) {
        let found = found.map_or("null".to_owned(), |found| found.to_string());
        let message = format!("`{}` is declared as {wanted}, and this is {found}", cut(key));
        let place = if matches!(value.kind, TemplateKind::Object(_)) { value.span.opening() } else { value.span };
        rules.findings.error(code, place, message, "a value of the declared type");
    }
}

/// Files go to the endpoint or into the last message, as a value of their own.
fn picked_files(rules: &mut Rules<'_>, screen: &Screen, action: &Action) {
    let flow = rules.flow;
    let Some(payload) = &action.payload else { return };
    let mut expressions = Vec::new();
    payload.expressions(0, &mut expressions);
    let mut kinds = Vec::new();
    for (expression, place, depth) in expressions {
        for reference in expression.references() {
            let from = match &reference.screen {
                None => Some(screen),
                Some(id) => flow.screen(id),
            };
            let field = from
                .filter(|_| reference.source == Source::Form)
                .and_then(|from| rules.index.field(from, reference.name()));
            let Some(field) = field.filter(|field| field.kind.is_picker()) else { continue };
            let alone = depth == 1 && expression.as_reference().is_some();
            if matches!(action.kind, ActionKind::Navigate | ActionKind::UpdateData) {
                let message = format!("files of `{}` cannot be passed to a screen", cut(reference.name()));
                let help = format!("send them later: ${{screen.{}.form.{}}}", screen.id.text, cut(reference.name()));
                rules.findings.error(Code::InvalidOnClickActionPayload, place, message, help);
            } else if !alone {
                let message = format!("files of `{}` stand inside another value", cut(reference.name()));
                let help = "a key of the payload with nothing but the reference";
                rules.findings.error(Code::InvalidOnClickActionPayload, place, message, help);
            } else if action.kind == ActionKind::Complete {
                if kinds.iter().any(|kind| *kind != field.kind) {
                    let message = "photos and documents in one message";
                    rules.findings.error(Code::InvalidOnClickActionPayload, place, message, "one kind");
                }
                kinds.push(field.kind);
                let most =
                    if field.kind == Kind::PhotoPicker { "max-uploaded-photos" } else { "max-uploaded-documents" };
                if field.get(most).is_none_or(|most| most.value.expression().is_none())
                    && field.number(most).unwrap_or(30.0) > MAX_FILES
                {
                    let message = format!("`{}` may hold more files than a message takes", cut(reference.name()));
                    let help = format!("\"{most}\" of 10 or less; older clients took 1");
                    rules.findings.warning(Code::InvalidOnClickActionPayload, place, message, help);
                }
            }
        }
    }
}
