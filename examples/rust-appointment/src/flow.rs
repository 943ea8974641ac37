//! The decisions of the flow: which screen comes next, and with what on it.

use chrono::{Local, NaiveDate};
use flow_logic_sdk::{Action, DataExchange, Error, FlowLogic, Ping, Reply};
use serde::Serialize;
use serde_json::json;

use crate::bookings::{Booking, Bookings, Outcome, Unavailable};
use crate::catalogue::{self, Choice, Department, Place};
use crate::form::{BookingForm, Chosen, Details, Slot, offered_date};

const NOT_OFFERED: &str = "This is no longer offered. Please choose again.";
const FULLY_BOOKED: &str = "Everything is booked here. Please choose another location.";
const TAKEN: &str = "Somebody was faster: this time has just been taken. Please choose another.";
const TERMS: &str = "Please accept the terms to book.";

/// What a message has for a token whose sender set none. Many conversations share it, so it is the key of none.
const UNUSED_TOKEN: &str = "unused";

/// The logic of the flow.
#[derive(Debug)]
pub struct Appointments<B> {
    bookings: B,
}

impl<B: Bookings> Appointments<B> {
    /// The flow over these bookings.
    pub fn new(bookings: B) -> Self {
        Self { bookings }
    }

    /// One of the dropdowns of APPOINTMENT was used: brings the content of the next.
    async fn choose(&self, chosen: Chosen) -> Result<Reply, Error> {
        let (place, date) = match chosen {
            Chosen::Department { department } => {
                return Ok(match Department::find(&department) {
                    Some(department) => AppointmentScreen::start().locations(department).reply(),
                    None => AppointmentScreen::start().reply().error_message(NOT_OFFERED),
                });
            }
            Chosen::Location { department, location } => (Place::find(&department, &location), None),
            Chosen::Date { department, location, date } => (Place::find(&department, &location), Some(date)),
        };
        let Some(place) = place else { return Ok(AppointmentScreen::start().reply().error_message(NOT_OFFERED)) };
        let free = self.free(place).await?;
        let screen = AppointmentScreen::start().locations(place.department).dates(&free);
        let Some(date) = date else {
            let reply = screen.reply();
            return Ok(if free.is_empty() { reply.error_message(FULLY_BOOKED) } else { reply });
        };
        let times = offered_date(&date, today()).and_then(|date| free.iter().find(|day| day.date == date));
        Ok(match times {
            Some(day) => screen.times(day).reply(),
            None => screen.reply().error_message(NOT_OFFERED),
        })
    }

    /// DETAILS was submitted.
    fn check_details(form: &BookingForm) -> Reply {
        let Some(slot) = form.slot(today()) else {
            return AppointmentScreen::start().reply().error_message(NOT_OFFERED);
        };
        match form.details() {
            Ok(details) => Reply::screen("SUMMARY", summary(&slot, &details)),
            Err(mend) => Reply::screen("DETAILS", slot_data(&slot)).error_message(mend),
        }
    }

    /// SUMMARY was submitted. Everything is checked again, for all of it came back from the client.
    async fn book(&self, flow_token: Option<&str>, form: &BookingForm) -> Result<Reply, Error> {
        let Some(slot) = form.slot(today()) else {
            return Ok(AppointmentScreen::start().reply().error_message(NOT_OFFERED));
        };
        let details = match form.details() {
            Ok(details) => details,
            Err(mend) => return Ok(Reply::screen("DETAILS", slot_data(&slot)).error_message(mend)),
        };
        if !form.accepts_terms() {
            return Ok(Reply::screen("SUMMARY", summary(&slot, &details)).error_message(TERMS));
        }
        match self.bookings.book(flow_token, &booking(&slot, details)).await? {
            Outcome::Booked { reference } => Ok(Reply::complete(json!({
                "reference": reference,
                "department": slot.place.department.id,
                "location": slot.place.location.id,
                "date": slot.date.to_string(),
                "time": slot.time,
            }))),
            Outcome::TokenUsed { reference } => Ok(booked_already(&reference)),
            Outcome::SlotTaken => {
                let free = self.free(slot.place).await?;
                let screen = AppointmentScreen::start().locations(slot.place.department).dates(&free);
                Ok(screen.reply().error_message(TAKEN))
            }
        }
    }

