//! Screens by themselves: their ids, which are the last, and what is said of them.

use std::collections::BTreeSet;

use super::rules::Rules;
use crate::code::Code;
use crate::json::cut;
use crate::model::Component;
use crate::schema::Kind;

pub(super) fn check(rules: &mut Rules<'_>) {
    ids(rules);
    terminal(rules);
    success(rules);
    refresh_on_back(rules);
    names(rules);
    sensitive(rules);
}

fn ids(rules: &mut Rules<'_>) {
    let mut seen = BTreeSet::new();
    for screen in &rules.flow.screens {
        let id = &screen.id;
        if !seen.insert(id.text.as_str()) {
            let message = format!("there are two screens `{}`", cut(&id.text));
            rules.findings.error(Code::DuplicateScreenIds, id.span, message, "another id for one of them");
        }
        if id.text == "SUCCESS" {
            let help = "another id: an answer that names SUCCESS ends the flow, and never shows this screen";
            let message = "`SUCCESS` is the name by which an answer ends the flow";
            rules.findings.error(Code::ScreenIdIsReservedKeyword, id.span, message, help);
        } else if id.text.eq_ignore_ascii_case("success") {
            let message = format!("`{}` may be taken for the reserved `SUCCESS`", id.text);
            rules.findings.warning(Code::ScreenIdIsReservedKeyword, id.span, message, "another id");
        }
    }
}

fn terminal(rules: &mut Rules<'_>) {
    let flow = rules.flow;
    if !flow.screens.is_empty() && !flow.screens.iter().any(|screen| screen.terminal) {
        let help = "\"terminal\": true on the screen that ends the flow, with a Footer";
        let place = flow.screens[flow.screens.len() - 1].id.span;
        rules.findings.error(Code::MissingTerminalScreen, place, "no screen is terminal: the flow cannot end", help);
    }
    for screen in flow.screens.iter().filter(|screen| screen.terminal) {
        let components = screen.components();
        if components.iter().any(|component| component.kind == Kind::NavigationList) {
            let help = "remove `terminal`, or the list";
            let message = "a screen with a NavigationList cannot be terminal";
            rules.findings.error(Code::InvalidPropertyKey, screen.id.span, message, help);
        } else if !components.iter().any(|component| component.kind == Kind::Footer) {
            let message = format!("the terminal screen `{}` has no Footer", cut(&screen.id.text));
            let help = "a Footer whose action is `complete` or `data_exchange`";
            rules.findings.error(Code::MissingFooterOnTerminalScreen, screen.id.span, message, help);
        }
    }
}

fn success(rules: &mut Rules<'_>) {
    let flow = rules.flow;
    for screen in flow.screens.iter().filter(|screen| !screen.terminal) {
        if let Some((_, place)) = screen.success {
            let help = "\"terminal\": true beside it, or remove `success`";
            let message = "`success` stands on a screen that is not terminal";
            rules.findings.error(Code::NotKeywordSchemaValidationFailed, place, message, help);
        }
    }
    let mut last = flow.screens.iter().filter(|screen| screen.terminal).peekable();
    if last.peek().is_some() && last.clone().all(|screen| matches!(screen.success, Some((false, _)))) {
        let place = last.next().and_then(|screen| screen.success).map_or(flow.span, |(_, place)| place);
        let message = "no terminal screen ends the flow with success";
        rules.findings.error(Code::InvalidPropertyValue, place, message, "`success` true, or left out, on one of them");
    }
}

fn refresh_on_back(rules: &mut Rules<'_>) {
    for screen in rules.flow.screens.iter().filter(|_| !rules.flow.has_endpoint()) {
        if let Some((true, place)) = screen.refresh_on_back {
            let help = "set `data_api_version`, or remove it: there is no endpoint to ask";
            let message = "`refresh_on_back` needs an endpoint";
            rules.findings.error(Code::InvalidPropertyValue, place, message, help);
        }
    }
}

/// A name stands once on a screen, whatever branch it is in.
fn names(rules: &mut Rules<'_>) {
    for screen in &rules.flow.screens {
        let mut seen = BTreeSet::new();
        for name in screen.components().into_iter().filter_map(Component::name) {
            if !seen.insert(name.text.as_str()) {
                let message = format!("two components of `{}` are called `{}`", cut(&screen.id.text), cut(&name.text));
                let help = "another name: one value would hide the other";
                rules.findings.error(Code::DuplicateFormComponentNames, name.span, message, help);
            }
        }
    }
}

fn sensitive(rules: &mut Rules<'_>) {
    for screen in &rules.flow.screens {
        let fields: Vec<&str> = screen.fields().into_iter().map(|(name, _)| name.text.as_str()).collect();
        for name in screen.sensitive.iter().filter(|name| !fields.contains(&name.text.as_str())) {
            let message = format!("no field of `{}` is called `{}`", cut(&screen.id.text), cut(&name.text));
            let help = rules.findings.did_you_mean(&name.text, &fields);
            rules.findings.error(Code::InvalidSensitiveField, name.span, message, help);
        }
    }
}
