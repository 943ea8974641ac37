//! From an HTTP request to its endpoint and back: path, method, admission, body.
//!
//! It refuses to know what a body says: that begins in the line.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow_wire::signature::{HEADER, Signature};
use futures_util::FutureExt as _;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use tokio::time::Instant;
use uuid::Uuid;

use super::access::{Line, Path};
use super::body::{Sent, discard, receive};
use super::connections::Peer;
use super::edge::Edge;
use super::settings::{Route, Settings};
use crate::capacity::{REQUEST, Reservation, Share};
use crate::line::{Answer, Error, Received, Seen, exchange};
use crate::logic::Call;
use crate::telemetry::{Head, Stage};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// More fields than any honest head has. HTTP/1.1 has the same bound in its parser; in HTTP/2 a field of one byte takes a hundred.
const MAX_FIELDS: usize = 100;

/// How long what is left of a body that nobody wants may take on HTTP/2, where the connection does not wait for it.
const ON_ITS_WAY: Duration = Duration::from_millis(100);

/// A request whose head was looked at and dropped: what is left of it fits into its share of the memory.
struct Arrived {
    edge: Arc<Edge>,
    settings: Arc<Settings>,
    /// Where there is no endpoint, what was asked for.
    route: Result<Arc<Route>, Path>,
    started: Instant,
    call: Call,
    /// Its signature, where it may go on.
    accepted: Result<Signature, Error>,
    /// Another than HTTP/2 can use its connection again only when all of the body was read.
    must_discard: bool,
    /// What HEAD asks for has no body.
    is_head: bool,
    peer: Arc<Peer>,
    _request: Reservation,
}

