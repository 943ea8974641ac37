//! What a phone shows of a value: lengths, options, dates, images. Nothing here is refused at upload; `check` holds written
//! values and examples against it, and the judge those of an answer.
//!
//! What is reported never holds a value, only its size.

use std::collections::HashSet;

use chrono::NaiveDate;
use prost_types::value::Kind as Proto;
use prost_types::{Struct, Value};

use crate::code::Code;
use crate::expression::{Reference, Source, at};
use crate::json::escape;
use crate::model::{Component, Screen, Template, TemplateKind};
use crate::schema::{Kind, Property, Shape, property};
use crate::version::{V5_0, V6_0, Version};

/// The way to a value, written only where something is reported.
#[derive(Clone, Copy)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    /// As it stands in a pointer.
    Root(&'a str),
    Way(&'a str, &'a [String]),
    Key(&'a str),
    Place(usize),
}

impl<'a> Path<'a> {
    pub(crate) fn root(pointer: &'a str) -> Self {
        Self { parent: None, step: Step::Root(pointer) }
    }

    pub(crate) fn way(pointer: &'a str, steps: &'a [String]) -> Self {
        Self { parent: None, step: Step::Way(pointer, steps) }
    }

    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Key(key) }
    }

    pub(crate) fn place(&'a self, place: usize) -> Self {
        Self { parent: Some(self), step: Step::Place(place) }
    }

    /// JSON pointer.
    pub(crate) fn pointer(&self) -> String {
        let mut pointer = self.parent.map(Path::pointer).unwrap_or_default();
        match self.step {
            Step::Root(root) => pointer.push_str(root),
            Step::Way(root, steps) => {
                pointer.push_str(root);
                steps.iter().for_each(|step| pointer.extend(["/", &escape(step)]));
            }
            Step::Key(key) => pointer.extend(["/", &escape(key)]),
            Step::Place(place) => pointer.extend(["/", &place.to_string()]),
        }
        pointer
    }
}

/// A property that shows a part of the data.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    /// Into the data of the screen.
    pub(crate) path: Vec<String>,
    pub(crate) shown: Shown,
    closed: Closed,
}

/// What keeps users from a component.
#[derive(Debug, Clone)]
enum Closed {
    /// As the file has it.
    Always,
    /// Where one of these is false in the data.
    By(Vec<Vec<String>>),
}

/// How a value is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    kind: Kind,
    shape: Shape,
    limit: usize,
    version: Version,
}

impl Shown {
    pub(crate) fn new(kind: Kind, property: &Property, version: Version) -> Self {
        Self { kind, shape: property.shape, limit: property.limit, version }
    }
}

fn has_limits(shape: Shape, limit: usize) -> bool {
    let of_kind = matches!(shape, Shape::Object(_) | Shape::Objects(..) | Shape::Date | Shape::Dates | Shape::Image(_));
    limit > 0 || of_kind || matches!(shape, Shape::OrRange(Shape::Date))
}

/// Which properties of a screen show which of its data.
pub(crate) fn bindings(screen: &Screen, version: Version) -> Vec<Binding> {
    let mut found = Vec::new();
    for component in screen.components() {
        for written in &component.properties {
            let Some(schema) = component.schema(&written.name.text) else { continue };
            let Some(reference) = of_data(&written.value) else { continue };
            let shown = Shown::new(component.kind, schema, version);
            if has_limits(shown.shape, shown.limit) {
                found.push(Binding { path: reference.path.clone(), shown, closed: Closed::new(component) });
            }
        }
    }
    found
}

/// A reference to the screen's own data, where it is nothing else.
fn of_data(value: &Template) -> Option<&Reference> {
    let reference = value.expression()?.as_reference()?;
    (reference.screen.is_none() && reference.source == Source::Data).then_some(reference)
}

impl Closed {
    fn new(component: &Component) -> Self {
        let mut paths = Vec::new();
        for property in ["enabled", "visible"].into_iter().filter_map(|name| component.get(name)) {
            if property.value.kind == TemplateKind::Boolean(false) {
                return Self::Always;
            }
            paths.extend(of_data(&property.value).map(|reference| reference.path.clone()));
        }
        Self::By(paths)
    }
}

