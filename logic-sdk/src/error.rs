//! What a logic returns when it cannot answer, and the gRPC status that the edge then sees.
//!
//! It refuses to know users: what a user should read is a [`Reply`](crate::Reply), never an error.

use crate::form::FormError;
use std::fmt;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Longest text sent to the edge, in bytes: a status message travels in an HTTP/2 header, which has a limit.
const MAX_TEXT: usize = 1024;

/// Where the reasons below have their meaning: the package of the contract.
const DOMAIN: &str = "flow.v1";

/// A failure of the logic. The user sees the client's generic error and may press "retry".
///
/// For input that the user can mend, answer with [`Reply::error_message`](crate::Reply::error_message) instead.
///
/// The text goes into the logs of this service and of the edge. Write what failed; never a token or anything that the user
/// typed. For the same reason there is no conversion from every error type: the text of a database or parse error often
/// quotes the value it is about.
///
/// | made by | gRPC status | reason | HTTP status of the edge |
/// |---|---|---|---|
/// | [`Error::internal`] | `INTERNAL` | `INTERNAL` | 500 |
/// | a method that panics | `INTERNAL` | `PANIC` | 500 |
/// | a [`FormError`], by `?` | `INVALID_ARGUMENT` | `INVALID_FORM_DATA` | 500 |
/// | a request that breaks the contract | `INVALID_ARGUMENT` | `INVALID_REQUEST` | 500 |
/// | [`Error::unavailable`] | `UNAVAILABLE` | `UNAVAILABLE` | 503 |
/// | [`Error::deadline_exceeded`] | `DEADLINE_EXCEEDED` | `DEADLINE_EXCEEDED` | 504 |
///
/// The status carries the reason for programs, as a `google.rpc.ErrorInfo` with the domain `flow.v1` in
/// [its details](https://grpc.io/docs/guides/error/#richer-error-model). The text is for people and may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Internal,
    Panic,
    InvalidFormData,
    InvalidRequest,
    Unavailable,
    DeadlineExceeded,
}

impl Error {
    /// The logic is at fault, or something that it relies on broke in a way that waiting does not mend.
    pub fn internal(text: impl Into<String>) -> Self {
        Self { kind: Kind::Internal, text: text.into() }
    }

    /// The logic cannot serve just now, such as when its database cannot be reached.
    pub fn unavailable(text: impl Into<String>) -> Self {
        Self { kind: Kind::Unavailable, text: text.into() }
    }

    /// Something that the logic called took too long.
    pub fn deadline_exceeded(text: impl Into<String>) -> Self {
        Self { kind: Kind::DeadlineExceeded, text: text.into() }
    }

    /// The request breaks the contract.
    pub(crate) fn invalid_request(text: impl Into<String>) -> Self {
        Self { kind: Kind::InvalidRequest, text: text.into() }
    }

    /// A method of the logic panicked. The panic's own message stays behind: it may quote what the user typed.
    pub(crate) fn panic() -> Self {
        Self { kind: Kind::Panic, text: "the logic panicked".to_owned() }
    }

    fn code(&self) -> Code {
        match self.kind {
            Kind::Internal | Kind::Panic => Code::Internal,
            Kind::InvalidFormData | Kind::InvalidRequest => Code::InvalidArgument,
            Kind::Unavailable => Code::Unavailable,
            Kind::DeadlineExceeded => Code::DeadlineExceeded,
        }
    }

    fn reason(&self) -> &'static str {
        match self.kind {
            Kind::Internal => "INTERNAL",
            Kind::Panic => "PANIC",
            Kind::InvalidFormData => "INVALID_FORM_DATA",
            Kind::InvalidRequest => "INVALID_REQUEST",
            Kind::Unavailable => "UNAVAILABLE",
            Kind::DeadlineExceeded => "DEADLINE_EXCEEDED",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

impl From<FormError> for Error {
    fn from(error: FormError) -> Self {
        Self { kind: Kind::InvalidFormData, text: error.to_string() }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let (code, reason) = (error.code(), error.reason());
        let mut text = error.text;
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        Status::with_error_details(code, text, ErrorDetails::with_error_info(reason, DOMAIN, []))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_the_status_that_the_contract_gives_a_meaning() {
        let code = |error: Error| Status::from(error).code();
        assert_eq!(code(Error::internal("")), Code::Internal);
        assert_eq!(code(Error::unavailable("")), Code::Unavailable);
        assert_eq!(code(Error::deadline_exceeded("")), Code::DeadlineExceeded);
        assert_eq!(code(Error::invalid_request("")), Code::InvalidArgument);
        assert_eq!(code(Error::panic()), Code::Internal);
    }

    #[test]
    fn the_text_is_the_message_of_the_status() {
        assert_eq!(Status::from(Error::unavailable("no database")).message(), "no database");
    }

    #[test]
    fn a_text_too_long_for_a_header_is_cut_between_characters() {
        let status = Status::from(Error::internal(format!("x{}", "ż".repeat(1000))));
        assert_eq!(status.message(), format!("x{}", "ż".repeat(511)));
    }
}
