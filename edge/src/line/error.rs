//! Every way a request can fail, whose fault it is, and the one mapping to the wire.
//!
//! Outside we say less than inside: the client gets a status and a fixed text, the log the reason.

use flow_wire::envelope::{self, Unopened};
use flow_wire::{message, signature, token};
use http::{Method, StatusCode};
use tonic::Code;

use crate::logic::{self, Violation};

/// Why a request is not answered with a sealed message, in the order checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("no endpoint has this path")]
    NotFound,
    #[error("the method is not POST")]
    MethodNotAllowed,
    #[error(
        "this GET with hub.challenge verifies the callback URL of an app's webhooks, which is another than a flow's"
    )]
    WebhookVerification,
    #[error("too many requests in flight")]
    Overloaded,
    #[error("requests fill limits.max_body_memory, and this one gave way")]
    NoBodyMemory,
    #[error("the head has more than 100 fields")]
    TooManyFields,
    #[error("the message is larger than the 4 MiB that logic takes")]
    MessageTooLarge,
    #[error("the body is larger than limits.max_body")]
    BodyTooLarge,
    #[error("the body did not come within limits.body_timeout")]
    BodyTimeout,
    #[error("the body broke off")]
    BodyBroken,
    #[error(transparent)]
    Signature(#[from] signature::Error),
    #[error(transparent)]
    Envelope(#[from] envelope::Error),
    #[error("no private key opens the envelope")]
    Undecryptable(#[from] Unopened),
    #[error(transparent)]
    Message(#[from] message::Error),
    #[error("key and vector of the envelope were seen before, with another ciphertext or at another endpoint")]
    NonceReused,
    #[error("the flow token is not signed, and the endpoint requires it")]
    TokenUnsigned,
    #[error(transparent)]
    Token(#[from] token::Error),
    #[error("the edge panicked")]
    Panicked,
    #[error(transparent)]
    Logic(#[from] logic::Error),
    #[error(transparent)]
    Violation(#[from] Violation),
    #[error("the client would refuse logic's answer, by the endpoint's Flow JSON; a warning beside this line says why")]
    ClientWouldRefuse,
    #[error(
        "no route leads from the screen that the request names to the one that logic answered, by the endpoint's Flow JSON"
    )]
    NoRoute,
}

/// Whose fault a failure is: of those who can cause it, whoever has the least to have to do so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Whoever sent the request, or the phone that sealed it; anyone can.
    Client,
    /// Whoever signed it, which only the platform can.
    Platform,
    /// Whoever told the platform where to send what.
    Operator,
    Edge,
    Logic,
}

impl Error {
    /// What it means that an endpoint is asked by another method than POST.
    pub(crate) fn of_method(method: &Method, query: Option<&str>) -> Self {
        let parameters = query.unwrap_or_default().split('&');
        let verifies = || parameters.clone().any(|parameter| parameter.starts_with("hub.challenge="));
        if *method == Method::GET && verifies() { Self::WebhookVerification } else { Self::MethodNotAllowed }
    }

    /// The status that the platform sees. Its meaning: 421 makes the client fetch the public key again and repeat once, 432
    /// says that the signature does not match, 427 disables the message's button; see the guide's error codes.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed | Self::WebhookVerification => StatusCode::METHOD_NOT_ALLOWED,
            Self::Overloaded | Self::NoBodyMemory => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge | Self::MessageTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::Signature(_) => signature_mismatch(),
            Self::Envelope(_) | Self::Message(_) | Self::NonceReused => StatusCode::BAD_REQUEST,
            Self::TokenUnsigned | Self::Token(_) => token_invalid(),
            Self::Undecryptable(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::Logic(logic::Error::DeadlineExceeded) => StatusCode::GATEWAY_TIMEOUT,
            Self::Logic(
                logic::Error::Unreachable
                | logic::Error::Broken
                | logic::Error::Unavailable
                | logic::Error::ResourceExhausted
                | logic::Error::NoMemory
                | logic::Error::MessageTooLarge(Code::ResourceExhausted),
            ) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Panicked
            | Self::Logic(
                logic::Error::InvalidArgument
                | logic::Error::MessageTooLarge(_)
                | logic::Error::Failed(_)
                | logic::Error::Violation(_),
            )
            | Self::Violation(_)
            | Self::ClientWouldRefuse
            | Self::NoRoute => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The whole body. It says nothing about keys or payload. A 427 has none: the client would try to open it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::NotFound => "no such endpoint\n",
            Self::MethodNotAllowed | Self::WebhookVerification => "use POST\n",
            Self::Overloaded | Self::NoBodyMemory => "overloaded, try again\n",
            Self::TooManyFields => "too many header fields\n",
            Self::BodyTooLarge | Self::MessageTooLarge => "request body too large\n",
            Self::BodyTimeout => "request body too slow\n",
            Self::BodyBroken | Self::Envelope(_) | Self::Message(_) | Self::NonceReused => "malformed request\n",
            Self::TokenUnsigned | Self::Token(_) => "",
            Self::Signature(_) => "signature mismatch\n",
            Self::Undecryptable(_) => "cannot be decrypted\n",
            Self::Logic(logic::Error::DeadlineExceeded) => "deadline exceeded\n",
            Self::Logic(
                logic::Error::Unreachable
                | logic::Error::Broken
                | logic::Error::Unavailable
                | logic::Error::ResourceExhausted
                | logic::Error::NoMemory
                | logic::Error::MessageTooLarge(Code::ResourceExhausted),
            ) => "unavailable, try again\n",
            Self::Panicked
            | Self::Logic(
                logic::Error::InvalidArgument
                | logic::Error::MessageTooLarge(_)
                | logic::Error::Failed(_)
                | logic::Error::Violation(_),
            )
            | Self::Violation(_)
            | Self::ClientWouldRefuse
            | Self::NoRoute => "internal error\n",
        }
    }

    pub(crate) fn fault(self) -> Fault {
        match self {
            Self::NotFound
            | Self::MethodNotAllowed
            | Self::TooManyFields
            | Self::WebhookVerification
            | Self::BodyTooLarge
            | Self::MessageTooLarge
            | Self::BodyTimeout
            | Self::BodyBroken
            | Self::Signature(_)
            | Self::TokenUnsigned
            | Self::Token(_)
            // A phone seals what it likes, under what key and vector it likes, and the platform passes that on.
            | Self::Envelope(envelope::Error::NotBase64(_) | envelope::Error::Length(_))
            | Self::Undecryptable(_)
            | Self::Message(_)
            | Self::NonceReused
            // Which screen it is on is the phone's word.
            | Self::NoRoute
            | Self::Logic(logic::Error::InvalidArgument | logic::Error::MessageTooLarge(_)) => Fault::Client,
            // The platform itself writes the object around the three values.
            Self::Envelope(
                envelope::Error::NotJson
                | envelope::Error::NotAnObject
                | envelope::Error::NotAString
                | envelope::Error::Missing(_),
            ) => Fault::Platform,
            Self::Envelope(envelope::Error::Webhook) => Fault::Operator,
            Self::Overloaded | Self::NoBodyMemory | Self::Panicked | Self::Logic(logic::Error::NoMemory) => Fault::Edge,
            Self::Logic(
                logic::Error::DeadlineExceeded
                | logic::Error::Unreachable
                | logic::Error::Broken
                | logic::Error::Unavailable
                | logic::Error::ResourceExhausted
                | logic::Error::Failed(_)
                | logic::Error::Violation(_),
            )
            | Self::Violation(_)
            | Self::ClientWouldRefuse => Fault::Logic,
        }
    }

    /// The kind of failure, as a word from a bounded set.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::WebhookVerification => "webhook_verification",
            Self::Overloaded => "overloaded",
            Self::NoBodyMemory => "no_body_memory",
            Self::TooManyFields => "too_many_fields",
            Self::BodyTooLarge => "body_too_large",
            Self::MessageTooLarge => "message_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::BodyBroken => "body_broken",
            Self::Signature(_) => "signature",
            Self::Envelope(envelope::Error::Webhook) => "webhook",
            Self::Envelope(_) => "envelope",
            Self::Undecryptable(_) => "undecryptable",
            Self::Message(_) => "message",
            Self::NonceReused => "nonce_reused",
            Self::TokenUnsigned => "token_unsigned",
            Self::Token(_) => "token",
            Self::Panicked => "panic",
            Self::Logic(error) => error.kind(),
            Self::Violation(violation) => violation.kind(),
            Self::ClientWouldRefuse => "client_would_refuse",
            Self::NoRoute => "no_route",
        }
    }
}

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Platform => "platform",
            Self::Operator => "operator",
            Self::Edge => "edge",
            Self::Logic => "logic",
        }
    }
}

/// The status that the platform sees where logic answered with this one of gRPC, whose code is not OK.
pub fn status_of_logic(status: &tonic::Status) -> StatusCode {
    Error::Logic(logic::Error::answered(status.code(), status.message())).status()
}

/// 427, a status of the platform's own.
pub(crate) fn token_invalid() -> StatusCode {
    StatusCode::from_u16(427).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// 432, another.
fn signature_mismatch() -> StatusCode {
    StatusCode::from_u16(432).unwrap_or(StatusCode::BAD_REQUEST)
}
