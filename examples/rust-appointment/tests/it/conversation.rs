//! What a user sees, in conversations with the logic in this process. Every answer is held against the screens that the Flow JSON
//! declares.

use std::collections::HashSet;

use chrono::NaiveDate;
use flow_logic_sdk::testing::{Answer, Conversation};
use rust_appointment::Appointments;
use rust_appointment::bookings::{Booking, Bookings, Memory, Outcome, Unavailable};
use serde_json::{Value, json};

type User<'a> = Conversation<'a, Appointments<Memory>>;

/// The screens.
const FLOW: &str = include_str!("../../../flows/appointment.json");

fn shop() -> Appointments<Memory> {
    Appointments::new(Memory::default())
}

fn user<'a, B: Bookings>(shop: &'a Appointments<B>, flow_token: &str) -> Conversation<'a, Appointments<B>> {
    Conversation::new(shop, flow_token).with_flow(FLOW)
}

/// Chooses up to the first free time, like a user without a preference: the payload of the next screens.
async fn choose(user: &User<'_>) -> Value {
    let mut chosen = json!({"trigger": "location_selected", "department": "home", "location": "kings_cross"});
    let dates = user.submit("APPOINTMENT", &chosen).await.unwrap();
    chosen["date"] = dates.data()["date"][0]["id"].clone();
    chosen["trigger"] = "date_selected".into();
    let times = user.submit("APPOINTMENT", &chosen).await.unwrap();
    chosen["time"] = times.data()["time"][0]["id"].clone();
    chosen.as_object_mut().unwrap().remove("trigger");
    chosen
}

fn with_details(mut chosen: Value, name: &str) -> Value {
    chosen["name"] = name.into();
    chosen["email"] = "ada@example.com".into();
    chosen["phone"] = "+44 20 7946 0000".into();
    chosen["more_details"] = "".into();
    chosen["terms"] = true.into();
    chosen
}

fn with(mut form: Value, field: &str, value: impl Into<Value>) -> Value {
    form[field] = value.into();
    form
}

fn asks_again(answer: &Answer, screen: &str, text: &str) {
    assert_eq!(answer.screen(), Some(screen), "{answer:?}");
    assert!(answer.error_message().is_some_and(|message| message.contains(text)), "{answer:?}");
}

#[tokio::test]
async fn each_screen_is_reached_and_the_last_gives_a_reference() {
    let shop = shop();
    let ada = user(&shop, "ada");
    assert_eq!(ada.init().await.unwrap().screen(), Some("APPOINTMENT"));
    let department = json!({"trigger": "department_selected", "department": "home"});
    let locations = ada.submit("APPOINTMENT", department).await.unwrap();
    assert_eq!((locations.screen(), &locations.data()["is_location_enabled"]), (Some("APPOINTMENT"), &json!(true)));
    let form = with_details(choose(&ada).await, "Ada");
    assert_eq!(ada.back("DETAILS").await.unwrap().screen(), Some("APPOINTMENT"));
    assert_eq!(ada.submit("DETAILS", &form).await.unwrap().screen(), Some("SUMMARY"));
    assert_eq!(ada.warnings(), []);
    assert!(ada.submit("SUMMARY", &form).await.unwrap().params()["reference"].is_string());
}

#[tokio::test]
async fn a_time_that_was_taken_is_offered_no_more_and_refused_kindly() {
    let shop = shop();
    let (ada, bob) = (user(&shop, "ada"), user(&shop, "bob"));
    let chosen = choose(&ada).await;
    assert_eq!(choose(&bob).await, chosen);
    let booked = ada.submit("SUMMARY", with_details(chosen.clone(), "Ada")).await.unwrap();
    assert_eq!(booked.params()["time"], chosen["time"]);

    let refused = bob.submit("SUMMARY", with_details(chosen.clone(), "Bob")).await.unwrap();
    asks_again(&refused, "APPOINTMENT", "taken");
    assert_ne!(choose(&bob).await, chosen);
}

#[tokio::test]
async fn the_same_form_again_is_the_same_booking() {
    let shop = shop();
    let ada = user(&shop, "ada");
    let form = with_details(choose(&ada).await, "Ada");
    let first = ada.submit("SUMMARY", &form).await.unwrap();
    // What goes missing or comes along on the way does not count.
    for again in [form.clone(), with(form.clone(), "name", " Ada "), with(form.clone(), "unknown", 1)] {
        assert_eq!(ada.submit("SUMMARY", again).await.unwrap(), first);
    }
}

#[tokio::test]
async fn a_finished_token_is_told_its_reference_whatever_it_does() {
    let shop = shop();
    let ada = user(&shop, "ada");
    let chosen = choose(&ada).await;
    let form = with_details(chosen.clone(), "Ada");
    let reference = ada.submit("SUMMARY", &form).await.unwrap().params()["reference"].as_str().unwrap().to_owned();
    let answers = [
        ada.init().await,
        ada.back("DETAILS").await,
        ada.submit("APPOINTMENT", json!({"trigger": "department_selected", "department": "home"})).await,
        ada.submit("DETAILS", &form).await,
        ada.submit("SUMMARY", with(form, "name", "Somebody else")).await,
    ];
    for answer in answers {
        let Answer::InvalidToken { text: Some(text) } = answer.unwrap() else { panic!("not refused") };
        assert!(text.contains(&reference), "{text}");
    }
    // Another message is another conversation.
    assert!(user(&shop, "bob").init().await.unwrap().screen().is_some());
}

