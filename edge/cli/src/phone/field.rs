//! A field as it is now: what its component says, with what the references lead to.
//!
//! It refuses to know what was put into it.

use chrono::{NaiveDate, Weekday};
use flow_json::Kind;
use flow_json::expression::Scope;
use flow_json::model::{Component, Flow};
use prost_types::{Struct, Value};

use super::date::{Days, Written};
use super::value::{flag, get, list, number, object, text, texts};

/// What a phone takes where the file names no limit.
const MAX_CHARS: usize = 80;
const MAX_LENGTH: usize = 600;
const MAX_FILES: usize = 30;

/// A field and its rules.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) kind: Kind,
    pub(crate) is_enabled: bool,
    pub(crate) is_required: bool,
    pub(crate) rules: Rules,
}

/// What may be put in.
#[derive(Debug, Clone)]
pub(crate) enum Rules {
    Text { input: Input, least: usize, most: usize, pattern: Option<String> },
    One { options: Vec<Choice> },
    Several { options: Vec<Choice>, least: usize, most: usize },
    Flag,
    Day(Days),
    Range { days: Days, least: Option<u64>, most: Option<u64>, is_start_required: bool, is_end_required: bool },
    Files { least: usize, most: usize },
}

/// What is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    Line,
    /// Of a TextArea.
    Lines,
    Number,
    Email,
    Password,
    Passcode,
    Phone,
}

/// An option, or an item of a list.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) is_enabled: bool,
    /// All that it holds, actions included.
    pub(crate) content: Struct,
}

impl Field {
    /// `None` for what takes nothing from the user, or has no name.
    pub(crate) fn new(component: &Component, flow: &Flow, scope: &Scope<'_>) -> Option<Self> {
        let read = Reader { component, scope };
        let kind = component.kind;
        if !kind.is_input() {
            return None;
        }
        let required = read.value("required");
        let is_required_at =
            |key| required.as_ref().and_then(object).and_then(|range| get(range, key)).and_then(flag) == Some(true);
        let rules = match kind {
            Kind::TextInput => Rules::Text {
                input: Input::of(component.text("input-type")),
                least: read.whole("min-chars").unwrap_or(0),
                most: read.whole("max-chars").unwrap_or(MAX_CHARS),
                pattern: read.value("pattern").as_ref().and_then(text).map(str::to_owned),
            },
            Kind::TextArea => Rules::Text {
                input: Input::Lines,
                least: 0,
                most: read.whole("max-length").unwrap_or(MAX_LENGTH),
                pattern: None,
            },
            Kind::Dropdown | Kind::RadioButtonsGroup => Rules::One { options: read.choices("data-source") },
            Kind::CheckboxGroup | Kind::ChipsSelector => {
                let options = read.choices("data-source");
                let most = read.whole("max-selected-items").unwrap_or(options.len());
                Rules::Several { options, least: read.whole("min-selected-items").unwrap_or(0), most }
            }
            Kind::OptIn => Rules::Flag,
            Kind::CalendarPicker if component.is_range() => Rules::Range {
                days: read.days(flow),
                least: read.whole("min-days").map(|days| days as u64),
                most: read.whole("max-days").map(|days| days as u64),
                is_start_required: is_required_at("start-date"),
                is_end_required: is_required_at("end-date"),
            },
            Kind::DatePicker | Kind::CalendarPicker => Rules::Day(read.days(flow)),
            Kind::PhotoPicker => read.files("min-uploaded-photos", "max-uploaded-photos"),
            Kind::DocumentPicker => read.files("min-uploaded-documents", "max-uploaded-documents"),
            _ => return None,
        };
        let is_required = match &rules {
            Rules::Files { least, .. } => *least > 0,
            Rules::Range { is_start_required, is_end_required, .. } => *is_start_required || *is_end_required,
            _ => required.as_ref().and_then(flag).unwrap_or(false),
        };
        Some(Self {
            name: component.name()?.text.clone(),
            label: read.value("label").as_ref().and_then(text).unwrap_or_default().to_owned(),
            kind,
            is_enabled: is(component, "enabled", scope),
            is_required,
            rules,
        })
    }

