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
    /// In place of what the case says, where that is beside the point.
    pub(super) mend: Option<&'static str>,
}

impl Failure {
    pub(super) fn new(came: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { came: came.into(), expected: Some(expected.into()), mend: None }
    }

    pub(super) fn came(came: impl Into<String>) -> Self {
        Self { came: came.into(), expected: None, mend: None }
    }

    /// No answer in time: whatever a case asked, that is all there is to say.
    pub(super) fn slow(came: impl Into<String>) -> Self {
        let mend =
            "Find what the handler waits for and how long; the platform warns at one second and gives up at ten.";
        Self { came: came.into(), expected: Some("an answer in time".to_owned()), mend: Some(mend) }
    }
}
