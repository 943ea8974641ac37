//! What the judge says of an answer.

use std::fmt;

use crate::code::Code;

/// How much a verdict weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The client refuses the answer, and the user sees that something went wrong.
    Refused,
    /// The client takes the answer, and some phones cut it off, leave a part out or do not show the screen.
    ShownWrongly,
    /// It works, and may not be what was meant.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "refused",
            Self::ShownWrongly => "shown wrongly",
            Self::Note => "note",
        })
    }
}

/// One thing that is wrong with an answer. It names places and types, and never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub code: Code,
    pub severity: Severity,
    /// JSON pointer into the answer's `{"screen": …, "data": …}`.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}
