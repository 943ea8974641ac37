//! Properties of one component that only make sense together.

use super::rules::Rules;
use crate::code::Code;
use crate::finding::Severity;
use crate::limits::{date, is_date};
use crate::model::{Component, Property, TemplateKind};
use crate::schema::Kind;
use crate::span::Span;
use crate::version::Version;

pub(super) fn check(rules: &mut Rules<'_>) {
    let version = rules.flow.version.min(Version::NEWEST);
    for screen in &rules.flow.screens {
        for component in screen.components() {
            captions(rules, component);
            minimum_over_maximum(rules, component);
            pattern(rules, component);
            dates(rules, component, version);
            calendar(rules, component);
            list(rules, component);
            select_actions(rules, component);
        }
    }
}

/// A Footer has a caption on the left and on the right, or one in the middle.
fn captions(rules: &mut Rules<'_>, component: &Component) {
    let property = |name: &str| component.get(name).map(|property| property.name.span);
    let (left, right, center) = (property("left-caption"), property("right-caption"), property("center-caption"));
    match (left, right) {
        (Some(place), None) => {
            let message = "`left-caption` without `right-caption`";
            rules.findings.error(Code::InvalidDependencies, place, message, "both, or `center-caption` alone");
        }
        (None, Some(place)) => {
            let message = "`right-caption` without `left-caption`";
            rules.findings.error(Code::InvalidDependencies, place, message, "both, or `center-caption` alone");
        }
        _ => {}
    }
    if let (Some(place), true) = (center, left.or(right).is_some()) {
        let message = "`center-caption` beside captions on the left and right";
        rules.findings.error(Code::NotKeywordSchemaValidationFailed, place, message, "one or the other");
    }
}

fn minimum_over_maximum(rules: &mut Rules<'_>, component: &Component) {
    const PAIRS: [(&str, &str); 4] = [
        ("min-chars", "max-chars"),
        ("min-selected-items", "max-selected-items"),
        ("min-uploaded-photos", "max-uploaded-photos"),
        ("min-uploaded-documents", "max-uploaded-documents"),
    ];
    for (least, most) in PAIRS {
        if let (Some(low), Some(high), Some(property)) =
            (component.number(least), component.number(most), component.get(least))
            && low > high
        {
            let message = format!("`{least}` is {low}, and `{most}` is {high}");
            rules.findings.error(Code::MinValueGreaterThanMax, property.value.span, message, "the smaller one first");
        }
    }
}

fn pattern(rules: &mut Rules<'_>, component: &Component) {
    let Some(pattern) = component.get("pattern") else { return };
    if component.get("helper-text").is_none() {
        let help = "a `helper-text` that tells the user what to type";
        rules.findings.error(Code::MissingRequiredProperty, pattern.name.span, "`pattern` without `helper-text`", help);
    }
    if let Some(kind) = component.text("input-type")
        && matches!(kind, "email" | "phone")
    {
        let message = format!("`pattern` on an input of type {kind}");
        let help = "only for text, number, password and passcode";
        rules.findings.error(Code::InvalidDependencies, pattern.name.span, message, help);
    }
}

/// The dates that a picker offers.
fn dates(rules: &mut Rules<'_>, component: &Component, version: Version) {
    if !matches!(component.kind, Kind::DatePicker | Kind::CalendarPicker) {
        return;
    }
    let bound = |name: &str| component.text(name).and_then(date);
    let (first, last) = (bound("min-date"), bound("max-date"));
    if let (Some(first), Some(last), Some(property)) = (first, last, component.get("min-date"))
        && first > last
    {
        let message = "`min-date` is after `max-date`";
        rules.findings.error(Code::InvalidDateRange, property.value.span, message, "the earlier one first");
    }
    for unavailable in component.get("unavailable-dates").map(|dates| dates.value.elements()).unwrap_or_default() {
        let TemplateKind::Text(text) = &unavailable.kind else { continue };
        let outside = |day| first.is_some_and(|first| day < first) || last.is_some_and(|last| day > last);
        if date(&text.text).is_some_and(outside) {
            let help = "remove it: it cannot be chosen anyway";
            let message = "an unavailable date outside `min-date` and `max-date`";
            rules.findings.warning(Code::InvalidDateRange, unavailable.span, message, help);
        }
    }
    if component.text("init-value").is_some_and(|value| !value.is_empty() && !is_date(value, version))
        && let Some(property) = component.get("init-value")
        && component.kind == Kind::CalendarPicker
    {
        let message = "the initial value is no date";
        rules.findings.error(Code::InvalidDateSingleInitValueFormat, property.value.span, message, "YYYY-MM-DD");
    }
}

