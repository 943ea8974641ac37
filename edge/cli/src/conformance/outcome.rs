//! What a case came to, whatever it asked and whoever was asked.

/// How a case ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Passed,
    /// Passed, with something that would be better.
    Warned(String),
    Failed(Failure),
    Skipped(String),
}

/// What came in place of what should have come.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) came: String,
    /// More exact than the case's own sentence, where there is something more exact.
    pub(super) expected: Option<String>,
}

impl Failure {
    pub(super) fn new(came: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { came: came.into(), expected: Some(expected.into()) }
    }

    pub(super) fn came(came: impl Into<String>) -> Self {
        Self { came: came.into(), expected: None }
    }
}
