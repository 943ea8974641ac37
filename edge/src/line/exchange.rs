//! The line: one request, from signed bytes to sealed bytes, in wire order. Branches leave by `?`.
//!
//! It refuses to know how a request came and how its answer goes.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use flow_wire::envelope::{Envelope, Session};
use flow_wire::message::{DataExchange, Request, Response};
use flow_wire::token;
use prost::Message;

use super::answer::{Answer, fallback, plaintext, seal, sealed};
use super::convert;
use super::endpoint::Endpoint;
use super::error::Error;
use super::notice;
use super::replay::Replay;
use crate::capacity::{Room, Turns, aside};
use crate::config::{FlowTokenSignature, Ping};
use crate::logic::Call;
use crate::telemetry::{Outcome, Stage};

/// A request that was received whole.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    /// The raw value of the signature's header.
    pub(crate) signature: Option<&'a [u8]>,
    pub(crate) body: Bytes,
    pub(crate) call: Call,
    /// Its room among the requests in flight, given back once it is answered.
    pub(crate) room: Room,
}

/// What became known of a request on the way, for whoever reports it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// From a bounded set; `None` until the message was read.
    pub(crate) action: Option<&'static str>,
    /// Whether its signature was found to be good.
    pub(crate) is_verified: bool,
}

/// Answers one request.
pub(crate) async fn exchange(
    endpoint: &Arc<Endpoint>,
    turns: &Turns,
    replay: &Replay,
    received: Received<'_>,
    seen: &mut Seen,
) -> Result<Answer, Error> {
    let Received { signature, body, call, room } = received;
    let observer = Arc::clone(&call.observer);
    let size = body.len();
    // At once, whatever its size: what nobody signed takes no memory while it waits.
    let (body, app_secret) = observer.stage(Stage::Verify, || endpoint.app_secrets.verify(body, signature))?;
    seen.is_verified = true;
    let envelope = aside(size, || Envelope::parse(body)).await?;
    let turn = observer.stage_of(Stage::Wait, turns.take()).await.ok_or(Error::Overloaded)?;
    let (aes_key, private_key) = observer.stage(Stage::Open, || endpoint.private_keys.unwrap_key(&envelope))?;
    drop(turn);
    let opened = aside(size, || {
        let (plaintext, session) = envelope.open(aes_key)?;
        app_secret.count();
        private_key.count();
        Ok::<_, Error>((Request::decode(&plaintext)?, session))
    });
    let (request, session) = opened.await?;
    seen.action = Some(action(&request));
    let identity = session.identity();
    // In a box: the cache would hold several of these kilobytes in place of one.
    let answer = Box::pin(answer(Arc::clone(endpoint), request, session, call, room));
    replay.once(&endpoint.name, identity, &endpoint.metrics, answer).await
}

/// From an opened request to its sealed answer.
async fn answer(
    endpoint: Arc<Endpoint>,
    request: Request,
    session: Session,
    call: Call,
    _room: Room,
) -> Result<Answer, Error> {
    match request {
        Request::Ping(_) if endpoint.ping == Ping::Edge => seal(session, Response::Active, &call),
        Request::Ping(ping) => {
            let message = convert::ping_to_v1(ping, &endpoint.name, &call.request_id);
            endpoint.logic.ping(message, &call).await?;
            seal(session, Response::Active, &call)
        }
        Request::ErrorNotification(error) => {
            notice::error_notification(&error, &endpoint, &call);
            let message = convert::error_to_v1(error, &endpoint.name, &call.request_id);
            endpoint.logic.error(message, &call).await?;
            seal(session, Response::Acknowledged, &call)
        }
        Request::DataExchange(request) => {
            let verified = verify_token(&endpoint, &request)?;
            data_exchange(&endpoint, request, verified, session, &call).await
        }
    }
}

/// Whether the flow token was shown to be the business's own. A token that fails is refused.
fn verify_token(endpoint: &Endpoint, request: &DataExchange) -> Result<bool, Error> {
    match (endpoint.flow_token_signature, &request.flow_token_signature) {
        (FlowTokenSignature::Ignore, _) | (FlowTokenSignature::Verify, None) => Ok(false),
        (FlowTokenSignature::Require, None) => Err(Error::TokenUnsigned),
        (FlowTokenSignature::Verify | FlowTokenSignature::Require, Some(signature)) => {
            token::verify(signature, &request.flow_token, endpoint.app_secrets.secrets(), SystemTime::now())?;
            Ok(true)
        }
    }
}

async fn data_exchange(
    endpoint: &Endpoint,
    request: DataExchange,
    flow_token_verified: bool,
    session: Session,
    call: &Call,
) -> Result<Answer, Error> {
    let fallback = fallback(endpoint, &request);
    let flow_token = request.flow_token.clone();
    notice::inexact_numbers(&request, endpoint, call);
    let request = convert::data_exchange_to_v1(request, flow_token_verified, &endpoint.name, &call.request_id);
    let answered = endpoint.logic.data_exchange(request, call).await;
    let size = answered.as_ref().map_or(0, Message::encoded_len);
    let answer = aside(size, || {
        let answered = match answered {
            Ok(answer) => convert::from_v1(answer, &flow_token)
                .inspect(|answer| notice::foreign_flow_token(answer, &flow_token, endpoint, call))
                .and_then(plaintext)
                .map_err(Error::from),
            Err(error) => Err(error.into()),
        };
        match (answered, fallback) {
            (Ok(plaintext), _) => Ok(sealed(session, plaintext, call)),
            (Err(error), Some(screen)) => {
                let answer = seal(session, screen, call)?;
                Ok(Answer { outcome: Outcome::Fallback, hidden: Some(error), ..answer })
            }
            (Err(error), None) => Err(error),
        }
    });
    answer.await
}

fn action(request: &Request) -> &'static str {
    match request {
        Request::Ping(_) => "ping",
        Request::ErrorNotification(_) => "error",
        Request::DataExchange(request) => request.action.name(),
    }
}