impl Binding {
    /// A list without entries that nobody can open: it is filled once the user has chosen something else.
    pub(crate) fn waits(&self, value: &Value, data: &Struct) -> bool {
        let is_false = |path: &Vec<String>| at(data, path).is_some_and(|it| it.kind == Some(Proto::BoolValue(false)));
        let is_empty = matches!(&value.kind, Some(Proto::ListValue(list)) if list.values.is_empty());
        is_empty
            && match &self.closed {
                Closed::Always => true,
                Closed::By(paths) => paths.iter().any(is_false),
            }
    }
}

/// Holds a value against how it is shown. Types are not looked at: what has another is passed over.
pub(crate) fn check(shown: Shown, value: &Value, path: &Path<'_>, report: &mut dyn FnMut(Code, &Path<'_>, String)) {
    let limited = Limited { shown };
    limited.value(shown.shape, shown.limit, value, path, report);
}

struct Limited {
    shown: Shown,
}

type Report<'r> = dyn FnMut(Code, &Path<'_>, String) + 'r;

impl Limited {
    fn value(&self, shape: Shape, limit: usize, value: &Value, path: &Path<'_>, report: &mut Report<'_>) {
        let Some(kind) = &value.kind else { return };
        match (shape, kind) {
            (Shape::Text | Shape::String | Shape::Texts(_), Proto::StringValue(text)) => {
                if let Some(length) = over(text, limit) {
                    let message = format!("{length} characters, and a phone shows {limit}");
                    report(Code::TextTooLong, path, message);
                }
            }
            (Shape::Image(kilobytes), Proto::StringValue(text)) => self.image(kilobytes, text, path, report),
            (Shape::Date, Proto::StringValue(text)) if !is_date(text, self.shown.version) => {
                let wanted = if self.shown.version < V5_0 { "milliseconds since 1970" } else { "YYYY-MM-DD" };
                report(Code::DateFormat, path, format!("not a date of version {}: {wanted}", self.shown.version));
            }
            (Shape::Dates, Proto::ListValue(list)) => {
                for (place, date) in list.values.iter().enumerate() {
                    self.value(Shape::Date, 0, date, &path.place(place), report);
                }
            }
            (Shape::OrRange(inner), Proto::StructValue(range)) => {
                for (key, value) in &range.fields {
                    self.value(*inner, limit, value, &path.key(key), report);
                }
            }
            (Shape::OrRange(inner), _) => self.value(*inner, limit, value, path, report),
            // The tags of an item.
            (Shape::Strings, Proto::ListValue(list)) if limit > 0 => {
                if list.values.len() > 3 {
                    report(Code::ListItemNotRendered, path, format!("{} tags, and an item takes 3", list.values.len()));
                }
                for (place, tag) in list.values.iter().take(3).enumerate() {
                    self.value(Shape::Text, limit, tag, &path.place(place), report);
                }
            }
            (Shape::Object(table), Proto::StructValue(fields)) => {
                for (key, value) in &fields.fields {
                    if let Some(property) = property(table, key) {
                        self.value(property.shape, property.limit, value, &path.key(key), report);
                    }
                }
            }
            (Shape::Objects(table, least, most), Proto::ListValue(list)) => {
                self.entries(table, (least, most), &list.values, path, report);
            }
            _ => {}
        }
    }

    fn image(&self, kilobytes: usize, text: &str, path: &Path<'_>, report: &mut Report<'_>) {
        // An option took three times as much before 6.0.
        let most = if self.shown.version < V6_0 { 300 } else { kilobytes };
        // `data:image/png;base64,` stands at the beginning, and the rest is long.
        let head = &text[..text.floor_char_boundary(64)];
        let base64 = head.find("base64,").and_then(|at| text.get(at + 7..)).unwrap_or(text);
        let bytes = base64.trim_end_matches('=').len() / 4 * 3;
        if bytes > most * 1000 {
            report(Code::ImageTooLarge, path, format!("an image of {} KB, where {most} KB are shown", bytes / 1000));
        }
    }

