//! What the walks came to, as cases of the report: one for the opening, one for each screen, one for each route.

use std::collections::BTreeSet;
use std::time::Duration;

use flow_json::Flow;

use super::conversation;
use super::coverage::{Coverage, routes};
use super::fault::{Kind, Warning};
use super::shrink::Found;
use crate::conformance::outcome::{Failure, Outcome};
use crate::conformance::report::Entry;

const TOPIC: &str = "walk";
const OPENING: &str = "walk/INIT";

/// The names of all cases that walks through this flow make.
pub(super) fn names(flow: &Flow) -> Vec<String> {
    let screens = flow.screens.iter().map(|screen| of_screen(&screen.id.text));
    let routes = routes(flow).into_iter().map(|route| of_route(&route));
    std::iter::once(OPENING.to_owned()).chain(screens).chain(routes).collect()
}

fn of_screen(id: &str) -> String {
    if id.is_empty() { OPENING.to_owned() } else { format!("walk/{id}") }
}

fn of_route((from, to): &(String, String)) -> String {
    format!("walk/{from}->{to}")
}

pub(super) fn entries(
    flow: &Flow,
    coverage: &Coverage,
    found: &[Found],
    warnings: &BTreeSet<Warning>,
    time: Duration,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    let ids = std::iter::once("").chain(flow.screens.iter().map(|screen| screen.id.text.as_str()));
    for id in ids {
        let here: Vec<_> = found.iter().filter(|found| found.fault.screen == id).collect();
        let warned: Vec<_> = warnings.iter().filter(|it| it.screen == id).map(|it| it.text.as_str()).collect();
        let is_reached = id.is_empty() || coverage.screens.contains(id);
        let outcome = match (here.is_empty(), warned.is_empty(), is_reached) {
            (false, ..) => {
                let came: Vec<_> = here.iter().map(|found| found.fault.came()).collect();
                Outcome::Failed(Failure::came(came.join("; and ")))
            }
            // Nothing was held against anything.
            (true, ..) if id.is_empty() && coverage.screens.is_empty() => Outcome::Failed(Failure {
                came: "no screen: each walk ended with the first answer, as one whose flow_token is refused".to_owned(),
                expected: None,
                mend: Some("Let the service take the token of a stranger here; the walks make their own."),
            }),
            (true, false, _) => Outcome::Warned(warned.join("; ")),
            (true, true, true) => Outcome::Passed,
            (true, true, false) => Outcome::Skipped("no walk came here".to_owned()),
        };
        let should = match id {
            "" => "a first screen that the client takes, however the flow is opened".to_owned(),
            id => format!("answers to what users do on {id} that the client takes, and a way on"),
        };
        entries.push(Entry {
            topic: TOPIC.to_owned(),
            name: of_screen(id),
            should,
            user: here.first().map(|found| user(&found.fault.kind).to_owned()),
            mend: mend(here.first().copied()).to_owned(),
            scripts: here.iter().map(|found| conversation::write(found, flow)).collect(),
            outcome,
            time: if id.is_empty() { time } else { Duration::ZERO },
        });
    }
    for route in routes(flow) {
        let outcome = match coverage.routes.contains(&route) {
            true => Outcome::Passed,
            false => Outcome::Skipped("no walk went this way".to_owned()),
        };
        let (from, to) = &route;
        entries.push(Entry {
            topic: TOPIC.to_owned(),
            name: of_route(&route),
            should: format!("a way from {from} to {to}"),
            user: None,
            mend: String::new(),
            scripts: Vec::new(),
            outcome,
            time: Duration::ZERO,
        });
    }
    entries
}

fn user(kind: &Kind) -> &'static str {
    match kind {
        Kind::Refused { .. } => "an error in place of the screen",
        Kind::Status { .. } | Kind::NoAnswer(_) => "\"Something went wrong\", and the same again with every try",
        Kind::ForeignToken => "nothing; the business books it to another conversation",
        Kind::DeadEnd(_) => "a screen on which nothing leads on",
    }
}

fn mend(found: Option<&Found>) -> &'static str {
    match found.map(|found| &found.fault.kind) {
        None => {
            "What is shown wrongly some phones cut off or leave out; `flowctl flow check --explain CODE` says more."
        }
        Some(Kind::Refused { .. }) => {
            "Answer with every key that the screen declares, each of its type, and with a screen that a route leads to."
        }
        Some(Kind::Status { .. }) => {
            "Answer what a user can mend with the same screen and an error_message; a status is for what broke inside."
        }
        Some(Kind::NoAnswer(_)) => "See in the service's log what became of the call.",
        Some(Kind::ForeignToken) => "Leave flow_token out of the params; the edge adds the conversation's own.",
        Some(Kind::DeadEnd(_)) => "Send at least one option for a field that is required, and enable it.",
    }
}
