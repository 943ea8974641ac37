//! A small service with the conformance mode, on nothing but the generated code, and its wrong twins.
//!
//! `Mode::answer` is what `proto/CONFORMANCE.md` asks of every language.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use flow_proto::json::{from_struct, to_struct};
use flow_proto::v1::flow_service_server::{FlowService, FlowServiceServer};
use flow_proto::v1::handle_data_exchange_response::Outcome;
use flow_proto::v1::{
    Completion, HandleDataExchangeRequest, HandleDataExchangeResponse, HandleErrorRequest, HandleErrorResponse,
    InvalidFlowToken, NextScreen, PingRequest, PingResponse,
};
use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, oneshot};
use tonic::body::Body;
use tonic::codegen::Service as _;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

pub(super) use super::mutants::Mutation;

/// A service that runs until it is dropped.
pub(super) struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Running {
    pub(super) fn start(mutation: Mutation) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (listening, address) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                listening.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = serve(listener, mutation) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address: address.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// hyper's own server, since tonic's would keep deadlines for the service.
async fn serve(listener: TcpListener, mutation: Mutation) {
    let mode = Mode { mutation, cancelled: Arc::default(), turn: Arc::default() };
    let mut routes = Routes::builder();
    routes.add_service(FlowServiceServer::new(mode));
    if mutation != Mutation::NoHealth {
        let (reporter, health) = tonic_health::server::health_reporter();
        if mutation == Mutation::HealthNotServing {
            reporter.set_service_status("", tonic_health::ServingStatus::NotServing).await;
        }
        routes.add_service(health);
    }
    if mutation != Mutation::NoReflection {
        let mut builder = tonic_reflection::server::Builder::configure();
        if mutation != Mutation::ReflectionWithoutFlow {
            builder = builder.register_encoded_file_descriptor_set(flow_proto::FILE_DESCRIPTOR_SET);
        }
        routes.add_service(builder.build_v1().unwrap());
    }
    let routes = routes.routes().prepare();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let routes = routes.clone();
        let (cut, is_cut) = tokio::sync::mpsc::channel::<()>(1);
        let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
            let (mut routes, cut) = (routes.clone(), cut.clone());
            async move {
                let path = request.uri().path();
                if mutation == Mutation::UnknownMethodIsInternal && path.ends_with("NoSuchMethod") {
                    return Ok(Status::internal("what is this?").into_http::<Body>());
                }
                let deadline =
                    request.headers().get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(milliseconds);
                let request = if matches!(
                    mutation,
                    Mutation::CutsLargeMessages | Mutation::CutsMalformed | Mutation::RefusesUnknownFields
                ) {
                    let (parts, body) = request.into_parts();
                    let limit = if mutation == Mutation::CutsLargeMessages { 500_000 } else { usize::MAX };
                    let Ok(bytes) = Limited::new(body, limit).collect().await else {
                        let _ = cut.send(()).await;
                        return std::future::pending().await;
                    };
                    let bytes = bytes.to_bytes();
                    if mutation == Mutation::CutsMalformed && bytes.ends_with(&[0xff; 8]) {
                        let _ = cut.send(()).await;
                        return std::future::pending().await;
                    }
                    let unknown = b"of a later edition";
                    if mutation == Mutation::RefusesUnknownFields
                        && bytes.windows(unknown.len()).any(|part| part == unknown)
                    {
                        return Ok(Status::invalid_argument("an unknown field").into_http());
                    }
                    http::Request::from_parts(parts, Body::new(http_body_util::Full::new(bytes)))
                } else {
                    request.map(Body::new)
                };
                let call = routes.call(request);
                let answer = match deadline {
                    Some(deadline)
                        if !matches!(mutation, Mutation::IgnoresDeadline | Mutation::SlowWithoutDeadline) =>
                    {
                        match tokio::time::timeout(deadline, call).await {
                            Ok(answer) => answer,
                            Err(_) => return Ok(Status::deadline_exceeded("too late").into_http()),
                        }
                    }
                    _ => call.await,
                };
                Ok::<_, Infallible>(answer.unwrap())
            }
        });
        tokio::spawn(async move {
            let mut is_cut = is_cut;
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                _ = connection => {}
                Some(()) = is_cut.recv() => {}
            }
        });
    }
}

