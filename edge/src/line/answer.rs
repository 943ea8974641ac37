//! What goes back: an answer of logic or of the edge, written and sealed.

use bytes::Bytes;
use flow_proto::json::{self, AsJson};
use flow_wire::envelope::Session;
use flow_wire::message::{Action, DataExchange, Object, Response};
use http::StatusCode;

use super::convert;
use super::endpoint::Endpoint;
use super::error::{Error, token_invalid};
use crate::logic::{Call, Violation};
use crate::telemetry::{Outcome, Stage};

/// What goes back: a sealed body, or an empty one.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    pub(crate) outcome: Outcome,
    /// What hid behind a fallback screen.
    pub(crate) hidden: Option<Error>,
}

/// The submitted screen again with the configured text, where there is one: better than the client's generic error.
pub(super) fn fallback(endpoint: &Endpoint, request: &DataExchange) -> Option<convert::Answer> {
    let text = endpoint.fallback_message.as_ref()?;
    let submitted = request.action == Action::DataExchange && !request.screen.is_empty();
    submitted.then(|| {
        let data = Object::from_iter([("error_message".to_owned(), text.clone().into())]);
        Response::Screen { screen: request.screen.clone(), data: AsJson(json::to_struct(data)) }
    })
}

pub(super) fn seal(session: Session, response: convert::Answer, call: &Call) -> Result<Answer, Error> {
    Ok(sealed(session, plaintext(response)?, call))
}

/// An answer that is still to be sealed.
pub(super) struct Plaintext {
    status: StatusCode,
    outcome: Outcome,
    bytes: Vec<u8>,
}

/// A 427 without text has an empty body, which the client fills with its own.
pub(super) fn plaintext(response: convert::Answer) -> Result<Plaintext, Violation> {
    let outcome = outcome(&response);
    let status = if outcome == Outcome::InvalidFlowToken { token_invalid() } else { StatusCode::OK };
    let bytes = match response {
        Response::InvalidFlowToken { ref error_msg } if error_msg.is_empty() => Vec::new(),
        response => convert::encode(&response)?,
    };
    Ok(Plaintext { status, outcome, bytes })
}

pub(super) fn sealed(session: Session, plaintext: Plaintext, call: &Call) -> Answer {
    let Plaintext { status, outcome, bytes } = plaintext;
    let seal = || if bytes.is_empty() { Bytes::new() } else { session.seal(bytes).into() };
    Answer { status, body: call.observer.stage(Stage::Seal, seal), outcome, hidden: None }
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
