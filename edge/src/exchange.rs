//! The line: one request, from signed bytes to sealed bytes, in wire order. Branches leave by `?`.
//!
//! This module refuses to know HTTP, apart from the status that an answer has, and any screen.

use bytes::Bytes;
use flow_wire::envelope::{Envelope, Session};
use flow_wire::message::{Action, DataExchange, Object, Request, Response};
use flow_wire::signature::{self, AppSecret};
use http::StatusCode;

use crate::config::Ping;
use crate::convert::{self, Violation};
use crate::error::Error;
use crate::keyring::Keyring;
use crate::logic::{Call, Logic};

/// An endpoint, ready to answer.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) app_secrets: Vec<AppSecret>,
    pub(crate) keyring: Keyring,
    pub(crate) ping: Ping,
    pub(crate) logic: Logic,
    pub(crate) fallback_message: Option<String>,
}

/// What goes back: a sealed body, or an empty one.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    /// What hid behind a fallback screen.
    pub(crate) hidden: Option<Error>,
}

/// What became known of a request on the way, for whoever reports it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// From a bounded set; `None` until the message was read.
    pub(crate) action: Option<&'static str>,
}

/// Answers one request.
pub(crate) async fn exchange(
    endpoint: &Endpoint,
    signature: Option<&[u8]>,
    body: Bytes,
    call: &Call,
    seen: &mut Seen,
) -> Result<Answer, Error> {
    let body = signature::verify(body, signature, &endpoint.app_secrets)?;
    let envelope = Envelope::parse(body)?;
    let (plaintext, session) = endpoint.keyring.open(envelope)?;
    let request = Request::decode(&plaintext)?;
    seen.action = Some(action(&request));
    match request {
        Request::Ping(_) if endpoint.ping == Ping::Edge => seal(session, Response::Active),
        Request::Ping(ping) => {
            endpoint.logic.ping(convert::ping_to_v1(ping, &endpoint.name, &call.request_id), call).await?;
            seal(session, Response::Active)
        }
        Request::ErrorNotification(error) => {
            endpoint.logic.error(convert::error_to_v1(error, &endpoint.name, &call.request_id), call).await?;
            seal(session, Response::Acknowledged)
        }
        Request::DataExchange(request) => data_exchange(endpoint, request, session, call).await,
    }
}

async fn data_exchange(
    endpoint: &Endpoint,
    request: DataExchange,
    session: Session,
    call: &Call,
) -> Result<Answer, Error> {
    let fallback = fallback(endpoint, &request);
    let flow_token = request.flow_token.clone();
    let request = convert::data_exchange_to_v1(request, &endpoint.name, &call.request_id);
    let answered = match endpoint.logic.data_exchange(request, call).await {
        Ok(answer) => convert::from_v1(answer, flow_token).and_then(plaintext).map_err(Error::from),
        Err(error) => Err(error.into()),
    };
    match (answered, fallback) {
        (Ok((status, plaintext)), _) => Ok(sealed(session, status, plaintext)),
        (Err(error), Some(screen)) => {
            let (status, plaintext) = plaintext(screen)?;
            Ok(Answer { hidden: Some(error), ..sealed(session, status, plaintext) })
        }
        (Err(error), None) => Err(error),
    }
}

/// The submitted screen again with the configured text, where there is one: better than the client's generic error.
fn fallback(endpoint: &Endpoint, request: &DataExchange) -> Option<Response> {
    let text = endpoint.fallback_message.as_ref()?;
    let submitted = request.action == Action::DataExchange && !request.screen.is_empty();
    submitted.then(|| {
        let data = Object::from_iter([("error_message".to_owned(), text.clone().into())]);
        Response::Screen { screen: request.screen.clone(), data }
    })
}

fn seal(session: Session, response: Response) -> Result<Answer, Error> {
    let (status, plaintext) = plaintext(response)?;
    Ok(sealed(session, status, plaintext))
}

/// Status and plaintext of an answer. A 427 without text has an empty body, which the client fills with its own.
fn plaintext(response: Response) -> Result<(StatusCode, Vec<u8>), Violation> {
    match response {
        Response::InvalidFlowToken { ref error_msg } if error_msg.is_empty() => Ok((token_invalid(), Vec::new())),
        Response::InvalidFlowToken { .. } => Ok((token_invalid(), convert::encode(response)?)),
        Response::Screen { .. } | Response::Completion { .. } | Response::Active | Response::Acknowledged => {
            Ok((StatusCode::OK, convert::encode(response)?))
        }
    }
}

fn sealed(session: Session, status: StatusCode, plaintext: Vec<u8>) -> Answer {
    let body = if plaintext.is_empty() { String::new() } else { session.seal(plaintext) };
    Answer { status, body, hidden: None }
}

fn action(request: &Request) -> &'static str {
    match request {
        Request::Ping(_) => "ping",
        Request::ErrorNotification(_) => "error",
        Request::DataExchange(request) => match request.action {
            Action::Init => "INIT",
            Action::Back => "BACK",
            Action::DataExchange => "data_exchange",
            Action::Navigate => "navigate",
        },
    }
}

/// 427, a status of the platform's own: the message's button is disabled.
fn token_invalid() -> StatusCode {
    StatusCode::from_u16(427).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
