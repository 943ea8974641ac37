//! What can be booked: departments, their locations, and the times that they offer.
//!
//! A business reads this from its own systems. Here it is fixed, apart from the dates: the next ten working days.

use chrono::{Datelike as _, Days, NaiveDate, Weekday};
use serde::Serialize;

/// How many working days ahead can be booked.
const DAYS_AHEAD: usize = 10;

/// A department of the shop.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Department {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    locations: &'static [Location],
}

/// A place where a department receives its customers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    times: &'static [&'static str],
}

/// A department at one of its locations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) department: &'static Department,
    pub(crate) location: &'static Location,
}

/// An item of a dropdown, as the Flow JSON declares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Choice {
    pub(crate) id: String,
    pub(crate) title: String,
}

const KINGS_CROSS: Location =
    Location { id: "kings_cross", title: "King's Cross", times: &["09:00", "10:30", "12:00", "14:00", "15:30"] };
const OXFORD_STREET: Location =
    Location { id: "oxford_street", title: "Oxford Street", times: &["10:00", "11:00", "13:00", "16:30"] };
const COVENT_GARDEN: Location =
    Location { id: "covent_garden", title: "Covent Garden", times: &["11:30", "14:30", "17:00"] };

const DEPARTMENTS: &[Department] = &[
    Department {
        id: "beauty",
        title: "Beauty & Personal Care",
        locations: &[KINGS_CROSS, OXFORD_STREET, COVENT_GARDEN],
    },
    Department { id: "home", title: "Home & Garden", locations: &[KINGS_CROSS, COVENT_GARDEN] },
    Department { id: "tailoring", title: "Tailoring", locations: &[OXFORD_STREET] },
];

pub(crate) fn departments() -> Vec<Choice> {
    DEPARTMENTS.iter().map(|department| Choice::new(department.id, department.title)).collect()
}

impl Department {
    pub(crate) fn find(id: &str) -> Option<&'static Self> {
        DEPARTMENTS.iter().find(|department| department.id == id)
    }

    pub(crate) fn locations(&self) -> Vec<Choice> {
        self.locations.iter().map(|location| Choice::new(location.id, location.title)).collect()
    }
}

impl Place {
    pub(crate) fn find(department: &str, location: &str) -> Option<Self> {
        let department = Department::find(department)?;
        let location = department.locations.iter().find(|offered| offered.id == location)?;
        Some(Self { department, location })
    }

    /// The times of a working day, in their order.
    pub(crate) fn times(self) -> &'static [&'static str] {
        self.location.times
    }
}

impl Choice {
    fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into() }
    }

    pub(crate) fn of_date(date: NaiveDate) -> Self {
        Self::new(date.to_string(), in_words(date))
    }

    pub(crate) fn of_time(time: &str) -> Self {
        Self::new(time, time)
    }
}

/// A date as people read it: `Mon 3 Feb 2025`.
pub(crate) fn in_words(date: NaiveDate) -> String {
    date.format("%a %-d %b %Y").to_string()
}

/// The dates that can be booked on a day: working days, beginning with the next.
pub(crate) fn dates(today: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let days = (1..).map_while(move |days| today.checked_add_days(Days::new(days)));
    days.filter(|date| !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)).take(DAYS_AHEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_the_next_ten_working_days() {
        // A Friday.
        let today = NaiveDate::from_ymd_opt(2025, 1, 31).unwrap();
        let dates: Vec<_> = dates(today).map(|date| date.to_string()).collect();
        assert_eq!(dates.first().unwrap(), "2025-02-03");
        assert_eq!(dates.last().unwrap(), "2025-02-14");
        assert_eq!(dates.len(), 10);
    }

    #[test]
    fn a_date_has_an_id_for_the_code_and_a_title_for_people() {
        let choice = Choice::of_date(NaiveDate::from_ymd_opt(2025, 2, 3).unwrap());
        assert_eq!((choice.id.as_str(), choice.title.as_str()), ("2025-02-03", "Mon 3 Feb 2025"));
    }

    #[test]
    fn a_place_is_a_department_at_one_of_its_own_locations() {
        assert_eq!(Place::find("home", "kings_cross").unwrap().location.title, "King's Cross");
        assert_eq!(Place::find("tailoring", "kings_cross"), None);
        assert_eq!(Place::find("kings_cross", "home"), None);
    }
}
