//! The same promises on every store: a slot is booked once, a token books once, and the same form twice is one booking.

use chrono::NaiveDate;
use rust_appointment::bookings::{Booking, Bookings, Database, Memory, OpenError, Outcome};
use tempfile::TempDir;

use crate::postgres::Postgres;

#[tokio::test]
async fn in_memory() {
    promises_are_kept(Memory::default()).await;
}

#[tokio::test]
async fn in_a_sqlite_file() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite:{}", folder.path().join("bookings.db").display());
    promises_are_kept(Database::open(&url).await.unwrap()).await;
    // And what was booked is there the next time.
    let again = Database::open(&url).await.unwrap();
    assert!(again.find("token").await.unwrap().is_some());
}

#[tokio::test]
async fn in_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    promises_are_kept(Database::open(&postgres.url()).await.unwrap()).await;
    let again = Database::open(&postgres.url()).await.unwrap();
    assert!(again.find("token").await.unwrap().is_some());
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_an_error_without_its_password() {
    for url in ["mysql://host/name", "bookings.db", ""] {
        assert!(matches!(Database::open(url).await, Err(OpenError::Url)), "{url}");
    }
    let nowhere = Database::open("postgres://flow:hunter2@127.0.0.1:1/bookings").await.unwrap_err();
    assert!(!format!("{nowhere} {nowhere:?}").contains("hunter2"));
}

async fn promises_are_kept(bookings: impl Bookings) {
    let date = NaiveDate::from_ymd_opt(2031, 5, 5).unwrap();
    let ada = booking("Ada", date, "10:30");
    bookings.check().await.unwrap();
    assert!(bookings.taken("home", "kings_cross", date).await.unwrap().is_empty());
    assert_eq!(bookings.find("token").await.unwrap(), None);

    let reference = booked(bookings.book(Some("token"), &ada).await.unwrap());
    assert_eq!(reference.len(), 8);
    assert_eq!(booked(bookings.book(Some("token"), &ada).await.unwrap()), reference, "the same form again");
    assert_eq!(bookings.find("token").await.unwrap(), Some(reference.clone()));

    // The token again, for anything else.
    let used = Outcome::TokenUsed { reference: reference.clone() };
    let changed = Booking { email: "other@example.com".to_owned(), ..ada.clone() };
    assert_eq!(bookings.book(Some("token"), &changed).await.unwrap(), used);
    assert_eq!(bookings.book(Some("token"), &booking("Ada", date, "12:00")).await.unwrap(), used);

    // The slot again, for anybody else, even in the same words.
    assert_eq!(bookings.book(Some("other"), &ada).await.unwrap(), Outcome::SlotTaken);
    assert_eq!(bookings.book(None, &ada).await.unwrap(), Outcome::SlotTaken);
    assert_eq!(bookings.find("other").await.unwrap(), None);

    // Without a token two different bookings are two, and equal ones are one.
    let bob = booking("Bob", date, "14:00");
    let of_bob = booked(bookings.book(None, &bob).await.unwrap());
    assert_eq!(booked(bookings.book(None, &bob).await.unwrap()), of_bob);
    let of_eve = booked(bookings.book(None, &booking("Eve", date, "15:30")).await.unwrap());
    assert_ne!(of_bob, of_eve);
    assert_eq!(bookings.book(None, &booking("Eve", date, "14:00")).await.unwrap(), Outcome::SlotTaken);

    // Another place has the same hours, and may be booked at them.
    booked(bookings.book(Some("third"), &Booking { location: "covent_garden".to_owned(), ..ada }).await.unwrap());

    let taken = bookings.taken("home", "kings_cross", date).await.unwrap();
    assert_eq!(taken, ["10:30", "14:00", "15:30"].map(|time| (date, time.to_owned())).into());
    assert!(bookings.taken("home", "kings_cross", date.succ_opt().unwrap()).await.unwrap().is_empty());
}

fn booked(outcome: Outcome) -> String {
    match outcome {
        Outcome::Booked { reference } => reference,
        other => panic!("not booked: {other:?}"),
    }
}

fn booking(name: &str, date: NaiveDate, time: &str) -> Booking {
    Booking {
        department: "home".to_owned(),
        location: "kings_cross".to_owned(),
        date,
        time: time.to_owned(),
        name: name.to_owned(),
        email: "somebody@example.com".to_owned(),
        phone: "1234567".to_owned(),
        more_details: String::new(),
    }
}
