//! Which screen may follow which: forward only, from an entry, to an end.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::Rules;
use crate::code::Code;
use crate::finding::Severity;
use crate::json::cut;
use crate::model::{ActionKind, Name, Route};

const MAX_TARGETS: usize = 10;

pub(super) fn check(rules: &mut Rules<'_>) {
    let flow = rules.flow;
    match &flow.routing_model {
        Some(routes) => {
            names(rules, routes);
            navigations(rules, routes);
        }
        None if flow.has_endpoint() => {
            let place = flow.data_api_version.as_ref().map_or(flow.span, |version| version.span);
            let help = "\"routing_model\": {\"SCREEN\": [\"NEXT_SCREEN\"], …}, with every screen";
            let message = "a flow with `data_api_version` has no `routing_model`";
            rules.findings.error(Code::MissingRequiredProperty, place, message, help);
            return;
        }
        None => {}
    }
    forward(rules);
}

/// Every screen is a key, every name a screen, and no list is too long.
fn names(rules: &mut Rules<'_>, routes: &[Route]) {
    let ids: Vec<&str> = rules.flow.screens.iter().map(|screen| screen.id.text.as_str()).collect();
    for name in routes.iter().flat_map(|route| std::iter::once(&route.from).chain(&route.to)) {
        if !ids.contains(&name.text.as_str()) {
            let message = format!("the routing model names `{}`, and there is no such screen", cut(&name.text));
            let help = rules.findings.did_you_mean(&name.text, &ids);
            rules.findings.error(Code::InvalidRoutingModel, name.span, message, help);
        }
    }
    for screen in &rules.flow.screens {
        if !routes.iter().any(|route| route.from.text == screen.id.text) {
            let message = format!("the routing model lacks the screen `{}`", cut(&screen.id.text));
            let help = format!("\"{}\": [], or with the screens that follow it", cut(&screen.id.text));
            // Published samples leave the model empty; without an endpoint, where the platform makes it, they leave out the last.
            let is_target = routes.iter().any(|route| route.to.iter().any(|to| to.text == screen.id.text));
            let sampled = routes.is_empty() || is_target && !rules.flow.has_endpoint();
            let severity = if sampled { Severity::Warning } else { Severity::Error };
            rules.findings.add(severity, Code::InvalidRoutingModel, screen.id.span, message, help);
        }
    }
    for route in routes.iter().filter(|route| route.to.len() > MAX_TARGETS) {
        let message = format!("`{}` leads to {} screens", cut(&route.from.text), route.to.len());
        rules.findings.error(Code::InvalidRoutingModel, route.from.span, message, "at most 10");
    }
}

/// Each `navigate` needs its edge.
fn navigations(rules: &mut Rules<'_>, routes: &[Route]) {
    for screen in &rules.flow.screens {
        for action in screen.components().into_iter().flat_map(|component| &component.actions) {
            let (ActionKind::Navigate, Some(next)) = (action.kind, &action.next) else { continue };
            if next.text == screen.id.text || rules.flow.screen(&next.text).is_none() {
                continue;
            }
            let leads = |from: &str, to: &str| {
                routes.iter().any(|route| route.from.text == from && route.to.iter().any(|name| name.text == to))
            };
            if leads(&screen.id.text, &next.text) {
                continue;
            }
            let message = format!("the routing model does not lead from `{}` to `{}`", screen.id.text, next.text);
            if leads(&next.text, &screen.id.text) {
                let message = format!("{message}, only back");
                let help = "leave the way back to the client's own button";
                rules.findings.warning(Code::BackwardRoute, next.span, message, help);
            } else {
                let help = format!("add \"{}\" to the list of \"{}\"", next.text, screen.id.text);
                rules.findings.error(Code::InvalidRoutingModel, next.span, message, help);
            }
        }
    }
}

