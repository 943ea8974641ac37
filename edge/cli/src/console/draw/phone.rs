//! The phone: its bars, the screen between them, what lies over it, and the chat that a flow leaves behind.

use flow_json::Kind;
use maud::{Markup, html};
use prost_types::Struct;

use super::component::component;
use super::navigation::footer;
use super::text::one_line;
use crate::phone::{Ending, View};

/// All that the phone shows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Face<'a> {
    /// Nothing before the first answer and after the end.
    pub(crate) view: Option<&'a View>,
    pub(crate) ending: Option<&'a Ending>,
    /// Why the last request came to nothing; it can be sent again.
    pub(crate) failure: Option<&'a str>,
    /// The address of an `open_url`, which is shown and never opened.
    pub(crate) opened: Option<&'a str>,
    /// The user closed the flow.
    pub(crate) is_closed: bool,
}

/// What stands in the element of the phone.
pub(crate) fn phone(face: &Face<'_>) -> Markup {
    html! {
        div.status aria-hidden="true" { span { "9:41" } span.signal { "5G ▮▮▮" } }
        @if face.is_closed {
            (chat(&html! {
                p.note { "The user closed the flow. Nothing was sent." }
                button.reply type="button" id="chat-reopen" data-fault="reopen" { "Open the flow again" }
            }))
        } @else if let Some(ending) = face.ending {
            (chat(&ended(ending)))
        } @else {
            (flow(face))
        }
        div.home aria-hidden="true" {}
    }
}

fn flow(face: &Face<'_>) -> Markup {
    let view = face.view;
    let is_loading = face.failure.is_none() && view.is_none_or(|view| view.is_loading);
    let footer_of = view.and_then(View::footer);
    html! {
        header.bar inert[face.failure.is_some()] {
            @if view.is_some_and(|view| view.can_go_back) {
                button.back type="button" id="phone-back" data-move="back" aria-label="Back" { span aria-hidden="true" { "‹" } }
            }
            h2 { (view.map(|view| view.title.as_str()).unwrap_or_default()) }
            button.close type="button" id="phone-close" data-move="close" aria-label="Close" {
                span aria-hidden="true" { "×" }
            }
        }
        div.screen id="phone-screen" data-screen=[view.map(|view| &view.screen)] aria-busy=(is_loading) tabindex="-1"
            inert[face.failure.is_some()] {
            @for shown in view.iter().flat_map(|view| &view.components).filter(|shown| shown.kind != Kind::Footer) {
                div.component data-component=(shown.kind.name()) data-id=(shown.id) { (component(shown)) }
            }
        }
        div.over {
            @if let Some(message) = view.and_then(|view| view.message.as_deref()) {
                div.snackbar role="alert" { (message) }
            }
            @if let Some(address) = face.opened {
                div.snackbar role="status" { "A phone opens " span.address { (address) } " in its browser." }
            }
        }
        @if let Some(shown) = footer_of { div inert[face.failure.is_some()] { (footer(shown)) } }
        @if let Some(failure) = face.failure {
            div.cover {
                div.sheet role="alert" {
                    h3 { "Something went wrong" }
                    p { (failure) }
                    button.primary type="button" id="phone-retry" data-move="retry" { "Try again" }
                }
            }
        } @else if is_loading {
            div.cover.loading role="status" { span.spinner aria-hidden="true" {} span.unseen { "Loading" } }
        }
    }
}

fn chat(content: &Markup) -> Markup {
    html! {
        header.bar { h2 { "Chat" } }
        div.screen.chat id="phone-screen" tabindex="-1" { (content) }
    }
}

fn ended(ending: &Ending) -> Markup {
    let again = html! { button.reply type="button" id="chat-restart" data-move="restart" { "Play it again" } };
    match ending {
        Ending::Completed(params) => html! {
            div.bubble.own { strong { "Response sent" } (sent(params)) }
            p.note { "What the business gets in its webhook." }
            (again)
        },
        Ending::Closed => html! {
            p.note { "The flow is over and closed without a response to the business." }
            (again)
        },
        Ending::Disabled(text) => html! {
            div.bubble {
                p { (text.as_deref().unwrap_or("This message is no longer available.")) }
                @if text.is_none() { p.note { "The endpoint sent no text of its own; the words are the client's." } }
                button.reply type="button" id="chat-disabled" disabled { "Open" }
            }
            p.note { "The flow token is dead, and the message's button with it." }
            (again)
        },
    }
}

fn sent(params: &Struct) -> Markup {
    let rows = params.fields.iter().map(|(key, value)| (key, one_line(value)));
    html! {
        @if params.fields.is_empty() {
            p { "without parameters" }
        } @else {
            table { @for (key, value) in rows { tr { th scope="row" { (key) } td { (value) } } } }
        }
    }
}
