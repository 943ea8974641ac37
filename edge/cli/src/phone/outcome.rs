//! What the phone says of what was done to it.

use flow_json::verdict::Verdict;
use prost_types::Struct;

use super::check::{Problem, Refusal};
use super::message::{Failure, Object, Outgoing};

/// How the flow ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ending {
    /// With what the business gets.
    Completed(Struct),
    /// Closed, and nothing was sent.
    Closed,
    /// The token is dead, and so is the message's button.
    Disabled(Option<String>),
}

/// What something that the user did leads to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// All of it happened on the phone.
    Local,
    Send(Outgoing),
    Completed(Struct),
    /// Shown, and not opened.
    OpenUrl(String),
}

/// Why nothing happens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("an answer is awaited")]
    Loading,
    #[error("no screen is open")]
    NotOpen,
    #[error("the screen has no such component")]
    NoComponent,
    #[error("the component is disabled")]
    Disabled,
    #[error("a tap does nothing there")]
    NothingToTap,
    #[error("the field does not take this: {0:?}")]
    Refused(Refusal),
    #[error("fields are in the way: {0:?}")]
    Fields(Vec<(String, Problem)>),
    #[error("there is no screen before this one")]
    NothingBefore,
    #[error("the flow has no screen `{0}`")]
    NoScreen(String),
}

/// What became of an answer.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) what: What,
    pub(crate) verdicts: Vec<Verdict>,
}

#[derive(Debug)]
pub(crate) enum What {
    /// A screen came: the next, the same again, or one before.
    Shown,
    /// The flow is over; [`Phone::ending`] says how.
    Ended,
    /// The client cannot use the answer and tells the endpoint so.
    Refused { notification: Object, why: String },
    /// The key is fetched again, and this is sent once more.
    Repeat(Outgoing),
    /// The user sees that something went wrong.
    Failed(Failure),
    /// Nothing was asked.
    Unasked,
}
