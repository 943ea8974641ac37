//! The service that is asked: a connection for each case.

use crate::call::{CallError, Connection};
use crate::conformance::outcome::Failure;
use crate::logic::Target;

/// The service that is asked.
#[derive(Debug)]
pub(in crate::conformance) struct Service {
    pub(in crate::conformance) target: Target,
    /// The endpoint that requests name.
    pub(in crate::conformance) endpoint: String,
}

impl Service {
    /// Each case has a connection of its own, so that one that it breaks is no other's.
    pub(super) async fn connect(&self) -> Result<Connection, CallError> {
        Connection::make(&self.target).await
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Slow => Self::slow(error.to_string()),
            error => Self::came(error.to_string()),
        }
    }
}

impl Failure {
    /// The error of one call among several, which these words introduce.
    pub(super) fn of_call(error: CallError, introduction: &str) -> Self {
        match error {
            CallError::Slow => error.into(),
            error => Self::came(format!("{introduction} {error}")),
        }
    }
}
