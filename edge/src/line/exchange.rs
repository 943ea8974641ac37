//! The line: one request, from signed bytes to sealed bytes, in wire order. Branches leave by `?`.
//!
//! It refuses to know how a request came and how its answer goes.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use flow_proto::v1;
use flow_wire::envelope::{Envelope, Session};
use flow_wire::message::{Action, DataExchange, Request, Response};
use flow_wire::signature::Signature;
use flow_wire::token;
use prost::Message;

use super::answer::{Answer, Plaintext, from_logic, plaintext, seal, seal_fallback};
use super::convert;
use super::endpoint::Endpoint;
use super::error::Error;
use super::notice::{self, Notification};
use super::replay::Replay;
use super::screens::Asked;
use crate::capacity::{REQUEST, Room, Turns, aside};
use crate::config::{FlowTokenSignature, Ping};
use crate::logic::{Call, Encoded, MAX_MESSAGE, Method, Violation};
use crate::telemetry::Stage;

/// A request that was received whole.
pub(crate) struct Received<'a> {
    pub(crate) signature: Signature,
    pub(crate) body: Bytes,
    pub(crate) call: Call,
    /// Its room among the requests in flight, given back once it is answered.
    pub(crate) room: Room,
    /// Told as soon as the signature was found good.
    pub(crate) verified: &'a (dyn Fn() + Sync),
}

/// What became known of a request on the way, for whoever reports it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// From a bounded set; `None` until the message was read.
    pub(crate) action: Option<&'static str>,
    /// Whether its signature was found to be good.
    pub(crate) is_verified: bool,
    /// The screen that it came from, where the endpoint's Flow JSON has it.
    pub(crate) screen: Option<Arc<str>>,
}

/// Answers one request. What it holds of the edge's memory follows it from stage to stage.
pub(crate) async fn exchange(
    endpoint: &Arc<Endpoint>,
    turns: &Turns,
    replay: &Replay,
    received: Received<'_>,
    seen: &mut Seen,
) -> Result<Answer, Error> {
    let Received { signature, body, call, room, verified } = received;
    let (observer, memory) = (Arc::clone(&call.observer), Arc::clone(&call.memory));
    let size = body.len();
    // At once, whatever its size: what nobody signed takes no memory while it waits.
    let (body, app_secret) = observer.stage(Stage::Verify, || endpoint.app_secrets.verify(body, &signature))?;
    seen.is_verified = true;
    verified();
    let envelope = aside(size, || Envelope::parse(body)).await?;
    hold(&call, envelope.encrypted_flow_data().len())?;
    let turn = observer.stage_of(Stage::Wait, turns.take()).await.ok_or(Error::Overloaded)?;
    let (aes_key, private_key) = observer.stage(Stage::Open, || endpoint.private_keys.unwrap_key(&envelope))?;
    drop(turn);
    let opened = aside(size, || {
        let (plaintext, session) = envelope.open(aes_key)?;
        app_secret.count();
        private_key.count();
        let request = Request::decode(&plaintext)?;
        seen.action = Some(action(&request));
        seen.screen = endpoint.screens.as_ref().and_then(|screens| screens.known(screen(&request)));
        Ok::<_, Error>((work(endpoint, request, &call)?, session))
    });
    let (work, session) = opened.await?;
    hold(&call, work.size())?;
    let identity = session.identity();
    // In a box: the memory of answers would hold several of these kilobytes in place of one.
    let answer = Box::pin(answer(Arc::clone(endpoint), work, session, call, room));
    let answer = replay.once(&endpoint.name, identity, &endpoint.metrics, answer).await?;
    memory.resize(REQUEST + answer.body.len()).then_some(answer).ok_or(Error::NoBodyMemory)
}

/// From now on the request holds so much beside what each takes.
fn hold(call: &Call, bytes: usize) -> Result<(), Error> {
    call.memory.resize(REQUEST + bytes).then_some(()).ok_or(Error::NoBodyMemory)
}

/// What is left to do about an opened request. Nothing decoded lives through the call: a value takes many times its bytes.
enum Work {
    /// Answered here where nobody is to be asked.
    Ping(Option<Encoded>),
    ErrorNotification {
        message: Encoded,
        notice: Notification,
    },
    DataExchange {
        /// Not made where the token is none of the business's.
        message: Result<Encoded, Error>,
        flow_token: String,
        asked: Asked,
    },
}

impl Work {
    fn size(&self) -> usize {
        match self {
            Self::Ping(message) => message.as_ref().map_or(0, Encoded::len),
            Self::ErrorNotification { message, notice: _ } => message.len(),
            Self::DataExchange { message, flow_token, asked } => {
                message.as_ref().map_or(0, Encoded::len) + flow_token.len() + asked.screen.len()
            }
        }
    }
}

