//! From an HTTP request to its endpoint and back: path, method, admission, body, and the access line in the log.
//!
//! It refuses to know what a body says: that begins in [`exchange`](crate::exchange).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tracing::field::display;
use tracing::{info, warn};
use uuid::Uuid;

use crate::config;
use crate::error::{Error, Fault};
use crate::exchange::{Answer, Endpoint, Seen, exchange};
use crate::keyring::Keyring;
use crate::logic::{Call, Logic};
use crate::semconv;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How much of a refused body is read and thrown away so that the connection can be used again.
const MAX_DISCARD: usize = 16 * 1024 * 1024;

/// Everything that requests share.
#[derive(Debug)]
pub(crate) struct Edge {
    by_path: HashMap<String, Route>,
    /// One for each logic service, however many endpoints share it.
    logics: Vec<Logic>,
    in_flight: Semaphore,
    max_in_flight: usize,
    max_body: usize,
    body_timeout: Duration,
}

#[derive(Debug)]
struct Route {
    endpoint: Endpoint,
    deadline: Duration,
}

impl Edge {
    pub(crate) fn new(
        endpoints: Vec<config::Endpoint>,
        limits: config::Limits,
    ) -> Result<Self, tonic::transport::Error> {
        let mut logics: HashMap<String, Logic> = HashMap::new();
        let mut by_path = HashMap::new();
        for endpoint in endpoints {
            let logic = match logics.get(&endpoint.logic.url) {
                Some(logic) => logic.clone(),
                None => Logic::new(&endpoint.logic.url)?,
            };
            logics.insert(endpoint.logic.url, logic.clone());
            let route = Route {
                deadline: endpoint.logic.deadline,
                endpoint: Endpoint {
                    name: endpoint.name,
                    app_secrets: endpoint.app_secrets,
                    keyring: Keyring::new(endpoint.private_keys),
                    ping: endpoint.ping,
                    logic,
                    fallback_message: endpoint.logic.fallback_message,
                },
            };
            by_path.insert(endpoint.path, route);
        }
        Ok(Self {
            by_path,
            logics: logics.into_values().collect(),
            in_flight: Semaphore::new(limits.max_in_flight),
            max_in_flight: limits.max_in_flight,
            max_body: limits.max_body,
            body_timeout: limits.body_timeout,
        })
    }

    pub(crate) fn logics(&self) -> &[Logic] {
        &self.logics
    }

    /// Whether no request is being worked on.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.available_permits() == self.max_in_flight
    }
}

/// The service of the public listener.
pub(crate) fn router(edge: Arc<Edge>) -> Router {
    Router::new().fallback(serve).with_state(edge)
}

/// Answers one HTTP request, and reports it.
async fn serve(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    let started = Instant::now();
    let request_id = Uuid::now_v7().to_string();
    let route = edge.by_path.get(request.uri().path());
    let mut seen = Seen::default();

    let answer = answer(&edge, route, request, started, &request_id, &mut seen).await;

    report(route.map(|route| route.endpoint.name.as_str()), &request_id, started, &seen, &answer);
    let mut response = respond(answer);
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

async fn answer(
    edge: &Edge,
    route: Option<&Route>,
    request: Request,
    started: Instant,
    request_id: &str,
    seen: &mut Seen,
) -> Result<Answer, Error> {
    let (head, body) = request.into_parts();
    let body_deadline = started + edge.body_timeout;
    let refused = match route {
        None => Err(Error::NotFound),
        Some(_) if head.method != Method::POST => Err(Error::MethodNotAllowed),
        Some(route) => edge.in_flight.try_acquire().map(|permit| (route, permit)).map_err(|_| Error::Overloaded),
    };
    let (route, _permit) = match refused {
        Ok(admitted) => admitted,
        Err(error) => {
            discard(body, body_deadline).await;
            return Err(error);
        }
    };
    let body = receive(body, edge.max_body, body_deadline).await?;
    let call = Call { request_id: request_id.to_owned(), deadline: started + route.deadline };
    exchange(&route.endpoint, signature(&head.headers), body, &call, seen).await
}

fn signature(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(flow_wire::signature::HEADER).map(HeaderValue::as_bytes)
}

async fn receive(body: Body, max_body: usize, deadline: Instant) -> Result<Bytes, Error> {
    // The body goes on to be discarded where it is too large, so it is only borrowed.
    let mut body = body;
    match timeout_at(deadline, Limited::new(&mut body, max_body).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            discard(body, deadline).await;
            Err(Error::BodyTooLarge)
        }
        Ok(Err(_)) => Err(Error::BodyBroken),
        Err(_) => Err(Error::BodyTimeout),
    }
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
        Ok(Answer { status, body, hidden: _ }) => (status, text, body).into_response(),
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

/// The access line: one for each request, a warning where the edge or logic is at fault.
fn report(endpoint: Option<&str>, request_id: &str, started: Instant, seen: &Seen, answer: &Result<Answer, Error>) {
    let (status, error) = match answer {
        Ok(answer) => (answer.status, answer.hidden),
        Err(error) => (error.status(), Some(*error)),
    };
    let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
    let fault = error.map(Error::fault);
    let reason = error.map(display);
    // The level is part of a log line's static description, so the two cannot be one.
    if matches!(fault, None | Some(Fault::Client)) {
        info!(
            { semconv::ENDPOINT } = endpoint,
            { semconv::ACTION } = seen.action,
            { semconv::HTTP_STATUS } = status.as_u16(),
            { semconv::REQUEST_ID } = request_id,
            { semconv::ERROR_TYPE } = error.map(Error::kind),
            { semconv::FAULT } = fault.map(Fault::name),
            reason,
            duration_ms,
            "request"
        );
    } else {
        warn!(
            { semconv::ENDPOINT } = endpoint,
            { semconv::ACTION } = seen.action,
            { semconv::HTTP_STATUS } = status.as_u16(),
            { semconv::REQUEST_ID } = request_id,
            { semconv::ERROR_TYPE } = error.map(Error::kind),
            { semconv::FAULT } = fault.map(Fault::name),
            reason,
            duration_ms,
            "request"
        );
    }
}
