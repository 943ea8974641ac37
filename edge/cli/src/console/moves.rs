//! What a user does to the phone of a console, as a page or a program says it.

use serde::Deserialize;
use serde_json::Value;

use crate::client::Object;

/// Something that the user does.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "move", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Move {
    /// A value goes into a field; null takes it out.
    Fill {
        field: String,
        value: Value,
    },
    /// Files of these names are picked. They stay where they are: the form gets stand-ins.
    Pick {
        field: String,
        names: Vec<String>,
    },
    /// A tap on a component, or on an item of it.
    Tap {
        id: String,
        item: Option<String>,
    },
    Back,
    /// "Try again" after something went wrong.
    Retry,
    Close,
    /// Another message, with a token of its own, is opened.
    Restart,
    /// The same message is opened again.
    Reopen,
    /// This is what the next request, or the next call to logic, is to suffer.
    Fault {
        name: Fault,
        seconds: Option<u64>,
    },
    /// All steps up to this exchange are played again, in a conversation of its own; it goes on from there.
    BackTo {
        number: usize,
    },
    /// A request of the user's own, past the phone.
    Send {
        request: Object,
    },
}

/// What can be made to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// Sealed for another key: 421.
    WrongKey,
    /// Signed with another secret: 432.
    WrongSignature,
    /// The token's signature is not good: 427.
    DeadToken,
    /// Logic acts, and its answer never comes.
    LostAnswer,
    /// Logic answers later.
    Slow,
    /// Logic is not there.
    LogicGone,
    /// The client says that it could not use the answer.
    ErrorNotification,
}

impl Fault {
    /// As the timeline names it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::WrongKey => "sealed for another key",
            Self::WrongSignature => "signed with another secret",
            Self::DeadToken => "the token's signature is not good",
            Self::LostAnswer => "the answer was lost",
            Self::Slow => "logic was slow",
            Self::LogicGone => "logic was gone",
            Self::ErrorNotification => "the client says that it could not use the answer",
        }
    }
}
