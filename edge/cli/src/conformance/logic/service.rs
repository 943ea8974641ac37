//! A connection to a FlowService of our own making, and the calls on it.
//!
//! tonic's own channel would keep a call's deadline for the service, make a broken connection anew and hide both. It
//! refuses to know what a service should do.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use flow_edge::line::convert;
use flow_proto::v1;
use flow_proto::v1::flow_service_client::FlowServiceClient;
use flow_telemetry::grpc_status;
use flow_wire::message;
use http::Uri;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Url;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use crate::client::{Answer, Object};
use crate::http::{self as http_client, chain};

/// What the edge gives logic by default, and longer than any answer should take.
pub(super) const DEADLINE: Duration = Duration::from_secs(8);
/// When an answer will not come any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the service listens.
#[derive(Debug, Clone)]
pub(in crate::conformance) enum Target {
    Tcp { host: String, port: u16, origin: Uri },
    Unix { path: PathBuf },
}

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum CallError {
    NotConnected(String),
    /// Nothing came.
    NoAnswer,
    /// The connection or the call on it broke off: no status of the service's.
    Broken(String),
    /// The service answered with a status.
    Status(Box<Status>),
}

/// One HTTP/2 connection.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    sender: SendRequest<Body>,
    origin: Uri,
}

impl Target {
    /// Reads the URL of a service on a command line.
    pub(in crate::conformance) fn parse(text: &str) -> Result<Self, &'static str> {
        const RIGHT: &str = "should be where the service listens, http://HOST:PORT or unix:///PATH";
        if let Some(path) = text.strip_prefix("unix://").filter(|path| path.starts_with('/')) {
            return Ok(Self::Unix { path: path.into() });
        }
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.path() == "/").ok_or(RIGHT)?;
        let host = http_client::host(&url).ok_or(RIGHT)?.to_owned();
        let port = url.port_or_known_default().ok_or(RIGHT)?;
        let origin = format!("http://{}", url.authority()).parse().map_err(|_| RIGHT)?;
        Ok(Self::Tcp { host, port, origin })
    }

    pub(super) async fn connect(&self) -> Result<Connection, CallError> {
        tokio::time::timeout(PATIENCE, self.connect_whenever()).await.unwrap_or(Err(CallError::NoAnswer))
    }

    async fn connect_whenever(&self) -> Result<Connection, CallError> {
        let not_connected = |error: std::io::Error| CallError::NotConnected(chain(&error));
        match self {
            Self::Tcp { host, port, origin } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(not_connected)?;
                // Answers to a question; none should wait for another.
                let _ = stream.set_nodelay(true);
                Connection::over(stream, origin.clone()).await
            }
            Self::Unix { path } => {
                let stream = UnixStream::connect(path).await.map_err(not_connected)?;
                Connection::over(stream, Uri::from_static("http://localhost")).await
            }
        }
    }
}

