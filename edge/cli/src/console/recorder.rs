//! Stands between the edge and logic and notes each call, for the developer to read; makes logic slow or gone where asked to.
//!
//! Bytes pass unchanged. It refuses to know what a flow is.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flow_edge::config::LogicTarget;
use flow_proto::v1;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use prost::Message;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::Code;
use tonic::body::Body;

use super::timeline::Call;
use crate::logic::Target;

/// What is recorded and read by nobody goes in the end.
const MOST: usize = 100;
/// The code of a call that has no answer yet; it stays where the edge gives it up.
const RUNNING: &str = "no answer in time";
/// Length and flags before a message of gRPC.
const PREFIX: usize = 5;

/// A recorder before a logic.
#[derive(Debug)]
pub(crate) struct Recorder {
    url: String,
    noted: Arc<Noted>,
    /// It runs until this is dropped.
    _stop: oneshot::Sender<()>,
}

#[derive(Debug, Default)]
struct Noted {
    calls: Mutex<VecDeque<(String, Instant, Call)>>,
    mood: Mutex<Mood>,
}

/// What logic is made to look like, for the next call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    AsItIs,
    SlowBy(Duration),
    Gone,
}

impl Recorder {
    pub(crate) async fn start(target: Target) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let noted = Arc::new(Noted::default());
        let (stop, mut stops) = oneshot::channel();
        let recorder = Self { url, noted: Arc::clone(&noted), _stop: stop };
        tokio::spawn(async move {
            loop {
                let stream = tokio::select! {
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) => stream,
                        Err(_) => continue,
                    },
                    _ = &mut stops => return,
                };
                // Answers to a question; none should wait for another.
                let _ = stream.set_nodelay(true);
                let (target, noted) = (target.clone(), Arc::clone(&noted));
                tokio::spawn(async move {
                    // Logic that is not there is a connection that ends, as the edge would see it without us.
                    let Ok(logic) = target.connect().await else { return };
                    let origin = target.origin().clone();
                    let mut ends = logic.clone();
                    let forward = service_fn(move |request| {
                        let (logic, origin, noted) = (logic.clone(), origin.clone(), Arc::clone(&noted));
                        async move { forward(request, logic, &origin, &noted).await }
                    });
                    let mut server = http2::Builder::new(TokioExecutor::new());
                    let server = server.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), forward);
                    tokio::select! {
                        _ = server => {}
                        () = gone(&mut ends) => {}
                    }
                });
            }
        });
        Ok(recorder)
    }

    /// For the edge, in the place of logic.
    pub(crate) fn target(&self) -> LogicTarget {
        LogicTarget { url: self.url.clone(), tls: None }
    }

    /// What logic is like at the next call.
    pub(crate) fn set(&self, mood: Mood) {
        *self.noted.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// Takes the calls of this trace, for an exchange that began then.
    pub(crate) fn take(&self, trace_id: &str, began: Instant) -> Vec<Call> {
        let mut calls = self.noted.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let (taken, left) = calls.drain(..).partition(|(id, ..)| id == trace_id);
        *calls = left;
        let taken: VecDeque<(String, Instant, Call)> = taken;
        let since = |(_, at, call): (String, Instant, Call)| {
            let took = if call.code == RUNNING { at.elapsed() } else { call.took };
            Call { after: at.duration_since(began), took, ..call }
        };
        taken.into_iter().map(since).collect()
    }
}

impl Noted {
    /// Notes a call as it begins: the edge gives up one that takes too long, and nobody is left then to note it.
    fn begin(&self, trace_id: String, at: Instant, call: Call) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() == MOST {
            calls.pop_front();
        }
        calls.push_back((trace_id, at, call));
    }

    /// Notes how it ended, where it was not taken before.
    fn end(&self, at: Instant, ended: impl FnOnce(&mut Call)) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., call)) = calls.iter_mut().rfind(|(_, began, call)| *began == at && call.code == RUNNING) {
            ended(call);
        }
    }
}

