//! What a phone lets into a field, and what it asks of the fields before a Footer does anything.
//!
//! The first is a keyboard that has no such key, or a list that has no such entry; the second is a text under the field.

use std::collections::BTreeSet;
use std::fmt;

use prost_types::Value;
use regex::Regex;

use super::date::{Days, NoDay};
use super::field::{Choice, Field, Input, Rules};
use super::value::{flag, get, is_empty, is_null, list, object, text};

/// Why a phone does not let a value in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The field takes another type.
    Type(&'static str),
    TooLong(usize),
    /// The keyboard has no such key.
    Character(char),
    NotOffered,
    OptionDisabled,
    ChosenTwice,
    TooMany(usize),
    Day(NoDay),
    /// The end is before the start.
    Backwards,
    /// A file lacks this.
    File(&'static str),
}

/// What a phone says under a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    Required,
    TooShort(usize),
    Pattern,
    NoNumber,
    NoEmail,
    TooFew(usize),
    TooFewFiles(usize),
    TooFewDays(u64),
    TooManyDays(u64),
    OpenRange,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("required"),
            Self::TooShort(least) => write!(f, "at least {least} characters"),
            Self::Pattern => f.write_str("not of the pattern"),
            Self::NoNumber => f.write_str("not a number"),
            Self::NoEmail => f.write_str("not an email address"),
            Self::TooFew(least) => write!(f, "at least {least} to choose"),
            Self::TooFewFiles(least) => write!(f, "at least {least} files"),
            Self::TooFewDays(least) => write!(f, "at least {least} days"),
            Self::TooManyDays(most) => write!(f, "at most {most} days"),
            Self::OpenRange => f.write_str("a start and an end"),
        }
    }
}

/// What each entry of a picker's value holds.
pub(crate) const FILE_KEYS: [&str; 4] = ["media_id", "cdn_url", "file_name", "encryption_metadata"];

/// Whether a phone lets this value into the field. Null and what is empty take out what was there.
pub(crate) fn admit(field: &Field, value: &Value) -> Result<(), Refusal> {
    if is_null(value) {
        return Ok(());
    }
    match &field.rules {
        Rules::Text { input, most, .. } => admit_text(*input, *most, text(value).ok_or(Refusal::Type("a string"))?),
        Rules::One { options } => match text(value).ok_or(Refusal::Type("a string"))? {
            "" => Ok(()),
            id => offered(options, id),
        },
        Rules::Several { options, most, .. } => {
            let ids = list(value).ok_or(Refusal::Type("an array of strings"))?;
            if ids.len() > *most {
                return Err(Refusal::TooMany(*most));
            }
            let mut seen = BTreeSet::new();
            for id in ids {
                let id = text(id).ok_or(Refusal::Type("an array of strings"))?;
                offered(options, id)?;
                if !seen.insert(id) {
                    return Err(Refusal::ChosenTwice);
                }
            }
            Ok(())
        }
        Rules::Flag => flag(value).map(|_| ()).ok_or(Refusal::Type("true or false")),
        Rules::Day(days) => admit_day(days, value).map(|_| ()),
        Rules::Range { days, .. } => {
            let range = object(value).ok_or(Refusal::Type("an object of `start-date` and `end-date`"))?;
            let day = |key| get(range, key).map(|day| admit_day(days, day)).transpose();
            match (day("start-date")?.flatten(), day("end-date")?.flatten()) {
                (Some(start), Some(end)) if end < start => Err(Refusal::Backwards),
                _ => Ok(()),
            }
        }
        Rules::Files { most, .. } => {
            let files = list(value).ok_or(Refusal::Type("an array of files"))?;
            if files.len() > *most {
                return Err(Refusal::TooMany(*most));
            }
            for file in files {
                let file = object(file).ok_or(Refusal::Type("an array of files"))?;
                if let Some(key) = FILE_KEYS.into_iter().find(|key| get(file, key).is_none()) {
                    return Err(Refusal::File(key));
                }
            }
            Ok(())
        }
    }
}

