//! From an HTTP request to its endpoint and back: path, method, admission, body.
//!
//! It refuses to know what a body says: that begins in the line.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::access::Line;
use super::edge::Edge;
use super::settings::{Route, Settings};
use crate::config::Limits;
use crate::line::{Answer, Error, Received, Seen, exchange};
use crate::logic::Call;
use crate::telemetry::{Head, Stage};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How much of a refused body is read and thrown away so that the connection can be used again.
const MAX_DISCARD: usize = 16 * 1024 * 1024;

/// The service of the public listener.
pub(crate) fn router(edge: Arc<Edge>) -> Router {
    Router::new().fallback(serve).with_state(edge)
}

/// Answers one HTTP request, and reports it.
async fn serve(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    let started = Instant::now();
    let request_id = Uuid::now_v7().to_string();
    let settings = edge.current();
    let route = settings.route(request.uri().path());
    let endpoint = route.map(|route| (&route.endpoint.name, &route.endpoint.path));
    let observer = Arc::new(edge.observatory.observe(&Head {
        method: request.method(),
        version: request.version(),
        is_tls: settings.is_tls(),
        endpoint,
        request_id: &request_id,
        trace: settings.trust_trace_headers.then(|| request.headers()),
    }));
    let call = Call { request_id, deadline: started, observer };
    let _request = edge.begin();
    let refusals = route.map_or(&edge.refusals, |route| &route.refusals);
    let name = endpoint.map(|(name, _)| &**name);
    let mut line = Line::new(name, request.uri().path(), refusals, &call, started);

    let answer = caught(answer(&edge, &settings, route, request, started, &call, &mut line.seen)).await;

    if answer.as_ref().is_err_and(|error| *error == Error::Panicked) {
        edge.metrics.panic();
    }
    line.write(&answer);
    let mut response = respond(answer);
    if let Ok(value) = HeaderValue::from_str(&call.request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// A panic is the end of one request, and of nothing else.
fn caught(answer: impl Future<Output = Result<Answer, Error>>) -> impl Future<Output = Result<Answer, Error>> {
    AssertUnwindSafe(answer).catch_unwind().map(|ended| ended.unwrap_or(Err(Error::Panicked)))
}

async fn answer(
    edge: &Edge,
    settings: &Settings,
    route: Option<&Route>,
    request: Request,
    started: Instant,
    call: &Call,
    seen: &mut Seen,
) -> Result<Answer, Error> {
    let (head, body) = request.into_parts();
    let limits = &settings.limits;
    let patience = route.map_or(limits.body_timeout, |route| route.deadline.min(limits.body_timeout));
    let body_deadline = started + patience;
    let accepted = match route {
        None => Err(Error::NotFound),
        Some(_) if head.method != Method::POST => Err(Error::of_method(&head.method, head.uri.query())),
        Some(route) if !edge.has_room(limits, route) => Err(Error::Overloaded),
        Some(route) => Ok(route),
    };
    let route = match accepted {
        Ok(route) => route,
        Err(error) => {
            discard(body, body_deadline).await;
            return Err(error);
        }
    };
    // Whoever sends slowly takes no room from those who have sent.
    let body = call.observer.stage_of(Stage::Receive, receive(edge, body, limits, body_deadline)).await?;
    let received = Received {
        signature: signature(&head.headers),
        body,
        call: Call { deadline: started + route.deadline, ..call.clone() },
        room: edge.admit(limits, route).ok_or(Error::Overloaded)?,
    };
    exchange(&route.endpoint, &edge.turns, &settings.replay, received, seen).await
}

fn signature(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(flow_wire::signature::HEADER).map(HeaderValue::as_bytes)
}

async fn receive(edge: &Edge, mut body: Body, limits: &Limits, deadline: Instant) -> Result<Bytes, Error> {
    match timeout_at(deadline, collect(edge, &mut body, limits)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error @ Error::BodyBroken)) => Err(error),
        Ok(Err(error)) => {
            discard(body, deadline).await;
            Err(error)
        }
        Err(_) => Err(Error::BodyTimeout),
    }
}

async fn collect(edge: &Edge, body: &mut Body, limits: &Limits) -> Result<Bytes, Error> {
    let mut first = Bytes::new();
    // A body in many small parts takes no more memory than one in a large one.
    let mut whole = BytesMut::new();
    let mut reserved = edge.reserve_body();
    while let Some(frame) = body.frame().await {
        // Trailers say nothing to us.
        let Ok(part) = frame.map_err(|_| Error::BodyBroken)?.into_data() else { continue };
        if first.len() + whole.len() + part.len() > limits.max_body {
            return Err(Error::BodyTooLarge);
        }
        if !reserved.grow(part.len(), limits.max_body_memory) {
            return Err(Error::NoBodyMemory);
        }
        if first.is_empty() && whole.is_empty() {
            first = part;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&part);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

/// Reads a body that nobody wants: HTTP/1.1 can only use the connection again when all of it was read.
async fn discard(body: Body, deadline: Instant) {
    let mut body = Limited::new(body, MAX_DISCARD);
    let drain = async { while let Some(Ok(_)) = body.frame().await {} };
    // What is still coming after that ends with the connection.
    let _ = timeout_at(deadline, drain).await;
}

fn respond(answer: Result<Answer, Error>) -> Response {
    let text = [(CONTENT_TYPE, HeaderValue::from_static("text/plain"))];
    match answer {
        Ok(Answer { status, body, outcome: _, hidden: _ }) => (status, text, body).into_response(),
        Err(error) => {
            let mut response = (error.status(), text, error.text()).into_response();
            if error.status() == StatusCode::METHOD_NOT_ALLOWED {
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            }
            if error.status() == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_500() {
        let outcome = caught(async { panic!("a bug") }).await;
        assert_eq!(outcome.as_ref().err(), Some(&Error::Panicked));
        let response = respond(outcome);
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