/// Answers one HTTP request, and reports it. What comes before the future is done at once.
pub(crate) fn serve(
    edge: &Arc<Edge>,
    request: Request<Incoming>,
    peer: &Arc<Peer>,
) -> impl Future<Output = Response<Sent>> + Send + use<> {
    let (arrived, body) = arrive(edge, request, peer);
    async move {
        let (call, started) = (&arrived.call, arrived.started);
        let mut line = match &arrived.route {
            Ok(route) => Line::new(Ok(&*route.endpoint.name), &route.refusals, call, started),
            Err(path) => Line::new(Err(*path), &arrived.edge.refusals, call, started),
        };
        let answer = caught(answer(&arrived, body, &mut line.seen)).await;
        if answer.as_ref().is_err_and(|error| *error == Error::Panicked) {
            arrived.edge.metrics.panic();
        }
        line.write(&answer);
        if !line.seen.is_verified {
            arrived.peer.refused();
        }
        let mut response = respond(answer, &call.memory).map(|(body, memory)| {
            let body = if arrived.is_head { Bytes::new() } else { body };
            Sent::new(body, memory, &arrived.peer)
        });
        if let Ok(value) = HeaderValue::from_str(&call.request_id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }
}

/// Takes from the head what is needed, decides whether the request may go on, and drops the head.
fn arrive(edge: &Arc<Edge>, request: Request<Incoming>, peer: &Arc<Peer>) -> (Arrived, Incoming) {
    let started = Instant::now();
    let request_id = Uuid::now_v7().to_string();
    let settings = edge.current();
    let (head, body) = request.into_parts();
    let route = settings.route(head.uri.path()).cloned().ok_or_else(|| Path::of(head.uri.path()));
    let observer = Arc::new(edge.observatory.observe(&Head {
        method: &head.method,
        version: head.version,
        is_tls: settings.is_tls(),
        endpoint: route.as_ref().ok().map(|route| (&route.endpoint.name, &route.endpoint.path)),
        request_id: &request_id,
        trace: settings.trust_trace_headers.then_some(&head.headers),
    }));
    if edge.memory.is_short() {
        edge.connections.displace_stalled();
    }
    let memory = edge.memory.share(REQUEST);
    let limits = &settings.limits;
    let accepted = match &route {
        Err(_) => Err(Error::NotFound),
        Ok(_) if head.method != Method::POST => Err(Error::of_method(&head.method, head.uri.query())),
        Ok(_) if head.headers.len() > MAX_FIELDS => Err(Error::TooManyFields),
        Ok(route) if !edge.has_room(limits, route) => Err(Error::Overloaded),
        Ok(_) if memory.is_none() => Err(Error::NoBodyMemory),
        Ok(_) if body.size_hint().lower() > limits.max_body as u64 => Err(Error::BodyTooLarge),
        Ok(_) => signature(&head.headers),
    };
    let memory = memory.unwrap_or_else(|| Share::none(&edge.memory));
    let arrived = Arrived {
        edge: Arc::clone(edge),
        route,
        started,
        call: Call { request_id, deadline: started, observer, memory },
        accepted,
        must_discard: head.version != Version::HTTP_2,
        is_head: head.method == Method::HEAD,
        peer: Arc::clone(peer),
        _request: edge.begin(),
        settings,
    };
    (arrived, body)
}

fn signature(headers: &HeaderMap) -> Result<Signature, Error> {
    Ok(Signature::parse(headers.get(HEADER).map(HeaderValue::as_bytes))?)
}

async fn answer(arrived: &Arrived, body: Incoming, seen: &mut Seen) -> Result<Answer, Error> {
    let Arrived { edge, settings, route, started, call, accepted, must_discard, peer, .. } = arrived;
    let limits = &settings.limits;
    let (route, signature) = match (route, *accepted) {
        (Ok(route), Ok(signature)) => (route, signature),
        (_, accepted) => {
            // On HTTP/2 only what is on its way already: more of it for a stream that was given up would count as a fault of the
            // peer's, and many of these end a connection.
            let patience = if *must_discard { limits.body_timeout } else { ON_ITS_WAY };
            if *must_discard || call.memory.is_some() {
                discard(body, *started + patience).await;
            }
            return Err(accepted.err().unwrap_or(Error::NotFound));
        }
    };
    let body_deadline = *started + route.deadline.min(limits.body_timeout);
    // Whoever sends slowly takes no room from those who have sent.
    let body = receive(body, *must_discard, &call.memory, limits.max_body, body_deadline);
    let received = Received {
        signature,
        body: call.observer.stage_of(Stage::Receive, body).await?,
        call: Call { deadline: *started + route.deadline, ..call.clone() },
        room: edge.admit(limits, route).ok_or(Error::Overloaded)?,
        verified: &|| peer.prove(),
    };
    // In a box: most of what waits, waits for its body, and would hold these kilobytes meanwhile.
    Box::pin(exchange(&route.endpoint, &edge.turns, &edge.replay, received, seen)).await
}

/// A panic is the end of one request, and of nothing else.
fn caught(answer: impl Future<Output = Result<Answer, Error>>) -> impl Future<Output = Result<Answer, Error>> {
    AssertUnwindSafe(answer).catch_unwind().map(|ended| ended.unwrap_or(Err(Error::Panicked)))
}

/// The answer with its body, and what it holds until that is sent.
fn respond(answer: Result<Answer, Error>, memory: &Arc<Share>) -> Response<(Bytes, Option<Arc<Share>>)> {
    let (status, body, memory) = match answer {
        Ok(Answer { status, body, outcome: _, screen: _, hidden: _ }) => (status, body, Some(Arc::clone(memory))),
        Err(error) => (error.status(), Bytes::from_static(error.text().as_bytes()), None),
    };
    let mut response = Response::new((body, memory));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::Budget;

    #[tokio::test]
    async fn a_panic_is_a_500() {
        let outcome = caught(async { panic!("a bug") }).await;
        assert_eq!(outcome.as_ref().err(), Some(&Error::Panicked));
        let response = respond(outcome, &Share::none(&Budget::new(0)));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
