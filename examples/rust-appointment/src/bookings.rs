//! Where bookings are kept.
//!
//! A slot is booked once, and a flow token books once: whoever keeps the bookings guarantees both, also against callers that
//! run at the same moment. [`Memory`] is for trying things out; [`Database`] keeps them, and lets several replicas share.

#[cfg(feature = "database")]
mod database;

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use chrono::NaiveDate;
use uuid::Uuid;

#[cfg(feature = "database")]
pub use database::{Database, OpenError};

/// What is kept of an appointment. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Booking {
    /// Id of the department.
    pub department: String,
    /// Id of the location.
    pub location: String,
    /// The day.
    pub date: NaiveDate,
    /// `HH:MM`.
    pub time: String,
    /// Who comes.
    pub name: String,
    /// Where to write.
    pub email: String,
    /// Where to call.
    pub phone: String,
    /// Anything else that the customer wanted to say; may be empty.
    pub more_details: String,
}

/// What became of an attempt to book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The slot belongs to this booking, now or since an earlier attempt that was the same in everything.
    Booked {
        /// By which customer and business name the booking.
        reference: String,
    },
    /// The slot belongs to somebody else.
    SlotTaken,
    /// The token has booked already, something else.
    TokenUsed {
        /// Reference of that booking.
        reference: String,
    },
}

/// The bookings cannot be read or written just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bookings cannot be reached")]
pub struct Unavailable;

/// The bookings. A token is the key of a conversation; without one, equal bookings are the same booking.
pub trait Bookings: Send + Sync + 'static {
    /// Date and time of each booking of a department at a location, from a day on.
    fn taken(
        &self,
        department: &str,
        location: &str,
        from: NaiveDate,
    ) -> impl Future<Output = Result<HashSet<(NaiveDate, String)>, Unavailable>> + Send;

    /// Books the slot, once for each slot and once for each token.
    fn book(
        &self,
        flow_token: Option<&str>,
        booking: &Booking,
    ) -> impl Future<Output = Result<Outcome, Unavailable>> + Send;

    /// Reference of the booking that a token has made.
    fn find(&self, flow_token: &str) -> impl Future<Output = Result<Option<String>, Unavailable>> + Send;

    /// Whether the bookings can be reached.
    fn check(&self) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Bookings in memory, gone with the process.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Vec<Entry>>);

#[derive(Debug, Clone)]
struct Entry {
    reference: String,
    flow_token: Option<String>,
    booking: Booking,
}

impl Memory {
    fn with<T>(&self, use_entries: impl FnOnce(&mut Vec<Entry>) -> T) -> T {
        // Entries are only ever pushed whole, so they are sound after a panic too.
        use_entries(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Bookings for Memory {
    async fn taken(
        &self,
        department: &str,
        location: &str,
        from: NaiveDate,
    ) -> Result<HashSet<(NaiveDate, String)>, Unavailable> {
        let is_there = |booking: &&Booking| {
            booking.department == department && booking.location == location && booking.date >= from
        };
        Ok(self.with(|entries| {
            let bookings = entries.iter().map(|entry| &entry.booking).filter(is_there);
            bookings.map(|booking| (booking.date, booking.time.clone())).collect()
        }))
    }

    async fn book(&self, flow_token: Option<&str>, booking: &Booking) -> Result<Outcome, Unavailable> {
        Ok(self.with(|entries| {
            let of_token = |entry: &&Entry| flow_token.is_some() && entry.flow_token.as_deref() == flow_token;
            let of_slot = |entry: &&Entry| entry.booking.is_same_slot(booking);
            if let Some(entry) = entries.iter().find(of_token).or_else(|| entries.iter().find(of_slot)) {
                return entry.clone().against(flow_token, booking);
            }
            let reference = new_reference();
            let flow_token = flow_token.map(str::to_owned);
            entries.push(Entry { reference: reference.clone(), flow_token, booking: booking.clone() });
            Outcome::Booked { reference }
        }))
    }

    async fn find(&self, flow_token: &str) -> Result<Option<String>, Unavailable> {
        let of_token = |entry: &&Entry| entry.flow_token.as_deref() == Some(flow_token);
        Ok(self.with(|entries| entries.iter().find(of_token).map(|entry| entry.reference.clone())))
    }

    async fn check(&self) -> Result<(), Unavailable> {
        Ok(())
    }
}

impl Booking {
    fn is_same_slot(&self, other: &Self) -> bool {
        let slot =
            |booking: &Self| (booking.department.clone(), booking.location.clone(), booking.date, booking.time.clone());
        slot(self) == slot(other)
    }
}

impl std::fmt::Debug for Booking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Booking").finish_non_exhaustive()
    }
}

impl Entry {
    /// What this entry, which stands in the way of a booking, means for it.
    fn against(self, flow_token: Option<&str>, booking: &Booking) -> Outcome {
        let is_same_token = self.flow_token.as_deref() == flow_token;
        if is_same_token && self.booking == *booking {
            Outcome::Booked { reference: self.reference }
        } else if is_same_token && flow_token.is_some() {
            Outcome::TokenUsed { reference: self.reference }
        } else {
            Outcome::SlotTaken
        }
    }
}

/// A short name for people to read out: eight characters of which none is taken for another.
fn new_reference() -> String {
    const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let random = Uuid::new_v4();
    // A version 4 UUID has its fixed bits in bytes 6 and 8.
    let bytes = random.as_bytes().iter().rev().take(7).chain(random.as_bytes().first());
    bytes.map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}
