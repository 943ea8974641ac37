//! What leads on: Footer, EmbeddedLink, NavigationList.

use maud::{Markup, html};

use super::image::thumbnail;
use super::text::{cut, id, plain, property};
use crate::phone::{Choice, Shown, value};

/// What a phone shows of the tags of an item.
const MOST_TAGS: usize = 3;

pub(super) fn footer(shown: &Shown) -> Markup {
    let captions = ["left-caption", "center-caption", "right-caption"].map(|name| property(shown, name));
    let has_captions = captions.iter().any(Option::is_some);
    html! {
        div.footer {
            @if has_captions {
                div.captions { @for caption in captions.iter().flatten() { span { (caption) } } }
            }
            button.primary type="button" id=(id("c", &[&shown.id])) data-tap=(shown.id) disabled[!shown.is_enabled] {
                (property(shown, "label").unwrap_or_default())
            }
        }
    }
}

pub(super) fn link(shown: &Shown) -> Markup {
    html! {
        p.embedded-link {
            button.link type="button" id=(id("c", &[&shown.id])) data-tap=(shown.id) disabled[!shown.is_enabled] {
                (property(shown, "text").unwrap_or_default())
            }
        }
    }
}

pub(super) fn list(shown: &Shown) -> Markup {
    let most = shown.kind.most_shown(&["list-items"]).unwrap_or(shown.items.len());
    let label_id = id("c", &[&shown.id, "label"]);
    let label = property(shown, "label");
    let is_large = plain(&shown.properties, "media-size") == Some("large");
    html! {
        div.navigation .large-media[is_large] {
            @if let Some(label) = &label { h3 id=(label_id) { (label) } }
            @if let Some(description) = property(shown, "description") { p.description { (description) } }
            ul aria-labelledby=[label.is_some().then_some(&label_id)] {
                @for item in shown.items.iter().take(most) { li { (entry(shown, item)) } }
            }
            @if shown.items.len() > most {
                p.left-out { "a phone shows " (most) " of these " (shown.items.len()) " items" }
            }
        }
    }
}

fn entry(shown: &Shown, item: &Choice) -> Markup {
    let content = &item.content;
    let object = |name: &str| value::get(content, name).and_then(value::object);
    let within = |part: &str, name: &str| {
        let text = plain(object(part)?, name)?;
        Some(cut(text, shown.kind.most_shown(&["list-items", part, name])))
    };
    let most = shown.kind.most_shown(&["list-items", "badge"]);
    let tags = value::get(content, "tags").map(value::texts).unwrap_or_default();
    let is_enabled = shown.is_enabled && item.is_enabled && shown.tap_of(item).is_some();
    html! {
        button.item type="button" id=(id("c", &[&shown.id, &item.id])) data-tap=(shown.id) data-item=(item.id)
            disabled[!is_enabled] {
            @if let Some(image) = object("start").and_then(|start| thumbnail(start, "image")) { (image) }
            span.words {
                span.title { (within("main-content", "title").unwrap_or_default()) }
                @if let Some(badge) = plain(content, "badge") { span.badge { (cut(badge, most)) } }
                @if let Some(description) = within("main-content", "description") {
                    span.description { (description) }
                }
                @if let Some(metadata) = within("main-content", "metadata") { span.metadata { (metadata) } }
                @if !tags.is_empty() {
                    span.tags {
                        @for tag in tags.iter().take(MOST_TAGS) {
                            span.tag { (cut(tag, shown.kind.most_shown(&["list-items", "tags"]))) } " "
                        }
                        @if tags.len() > MOST_TAGS {
                            span.cut title={ "a phone shows 3 of " (tags.len()) " tags" } { "…" }
                        }
                    }
                }
            }
            @if object("end").is_some() {
                span.end {
                    @for name in ["title", "description", "metadata"] {
                        @if let Some(text) = within("end", name) { span class=(name) { (text) } }
                    }
                }
            }
            span.chevron aria-hidden="true" { "›" }
        }
    }
}
