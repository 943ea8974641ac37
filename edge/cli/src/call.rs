//! Calls to a FlowService on a connection of our own making.
//!
//! tonic's own channel would keep a call's deadline for the service, make a broken connection anew and hide both. It
//! refuses to know what a service should do.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use flow_edge::line::{Violation, convert, status_of_logic};
use flow_proto::v1;
use flow_proto::v1::flow_service_client::FlowServiceClient;
use flow_telemetry::grpc_status;
use flow_wire::message;
use http::Uri;
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use serde_json::Value;
use tonic::body::Body;
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use crate::client::{Answer, Object};
use crate::http::chain;
use crate::logic::{Target, Unreachable};

/// What the edge gives logic by default, and longer than any answer should take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(8);
/// When an answer will not come any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum CallError {
    NotConnected(Unreachable),
    /// Nothing came within the edge's deadline, or no more than that it is over.
    Slow,
    /// The connection or the call on it broke off: no status of the service's.
    Broken(String),
    /// The service answered with a status.
    Status(Box<Status>),
}

/// One HTTP/2 connection.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    sender: SendRequest<Body>,
    origin: Uri,
}

impl Connection {
    /// A connection that is nobody else's.
    pub(crate) async fn make(target: &Target) -> Result<Self, CallError> {
        match tokio::time::timeout(PATIENCE, target.connect()).await {
            Ok(Ok(sender)) => Ok(Self { sender, origin: target.origin().clone() }),
            Ok(Err(error)) => Err(CallError::NotConnected(error)),
            Err(_) => Err(CallError::Slow),
        }
    }

    /// For services other than FlowService.
    pub(crate) fn origin(&self) -> Uri {
        self.origin.clone()
    }

    fn flow(&self) -> FlowServiceClient<Self> {
        FlowServiceClient::with_origin(self.clone(), self.origin())
    }

    pub(crate) async fn ping(&self, endpoint: &str) -> Result<(), CallError> {
        let request_id = fresh_request_id();
        let ping = v1::PingRequest { endpoint: endpoint.to_owned(), request_id, version: "3.0".to_owned() };
        let request = with_metadata(ping.clone(), &ping.request_id, DEADLINE);
        within(self.flow().ping(request)).await.map(|_| ())
    }

    pub(crate) async fn handle_error(&self, request: v1::HandleErrorRequest) -> Result<(), CallError> {
        let request_id = request.request_id.clone();
        within(self.flow().handle_error(with_metadata(request, &request_id, DEADLINE))).await.map(|_| ())
    }

    /// Calls with these metadata and no others.
    pub(crate) async fn data_exchange(
        &self,
        request: Request<v1::HandleDataExchangeRequest>,
    ) -> Result<Response<v1::HandleDataExchangeResponse>, CallError> {
        within(self.flow().handle_data_exchange(request)).await
    }

    /// Sends a message of the client's and reads the answer as the client would see it, both as the edge converts them.
    pub(crate) async fn exchange(&self, endpoint: &str, message: &Object) -> Result<Answer, CallError> {
        let request_id = fresh_request_id();
        let started = Instant::now();
        let answer = |status, body, said| Answer {
            status,
            body,
            time: started.elapsed(),
            request_id: Some(request_id.clone()),
            said,
        };
        let response = match self.send(endpoint, message, &request_id).await {
            Ok(Ok(response)) => response,
            Ok(Err(violation)) => {
                let said = format!("an answer that breaks the contract: {violation}");
                return Ok(answer(500, None, Some(said)));
            }
            Err(CallError::Status(status)) => {
                return Ok(answer(status_of_logic(&status).as_u16(), None, Some(describe(&status))));
            }
            // As the edge answers what comes too late; whatever else was wrong, nobody can say.
            Err(CallError::Slow) => return Ok(answer(504, None, None)),
            Err(error) => return Err(error),
        };
        let status = if matches!(response, message::Response::InvalidFlowToken { .. }) { 427 } else { 200 };
        let body = serde_json::from_slice(&response.encode()).unwrap_or_default();
        Ok(answer(status, Some(body), None))
    }

    /// The answer to a message, or how it breaks the contract.
    async fn send(
        &self,
        endpoint: &str,
        message: &Object,
        request_id: &str,
    ) -> Result<Result<convert::Answer, Violation>, CallError> {
        match decode(message)? {
            message::Request::Ping(_) => self.ping(endpoint).await.map(|()| Ok(message::Response::Active)),
            message::Request::ErrorNotification(notification) => {
                let request = convert::error_to_v1(notification, endpoint, request_id);
                self.handle_error(request).await.map(|()| Ok(message::Response::Acknowledged))
            }
            message::Request::DataExchange(exchange) => {
                let flow_token = exchange.flow_token.clone();
                let is_verified = exchange.flow_token_signature.is_some();
                let request = convert::data_exchange_to_v1(exchange, is_verified, endpoint, request_id);
                let answer = self.data_exchange(with_metadata(request, request_id, DEADLINE)).await?;
                Ok(convert::from_v1(answer.into_inner(), &flow_token))
            }
        }
    }
}

impl tonic::codegen::Service<http::Request<Body>> for Connection {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<http::Response<Incoming>>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.sender.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.sender.send_request(request))
    }
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        // A status that the service sent has nothing behind it.
        match std::error::Error::source(&status) {
            Some(source) => Self::Broken(chain(source)),
            None => Self::Status(Box::new(status)),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected(why) => write!(f, "no connection: {why}"),
            Self::Slow => write!(f, "slow: no answer within {} s, after which the edge gives up", DEADLINE.as_secs()),
            Self::Broken(why) => write!(f, "the connection or the call broke off: {why}"),
            Self::Status(status) => write!(f, "{}", describe(status)),
        }
    }
}

/// A status without its text's control characters, and not longer than a line or two.
pub(crate) fn describe(status: &Status) -> String {
    let text: String = status.message().escape_debug().take(200).collect();
    let name = name(status.code());
    if text.is_empty() { format!("status {name}") } else { format!("status {name} \"{text}\"") }
}

/// A code as gRPC writes it.
pub(crate) fn name(code: Code) -> &'static str {
    grpc_status(code.into())
}

/// The call's end, or that there is none in time. A service that ends a call by itself because its time is over was slow as well,
/// whatever it says of that.
pub(crate) async fn within<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, CallError> {
    let started = Instant::now();
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) if started.elapsed() >= DEADLINE => Err(CallError::Slow),
        Ok(Err(status)) => Err(status.into()),
        Err(_) => Err(CallError::Slow),
    }
}

/// A message with the metadata that the edge sends.
pub(crate) fn with_metadata<T>(message: T, request_id: &str, deadline: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    if let Ok(value) = request_id.parse() {
        request.metadata_mut().insert("x-request-id", value);
    }
    request
}

/// A request of the client's as logic sees it; `None` for a ping or an error notification.
pub(crate) fn to_v1(message: &Object, endpoint: &str) -> Option<v1::HandleDataExchangeRequest> {
    match decode(message) {
        Ok(message::Request::DataExchange(exchange)) => {
            Some(convert::data_exchange_to_v1(exchange, false, endpoint, &fresh_request_id()))
        }
        _ => None,
    }
}

fn decode(message: &Object) -> Result<message::Request, CallError> {
    message::Request::decode(Value::Object(message.clone()).to_string().as_bytes())
        .map_err(|error| CallError::Broken(format!("the request was not sent: {error}")))
}

pub(crate) fn fresh_request_id() -> String {
    Uuid::new_v4().to_string()
}
