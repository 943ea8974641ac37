//! What the judge says of an answer.

use std::fmt;

use crate::code::Code;

/// More verdicts than one answer needs to be mended.
const MAX_VERDICTS: usize = 32;

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

/// The verdicts of one answer, in bounded number.
#[derive(Default)]
pub(crate) struct Verdicts {
    list: Vec<Verdict>,
}

impl Verdicts {
    pub(crate) fn add(&mut self, code: Code, severity: Severity, pointer: String, message: String) {
        if self.list.len() < MAX_VERDICTS {
            self.list.push(Verdict { code, severity, pointer, message });
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= MAX_VERDICTS
    }

    pub(crate) fn into_list(self) -> Vec<Verdict> {
        self.list
    }
}