/// What a CalendarPicker takes for one date, and what for two.
fn calendar(rules: &mut Rules<'_>, component: &Component) {
    if component.kind != Kind::CalendarPicker {
        return;
    }
    let mode_is_known = component.get("mode").is_none_or(|mode| mode.value.expression().is_none());
    if !mode_is_known {
        return;
    }
    let range = component.is_range();
    for name in ["title", "description", "min-days", "max-days"] {
        if let (Some(property), false) = (component.get(name), range) {
            let message = format!("`{name}` is for mode `range`");
            let help = "\"mode\": \"range\", or remove it";
            rules.findings.error(Code::UnexpectedCalendarPickerRangeModeProp, property.name.span, message, help);
        }
    }
    for name in ["label", "helper-text", "required", "init-value", "error-message"] {
        let Some(property) = component.get(name).filter(|property| property.value.expression().is_none()) else {
            continue;
        };
        match (&property.value.kind, range) {
            (TemplateKind::Object(_), false) => {
                let message = format!("`{name}` is an object, and the mode is `single`");
                let help = "\"mode\": \"range\", or one value";
                let place = property.value.span.opening();
                rules.findings.error(Code::UnexpectedCalendarPickerRangeModeProp, place, message, help);
            }
            (TemplateKind::Object(_), true) if name == "label" => both_dates(rules, property),
            (TemplateKind::Object(_), true) => {}
            (_, true) => {
                let message = format!("`{name}` is one value, and the mode is `range`");
                let help = "an object of `start-date` and `end-date`";
                rules.findings.error(Code::MissingCalendarPickerRangeModeProp, property.value.span, message, help);
            }
            (_, false) => {}
        }
    }
    if let (Some(least), Some(most), Some(property)) =
        (component.number("min-days"), component.number("max-days"), component.get("min-days"))
        && least > most
    {
        let message = format!("`min-days` is {least}, and `max-days` is {most}");
        rules.findings.error(Code::InvalidMinMaxDays, property.value.span, message, "the smaller one first");
    }
}

fn both_dates(rules: &mut Rules<'_>, property: &Property) {
    for key in ["start-date", "end-date"] {
        if property.value.get(key).is_none() {
            let message = format!("`{}` has no `{key}`", property.name.text);
            let help = "an object of `start-date` and `end-date`";
            let place = property.value.span.opening();
            rules.findings.error(Code::MissingCalendarPickerRangeModeProp, place, message, help);
        }
    }
}

/// A NavigationList leads on by itself or by its items.
fn list(rules: &mut Rules<'_>, component: &Component) {
    if component.kind != Kind::NavigationList {
        return;
    }
    let items = component.get("list-items").map(|items| &items.value);
    let with_action = component.actions.iter().filter(|action| action.of_item).count();
    match component.actions.iter().find(|action| !action.of_item) {
        Some(own) if with_action > 0 => {
            let message = "the list and its items have an `on-click-action`";
            let help = "one on the list, or one on each item";
            rules.findings.error(Code::DuplicatePropetyForCondition, own.property.span, message, help);
        }
        Some(_) => {}
        // Items that come with the data bring their actions with them.
        None if items.is_some_and(|items| with_action < items.elements().len()) => {
            let message = "nothing happens when an item is touched";
            let help = "an `on-click-action` on the list, or on each item";
            rules.findings.error(Code::MissingRequiredProperty, component.span.opening(), message, help);
        }
        None => {}
    }
    for item in items.map(|items| items.elements()).unwrap_or_default() {
        let Some(end) = item.get("end") else { continue };
        let texts = end.members().len();
        if end.expression().is_none() && !(1..=2).contains(&texts) {
            let message = format!("`end` has {texts} texts");
            let help = "one or two of `title`, `description`, `metadata`";
            rules.findings.error(Code::InvalidPropertyNameForCondition, end.span.opening(), message, help);
        }
        if component.text("media-size") == Some("large") {
            let help = "\"media-size\": \"regular\", or no `end`";
            let message = "`end` beside large images";
            rules.findings.error(Code::InvalidPropertyValueForCondition, end.span.opening(), message, help);
        }
    }
}

/// Selecting is handled by the component or by its options.
fn select_actions(rules: &mut Rules<'_>, component: &Component) {
    if component.kind == Kind::NavigationList {
        return;
    }
    let own: Option<Span> = component
        .actions
        .iter()
        .find(|action| {
            !action.of_item && matches!(action.property.text.as_str(), "on-select-action" | "on-unselect-action")
        })
        .map(|action| action.property.span);
    if let Some(place) = own
        && component.actions.iter().any(|action| action.of_item)
    {
        let message = "the component and its options have select actions";
        let help = "on the component, or on its options";
        rules.findings.add(Severity::Error, Code::NotKeywordSchemaValidationFailed, place, message, help);
    }
}
