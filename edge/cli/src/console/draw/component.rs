//! One component of a screen, whichever it is.

use flow_json::Kind;
use maud::{Markup, html};

use super::markdown::{Extent, markdown};
use super::text::{cut, lines, plain, property};
use super::{choice, date, field, image, navigation};
use crate::phone::{Field, Rules, Shown, value};

pub(super) fn component(shown: &Shown) -> Markup {
    match (shown.kind, &shown.field) {
        (Kind::TextHeading, _) => html! { h3.large { (property(shown, "text").unwrap_or_default()) } },
        (Kind::TextSubheading, _) => html! { h4 { (property(shown, "text").unwrap_or_default()) } },
        (Kind::TextBody, _) => body(shown, "body"),
        (Kind::TextCaption, _) => body(shown, "caption"),
        (Kind::RichText, _) => html! { div.rich { (markdown(&lines(&shown.properties, "text"), Extent::All)) } },
        (Kind::Image, _) => image::image(shown),
        (Kind::ImageCarousel, _) => image::carousel(shown),
        (Kind::EmbeddedLink, _) => navigation::link(shown),
        (Kind::NavigationList, _) => navigation::list(shown),
        (Kind::Footer, _) => navigation::footer(shown),
        // Decided by the phone, which shows what is inside.
        (Kind::Form | Kind::If | Kind::Switch, _) => Markup::default(),
        (
            Kind::TextInput
            | Kind::TextArea
            | Kind::CheckboxGroup
            | Kind::RadioButtonsGroup
            | Kind::Dropdown
            | Kind::ChipsSelector
            | Kind::OptIn
            | Kind::DatePicker
            | Kind::CalendarPicker
            | Kind::PhotoPicker
            | Kind::DocumentPicker,
            Some(field),
        ) => input(shown, field),
        (kind, None) => html! { p.left-out { (kind.name()) " without a name: a phone shows nothing" } },
    }
}

fn input(shown: &Shown, field: &Field) -> Markup {
    match &field.rules {
        Rules::Text { input, most, .. } => field::typed(shown, field, *input, *most),
        Rules::One { .. } if shown.kind == Kind::Dropdown => choice::dropdown(shown, field),
        Rules::One { .. } | Rules::Several { .. } => choice::group(shown, field),
        Rules::Flag => field::switch(shown, field),
        Rules::Day(days) => date::day(shown, field, days),
        Rules::Range { .. } => date::range(shown, field),
        Rules::Files { .. } => field::files(shown, field),
    }
}

fn body(shown: &Shown, class: &str) -> Markup {
    let text = lines(&shown.properties, "text");
    let most = shown.kind.most_shown(&["text"]).unwrap_or(usize::MAX);
    let end = text.char_indices().nth(most).map_or(text.len(), |(place, _)| place);
    let is = |name| value::get(&shown.properties, name).and_then(value::flag) == Some(true);
    let weight = plain(&shown.properties, "font-weight").unwrap_or_default();
    html! {
        div class=(class) .bold[weight.contains("bold")] .italic[weight.contains("italic")] .strike[is("strikethrough")] {
            @if is("markdown") {
                (markdown(&text[..end], Extent::Emphasis))
                @if end < text.len() { p.left-out { "a phone shows " (most) " of " (text.chars().count()) " characters" } }
            } @else {
                p.lines { (cut(&text, Some(most))) }
            }
        }
    }
}
