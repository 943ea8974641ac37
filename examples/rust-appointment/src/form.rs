//! What the screens submit, and the check that makes a booking of it.
//!
//! Everything here was typed or chosen by a user. What a user can get wrong comes back as a text for the same user.

use chrono::NaiveDate;
use serde::Deserialize;

use crate::catalogue::{self, Place};

const MAX_NAME: usize = 80;
const MAX_MORE_DETAILS: usize = 500;
const MAX_EMAIL: usize = 254;

/// The dropdowns of APPOINTMENT: each choice asks for the content of the next.
#[derive(Deserialize)]
#[serde(tag = "trigger")]
pub(crate) enum Chosen {
    #[serde(rename = "department_selected")]
    Department { department: String },
    #[serde(rename = "location_selected")]
    Location { department: String, location: String },
    #[serde(rename = "date_selected")]
    Date { department: String, location: String, date: String },
}

/// The form of DETAILS, and again that of SUMMARY, which adds the terms.
#[derive(Deserialize)]
pub(crate) struct BookingForm {
    department: String,
    location: String,
    date: String,
    time: String,
    name: String,
    email: String,
    phone: String,
    more_details: Option<String>,
    #[serde(default)]
    terms: bool,
}

/// An appointment that the catalogue offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) place: Place,
    pub(crate) date: NaiveDate,
    pub(crate) time: &'static str,
}

/// Who comes, in the form in which it is kept: without white space around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) more_details: String,
}

impl BookingForm {
    /// The chosen slot; `None` where the catalogue does not offer it, or no longer.
    pub(crate) fn slot(&self, today: NaiveDate) -> Option<Slot> {
        let place = Place::find(&self.department, &self.location)?;
        let date = offered_date(&self.date, today)?;
        let time = place.times().iter().find(|time| **time == self.time)?;
        Some(Slot { place, date, time })
    }

    /// Who comes, or what the user should mend.
    pub(crate) fn details(&self) -> Result<Details, &'static str> {
        let details = Details {
            name: self.name.trim().to_owned(),
            email: self.email.trim().to_owned(),
            phone: self.phone.trim().to_owned(),
            more_details: self.more_details.as_deref().unwrap_or_default().trim().to_owned(),
        };
        if details.name.is_empty() || details.name.chars().count() > MAX_NAME {
            return Err("Please tell us your name, in up to 80 letters.");
        }
        if !is_email(&details.email) {
            return Err("This is no complete email address. It should look like name@example.com.");
        }
        if !is_phone(&details.phone) {
            return Err("This is no phone number. Please give 7 to 15 digits, such as +44 20 7946 0000.");
        }
        if details.more_details.chars().count() > MAX_MORE_DETAILS {
            return Err("Please shorten your remarks to 500 letters.");
        }
        Ok(details)
    }

    pub(crate) fn accepts_terms(&self) -> bool {
        self.terms
    }
}

pub(crate) fn offered_date(text: &str, today: NaiveDate) -> Option<NaiveDate> {
    let date = text.parse().ok()?;
    catalogue::dates(today).find(|offered| *offered == date)
}

/// Whether mail could be sent there. Whether it arrives only mail can tell.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_domain = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
    let is_plain = |char: char| !char.is_whitespace() && !char.is_control() && char != '@';
    !local.is_empty() && is_domain && text.len() <= MAX_EMAIL && local.chars().chain(domain.chars()).all(is_plain)
}

/// E.164 has at most 15 digits; people group them as they like.
fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let count = digits.bytes().filter(u8::is_ascii_digit).count();
    (7..=15).contains(&count) && digits.bytes().all(|byte| byte.is_ascii_digit() || b" -().".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_address_could_be_reached() {
        for good in ["ada@example.com", "a.b+c@mail.example.co.uk", "zoë@exämple.de"] {
            assert!(is_email(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(250));
        for bad in
            ["", "ada", "ada@", "@example.com", "ada@example", "a b@example.com", "a@b@example.com", "a@b..c", &long]
        {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn a_phone_number_has_7_to_15_digits() {
        for good in ["02079460000", "+44 20 7946 0000", "(020) 7946-0000", "1234567", "+123456789012345"] {
            assert!(is_phone(good), "{good}");
        }
        for bad in ["", "123456", "1234567890123456", "+44 20 7946 000O", "44+2079460000", "call me"] {
            assert!(!is_phone(bad), "{bad}");
        }
    }
}
