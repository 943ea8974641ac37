//! What can be said of one request: the parts of the work on it, and how it ended. Each word comes from a bounded set.

use http::StatusCode;

/// Parts of the work on a request, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Until the body is there.
    Receive,
    /// The signature.
    Verify,
    /// Until it is this request's turn with the private operation.
    Wait,
    /// The private operation.
    Open,
    /// All calls to logic.
    Logic,
    /// Sealing the answer.
    Seal,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    NextScreen,
    Completion,
    InvalidFlowToken,
    Active,
    Acknowledged,
    /// A fallback screen in place of a failure.
    Fallback,
    Failed,
}

/// What became of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End<'a> {
    /// `None` where it was not answered.
    pub(crate) status: Option<StatusCode>,
    pub(crate) action: Option<&'static str>,
    /// The screen that it came from, and the one that its answer shows, where they are known.
    pub(crate) screen: Option<&'a str>,
    pub(crate) next_screen: Option<&'a str>,
    pub(crate) outcome: Outcome,
    /// Kind and fault of a failure.
    pub(crate) error: Option<(&'static str, &'static str)>,
}

impl Stage {
    /// As the span and the metric call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Verify => "verify",
            Self::Wait => "wait",
            Self::Open => "open",
            Self::Logic => "logic",
            Self::Seal => "seal",
        }
    }
}

impl Outcome {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NextScreen => "next_screen",
            Self::Completion => "completion",
            Self::InvalidFlowToken => "invalid_flow_token",
            Self::Active => "active",
            Self::Acknowledged => "acknowledged",
            Self::Fallback => "fallback",
            Self::Failed => "failed",
        }
    }
}
