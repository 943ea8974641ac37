//! Fields in which something is chosen from a list: CheckboxGroup, RadioButtonsGroup, Dropdown, ChipsSelector.

use flow_json::Kind;
use maud::{Markup, html};

use super::field::{Around, id_of};
use super::image::thumbnail;
use super::text::{cut, cut_plain, id, plain};
use crate::phone::{Choice, Field, Rules, Shown, value};

/// CheckboxGroup, RadioButtonsGroup and ChipsSelector.
pub(super) fn group(shown: &Shown, field: &Field) -> Markup {
    let around = Around::new(shown, field);
    let (of_type, kind) = match field.rules {
        Rules::One { .. } => ("radio", "choice"),
        _ => ("checkbox", "choices"),
    };
    let is_chips = shown.kind == Kind::ChipsSelector;
    let is_large = plain(&shown.properties, "media-size") == Some("large");
    html! {
        fieldset.field.group id=(around.id) disabled[!field.is_enabled] aria-describedby=[around.described_by()]
            .wrong[around.is_wrong().is_some()] .large-media[is_large] .chips[is_chips] {
            legend { (around.label) }
            (around.above())
            div.options {
                @for option in offered(shown, field) {
                    label.option .off[!option.is_enabled] {
                        input id=(id("f", &[&field.name, &option.id])) type=(of_type) name=(id_of(field))
                            data-field=(field.name) data-kind=(kind) value=(option.id)
                            checked[is_chosen(shown, &option.id)] disabled[!option.is_enabled || !field.is_enabled]
                            aria-invalid=[around.is_wrong()];
                        (picture(option))
                        (words(shown.kind, option))
                    }
                }
            }
            (left_out(shown, field))
            @if let Rules::Several { least, most, options } = &field.rules
                && (*least > 0 || *most < options.len()) {
                p.helper { "choose " (least) " to " (most) }
            }
            (around.below())
        }
    }
}

/// A phone opens a sheet; the browser's own list has no room for images, so that of the option that is chosen stands beside it.
pub(super) fn dropdown(shown: &Shown, field: &Field) -> Markup {
    let around = Around::new(shown, field);
    let id = id_of(field);
    let chosen = field.options().iter().find(|option| is_chosen(shown, &option.id));
    html! {
        div.field.typed.dropdown.wrong[around.is_wrong().is_some()] {
            label for=(id) { (around.label) }
            div.row {
                @if let Some(chosen) = chosen { (picture(chosen)) }
                select id=(id) data-field=(field.name) data-kind="choice" disabled[!field.is_enabled]
                    aria-invalid=[around.is_wrong()] aria-describedby=[around.described_by()] {
                    option value="" selected[chosen.is_none()] { "Choose" }
                    @for option in offered(shown, field) {
                        option value=(option.id) selected[is_chosen(shown, &option.id)]
                            disabled[!option.is_enabled] { (one_line(shown.kind, option)) }
                    }
                }
            }
            (left_out(shown, field))
            (around.below())
        }
    }
}

/// As many as a phone shows.
fn offered<'a>(shown: &Shown, field: &'a Field) -> impl Iterator<Item = &'a Choice> {
    field.options().iter().take(most(shown))
}

fn most(shown: &Shown) -> usize {
    shown.kind.most_shown(&["data-source"]).unwrap_or(usize::MAX)
}

fn left_out(shown: &Shown, field: &Field) -> Markup {
    let (all, most) = (field.options().len(), most(shown));
    html! { @if all > most { p.left-out { "a phone shows " (most) " of these " (all) " options" } } }
}

fn is_chosen(shown: &Shown, option: &str) -> bool {
    let Some(found) = &shown.value else { return false };
    value::text(found) == Some(option) || value::texts(found).contains(&option)
}

fn words(kind: Kind, option: &Choice) -> Markup {
    let text = |name| plain(&option.content, name).map(|text| cut(text, kind.most_shown(&["data-source", name])));
    html! {
        span.words {
            span.title { (cut(&option.title, kind.most_shown(&["data-source", "title"]))) }
            @if let Some(description) = text("description") { span.description { (description) } }
            @if let Some(metadata) = text("metadata") { span.metadata { (metadata) } }
        }
    }
}

fn one_line(kind: Kind, option: &Choice) -> String {
    let text = |name| Some(cut_plain(plain(&option.content, name)?, kind.most_shown(&["data-source", name])));
    let title = cut_plain(&option.title, kind.most_shown(&["data-source", "title"]));
    [Some(title), text("description"), text("metadata")].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn picture(option: &Choice) -> Markup {
    let color = plain(&option.content, "color").map(|color| color.trim_start_matches('#'));
    let color = color.filter(|color| color.len() == 6 && color.bytes().all(|byte| byte.is_ascii_hexdigit()));
    html! {
        @if let Some(image) = thumbnail(&option.content, "image") {
            (image)
        } @else if let Some(color) = color {
            span.thumbnail {
                svg viewBox="0 0 10 10" aria-hidden="true" { rect width="10" height="10" fill={ "#" (color) } {} }
            }
        }
    }
}
