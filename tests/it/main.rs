//! The running edge, seen from outside: what the platform sends and gets, what logic sees, what an operator does.

mod admin;
mod clients;
mod endpoints;
mod hostile;
mod messages;
mod process;
mod statuses;
mod vectors;