#[tokio::test]
async fn without_a_token_of_ones_own_every_conversation_can_book() {
    let shop = shop();
    for token in ["unused", ""] {
        let mut references = HashSet::new();
        for name in ["Ada", "Bob"] {
            let user = user(&shop, token);
            let form = with_details(choose(&user).await, name);
            let booked = user.submit("SUMMARY", &form).await.unwrap();
            assert_eq!(user.submit("SUMMARY", &form).await.unwrap(), booked, "the same form again");
            assert!(references.insert(booked.params()["reference"].to_string()));
            assert_eq!(user.init().await.unwrap().screen(), Some("APPOINTMENT"));
        }
    }
}

#[tokio::test]
async fn details_are_checked_on_both_screens() {
    let shop = shop();
    let ada = user(&shop, "ada");
    let form = with_details(choose(&ada).await, "Ada");
    for (field, value, text) in [
        ("name", " ", "name"),
        ("name", &*"a".repeat(81), "name"),
        ("email", "ada@example", "email"),
        ("phone", "call me", "phone"),
        ("more_details", &*"a".repeat(501), "500"),
    ] {
        for screen in ["DETAILS", "SUMMARY"] {
            let answer = ada.submit(screen, with(form.clone(), field, value)).await.unwrap();
            asks_again(&answer, "DETAILS", text);
            assert_eq!(answer.data()["time"], form["time"]);
        }
    }
    asks_again(&ada.submit("SUMMARY", with(form.clone(), "terms", false)).await.unwrap(), "SUMMARY", "terms");
    assert_eq!(ada.submit("DETAILS", &form).await.unwrap().screen(), Some("SUMMARY"));
}

#[tokio::test]
async fn what_is_not_offered_is_not_booked() {
    let shop = shop();
    let ada = user(&shop, "ada");
    let form = with_details(choose(&ada).await, "Ada");
    for (field, value) in [
        ("department", "garage"),
        ("location", "oxford_street"),
        ("date", "2001-01-01"),
        ("date", "9999-12-31"),
        ("date", "tomorrow"),
        ("time", "03:00"),
        ("time", ""),
    ] {
        for screen in ["DETAILS", "SUMMARY"] {
            let answer = ada.submit(screen, with(form.clone(), field, value)).await.unwrap();
            asks_again(&answer, "APPOINTMENT", "no longer offered");
        }
    }
    for choice in [
        json!({"trigger": "department_selected", "department": "garage"}),
        json!({"trigger": "location_selected", "department": "home", "location": "garage"}),
        json!({"trigger": "date_selected", "department": "home", "location": "kings_cross", "date": "2001-01-01"}),
    ] {
        asks_again(&ada.submit("APPOINTMENT", choice).await.unwrap(), "APPOINTMENT", "no longer offered");
    }
}

#[tokio::test]
async fn a_place_without_free_times_says_so() {
    let shop = shop();
    let mut booked = 0;
    let location = json!({"trigger": "location_selected", "department": "tailoring", "location": "oxford_street"});
    loop {
        let user = user(&shop, &format!("user {booked}"));
        let dates = user.submit("APPOINTMENT", &location).await.unwrap();
        let Some(date) = dates.data()["date"].get(0) else {
            asks_again(&dates, "APPOINTMENT", "booked");
            assert_eq!(dates.data()["is_date_enabled"], false);
            break;
        };
        let mut chosen = with(location.clone(), "date", date["id"].clone());
        let times = user.submit("APPOINTMENT", with(chosen.clone(), "trigger", "date_selected")).await.unwrap();
        chosen["time"] = times.data()["time"][0]["id"].clone();
        assert!(user.submit("SUMMARY", with_details(chosen, "Ada")).await.unwrap().params().is_object());
        booked += 1;
    }
    // Ten days of four times.
    assert_eq!(booked, 40);
}

#[tokio::test]
async fn a_form_that_does_not_fit_the_code_is_an_error_that_quotes_nothing() {
    let shop = shop();
    let ada = user(&shop, "ada");
    for (screen, form) in [
        ("APPOINTMENT", json!({"trigger": "Lovelace"})),
        ("DETAILS", json!({"name": "Lovelace"})),
        ("SUMMARY", json!({"name": ["Lovelace"]})),
        ("TERMS", json!({"name": "Lovelace"})),
    ] {
        let error = ada.submit(screen, form).await.unwrap_err();
        assert!(!error.to_string().contains("Lovelace"), "{error}");
    }
}

/// Bookings that are out of reach.
struct OutOfReach;

impl Bookings for OutOfReach {
    async fn taken(&self, _: &str, _: &str, _: NaiveDate) -> Result<HashSet<(NaiveDate, String)>, Unavailable> {
        Err(Unavailable)
    }

    async fn book(&self, _: Option<&str>, _: &Booking) -> Result<Outcome, Unavailable> {
        Err(Unavailable)
    }

    async fn find(&self, _: &str) -> Result<Option<String>, Unavailable> {
        Err(Unavailable)
    }

    async fn check(&self) -> Result<(), Unavailable> {
        Err(Unavailable)
    }
}

#[tokio::test]
async fn bookings_out_of_reach_are_an_error_and_fail_the_ping() {
    let shop = Appointments::new(OutOfReach);
    let ada = user(&shop, "ada");
    assert_eq!(ada.init().await.unwrap_err().to_string(), "the bookings cannot be reached");
    ada.ping().await.unwrap_err();
}
