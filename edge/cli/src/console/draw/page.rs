//! The whole page: the phone and its buttons on the left, what went over the line on the right.

use flow_json::Finding;
use maud::{DOCTYPE, Markup, html};

use super::detail::detail;
use super::entry::entry_selected;
use super::findings::findings;
use super::phone::{Face, phone};
use crate::console::timeline::Exchange;

/// All that the page shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page<'a> {
    pub(crate) flow_name: &'a str,
    /// The ids of the flow's screens, as the file has them.
    pub(crate) screens: &'a [String],
    pub(crate) face: Face<'a>,
    /// Oldest first.
    pub(crate) exchanges: &'a [Exchange],
    pub(crate) findings: &'a [Finding],
    /// Of the Flow JSON, so that findings show their lines.
    pub(crate) file_text: Option<&'a str>,
    /// The one that is open beside the timeline.
    pub(crate) selected: Option<&'a Exchange>,
}

/// What can be made wrong on purpose, and what its button says and does.
const FAULTS: [(&str, &str, &str); 9] = [
    ("wrong-key", "Wrong key", "Seal the next request for another key: 421"),
    ("wrong-signature", "Wrong signature", "Sign the next request with another secret: 432"),
    ("dead-token", "Dead token", "Send the next request with a signature of the token that is not good: 427"),
    ("lost-answer", "Lost answer", "The next answer gets lost on the way"),
    ("slow", "Slow", "The next answer is late"),
    ("logic-gone", "Logic gone", "The logic cannot be reached"),
    ("error-notification", "Error notification", "The phone tells the endpoint of an error"),
    ("back", "Back", "The phone's own way back"),
    ("reopen", "Reopen", "Close the flow and open it again from the message"),
];

pub(crate) fn page(page: &Page<'_>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.flow_name) " – flowctl dev" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/style.css";
                script src="/script.js" defer {}
            }
            body {
                header.top {
                    h1 { (page.flow_name) }
                    @if !page.screens.is_empty() {
                        details.screens {
                            summary { "Screens: " (page.screens.len()) }
                            ul { @for screen in page.screens { li data-screen=(screen) { (screen) } } }
                        }
                    }
                    p id="state" role="status" {}
                }
                main {
                    div.left {
                        (looks())
                        section id="phone" aria-label="Phone" data-os="ios" data-theme="light" { (phone(&page.face)) }
                        (buttons())
                    }
                    div.right {
                        aside id="findings" aria-label="Findings in the Flow JSON" {
                            (findings(page.findings, page.file_text))
                        }
                        (timeline(page))
                        div id="opened" { @if let Some(exchange) = page.selected { (detail(exchange)) } }
                    }
                }
            }
        }
    }
}

fn looks() -> Markup {
    html! {
        div.looks role="group" aria-label="Look of the phone" {
            label { "System " select id="look-os" data-look="os" {
                option value="ios" { "iOS" } option value="android" { "Android" }
            } }
            label { "Theme " select id="look-theme" data-look="theme" {
                option value="light" { "Light" } option value="dark" { "Dark" }
            } }
            label { "Width " input id="look-width" type="range" data-look="width" min="320" max="430" value="390"; }
        }
    }
}

fn buttons() -> Markup {
    html! {
        div.faults role="group" aria-label="Things that go wrong" {
            @for (fault, words, title) in FAULTS {
                button type="button" id={ "fault-" (fault) } data-fault=(fault) title=(title) aria-pressed="false" { (words) }
            }
            label { "Slow by " input id="seconds" type="number" data-seconds min="1" max="20" value="9"; " s" }
        }
        p {
            button type="button" id="move-restart" data-move="restart" { "Start again" }
            " " a id="script" href="/script.yaml" download="conversation.yaml" { "Save as a script" }
        }
    }
}

fn timeline(page: &Page<'_>) -> Markup {
    html! {
        section id="timeline" aria-labelledby="timeline-title" {
            div.head {
                h2 id="timeline-title" { "Exchanges" }
                label { "Filter " input id="filter" type="search" data-filter; }
                label { input id="redact" type="checkbox" data-redact; " Hide values" }
            }
            ol id="exchanges" {
                @for exchange in page.exchanges {
                    (entry_selected(exchange, page.selected.is_some_and(|it| it.number == exchange.number)))
                }
            }
        }
    }
}