/// Ends once the connection to logic has.
async fn gone(logic: &mut SendRequest<Body>) {
    while logic.ready().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn forward(
    request: Request<Incoming>,
    mut logic: SendRequest<Body>,
    origin: &Uri,
    noted: &Noted,
) -> Result<Response<Body>, Infallible> {
    let (mut head, body) = request.into_parts();
    let mut uri = std::mem::take(&mut head.uri).into_parts();
    uri.scheme = Some(origin.scheme().cloned().unwrap_or(Scheme::HTTP));
    uri.authority = Some(origin.authority().cloned().unwrap_or(Authority::from_static("logic")));
    let path = uri.path_and_query.as_ref().map(ToString::to_string).unwrap_or_default();
    head.uri = Uri::from_parts(uri).unwrap_or_default();
    let Some(method) = path.strip_prefix("/flow.v1.FlowService/").map(str::to_owned) else {
        // Health, which is a stream or may be one.
        let sent = logic.send_request(Request::from_parts(head, Body::new(body))).await;
        return Ok(sent.map_or_else(|_| unavailable("the connection to logic broke off"), |it| it.map(Body::new)));
    };
    // `traceparent` is version, trace, span and flags.
    let traceparent = head.headers.get("traceparent").and_then(|value| value.to_str().ok());
    let trace_id = traceparent.and_then(|value| value.split('-').nth(1)).unwrap_or_default().to_owned();
    let Ok(body) = body.collect().await.map(Collected::to_bytes) else {
        return Ok(unavailable("the call broke off"));
    };
    let at = Instant::now();
    let (request, response) = (read_request(&method, &body), Value::Null);
    let (code, took) = (RUNNING.to_owned(), Duration::ZERO);
    let call =
        Call { method: method.clone(), code, text: String::new(), after: Duration::ZERO, took, request, response };
    noted.begin(trace_id, at, call);
    let mood = std::mem::take(&mut *noted.mood.lock().unwrap_or_else(PoisonError::into_inner));
    if let Mood::SlowBy(time) = mood {
        tokio::time::sleep(time).await;
    }
    let answered = match mood {
        Mood::Gone => None,
        Mood::AsItIs | Mood::SlowBy(_) => {
            let sent = logic.send_request(Request::from_parts(head, Body::new(Full::new(body)))).await;
            match sent {
                Ok(response) => collected(response).await,
                Err(_) => None,
            }
        }
    };
    let (response, code, text, answer) = match answered {
        Some((head, body, trailers)) => {
            let status = trailers.as_ref().and_then(status).or_else(|| status(&head.headers));
            let (code, text) = status.unwrap_or_else(|| (format!("HTTP {}", head.status.as_u16()), String::new()));
            let answer = read_answer(&method, &body);
            let body = Full::new(body).with_trailers(async move { trailers.map(Ok::<_, Infallible>) });
            (Response::from_parts(head, Body::new(body)), code, text, answer)
        }
        None => (unavailable("logic is gone"), "no answer".to_owned(), String::new(), Value::Null),
    };
    noted.end(at, |call| (call.code, call.text, call.response, call.took) = (code, text, answer, at.elapsed()));
    Ok(response)
}

/// Head, message and trailers; nothing where the answer broke off.
async fn collected(response: Response<Incoming>) -> Option<(http::response::Parts, Bytes, Option<HeaderMap>)> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.ok()?;
    let trailers = body.trailers().cloned();
    Some((head, body.to_bytes(), trailers))
}

/// As gRPC says that nobody is there.
fn unavailable(text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from(Code::Unavailable as i32));
    headers.insert("grpc-message", HeaderValue::from_static(text));
    response
}

fn status(headers: &HeaderMap) -> Option<(String, String)> {
    let status = tonic::Status::from_header_map(headers)?;
    Some((flow_telemetry::grpc_status(status.code() as i32).to_owned(), status.message().to_owned()))
}

/// The message as protobuf's JSON has it.
fn read_request(method: &str, body: &Bytes) -> Value {
    let message = body.get(PREFIX..).unwrap_or_default();
    let action = |action: i32| v1::Action::try_from(action).unwrap_or_default().as_str_name();
    match method {
        "HandleDataExchange" => v1::HandleDataExchangeRequest::decode(message).map(|request| {
            json!({
                "endpoint": request.endpoint,
                "requestId": request.request_id,
                "version": request.version,
                "action": action(request.action),
                "screen": request.screen,
                "data": request.data.map(flow_proto::json::from_struct),
                "flowToken": request.flow_token,
                "flowTokenVerified": request.flow_token_verified,
            })
        }),
        "HandleError" => v1::HandleErrorRequest::decode(message).map(|request| {
            json!({
                "endpoint": request.endpoint,
                "requestId": request.request_id,
                "version": request.version,
                "action": action(request.action),
                "screen": request.screen,
                "flowToken": request.flow_token,
                "error": request.error,
                "errorMessage": request.error_message,
            })
        }),
        _ => v1::PingRequest::decode(message).map(|request| {
            json!({ "endpoint": request.endpoint, "requestId": request.request_id, "version": request.version })
        }),
    }
    .unwrap_or_default()
}

fn read_answer(method: &str, body: &Bytes) -> Value {
    use v1::handle_data_exchange_response::Outcome;
    let (Some(message), "HandleDataExchange") = (body.get(PREFIX..), method) else { return json!({}) };
    let to_json = |fields: Option<prost_types::Struct>| fields.map(flow_proto::json::from_struct);
    match v1::HandleDataExchangeResponse::decode(message).ok().and_then(|answer| answer.outcome) {
        Some(Outcome::NextScreen(next)) => json!({ "nextScreen": {
            "screen": next.screen, "data": to_json(next.data), "errorMessage": next.error_message,
        } }),
        Some(Outcome::Completion(completion)) => json!({ "completion": { "params": to_json(completion.params) } }),
        Some(Outcome::InvalidFlowToken(invalid)) => {
            json!({ "invalidFlowToken": { "errorMessage": invalid.error_message } })
        }
        None => json!({}),
    }
}