    /// Something is chosen from a list.
    pub(crate) fn is_choice(&self) -> bool {
        matches!(self.rules, Rules::One { .. } | Rules::Several { .. })
    }

    /// The options of which one or several are chosen.
    pub(crate) fn options(&self) -> &[Choice] {
        match &self.rules {
            Rules::One { options } | Rules::Several { options, .. } => options,
            _ => &[],
        }
    }

    /// What a phone holds that was never touched, where it sends something for it at all.
    pub(crate) fn untouched(&self) -> Option<Value> {
        match &self.rules {
            Rules::Text { .. } | Rules::One { .. } | Rules::Day(_) => Some(Value::from("")),
            Rules::Several { .. } | Rules::Files { .. } => Some(Value::from(Vec::new())),
            Rules::Flag => Some(Value::from(false)),
            Rules::Range { .. } => None,
        }
    }
}

impl Input {
    fn of(written: Option<&str>) -> Self {
        match written {
            Some("number") => Self::Number,
            Some("email") => Self::Email,
            Some("password") => Self::Password,
            Some("passcode") => Self::Passcode,
            Some("phone") => Self::Phone,
            _ => Self::Line,
        }
    }
}

/// A property that is true unless it says otherwise.
pub(crate) fn is(component: &Component, property: &str, scope: &Scope<'_>) -> bool {
    component.get(property).and_then(|it| flag(&it.value.resolve(scope))).unwrap_or(true)
}

/// The entries of a list of options or items; one without an id cannot be chosen and is left out.
pub(crate) fn choices(component: &Component, property: &str, scope: &Scope<'_>) -> Vec<Choice> {
    Reader { component, scope }.choices(property)
}

struct Reader<'a> {
    component: &'a Component,
    scope: &'a Scope<'a>,
}

impl Reader<'_> {
    fn value(&self, property: &str) -> Option<Value> {
        Some(self.component.get(property)?.value.resolve(self.scope))
    }

    fn whole(&self, property: &str) -> Option<usize> {
        let number = number(&self.value(property)?)?;
        (number >= 0.0 && number.is_finite()).then_some(number as usize)
    }

    fn choices(&self, property: &str) -> Vec<Choice> {
        let Some(value) = self.value(property) else { return Vec::new() };
        let choice = |entry: &Value| {
            let content = object(entry)?.clone();
            let main = get(&content, "main-content").and_then(object).unwrap_or(&content);
            Some(Choice {
                id: get(&content, "id").and_then(text).filter(|id| !id.trim().is_empty())?.to_owned(),
                title: get(main, "title").and_then(text).unwrap_or_default().to_owned(),
                is_enabled: get(&content, "enabled").and_then(flag).unwrap_or(true),
                content,
            })
        };
        list(&value).unwrap_or_default().iter().filter_map(choice).collect()
    }

    fn files(&self, least: &str, most: &str) -> Rules {
        Rules::Files { least: self.whole(least).unwrap_or(0), most: self.whole(most).unwrap_or(MAX_FILES) }
    }

    fn days(&self, flow: &Flow) -> Days {
        let written = Written::of(flow.version);
        let date = |property: &str| self.value(property).as_ref().and_then(text).and_then(|text| written.read(text));
        let bound = |year, month, day| {
            (written == Written::Milliseconds).then(|| NaiveDate::from_ymd_opt(year, month, day)).flatten()
        };
        let unavailable = self.value("unavailable-dates");
        let weekdays = self.value("include-days");
        Days {
            written,
            min: date("min-date").or_else(|| bound(1900, 1, 1)),
            max: date("max-date").or_else(|| bound(2100, 12, 31)),
            unavailable: unavailable.iter().flat_map(texts).filter_map(|text| written.read(text)).collect(),
            weekdays: weekdays
                .as_ref()
                .map(|days| texts(days).into_iter().filter_map(|day| day.parse::<Weekday>().ok()).collect::<Vec<_>>()),
        }
    }
}
