//! An exchange in the timeline, at a glance.

use std::collections::BTreeMap;

use chrono::{DateTime, Local, SecondsFormat};
use maud::{Markup, html};

use super::bars::{against_limits, time};
use crate::console::timeline::{Exchange, Outcome};

/// One line of the timeline.
pub(crate) fn entry(exchange: &Exchange) -> Markup {
    entry_selected(exchange, false)
}

/// The same, which may be the one that is open.
pub(super) fn entry_selected(exchange: &Exchange, is_selected: bool) -> Markup {
    let number = exchange.number;
    let at = DateTime::<Local>::from(exchange.at);
    html! {
        li.entry id={ "exchange-" (number) } data-number=(number) .bad[!exchange.is_good()] .selected[is_selected] {
            a id={ "open-" (number) } href={ "/exchanges/" (number) } data-open=(number)
                aria-current=[is_selected.then_some("true")] {
                span.number { "#" (number) }
                " " strong.action { (exchange.action()) }
                " " (way(exchange))
                " " (status(exchange))
                " " time datetime=(at.to_rfc3339_opts(SecondsFormat::Millis, false)) { (at.format("%H:%M:%S")) }
                " " span.took { (time(exchange.took)) }
            }
            (against_limits(exchange))
            (marks(exchange))
        }
    }
}

/// From which screen to which.
pub(super) fn way(exchange: &Exchange) -> Markup {
    let (from, to) = (exchange.screen(), exchange.next_screen());
    html! {
        span.way {
            (from)
            @if let Some(to) = to {
                @if !from.is_empty() { " " }
                span aria-label="to" { "→" } " " (to)
            }
        }
    }
}

/// The status with what it means in a word.
pub(super) fn status(exchange: &Exchange) -> Markup {
    let is_fine = matches!(exchange.status(), Some(200 | 427));
    html! {
        span.state .fine[is_fine] {
            @match &exchange.outcome {
                Outcome::Answered { status, .. } => { (status) " " (meaning(*status)) },
                Outcome::NoAnswer(_) => "no answer",
            }
        }
    }
}

fn meaning(status: u16) -> &'static str {
    match status {
        200 => "answered",
        400 => "not readable",
        404 => "no such path",
        405 => "no POST there",
        408 => "too slow",
        413 => "too large",
        421 => "other key",
        427 => "token ended",
        432 => "signature refused",
        500 => "failed",
        502 => "proxy failed",
        503 => "unavailable",
        504 => "too late",
        201..=299 => "not 200",
        300..=399 => "redirect",
        _ => "generic error",
    }
}

fn marks(exchange: &Exchange) -> Markup {
    let differences = exchange.differences.len();
    // Ten options with one mistake are one mark.
    let mut verdicts = BTreeMap::new();
    for verdict in &exchange.verdicts {
        *verdicts.entry((verdict.severity, verdict.code.as_str())).or_insert(0_usize) += 1;
    }
    html! {
        @if exchange.fault.is_some() || !exchange.verdicts.is_empty() || differences > 0 {
            ul.marks {
                @if let Some(fault) = exchange.fault { li.fault { "made wrong: " (fault) } }
                @for ((severity, code), count) in verdicts {
                    li.verdict data-severity=(severity) {
                        (severity) ": " (code) @if count > 1 { " × " (count) }
                    }
                }
                @if differences > 0 {
                    li.difference {
                        (differences) @if differences == 1 { " difference" } @else { " differences" } " from before"
                    }
                }
            }
        }
    }
}
