//! Written values and examples against what a phone shows.

use super::rules::Rules;
use crate::code::Code;
use crate::expression::Scope;
use crate::json::{Node, cut};
use crate::limits::{self, Path, Shown};
use crate::model::{Component, Screen, Template, TemplateKind};
use crate::schema::{Kind, Shape};
use crate::span::Span;
use crate::version::Version;

pub(super) fn check(rules: &mut Rules<'_>) {
    let version = rules.flow.version.min(Version::NEWEST);
    for screen in &rules.flow.screens {
        for component in screen.components() {
            if rules.findings.is_full_of_warnings() {
                return;
            }
            written(rules, component, version);
            init_value(rules, component, None);
            if component.kind == Kind::Form {
                form_init_values(rules, screen, component);
            }
        }
        examples(rules, screen, version);
    }
}

fn written(rules: &mut Rules<'_>, component: &Component, version: Version) {
    for property in &component.properties {
        let Some(schema) = component.schema(&property.name.text) else { continue };
        if property.value.expression().is_some() {
            continue;
        }
        // The structure's rules have counted what is written.
        let counted = |code| code == Code::OptionCount && matches!(schema.shape, Shape::Objects(..));
        let value = property.value.resolve(&Scope::default());
        let root = rules.root.pointer(property.value.span);
        let mut found = Vec::new();
        limits::check(
            Shown::new(component.kind, schema, version),
            &value,
            &Path::root(&root),
            &mut |code, path, message| {
                found.push((code, path.pointer(), message));
            },
        );
        let missing =
            |code, message: &str| matches!(code, Code::OptionId | Code::OptionTitle) && message.starts_with("no ");
        for (code, pointer, message) in found {
            if !counted(code) && !missing(code, &message) {
                report(
                    rules,
                    code,
                    &pointer,
                    &message,
                    &format!("`{}` of {}", property.name.text, component.kind.name()),
                );
            }
        }
    }
}

fn examples(rules: &mut Rules<'_>, screen: &Screen, version: Version) {
    let Some(data) = &screen.data else { return };
    for binding in limits::bindings(screen, version) {
        let Some((first, rest)) = binding.path.split_first() else { continue };
        let Some((example, span)) = data.get(first).and_then(|declared| declared.example.as_ref()) else { continue };
        let Some(value) = inside(example, rest) else { continue };
        let mut root = rules.root.pointer(*span);
        rest.iter().for_each(|step| root.extend(["/", &crate::json::escape(step)]));
        let mut found = Vec::new();
        limits::check(binding.shown, value, &Path::root(&root), &mut |code, path, message| {
            found.push((code, path.pointer(), message));
        });
        for (code, pointer, message) in found {
            // An example is often left empty, and answers are not.
            let empty = code == Code::OptionCount && message.starts_with("0 ");
            if !empty {
                report(rules, code, &pointer, &message, "the example");
            }
        }
    }
}

fn inside<'a>(value: &'a prost_types::Value, path: &[String]) -> Option<&'a prost_types::Value> {
    path.iter().try_fold(value, |value, step| match &value.kind {
        Some(prost_types::value::Kind::StructValue(fields)) => fields.fields.get(step),
        _ => None,
    })
}

fn report(rules: &mut Rules<'_>, code: Code, pointer: &str, message: &str, what: &str) {
    let node: &Node<'_> = rules.root.at(pointer);
    let place = if node.text().is_some() { node.span } else { node.span.opening() };
    let help = match code {
        Code::TextTooLong => "a shorter text: the rest is cut off",
        Code::OptionId => "an id of its own for each",
        Code::OptionTitle => "a title that the user can read",
        Code::ImageTooLarge => "a smaller picture, or more compression",
        Code::DataSourceItemsHaveBothImageAndColor => "images for all, or colors",
        _ => "",
    };
    rules.findings.warning(code, place, format!("{what}: {message}"), help);
}

/// An initial value that no option has selects nothing.
fn init_value(rules: &mut Rules<'_>, component: &Component, of_form: Option<&Template>) {
    let Some(options) = component.get("data-source").filter(|source| source.value.expression().is_none()) else {
        return;
    };
    let own = component.get("init-value").map(|property| &property.value);
    let Some(value) = of_form.or(own) else { return };
    let ids: Vec<&str> = options.value.elements().iter().filter_map(|option| text(option.get("id")?)).collect();
    if ids.len() < options.value.elements().len() {
        return;
    }
    let chosen: Vec<(&str, Span)> = match &value.kind {
        TemplateKind::Text(text) => vec![(&text.text, value.span)],
        TemplateKind::List(elements) => {
            elements.iter().filter_map(|element| Some((text(element)?, element.span))).collect()
        }
        _ => Vec::new(),
    };
    for (id, place) in chosen.into_iter().filter(|(id, _)| !id.is_empty() && !ids.contains(id)) {
        let message = format!("no option has the id `{}`", cut(id));
        rules.findings.warning(Code::InitValueNotOffered, place, message, rules.findings.did_you_mean(id, &ids));
    }
}

fn form_init_values(rules: &mut Rules<'_>, screen: &Screen, form: &Component) {
    let Some(values) = form.get("init-values") else { return };
    for (name, value) in values.value.members() {
        if let Some(field) = rules.index.field(screen, &name.text) {
            init_value(rules, field, Some(value));
        }
    }
}

fn text(template: &Template) -> Option<&str> {
    match &template.kind {
        TemplateKind::Text(text) => Some(&text.text),
        _ => None,
    }
}
