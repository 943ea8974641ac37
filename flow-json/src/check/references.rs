//! References and expressions: each leads to something, and has the type of its place.

use super::rules::{Rules, type_of};
use crate::code::Code;
use crate::expression::{Expression, Reference, Source, Type};
use crate::finding::Findings;
use crate::json::cut;
use crate::model::{Component, DataType, PathError, Screen, Template, TemplateKind, place};
use crate::schema::{Kind, Shape};
use crate::span::Span;
use crate::version::V4_0;

pub(super) fn check(rules: &mut Rules<'_>) {
    for screen in &rules.flow.screens {
        if let Some(title) = &screen.title {
            template(rules, screen, title, Use::Property(Type::Text));
        }
        for component in screen.components() {
            for property in &component.properties {
                let Some(schema) = component.schema(&property.name.text) else { continue };
                match schema.shape {
                    Shape::Condition => template(rules, screen, &property.value, Use::Condition),
                    Shape::Texts(_) if component.kind == Kind::RichText && property.value.expression().is_none() => {
                        rich_text(rules, &property.value);
                    }
                    shape => template(rules, screen, &property.value, Use::Property(shape.data_type())),
                }
                if let Shape::Objects(table, ..) = schema.shape {
                    entries(
                        rules,
                        screen,
                        component,
                        &property.value,
                        table.iter().map(|it| (it.name, it.required.is_some())),
                    );
                }
            }
            for action in &component.actions {
                let values = [&action.payload, &action.url];
                values.into_iter().flatten().for_each(|value| template(rules, screen, value, Use::Payload));
            }
        }
    }
}

/// What a value is for, which decides the code of its mistakes.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    Property(Type),
    Condition,
    Payload,
}

fn template(rules: &mut Rules<'_>, screen: &Screen, value: &Template, used: Use) {
    let mut found = Vec::new();
    value.expressions(0, &mut found);
    for (expression, span, depth) in found {
        let used = match used {
            // The type of a part is not that of the whole.
            Use::Property(_) if depth > 0 => Use::Property(Type::Unknown),
            used => used,
        };
        self::expression(rules, screen, expression, span, used);
    }
}

fn expression(rules: &mut Rules<'_>, screen: &Screen, expression: &Expression, span: Span, used: Use) {
    if rules.findings.is_full() {
        return;
    }
    let before = rules.findings.len();
    for reference in expression.references() {
        match &reference.screen {
            Some(id) => other_screen(rules, screen, reference, id, span),
            None if reference.source == Source::Form => form(rules, screen, reference, span, used),
            None => data(rules, screen, reference, span),
        }
    }
    if let Some(operator) = expression.uncertain_operator() {
        let message = format!("`{operator}` is not in Meta's table of operators for this place");
        rules.findings.warning(Code::InvalidPropertyValue, span, message, "try it on a phone");
    }
    if rules.findings.len() > before {
        return;
    }
    match expression.type_of(&|reference| type_of(rules.index, screen, reference)) {
        Err(error) => {
            let place = place(rules.text, span, error.at);
            rules.findings.error(Code::InvalidPropertyValue, place, error.to_string(), "");
        }
        Ok(found) => {
            if let Use::Property(wanted) = used
                && !found.fits(wanted)
            {
                let message = format!("the property takes {wanted}, and this is {found}");
                rules.findings.error(Code::InvalidScreenDynamicData, span, message, format!("a {wanted}"));
            }
        }
    }
}

fn form(rules: &mut Rules<'_>, screen: &Screen, reference: &Reference, span: Span, used: Use) {
    let code = if used == Use::Payload { Code::InvalidOnClickActionPayload } else { Code::InvalidPropertyValue };
    let name = reference.name();
    if rules.index.field(screen, name).is_some() {
        before_4(rules, screen, reference, span);
        return;
    }
    let all = screen.components();
    if all.iter().any(|component| component.kind == Kind::Form && component.name().is_some_and(|it| it.text == name)) {
        let message = format!("`{}` is the Form itself", cut(name));
        return rules.findings.error(code, span, message, "a field of it: ${form.FIELD}");
    }
    let fields: Vec<&str> = screen.fields().into_iter().map(|(name, _)| name.text.as_str()).collect();
    let message = format!("no field of `{}` is called `{}`", cut(&screen.id.text), cut(name));
    rules.findings.error(code, span, message, rules.findings.did_you_mean(name, &fields));
}

/// Below 4.0 only what stands in a Form reads its fields.
fn before_4(rules: &mut Rules<'_>, screen: &Screen, reference: &Reference, span: Span) {
    if rules.flow.version >= V4_0 {
        return;
    }
    let inside = screen.children.iter().filter(|child| child.kind == Kind::Form);
    if !inside.clone().any(|form| form.span.start <= span.start && span.end <= form.span.end) {
        let message = format!("{reference} stands outside the Form");
        let help = "put the component into the Form, or set `version` to 4.0 or later";
        rules.findings.error(Code::InvalidOnClickActionPayload, span, message, help);
    }
}