    /// The days with free times at a place, in their order.
    async fn free(&self, place: Place) -> Result<Vec<FreeDay>, Error> {
        let today = today();
        let taken = self.bookings.taken(place.department.id, place.location.id, today).await?;
        let is_free = |date: NaiveDate, time: &str| !taken.contains(&(date, time.to_owned()));
        let days = catalogue::dates(today).map(|date| FreeDay {
            date,
            times: place.times().iter().copied().filter(|time| is_free(date, time)).collect(),
        });
        Ok(days.filter(|day| !day.times.is_empty()).collect())
    }
}

impl<B: Bookings> FlowLogic for Appointments<B> {
    async fn data_exchange(&self, request: DataExchange) -> Result<Reply, Error> {
        let flow_token = request.flow_token.as_deref().filter(|token| *token != UNUSED_TOKEN);
        if (request.action, request.screen.as_str()) == (Action::DataExchange, "SUMMARY") {
            return self.book(flow_token, &request.data()?).await;
        }
        if let Some(token) = flow_token
            && let Some(reference) = self.bookings.find(token).await?
        {
            return Ok(booked_already(&reference));
        }
        match (request.action, request.screen.as_str()) {
            // Back leads to APPOINTMENT only: DETAILS alone has refresh_on_back.
            (Action::Init | Action::Back, _) => Ok(AppointmentScreen::start().reply()),
            (Action::DataExchange, "APPOINTMENT") => self.choose(request.data()?).await,
            (Action::DataExchange, "DETAILS") => Ok(Self::check_details(&request.data()?)),
            (Action::DataExchange, _) => Err(Error::internal("the flow has no such screen that submits")),
        }
    }

    async fn ping(&self, _: Ping) -> Result<(), Error> {
        Ok(self.bookings.check().await?)
    }
}

impl From<Unavailable> for Error {
    fn from(error: Unavailable) -> Self {
        Self::unavailable(error.to_string())
    }
}

/// A day and the times that are still free.
struct FreeDay {
    date: NaiveDate,
    times: Vec<&'static str>,
}

/// The data of APPOINTMENT. A dropdown is enabled once there is something in it.
#[derive(Default, Serialize)]
struct AppointmentScreen {
    department: Vec<Choice>,
    location: Vec<Choice>,
    is_location_enabled: bool,
    date: Vec<Choice>,
    is_date_enabled: bool,
    time: Vec<Choice>,
    is_time_enabled: bool,
}

impl AppointmentScreen {
    fn start() -> Self {
        Self { department: catalogue::departments(), ..Self::default() }
    }

    fn locations(self, department: &Department) -> Self {
        Self { location: department.locations(), is_location_enabled: true, ..self }
    }

    fn dates(self, free: &[FreeDay]) -> Self {
        let date: Vec<_> = free.iter().map(|day| Choice::of_date(day.date)).collect();
        Self { is_date_enabled: !date.is_empty(), date, ..self }
    }

    fn times(self, day: &FreeDay) -> Self {
        Self { time: day.times.iter().map(|time| Choice::of_time(time)).collect(), is_time_enabled: true, ..self }
    }

    fn reply(self) -> Reply {
        Reply::screen("APPOINTMENT", self)
    }
}

/// The data of DETAILS: the slot, for the client to hand back.
fn slot_data(slot: &Slot) -> serde_json::Value {
    json!({
        "department": slot.place.department.id,
        "location": slot.place.location.id,
        "date": slot.date.to_string(),
        "time": slot.time,
    })
}

/// The data of SUMMARY: two texts to read, and everything for the client to hand back.
fn summary(slot: &Slot, details: &Details) -> serde_json::Value {
    let Details { name, email, phone, more_details } = details;
    let (department, location) = (slot.place.department.title, slot.place.location.title);
    let mut data = slot_data(slot);
    data["appointment"] =
        format!("{department} at {location}\n{} at {}", catalogue::in_words(slot.date), slot.time).into();
    data["details"] = format!("Name: {name}\nEmail: {email}\nPhone: {phone}").into();
    data["name"] = name.as_str().into();
    data["email"] = email.as_str().into();
    data["phone"] = phone.as_str().into();
    data["more_details"] = more_details.as_str().into();
    data
}

fn booking(slot: &Slot, details: Details) -> Booking {
    Booking {
        department: slot.place.department.id.to_owned(),
        location: slot.place.location.id.to_owned(),
        date: slot.date,
        time: slot.time.to_owned(),
        name: details.name,
        email: details.email,
        phone: details.phone,
        more_details: details.more_details,
    }
}

fn booked_already(reference: &str) -> Reply {
    Reply::invalid_token(format!("Your appointment is booked already, under {reference}. To change it, write to us."))
}

/// In the time zone of the machine, which `TZ` sets.
fn today() -> NaiveDate {
    Local::now().date_naive()
}