/// No way back, no loop, no island; an entry, and an end for every path.
fn forward(rules: &mut Rules<'_>) {
    let flow = rules.flow;
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut refused = false;
    let edges = flow.edges();
    for (from, to) in &edges {
        let known = flow.screen(&from.text).is_some() && flow.screen(&to.text).is_some();
        if from.text == to.text {
            // A navigate to its own screen has a code of its own.
            if flow.routing_model.is_some() {
                let message = format!("`{}` leads to itself", cut(&from.text));
                let help = "remove it: an answer may name the same screen without an edge";
                rules.findings.error(Code::InvalidRoutingModel, to.span, message, help);
            }
            continue;
        }
        if known {
            next.entry(&from.text).or_default().insert(&to.text);
        }
    }
    for (from, to) in &edges {
        if next.get(to.text.as_str()).is_some_and(|back| back.contains(from.text.as_str())) && from.text != to.text {
            refused = true;
            let message = format!("`{}` and `{}` lead to each other", cut(&from.text), cut(&to.text));
            let help = "keep the way forward: back is the client's own button, and needs no edge";
            rules.findings.error(Code::InvalidRoutingModel, to.span, message, help);
        }
    }
    if let Some(around) = cycle(&next).filter(|_| !refused) {
        let place = edges.iter().find(|(from, to)| from.text == around[0] && around.get(1) == Some(&to.text.as_str()));
        let place = place.map_or(flow.span, |(_, to)| to.span);
        let message = format!("the screens lead round in a circle: {}", around.join(" → "));
        rules.findings.error(Code::InvalidRoutingModel, place, message, "routes lead forward only");
        return;
    }
    if refused || flow.screens.is_empty() {
        return;
    }
    let entries: Vec<&Name> = entries(rules, &next);
    if entries.is_empty() {
        let message = "no screen is an entry: each follows another";
        rules.findings.error(Code::InvalidRoutingModel, flow.screens[0].id.span, message, "a first screen");
    }
    connected(rules, &next);
    ends(rules, &next);
}

fn entries<'a>(rules: &Rules<'a>, next: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<&'a Name> {
    let followed: BTreeSet<&str> = next.values().flatten().copied().collect();
    rules.flow.screens.iter().map(|screen| &screen.id).filter(|id| !followed.contains(id.text.as_str())).collect()
}

/// Every screen hangs together with the first one, in whatever direction.
fn connected(rules: &mut Rules<'_>, next: &BTreeMap<&str, BTreeSet<&str>>) {
    let flow = rules.flow;
    let mut around: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, targets) in next {
        for to in targets {
            around.entry(from).or_default().push(to);
            around.entry(to).or_default().push(from);
        }
    }
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<&str> = flow.screens.iter().take(1).map(|screen| screen.id.text.as_str()).collect();
    while let Some(id) = waiting.pop() {
        if seen.insert(id) {
            waiting.extend(around.get(id).into_iter().flatten());
        }
    }
    for screen in flow.screens.iter().filter(|screen| !seen.contains(screen.id.text.as_str())) {
        let message = format!("no route connects `{}` with `{}`", cut(&screen.id.text), cut(&flow.screens[0].id.text));
        let help = "add the route that leads to it, or remove the screen";
        rules.findings.error(Code::InvalidRoutingModel, screen.id.span, message, help);
    }
}

/// A path that ends on a screen which cannot finish the flow, and never passed one that can.
fn ends(rules: &mut Rules<'_>, next: &BTreeMap<&str, BTreeSet<&str>>) {
    let flow = rules.flow;
    let terminal = |id: &str| flow.screen(id).is_some_and(|screen| screen.terminal);
    for screen in flow.screens.iter().filter(|screen| !screen.terminal) {
        let id = screen.id.text.as_str();
        if next.get(id).is_some_and(|targets| !targets.is_empty()) {
            continue;
        }
        // A page of terms that opens from the last screen is left by back.
        let opened_from_the_end = next.iter().any(|(from, targets)| targets.contains(id) && terminal(from));
        if !opened_from_the_end {
            let message = format!("the way ends at `{}`, which is not terminal", cut(id));
            let help = "set \"terminal\": true, or add a route to a terminal screen";
            rules.findings.warning(Code::DeadEnd, screen.id.span, message, help);
        }
    }
}

/// A way that comes back to where it began; at most 100 screens recurse.
fn cycle<'a>(next: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
    fn visit<'a>(
        id: &'a str,
        next: &BTreeMap<&'a str, BTreeSet<&'a str>>,
        path: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<&'a str>> {
        if let Some(start) = path.iter().position(|seen| *seen == id) {
            let mut around = path[start..].to_vec();
            around.push(id);
            return Some(around);
        }
        // Of a file with too many screens the first thousand are enough.
        if path.len() > 1000 || !done.insert(id) {
            return None;
        }
        path.push(id);
        let found = next.get(id).into_iter().flatten().find_map(|to| visit(to, next, path, done));
        path.pop();
        found
    }
    let mut done = BTreeSet::new();
    next.keys().find_map(|id| visit(id, next, &mut Vec::new(), &mut done))
}
