//! The flow as its users meet it, and its bookings on every kind of store.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's helpers may panic as its tests do")]

mod conversation;
mod postgres;
mod race;
mod stores;