impl Connection {
    async fn over<S>(stream: S, origin: Uri) -> Result<Self, CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| CallError::NotConnected(chain(&error)))?;
        tokio::spawn(connection);
        Ok(Self { sender, origin })
    }

    /// For services other than FlowService.
    pub(super) fn origin(&self) -> Uri {
        self.origin.clone()
    }

    fn flow(&self) -> FlowServiceClient<Self> {
        FlowServiceClient::with_origin(self.clone(), self.origin())
    }

    pub(super) async fn ping(&self, endpoint: &str) -> Result<(), CallError> {
        let request_id = fresh_request_id();
        let ping = v1::PingRequest { endpoint: endpoint.to_owned(), request_id, version: "3.0".to_owned() };
        let request = with_metadata(ping.clone(), &ping.request_id, DEADLINE);
        within(self.flow().ping(request)).await.map(|_| ())
    }

    pub(super) async fn handle_error(&self, request: v1::HandleErrorRequest) -> Result<(), CallError> {
        let request_id = request.request_id.clone();
        within(self.flow().handle_error(with_metadata(request, &request_id, DEADLINE))).await.map(|_| ())
    }

    /// Calls with these metadata and no others.
    pub(super) async fn data_exchange(
        &self,
        request: Request<v1::HandleDataExchangeRequest>,
    ) -> Result<Response<v1::HandleDataExchangeResponse>, CallError> {
        within(self.flow().handle_data_exchange(request)).await
    }

    /// Sends a message of the client's and reads the answer as the client would see it, both as the edge converts them.
    pub(super) async fn exchange(&self, endpoint: &str, message: &Object) -> Result<Answer, CallError> {
        let request_id = fresh_request_id();
        let started = Instant::now();
        let response = match self.send(endpoint, message, &request_id).await {
            Ok(response) => response,
            Err(CallError::Status(status)) => return Ok(answer(http_status(&status), None, started, &request_id)),
            Err(error) => return Err(error),
        };
        let Some(response) = response else { return Ok(answer(500, None, started, &request_id)) };
        let status = if matches!(response, message::Response::InvalidFlowToken { .. }) { 427 } else { 200 };
        let body = serde_json::from_slice(&response.encode()).unwrap_or_default();
        Ok(answer(status, Some(body), started, &request_id))
    }

    /// The answer to a message; `None` where it breaks the contract.
    async fn send(
        &self,
        endpoint: &str,
        message: &Object,
        request_id: &str,
    ) -> Result<Option<convert::Answer>, CallError> {
        match decode(message)? {
            message::Request::Ping(_) => self.ping(endpoint).await.map(|()| Some(message::Response::Active)),
            message::Request::ErrorNotification(notification) => {
                let request = convert::error_to_v1(notification, endpoint, request_id);
                self.handle_error(request).await.map(|()| Some(message::Response::Acknowledged))
            }
            message::Request::DataExchange(exchange) => {
                let flow_token = exchange.flow_token.clone();
                let is_verified = exchange.flow_token_signature.is_some();
                let request = convert::data_exchange_to_v1(exchange, is_verified, endpoint, request_id);
                let answer = self.data_exchange(with_metadata(request, request_id, DEADLINE)).await?;
                Ok(convert::from_v1(answer.into_inner(), &flow_token).ok())
            }
        }
    }
}

impl Service<http::Request<Body>> for Connection {
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
            Self::NoAnswer => write!(f, "nothing within {} s", PATIENCE.as_secs()),
            Self::Broken(why) => write!(f, "the connection or the call broke off: {why}"),
            Self::Status(status) => write!(f, "{}", describe(status)),
        }
    }
}

/// A status without its text's control characters, and not longer than a line or two.
pub(super) fn describe(status: &Status) -> String {
    let text: String = status.message().escape_debug().take(200).collect();
    let name = name(status.code());
    if text.is_empty() { format!("status {name}") } else { format!("status {name} \"{text}\"") }
}

/// A code as gRPC writes it.
pub(super) fn name(code: Code) -> &'static str {
    grpc_status(code.into())
}

/// The call's end, or that there is none.
pub(super) async fn within<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, CallError> {
    tokio::time::timeout(PATIENCE, call).await.map_err(|_| CallError::NoAnswer)?.map_err(CallError::from)
}

/// A message with the metadata that the edge sends.
pub(super) fn with_metadata<T>(message: T, request_id: &str, deadline: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    if let Ok(value) = request_id.parse() {
        request.metadata_mut().insert("x-request-id", value);
    }
    request
}

/// A request of the client's as logic sees it; `None` for a ping or an error notification.
pub(super) fn to_v1(message: &Object, endpoint: &str) -> Option<v1::HandleDataExchangeRequest> {
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

/// The HTTP status that the edge makes of a gRPC status.
fn http_status(status: &Status) -> u16 {
    match status.code() {
        Code::DeadlineExceeded => 504,
        Code::Unavailable | Code::ResourceExhausted => 503,
        _ => 500,
    }
}

fn answer(status: u16, body: Option<Object>, started: Instant, request_id: &str) -> Answer {
    Answer { status, body, time: started.elapsed(), request_id: Some(request_id.to_owned()) }
}

pub(super) fn fresh_request_id() -> String {
    Uuid::new_v4().to_string()
}