fn data(rules: &mut Rules<'_>, screen: &Screen, reference: &Reference, span: Span) {
    let code = Code::InvalidScreenDynamicData;
    if let Err((message, help)) = lead(rules.findings, screen, reference) {
        rules.findings.error(code, span, message, help);
    }
}

fn other_screen(rules: &mut Rules<'_>, screen: &Screen, reference: &Reference, id: &str, span: Span) {
    let code = Code::InvalidScreenData;
    let flow = rules.flow;
    if flow.version < V4_0 {
        let help = "set `version` to 4.0 or later";
        return rules.findings.error(code, span, "references to other screens came with 4.0", help);
    }
    let Some(other) = flow.screen(id) else {
        let ids: Vec<&str> = flow.screens.iter().map(|screen| screen.id.text.as_str()).collect();
        let message = format!("there is no screen `{}`", cut(id));
        return rules.findings.error(code, span, message, rules.findings.did_you_mean(id, &ids));
    };
    if other.id.text == screen.id.text {
        let local = Reference { screen: None, ..reference.clone() };
        let message = format!("{reference} reads its own screen");
        return rules.findings.error(code, span, message, format!("{local}"));
    }
    let found = match reference.source {
        Source::Data => lead(rules.findings, other, reference).map(|_| ()),
        Source::Form if rules.index.field(other, reference.name()).is_some() => Ok(()),
        Source::Form => {
            let fields: Vec<&str> = other.fields().into_iter().map(|(name, _)| name.text.as_str()).collect();
            let message = format!("no field of `{}` is called `{}`", cut(id), cut(reference.name()));
            Err((message, rules.findings.did_you_mean(reference.name(), &fields)))
        }
    };
    if let Err((message, help)) = found {
        rules.findings.error(code, span, message, help);
    }
}

/// The type that a path of the data leads to.
fn lead<'a>(findings: &Findings, screen: &'a Screen, reference: &Reference) -> Result<&'a DataType, (String, String)> {
    let Some(model) = &screen.data else {
        let message = format!("`{}` declares no data", cut(&screen.id.text));
        return Err((
            message,
            format!("\"data\": {{\"{}\": {{\"type\": …, \"__example__\": …}}}}", cut(reference.name())),
        ));
    };
    model.at(&reference.path).map_err(|error| match error {
        PathError::Unknown(0) => {
            let keys: Vec<&str> = model.keys.iter().map(|key| key.name.text.as_str()).collect();
            let message = format!("`{}` is not in the data of `{}`", cut(reference.name()), cut(&screen.id.text));
            (message, findings.did_you_mean(reference.name(), &keys))
        }
        PathError::Unknown(step) => {
            let message =
                format!("`{}` is not declared in `{}`", cut(&reference.path[step]), reference.path[..step].join("."));
            (message, "add it to its `properties`".to_owned())
        }
        PathError::ThroughArray(step) => {
            let message = format!("`{}` is an array, and no path leads into one", cut(&reference.path[step]));
            (message, "a key of its own for the value".to_owned())
        }
    })
}

/// Options and items from the data must be declared with what they need.
fn entries<'t>(
    rules: &mut Rules<'_>,
    screen: &Screen,
    component: &Component,
    value: &Template,
    table: impl Iterator<Item = (&'t str, bool)>,
) {
    let flow = rules.flow;
    let reference = value.expression().and_then(|expression| expression.as_reference());
    let Some(reference) = reference.filter(|reference| reference.source == Source::Data) else { return };
    let from = match &reference.screen {
        None => Some(screen),
        Some(id) => flow.screen(id),
    };
    let Some(Ok(declared)) = from.map(|from| lead(rules.findings, from, reference)) else { return };
    if declared.kind != Type::List {
        return;
    }
    let items = declared.items.as_deref();
    let lacking: Vec<&str> = table
        .filter(|(name, required)| *required && items.is_none_or(|items| items.get(name).is_none()))
        .map(|(name, _)| name)
        .collect();
    if !lacking.is_empty() {
        let message =
            format!("the entries of {} for {} lack {}", reference, component.kind.name(), lacking.join(" and "));
        let help = "declare them in `items.properties`";
        rules.findings.error(Code::InvalidScreenDynamicData, value.span, message, help);
    }
}

/// The texts of an array are what they are.
fn rich_text(rules: &mut Rules<'_>, value: &Template) {
    let mut found = Vec::new();
    value.expressions(0, &mut found);
    for (_, span, _) in found {
        let help = "\"text\": \"${data.NAME}\" for the whole";
        let message = "a reference in the array of a RichText";
        rules.findings.error(Code::InvalidTextDynamicData, span, message, help);
    }
    if let TemplateKind::List(elements) = &value.kind {
        for element in elements {
            if let TemplateKind::Text(text) = &element.kind
                && text.text.contains("${")
            {
                let help = "\"text\": \"${data.NAME}\" for the whole";
                let message = "a reference inside a text of a RichText";
                rules.findings.warning(Code::InvalidTextDynamicData, element.span, message, help);
            }
        }
    }
}
