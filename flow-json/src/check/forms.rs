//! Forms: what must be inside, and the values and messages that they begin with.

use std::collections::HashSet;

use super::rules::Rules;
use crate::code::Code;
use crate::finding::Severity;
use crate::json::cut;
use crate::model::{Component, Screen, Template, TemplateKind};
use crate::schema::Kind;
use crate::span::Span;
use crate::version::{V4_0, V7_0, Version};

pub(super) fn check(rules: &mut Rules<'_>) {
    let version = rules.flow.version;
    for screen in &rules.flow.screens {
        let all = screen.components();
        let forms: Vec<&Component> = all.iter().filter(|component| component.kind == Kind::Form).copied().collect();
        inputs_outside(rules, screen, &forms, version);
        for form in &forms {
            init_values(rules, screen, form, version);
            error_messages(rules, screen, form);
            own_values(rules, form);
        }
    }
}

fn inputs_of(form: &Component) -> Vec<&Component> {
    fn collect<'a>(component: &'a Component, found: &mut Vec<&'a Component>) {
        found.push(component);
        component.blocks.iter().flat_map(|block| &block.children).for_each(|child| collect(child, found));
    }
    let mut found = Vec::new();
    collect(form, &mut found);
    found.retain(|component| component.kind.is_input());
    found
}

fn inputs_outside(rules: &mut Rules<'_>, screen: &Screen, forms: &[&Component], version: Version) {
    if forms.is_empty() && version >= V4_0 {
        return;
    }
    let inside: HashSet<Span> = forms.iter().flat_map(|form| inputs_of(form)).map(|input| input.span).collect();
    for (name, input) in screen.fields() {
        if inside.contains(&input.span) {
            continue;
        }
        if version < V4_0 {
            let message = format!("{} `{}` stands outside a Form", input.kind.name(), cut(&name.text));
            let help = "put it into a Form: inputs by themselves came with 4.0";
            rules.findings.error(Code::KeywordOneOf, input.span.opening(), message, help);
        } else {
            let message = format!("{} `{}` stands beside the Form", input.kind.name(), cut(&name.text));
            let help = "put it into the Form, or take the Form away";
            rules.findings.error(Code::ComponentsOutsideForm, input.span.opening(), message, help);
        }
    }
}

fn init_values(rules: &mut Rules<'_>, screen: &Screen, form: &Component, version: Version) {
    let Some(values) = form.get("init-values") else { return };
    let fields: Vec<&str> = screen.fields().into_iter().map(|(name, _)| name.text.as_str()).collect();
    for (name, value) in values.value.members() {
        let Some(field) = rules.index.field(screen, &name.text) else {
            let message = format!("no field is called `{}`", cut(&name.text));
            rules.findings.warning(
                Code::InitValueNotOffered,
                name.span,
                message,
                rules.findings.did_you_mean(&name.text, &fields),
            );
            continue;
        };
        if field.kind.is_picker() {
            let message = format!("{} takes no initial value", field.kind.name());
            rules.findings.error(Code::NativeComponentInFormInitValues, name.span, message, "remove it");
            continue;
        }
        if let Some(wanted) = misfit(field, value) {
            // Types are checked from 7.0 on.
            let severity = if version >= V7_0 { Severity::Error } else { Severity::Warning };
            let message = format!("the initial value of {} `{}` has another type", field.kind.name(), cut(&name.text));
            rules.findings.add(severity, Code::InvalidPropertyType, value.span, message, wanted);
        }
    }
}

/// The type that a written value should have had.
fn misfit(field: &Component, value: &Template) -> Option<&'static str> {
    let fits = |wanted: bool, words| (!wanted).then_some(words);
    match (field.kind, &value.kind) {
        (_, TemplateKind::Expression(_)) => None,
        (Kind::CheckboxGroup | Kind::ChipsSelector, kind) => {
            fits(matches!(kind, TemplateKind::List(_)), "an array of the ids of options")
        }
        (Kind::OptIn, kind) => fits(matches!(kind, TemplateKind::Boolean(_)), "true or false"),
        (Kind::CalendarPicker, kind) => {
            fits(matches!(kind, TemplateKind::Text(_) | TemplateKind::Object(_)), "a date, or an object of two")
        }
        (Kind::TextInput, TemplateKind::Number(_)) if field.text("input-type") == Some("number") => None,
        (_, kind) => fits(matches!(kind, TemplateKind::Text(_)), "a string"),
    }
}

fn error_messages(rules: &mut Rules<'_>, screen: &Screen, form: &Component) {
    let Some(messages) = form.get("error-messages") else { return };
    let fields: Vec<&str> = screen.fields().into_iter().map(|(name, _)| name.text.as_str()).collect();
    for (name, _) in messages.value.members().iter().filter(|(name, _)| !fields.contains(&name.text.as_str())) {
        let message = format!("no field is called `{}`", cut(&name.text));
        rules.findings.warning(
            Code::InitValueNotOffered,
            name.span,
            message,
            rules.findings.did_you_mean(&name.text, &fields),
        );
    }
}

/// In a Form its own properties count, not those of its components.
fn own_values(rules: &mut Rules<'_>, form: &Component) {
    for input in inputs_of(form).into_iter().filter(|input| !input.kind.is_picker()) {
        for (own, of_form) in [("init-value", "init-values"), ("error-message", "error-messages")] {
            if let Some(property) = input.get(own) {
                let message = format!("`{own}` of a component counts only without a Form");
                let help = format!("`{of_form}` of the Form");
                rules.findings.warning(Code::InvalidPropertyKey, property.name.span, message, help);
            }
        }
    }
}
