//! What goes back: an answer of logic or of the edge, written and sealed.

use std::sync::Arc;

use bytes::Bytes;
use flow_proto::json::{self, AsJson};
use flow_proto::{size, v1};
use flow_wire::envelope::Session;
use flow_wire::message::{Object, Response};
use http::StatusCode;
use prost::Message as _;

use super::convert;
use super::error::{Error, token_invalid};
use crate::logic::{Call, Violation};
use crate::telemetry::{Outcome, Stage};

/// How many values an answer may hold, nested ones counted. The longest list of options has 200 of some six values; decoded, a value
/// takes up to 700 bytes.
const MAX_VALUES: usize = 20_000;

/// What goes back: a sealed body, or an empty one.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    pub(crate) outcome: Outcome,
    /// The screen that it shows, where the endpoint's Flow JSON has it.
    pub(crate) screen: Option<Arc<str>>,
    /// What hid behind a fallback screen.
    pub(crate) hidden: Option<Error>,
}

/// An answer that is still to be sealed.
pub(super) struct Plaintext {
    status: StatusCode,
    outcome: Outcome,
    bytes: Vec<u8>,
}

/// Reads what logic answered. `flow_token` is the request's.
pub(super) fn from_logic(answer: &[u8], flow_token: &str) -> Result<convert::Answer, Violation> {
    // Each value takes two bytes at least.
    if answer.len() > 2 * MAX_VALUES && size::values(answer) > MAX_VALUES {
        return Err(Violation::TooManyValues);
    }
    let answer = v1::HandleDataExchangeResponse::decode(answer).map_err(|_| Violation::Unreadable)?;
    convert::from_v1(answer, flow_token)
}

pub(super) fn seal(session: Session, response: convert::Answer, call: &Call) -> Result<Answer, Error> {
    Ok(plaintext(&response)?.seal(session, call))
}

/// The submitted screen again with the configured text: better than the client's generic error.
pub(super) fn seal_fallback(
    session: Session,
    screen: String,
    text: &str,
    hidden: Error,
    call: &Call,
) -> Result<Answer, Error> {
    let data = Object::from_iter([("error_message".to_owned(), text.into())]);
    let answer = seal(session, Response::Screen { screen, data: AsJson(json::to_struct(data)) }, call)?;
    Ok(Answer { outcome: Outcome::Fallback, hidden: Some(hidden), ..answer })
}

/// A 427 without text has an empty body, which the client fills with its own.
pub(super) fn plaintext(response: &convert::Answer) -> Result<Plaintext, Violation> {
    let outcome = outcome(response);
    let status = if outcome == Outcome::InvalidFlowToken { token_invalid() } else { StatusCode::OK };
    let bytes = match response {
        Response::InvalidFlowToken { error_msg } if error_msg.is_empty() => Vec::new(),
        response => convert::encode(response)?,
    };
    Ok(Plaintext { status, outcome, bytes })
}

impl Plaintext {
    pub(super) fn seal(self, session: Session, call: &Call) -> Answer {
        let Self { status, outcome, bytes } = self;
        let seal = || if bytes.is_empty() { Bytes::new() } else { session.seal(bytes).into() };
        Answer { status, body: call.observer.stage(Stage::Seal, seal), outcome, screen: None, hidden: None }
    }
}

fn outcome(response: &convert::Answer) -> Outcome {
    match response {
        Response::Screen { .. } => Outcome::NextScreen,
        Response::Completion { .. } => Outcome::Completion,
        Response::InvalidFlowToken { .. } => Outcome::InvalidFlowToken,
        Response::Active => Outcome::Active,
        Response::Acknowledged => Outcome::Acknowledged,
    }
}