/// `grpc-timeout` in the unit that tonic writes.
fn milliseconds(header: &str) -> Option<Duration> {
    let (number, unit) = header.split_at(header.len() - 1);
    let number: u64 = number.parse().ok()?;
    match unit {
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// The conformance mode, and what is wrong with it.
#[derive(Clone)]
struct Mode {
    mutation: Mutation,
    /// How many sleeping calls were cancelled.
    cancelled: Arc<AtomicI64>,
    /// For a service that does one thing at a time.
    turn: Arc<Mutex<()>>,
}

/// Counts a sleep that is dropped before its end.
struct Sleeping(Option<Arc<AtomicI64>>);

impl Drop for Sleeping {
    fn drop(&mut self) {
        if let Some(cancelled) = self.0.take() {
            cancelled.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Mode {
    async fn answer(&self, command: &Map<String, Value>, seen: Value) -> Result<Outcome, Status> {
        // There is exactly one.
        let Some((name, told)) = command.iter().next() else { return Err(Status::internal("no command")) };
        let object = || told.as_object().cloned().unwrap_or_default();
        let text = || told.as_str().unwrap_or_default().to_owned();
        let answer = match name.as_str() {
            "echo" => self.mutation.of_echo(told.clone()),
            "complete" => {
                let params = Some(to_struct(self.mutation.of_params(object())));
                return Ok(Outcome::Completion(Completion { params }));
            }
            "invalid_flow_token" => {
                let error_message = self.mutation.of_token_text(text());
                return Ok(Outcome::InvalidFlowToken(InvalidFlowToken { error_message }));
            }
            "error_message" => {
                let error_message = self.mutation.of_error_message(text());
                return Ok(Outcome::NextScreen(NextScreen {
                    screen: "CONFORMANCE".to_owned(),
                    data: None,
                    error_message,
                }));
            }
            "status" => {
                let code = self.mutation.of_code(Code::from(told["code"].as_i64().unwrap() as i32));
                let reason = told["reason"].as_str().unwrap_or_default();
                let details = ErrorDetails::with_error_info(reason, "flow.v1", []);
                return Err(match self.mutation {
                    Mutation::NoReason => Status::new(code, "as told"),
                    _ => Status::with_error_details(code, "as told", details),
                });
            }
            "panic" => panic!("{}", text()),
            "sleep_ms" => {
                let mut sleeping = Sleeping(Some(self.cancelled.clone()));
                let time = Duration::from_millis(told.as_u64().unwrap());
                match self.mutation {
                    Mutation::DoesNotSleep => {}
                    Mutation::NoticesNothing => {
                        sleeping.0 = None;
                        tokio::time::sleep(time).await;
                    }
                    _ => tokio::time::sleep(time).await,
                }
                sleeping.0 = None;
                told.clone()
            }
            "cancelled" => self.cancelled.load(Ordering::SeqCst).into(),
            "metadata" => self.mutation.of_metadata(seen),
            _ if self.mutation == Mutation::AnswersUnknownCommands => told.clone(),
            _ => return Err(Status::invalid_argument("unknown command")),
        };
        let data = Some(to_struct(Map::from_iter([(name.clone(), answer)])));
        Ok(Outcome::NextScreen(NextScreen { screen: "CONFORMANCE".to_owned(), data, error_message: String::new() }))
    }

    async fn handle(&self, request: Request<HandleDataExchangeRequest>) -> Result<HandleDataExchangeResponse, Status> {
        let header = |name: &str| request.metadata().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let remaining =
            header("grpc-timeout").and_then(|value| milliseconds(&value)).map(|time| time.as_millis() as u64);
        let seen = json!({
            "traceparent": header("traceparent"), "x-request-id": header("x-request-id"), "remaining_ms": remaining,
        });
        let request = request.into_inner();
        self.mutation.before(&request).await?;
        let data = request.data.map(from_struct).unwrap_or_default();
        let outcome = match data.get("conformance").and_then(Value::as_object) {
            Some(command)
                if request.endpoint == "conformance" && command.len() == 1 && self.mutation != Mutation::NoMode =>
            {
                let turn = if self.mutation == Mutation::OneAtATime { Some(self.turn.lock().await) } else { None };
                let answer = AssertUnwindSafe(self.answer(command, seen)).catch_unwind().await;
                drop(turn);
                answer.unwrap_or_else(|panic| {
                    let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                    Err(self.mutation.of_panic(&text))
                })?
            }
            // The flow itself: one screen.
            _ => Outcome::NextScreen(NextScreen { screen: "START".to_owned(), ..Default::default() }),
        };
        Ok(HandleDataExchangeResponse { outcome: Some(outcome) })
    }
}

#[tonic::async_trait]
impl FlowService for Mode {
    async fn handle_data_exchange(
        &self,
        request: Request<HandleDataExchangeRequest>,
    ) -> Result<Response<HandleDataExchangeResponse>, Status> {
        if self.mutation == Mutation::DiesOfCancelledCalls {
            let mut call = Sleeping(Some(self.cancelled.clone()));
            tokio::time::sleep(Duration::from_millis(20)).await;
            call.0 = None;
        }
        let turn = self.turn.try_lock();
        if self.mutation == Mutation::RefusesConcurrentCalls {
            if turn.is_err() {
                return Err(Status::resource_exhausted("busy"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(turn);
        self.handle(request).await.map(Response::new)
    }

    async fn handle_error(
        &self,
        request: Request<HandleErrorRequest>,
    ) -> Result<Response<HandleErrorResponse>, Status> {
        self.mutation.of_error(request.get_ref())?;
        Ok(Response::new(HandleErrorResponse {}))
    }

    async fn ping(&self, _: Request<PingRequest>) -> Result<Response<PingResponse>, Status> {
        match self.mutation {
            Mutation::DiesOfCancelledCalls if self.cancelled.load(Ordering::SeqCst) > 0 => {
                Err(Status::internal("dead"))
            }
            Mutation::PingFails => Err(Status::unimplemented("later")),
            _ => Ok(Response::new(PingResponse {})),
        }
    }
}
