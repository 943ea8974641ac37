//! The running edge, seen from outside: what the platform sends and gets, what logic sees, what an operator does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's helpers may panic as its tests do")]

mod admin;
mod check;
mod clients;
mod early;
mod endpoints;
mod faults;
mod hostile;
mod keys;
mod load;
mod overload;
mod process;
mod properties;
mod reload;
mod replay;
mod schema;
mod screens;
mod secrets;
mod several;
mod statuses;
mod table;
mod telemetry;
mod tokens;
mod vectors;
mod walk;