fn admit_text(input: Input, most: usize, text: &str) -> Result<(), Refusal> {
    if text.chars().count() > most {
        return Err(Refusal::TooLong(most));
    }
    let has_key = |letter: char| match input {
        Input::Lines => letter == '\n' || !letter.is_control(),
        Input::Line | Input::Email | Input::Password => !letter.is_control(),
        Input::Number => letter.is_ascii_digit() || "+-.,".contains(letter),
        Input::Passcode => letter.is_ascii_digit(),
        Input::Phone => letter.is_ascii_digit() || "+*#-(). ".contains(letter),
    };
    match text.chars().find(|letter| !has_key(*letter)) {
        Some(letter) => Err(Refusal::Character(letter)),
        None => Ok(()),
    }
}

fn offered(options: &[Choice], id: &str) -> Result<(), Refusal> {
    match options.iter().find(|option| option.id == id) {
        None => Err(Refusal::NotOffered),
        Some(option) if !option.is_enabled => Err(Refusal::OptionDisabled),
        Some(_) => Ok(()),
    }
}

fn admit_day(days: &Days, value: &Value) -> Result<Option<chrono::NaiveDate>, Refusal> {
    match text(value).ok_or(Refusal::Type("a date"))? {
        "" => Ok(None),
        text => days.read(text).map(Some).map_err(Refusal::Day),
    }
}

/// What is wrong with a field that holds this, once the user wants to go on.
pub(crate) fn problem(field: &Field, value: Option<&Value>) -> Option<Problem> {
    let value = value.filter(|value| !is_empty(value));
    let Some(value) = value else {
        return match &field.rules {
            Rules::Files { least, .. } if *least > 0 => Some(Problem::TooFewFiles(*least)),
            _ if field.is_required => Some(Problem::Required),
            _ => None,
        };
    };
    match &field.rules {
        Rules::Text { input, least, pattern, .. } => {
            let text = text(value).unwrap_or_default();
            text_problem(*input, *least, pattern.as_deref(), text).or_else(|| {
                // Blanks alone are no answer to what must be answered.
                (field.is_required && text.trim().is_empty()).then_some(Problem::Required)
            })
        }
        Rules::Several { least, .. } => {
            (list(value).unwrap_or_default().len() < *least).then_some(Problem::TooFew(*least))
        }
        Rules::Files { least, .. } => {
            (list(value).unwrap_or_default().len() < *least).then_some(Problem::TooFewFiles(*least))
        }
        Rules::Flag => (field.is_required && flag(value) != Some(true)).then_some(Problem::Required),
        Rules::Range { days, least, most, .. } => {
            let range = object(value)?;
            let day = |key| get(range, key).and_then(text).and_then(|text| days.written.read(text));
            let (Some(start), Some(end)) = (day("start-date"), day("end-date")) else {
                return Some(Problem::OpenRange);
            };
            let length = u64::try_from((end - start).num_days() + 1).unwrap_or(0);
            match (least, most) {
                (Some(least), _) if length < *least => Some(Problem::TooFewDays(*least)),
                (_, Some(most)) if length > *most => Some(Problem::TooManyDays(*most)),
                _ => None,
            }
        }
        Rules::One { .. } | Rules::Day(_) => None,
    }
}

fn text_problem(input: Input, least: usize, pattern: Option<&str>, text: &str) -> Option<Problem> {
    let is_number = || text.replace(',', ".").parse().is_ok_and(|number: f64| number.is_finite());
    if text.chars().count() < least {
        return Some(Problem::TooShort(least));
    }
    match input {
        Input::Number if !is_number() => return Some(Problem::NoNumber),
        Input::Email if !is_email(text) => return Some(Problem::NoEmail),
        _ => {}
    }
    // What this engine cannot read, a phone may; then the endpoint has the last word.
    let regex = pattern.and_then(|pattern| Regex::new(pattern).ok())?;
    (!regex.is_match(text)).then_some(Problem::Pattern)
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_plain =
        |part: &str| !part.is_empty() && !part.contains(|letter: char| letter.is_whitespace() || letter == '@');
    is_plain(local) && is_plain(domain) && domain.contains('.') && domain.split('.').all(|label| !label.is_empty())
}
