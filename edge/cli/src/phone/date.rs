//! Dates as a version writes them: milliseconds as text below 5.0, `YYYY-MM-DD` from then on.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, Weekday};

/// How a version writes a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Milliseconds,
    Iso,
}

impl Written {
    pub(crate) fn of(version: flow_json::Version) -> Self {
        if version.major < 5 { Self::Milliseconds } else { Self::Iso }
    }

    pub(crate) fn read(self, text: &str) -> Option<NaiveDate> {
        match self {
            Self::Milliseconds => DateTime::from_timestamp_millis(text.parse().ok()?).map(|time| time.date_naive()),
            // chrono takes `2025-1-5` as well, which no phone does.
            Self::Iso => text.parse().ok().filter(|date: &NaiveDate| date.to_string() == text),
        }
    }

    pub(crate) fn write(self, date: NaiveDate) -> String {
        match self {
            Self::Milliseconds => date.and_time(NaiveTime::MIN).and_utc().timestamp_millis().to_string(),
            Self::Iso => date.to_string(),
        }
    }
}

/// The days that can be picked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Days {
    pub(crate) written: Written,
    pub(crate) min: Option<NaiveDate>,
    pub(crate) max: Option<NaiveDate>,
    pub(crate) unavailable: Vec<NaiveDate>,
    /// Of the week; none where every day will do.
    pub(crate) weekdays: Option<Vec<Weekday>>,
}

/// Why a day cannot be picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoDay {
    NoDate,
    OutOfRange,
    Unavailable,
    Weekday,
}

impl Days {
    pub(crate) fn read(&self, text: &str) -> Result<NaiveDate, NoDay> {
        let date = self.written.read(text).ok_or(NoDay::NoDate)?;
        if self.min.is_some_and(|min| date < min) || self.max.is_some_and(|max| date > max) {
            return Err(NoDay::OutOfRange);
        }
        if self.unavailable.contains(&date) {
            return Err(NoDay::Unavailable);
        }
        match &self.weekdays {
            Some(days) if !days.contains(&date.weekday()) => Err(NoDay::Weekday),
            _ => Ok(date),
        }
    }

    /// The first or the last day that can be picked, of those around a bound or around this day.
    pub(crate) fn nearest(&self, from: NaiveDate, forward: bool) -> Option<NaiveDate> {
        let mut date = from;
        // Two years of unavailable days are a picker without any.
        for _ in 0..732 {
            if self.read(&self.written.write(date)).is_ok() {
                return Some(date);
            }
            date = if forward { date.succ_opt()? } else { date.pred_opt()? };
        }
        None
    }
}
