//! What a request may take of the machine: memory, room among the others, its turn with the private operation, a place for work
//! on a large message.
//!
//! It refuses to know what a request is and what it does with its share.

mod aside;
mod budget;
mod locked;
mod reservation;
mod turns;

pub(crate) use self::aside::{aside, processors};
pub(crate) use self::budget::{Budget, GaveWay, REQUEST, Receiving, Share};
pub(crate) use self::locked::locked;
pub(crate) use self::reservation::{Reservation, Room};
pub(crate) use self::turns::Turns;
