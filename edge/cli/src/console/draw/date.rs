//! DatePicker and CalendarPicker, by the browser's own picker of dates.
//!
//! A browser knows a first and a last day; which days between them cannot be picked stands in words under the field. What is
//! picked is `YYYY-MM-DD`, whatever the version of the flow writes.

use maud::{Markup, html};

use super::field::{Around, id_of, part_label};
use super::text::{id, part, property};
use crate::phone::{Days, Field, Rules, Shown, value};

/// More would fill the screen.
const MOST_NAMED: usize = 6;

pub(super) fn day(shown: &Shown, field: &Field, days: &Days) -> Markup {
    let around = Around::new(shown, field);
    let id = id_of(field);
    let text = shown.value.as_ref().and_then(value::text);
    html! {
        div.field.typed.wrong[around.is_wrong().is_some()] {
            label for=(id) { (around.label) }
            input id=(id) type="date" data-field=(field.name) data-kind="date" value=(written(days, text))
                min=[first(days)] max=[last(days)] disabled[!field.is_enabled]
                aria-invalid=[around.is_wrong()] aria-describedby=[around.described_by()];
            (without(days))
            (around.below())
        }
    }
}

pub(super) fn range(shown: &Shown, field: &Field) -> Markup {
    let Rules::Range { days, least, most, is_start_required, is_end_required } = &field.rules else {
        return Markup::default();
    };
    let around = Around::new(shown, field);
    let parts = shown.value.as_ref().and_then(value::object);
    let ends = [("start-date", "Start", *is_start_required), ("end-date", "End", *is_end_required)];
    let title = property(shown, "title");
    html! {
        fieldset.field.range id=(around.id) disabled[!field.is_enabled] aria-describedby=[around.described_by()]
            .wrong[around.is_wrong().is_some()] {
            legend .unseen[title.is_none()] {
                @if let Some(title) = title { (title) } @else { (field.name) }
            }
            (around.above())
            @for (name, otherwise, is_required) in ends {
                @let id = id("f", &[&field.name, name]);
                @let text = parts.and_then(|parts| value::get(parts, name)).and_then(value::text);
                div.typed {
                    label for=(id) { (part_label(shown, name, otherwise, is_required)) }
                    input id=(id) type="date" data-field=(field.name) data-kind="range" data-part=(name)
                        value=(written(days, text)) min=[first(days)] max=[last(days)] disabled[!field.is_enabled]
                        aria-invalid=[around.is_wrong()] aria-describedby=[around.described_by()];
                    @if let Some(helper) = part(shown, "helper-text", name) { p.helper { (helper) } }
                }
            }
            @match (least, most) {
                (Some(least), Some(most)) => p.helper { (least) " to " (most) " days" },
                (Some(least), None) => p.helper { "at least " (least) " days" },
                (None, Some(most)) => p.helper { "at most " (most) " days" },
                (None, None) => {},
            }
            (without(days))
            (around.below())
        }
    }
}

fn written(days: &Days, text: Option<&str>) -> String {
    text.and_then(|text| days.written.read(text)).map(|day| day.to_string()).unwrap_or_default()
}

fn first(days: &Days) -> Option<String> {
    days.min.map(|day| day.to_string())
}

fn last(days: &Days) -> Option<String> {
    days.max.map(|day| day.to_string())
}

fn without(days: &Days) -> Markup {
    let named: Vec<_> = days.unavailable.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    html! {
        @if let Some(weekdays) = &days.weekdays {
            p.helper { "only " (weekdays.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")) }
        }
        @if !named.is_empty() {
            p.helper {
                "not on " (named.join(", "))
                @if days.unavailable.len() > named.len() { " and " (days.unavailable.len() - named.len()) " more days" }
            }
        }
    }
}
