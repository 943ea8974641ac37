//! An exchange opened: all that went over the line and what came of it, and what can be done with it.

use std::time::Duration;

use maud::{Markup, html};
use serde_json::Value;

use super::bars::{against_limits, time, within};
use super::entry::{status, way};
use super::json::pretty;
use crate::client::Object;
use crate::console::timeline::{Call, Exchange, Outcome};

/// What can be copied, and what its button says.
const COPIES: [(&str, &str); 3] = [("simulate", "flowctl simulate"), ("grpcurl", "grpcurl"), ("curl", "curl")];

pub(crate) fn detail(exchange: &Exchange) -> Markup {
    let number = exchange.number;
    html! {
        article.detail id="detail" data-number=(number) aria-labelledby="detail-title" {
            h2 id="detail-title" { "#" (number) " " (exchange.action()) " " (way(exchange)) }
            div.tools role="group" aria-label="What to do with it" {
                @for (what, words) in COPIES {
                    button type="button" id={ "copy-" (what) } data-copy=(what) data-number=(number) {
                        "Copy as " (words)
                    }
                }
                button type="button" id="detail-back-to" data-move="back-to" data-number=(number)
                    title="Plays all steps up to this one again, as a conversation of its own; it goes on from there" {
                    "Play again up to here"
                }
            }
            pre.copied data-copied hidden aria-live="polite" {}
            (facts(exchange))
            (verdicts(exchange))
            section { h3 { "Request, as it was sealed" } (object(&exchange.request)) }
            section { h3 { "Answer, opened" } (answer(exchange)) }
            section {
                h3 { "Calls to logic" }
                @if exchange.calls.is_empty() { p { "None." } }
                @for call in &exchange.calls { (drawn(call)) }
            }
            section { h3 { "Where the time went" } (stages(exchange)) }
            (edit(exchange))
        }
    }
}

fn facts(exchange: &Exchange) -> Markup {
    html! {
        dl.facts {
            dt { "Status" }
            dd {
                (status(exchange))
                @match &exchange.outcome {
                    Outcome::Answered { explanation, .. } => { @if !explanation.is_empty() { p { (explanation) } } },
                    Outcome::NoAnswer(why) => p { (why) },
                }
            }
            dt { "Time" }
            dd { (time(exchange.took)) " " (against_limits(exchange)) }
            @if let Outcome::Answered { request_id: Some(id), .. } = &exchange.outcome {
                dt { "Request id" }
                dd { code { (id) } }
            }
            dt { "Trace id" }
            dd { code { (exchange.trace_id) } }
            @if let Some(fault) = exchange.fault {
                dt { "Made wrong" }
                dd { (fault) }
            }
            @if !exchange.differences.is_empty() {
                dt { "Differs from before" }
                dd { ul { @for pointer in &exchange.differences { li { code { (pointer) } } } } }
            }
        }
    }
}

fn verdicts(exchange: &Exchange) -> Markup {
    html! {
        section {
            h3 { "What a phone says" }
            @if exchange.verdicts.is_empty() {
                p { "Nothing against it." }
            } @else {
                ul.verdicts {
                    @for verdict in &exchange.verdicts {
                        li data-severity=(verdict.severity) {
                            strong { (verdict.severity) } " " code { (verdict.code.as_str()) } " "
                            code.pointer { (verdict.pointer) } p { (verdict.message) }
                        }
                    }
                }
            }
        }
    }
}

fn object(object: &Object) -> Markup {
    pretty(&Value::Object(object.clone()))
}

fn answer(exchange: &Exchange) -> Markup {
    match &exchange.outcome {
        Outcome::Answered { body: Some(body), .. } => object(body),
        Outcome::Answered { body: None, .. } => html! { p { "The body was not sealed." } },
        Outcome::NoAnswer(_) => html! { p { "There was none that a phone could open." } },
    }
}

fn drawn(call: &Call) -> Markup {
    html! {
        div.call .bad[call.code != "OK"] {
            p {
                strong { (call.method) } " " span.state .fine[call.code == "OK"] { (call.code) }
                @if !call.text.is_empty() { " " span.value { (call.text) } }
                " " span.took { "after " (time(call.after)) ", took " (time(call.took)) }
            }
            details { summary { "gRPC request" } (pretty(&call.request)) }
            details { summary { "gRPC response" } (pretty(&call.response)) }
        }
    }
}

fn stages(exchange: &Exchange) -> Markup {
    let whole = exchange.took;
    let row = |name: &str, from: Duration, to: Duration, class: &str| {
        html! {
            tr {
                th scope="row" { (name) }
                td { (time(to.saturating_sub(from))) }
                td.wide { (within(from, to, whole, class)) }
            }
        }
    };
    let ends = exchange.calls.iter().map(|call| (call.after, call.after + call.took));
    let (first, last) = (ends.clone().map(|it| it.0).min(), ends.map(|it| it.1).max());
    html! {
        table.stages {
            @if let (Some(first), Some(last)) = (first, last) {
                (row("to logic", Duration::ZERO, first, "total"))
                @for call in &exchange.calls { (row(&call.method, call.after, call.after + call.took, "logic")) }
                (row("back", last.min(whole), whole, "total"))
            } @else {
                (row("without a call", Duration::ZERO, whole, "total"))
            }
        }
    }
}

fn edit(exchange: &Exchange) -> Markup {
    let id = format!("edit-{}", exchange.number);
    let request = Value::Object(exchange.request.clone());
    html! {
        form data-edit data-number=(exchange.number) {
            h3 { label for=(id) { "Change it and send it again" } }
            textarea id=(id) name="request" rows="12" spellcheck="false" { "\n" (format!("{request:#}")) }
            p.problem data-said role="alert" {}
            button type="submit" id={ (id) "-send" } { "Send" }
        }
    }
}