    fn entries(
        &self,
        table: &[Property],
        (least, most): (usize, usize),
        entries: &[Value],
        path: &Path<'_>,
        report: &mut Report<'_>,
    ) {
        let [of_id, of_title] = ["id", "title"].map(|key| property(table, key));
        let (mut images, mut colors, mut badges) = (false, false, 0);
        let (mut ascending, mut before) = (true, None);
        for (place, entry) in entries.iter().take(most).enumerate() {
            let path = path.place(place);
            let Some(Proto::StructValue(fields)) = &entry.kind else { continue };
            let (mut has_id, mut has_title) = (false, false);
            for (key, value) in &fields.fields {
                let property = match (key.as_str(), &value.kind) {
                    (_, None) => continue,
                    ("id", Some(id)) => {
                        has_id = true;
                        if let Proto::StringValue(id) = id {
                            if is_blank(id) && of_id.is_some() {
                                report(Code::OptionId, &path.key("id"), "a blank id".to_owned());
                            }
                            ascending &= before.replace(id.as_str()).is_none_or(|before| before < id.as_str());
                        }
                        of_id
                    }
                    ("title", Some(title)) => {
                        has_title = true;
                        if matches!(title, Proto::StringValue(title) if is_blank(title)) && of_title.is_some() {
                            report(Code::OptionTitle, &path.key("title"), "a blank title".to_owned());
                        }
                        of_title
                    }
                    (other, Some(_)) => {
                        images |= other == "image";
                        colors |= other == "color";
                        badges += usize::from(other == "badge");
                        if badges == 2 && other == "badge" {
                            let message = "a second badge: one entry of a list has one".to_owned();
                            report(Code::ListItemNotRendered, &path.key("badge"), message);
                        }
                        property(table, other)
                    }
                };
                // Most have none.
                if let Some(property) = property.filter(|property| has_limits(property.shape, property.limit)) {
                    self.value(property.shape, property.limit, value, &path.key(key), report);
                }
            }
            if of_id.is_some() && !has_id {
                report(Code::OptionId, &path, "no id".to_owned());
            }
            if of_title.is_some() && !has_title {
                report(Code::OptionTitle, &path, "no title".to_owned());
            }
        }
        // In an ascending list none comes twice.
        if !ascending && of_id.is_some() {
            repeated_ids(entries.iter().take(most), path, report);
        }
        let most = if self.shown.kind == Kind::Dropdown && images { 100 } else { most };
        if entries.len() < least || entries.len() > most {
            report(Code::OptionCount, path, format!("{} entries, and a phone shows {least} to {most}", entries.len()));
        }
        if images && colors {
            let message = "images and colors in one list".to_owned();
            report(Code::DataSourceItemsHaveBothImageAndColor, path, message);
        }
    }
}

fn repeated_ids<'a>(entries: impl Iterator<Item = &'a Value>, path: &Path<'_>, report: &mut Report<'_>) {
    let mut ids = HashSet::new();
    for (place, entry) in entries.enumerate() {
        let Some(Proto::StructValue(fields)) = &entry.kind else { continue };
        let Some(Proto::StringValue(id)) = fields.fields.get("id").and_then(|id| id.kind.as_ref()) else { continue };
        if !is_blank(id) && !ids.insert(id.as_str()) {
            report(Code::OptionId, &path.place(place).key("id"), "an id that an entry before it has".to_owned());
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

/// The length in characters, where it is over the limit.
fn over(text: &str, limit: usize) -> Option<usize> {
    // Most texts are short, and counting characters takes longer than looking at the bytes.
    if limit == 0 || text.len() <= limit {
        return None;
    }
    Some(text.chars().count()).filter(|length| *length > limit)
}

/// As the version writes dates.
pub(crate) fn is_date(text: &str, version: Version) -> bool {
    if version < V5_0 {
        return !text.is_empty()
            && text.len() <= 15
            && text.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
    }
    date(text).is_some()
}

/// `YYYY-MM-DD` and nothing else.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| -> Option<u32> {
        let part = text.get(range)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten()
    };
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    NaiveDate::from_ymd_opt(digits(0..4)? as i32, digits(5..7)?, digits(8..10)?)
}