fn work(endpoint: &Endpoint, request: Request, call: &Call) -> Result<Work, Error> {
    let (name, request_id) = (&*endpoint.name, call.request_id.as_str());
    let work = match request {
        Request::Ping(_) if endpoint.ping == Ping::Edge => Work::Ping(None),
        Request::Ping(ping) => Work::Ping(Some(Encoded::new(&convert::ping_to_v1(ping, name, request_id)))),
        Request::ErrorNotification(error) => {
            let notice = Notification::of(&error);
            Work::ErrorNotification { message: Encoded::new(&convert::error_to_v1(error, name, request_id)), notice }
        }
        Request::DataExchange(request) => {
            let verified = verify_token(endpoint, &request);
            let asked = Asked { action: request.action, screen: request.screen.clone() };
            let flow_token = request.flow_token.clone();
            notice::inexact_numbers(&request, endpoint, call);
            let message = verified
                .map(|verified| Encoded::new(&convert::data_exchange_to_v1(request, verified, name, request_id)));
            Work::DataExchange { message, flow_token, asked }
        }
    };
    if work.size() > MAX_MESSAGE { Err(Error::MessageTooLarge) } else { Ok(work) }
}

/// The text for a submitted screen that can be shown again with it alone.
fn fallback<'a>(endpoint: &'a Endpoint, asked: &Asked) -> Option<&'a str> {
    let is_submitted = asked.action == Action::DataExchange && !asked.screen.is_empty();
    let fits = || endpoint.screens.as_ref().is_none_or(|screens| screens.fits_message_alone(&asked.screen));
    endpoint.fallback_message.as_deref().filter(|_| is_submitted && fits())
}

/// From an opened request to its sealed answer.
async fn answer(
    endpoint: Arc<Endpoint>,
    work: Work,
    session: Session,
    call: Call,
    _room: Room,
) -> Result<Answer, Error> {
    match work {
        Work::Ping(message) => {
            if let Some(message) = message {
                acknowledged::<v1::PingResponse>(&endpoint.logic.call(Method::Ping, message, &call).await?)?;
            }
            seal(session, Response::Active, &call)
        }
        Work::ErrorNotification { message, notice } => {
            notice.tell(&endpoint, &call);
            acknowledged::<v1::HandleErrorResponse>(&endpoint.logic.call(Method::HandleError, message, &call).await?)?;
            seal(session, Response::Acknowledged, &call)
        }
        Work::DataExchange { message, flow_token, asked } => {
            let message = message?;
            if let Some(screens) = &endpoint.screens {
                screens.asked(&asked);
            }
            let answered = endpoint.logic.call(Method::HandleDataExchange, message, &call).await;
            let size = answered.as_ref().map_or(0, Bytes::len);
            let sealed = aside(size, || {
                let ready = answered.map_err(Error::from).and_then(|answer| {
                    let answer = from_logic(&answer, &flow_token)?;
                    notice::foreign_flow_token(&answer, &flow_token, &endpoint, &call);
                    ready(&endpoint, &asked, answer, &call)
                });
                match (ready, fallback(&endpoint, &asked)) {
                    (Ok((plaintext, screen)), _) => Ok(Answer { screen, ..plaintext.seal(session, &call) }),
                    (Err(error), Some(text)) => {
                        let shown = endpoint.screens.as_ref().and_then(|screens| screens.fallen_back(&asked));
                        let answer = seal_fallback(session, asked.screen, text, error, &call)?;
                        Ok(Answer { screen: shown, ..answer })
                    }
                    (Err(error), None) => Err(error),
                }
            });
            sealed.await
        }
    }
}

/// Logic's answer, written, and the screen that it shows, as far as that is known.
fn ready(
    endpoint: &Endpoint,
    asked: &Asked,
    answer: convert::Answer,
    call: &Call,
) -> Result<(Plaintext, Option<Arc<str>>), Error> {
    let Some(screens) = &endpoint.screens else { return Ok((plaintext(&answer)?, None)) };
    screens.judge(asked, &answer, call)?;
    let (written, next) = (plaintext(&answer)?, screens.answered(asked, &answer));
    Ok((written, next))
}

/// That it can be read is all there is to know.
fn acknowledged<A: Message + Default>(answer: &[u8]) -> Result<(), Violation> {
    A::decode(answer).map(|_| ()).map_err(|_| Violation::Unreadable)
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

fn screen(request: &Request) -> &str {
    match request {
        Request::Ping(_) => "",
        Request::ErrorNotification(error) => &error.screen,
        Request::DataExchange(request) => &request.screen,
    }
}

fn action(request: &Request) -> &'static str {
    match request {
        Request::Ping(_) => "ping",
        Request::ErrorNotification(_) => "error",
        Request::DataExchange(request) => request.action.name(),
    }
}
