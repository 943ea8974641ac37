//! A stand-in logic service: answers as a test tells it, and keeps what it was asked.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use flow_proto::json::to_struct;
use flow_proto::v1::flow_service_server::{FlowService, FlowServiceServer};
use flow_proto::v1::handle_data_exchange_response::Outcome;
use flow_proto::v1::{
    Completion, HandleDataExchangeRequest, HandleDataExchangeResponse, HandleErrorRequest, HandleErrorResponse,
    InvalidFlowToken, NextScreen, PingRequest, PingResponse,
};
use futures_util::stream::{Stream, poll_fn};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::metadata::MetadataMap;
use tonic::transport::server::{Connected, TcpIncoming};
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::PATIENCE;

type Answer = Result<HandleDataExchangeResponse, Status>;
type Outcoming<T> = Pin<Box<dyn Future<Output = Result<T, Status>> + Send>>;
type Handler = dyn Fn(HandleDataExchangeRequest) -> Outcoming<HandleDataExchangeResponse> + Send + Sync;
/// What becomes of error notifications and pings.
type Others = dyn Fn() -> Outcoming<()> + Send + Sync;

/// A call that reached logic.
#[derive(Debug, Clone)]
pub enum Call {
    /// `HandleDataExchange`, with its metadata.
    DataExchange(HandleDataExchangeRequest, MetadataMap),
    /// `HandleError`.
    Error(HandleErrorRequest),
    /// `Ping`.
    Ping(PingRequest),
}

/// A running logic service.
#[derive(Debug)]
pub struct Logic {
    url: String,
    calls: Arc<Mutex<Vec<Call>>>,
    request_ids: Arc<Mutex<Vec<Vec<String>>>>,
    told: Arc<Mutex<Option<Answer>>>,
    health: HealthReporter,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

/// A logic service to be.
pub struct LogicBuilder {
    handler: Box<Handler>,
    others: Box<Others>,
    tls: Option<ServerTlsConfig>,
    max_message: Option<usize>,
}

impl Logic {
    /// Answers every data exchange alike, acknowledges error notifications, and is active.
    pub async fn answering(answer: HandleDataExchangeResponse) -> Self {
        LogicBuilder::answering(answer).start().await
    }

    /// Answers whatever comes with one status.
    pub async fn failing(status: Status) -> Self {
        Self::always(move || std::future::ready(Err(status.clone()))).await
    }

    /// Does the same whatever comes; of a good answer, error notifications and pings get as much as fits.
    pub async fn always<F>(act: impl Fn() -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<HandleDataExchangeResponse, Status>> + Send + 'static,
    {
        let others = act.clone();
        let others = move || -> Outcoming<()> {
            let done = others();
            Box::pin(async move { done.await.map(|_| ()) })
        };
        LogicBuilder {
            handler: Box::new(move |_| Box::pin(act())),
            others: Box::new(others),
            tls: None,
            max_message: None,
        }
        .start()
        .await
    }

    /// Takes no message that is larger, in bytes.
    pub async fn limited_to(max_message: usize) -> Self {
        let logic = LogicBuilder::answering(screen("NEXT", Value::Object(Default::default())));
        LogicBuilder { max_message: Some(max_message), ..logic }.start().await
    }

    /// Answers with a screen named `NEXT`, each call once the gate lets it pass.
    pub async fn held_by(gate: &Gate) -> Self {
        let gate = gate.clone();
        Self::handling(move |_| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                Ok(screen("NEXT", Value::Object(Default::default())))
            }
        })
        .await
    }

    /// Answers data exchanges as the handler says.
    pub async fn handling<F>(handler: impl Fn(HandleDataExchangeRequest) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        LogicBuilder::handling(handler).start().await
    }

    /// From now on answers every data exchange so; error notifications and pings too, where it is a failure.
    pub fn answer(&self, answer: Result<HandleDataExchangeResponse, Status>) {
        *self.told.lock().unwrap() = Some(answer);
    }

    /// The URL for `logic.url`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// The identifier of every call so far, each as the message and as the metadata have it.
    pub fn request_ids(&self) -> Vec<Vec<String>> {
        self.request_ids.lock().unwrap().clone()
    }

    /// The one call so far.
    pub fn only_call(&self) -> Call {
        let mut calls = self.calls();
        assert_eq!(calls.len(), 1, "calls to logic");
        calls.remove(0)
    }

    /// Says from now on that it does not serve, and still does.
    pub async fn say_not_serving(&self) {
        self.health.set_service_status("", ServingStatus::NotServing).await;
    }

    /// Says that it serves again.
    pub async fn say_serving(&self) {
        self.health.set_service_status("", ServingStatus::Serving).await;
    }

    /// Takes no more connections and calls, and returns when it has answered those that it has.
    pub async fn stop(mut self) {
        let stop = std::mem::replace(&mut self.stop, oneshot::channel().0);
        stop.send(()).unwrap();
        timeout(PATIENCE, &mut self.server).await.expect("logic ends").unwrap();
    }
}

impl fmt::Debug for LogicBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogicBuilder").field("tls", &self.tls).finish_non_exhaustive()
    }
}

impl LogicBuilder {
    /// As [`Logic::answering`].
    pub fn answering(answer: HandleDataExchangeResponse) -> Self {
        Self::handling(move |_| {
            let answer = answer.clone();
            async { Ok(answer) }
        })
    }

    /// As [`Logic::handling`].
    pub fn handling<F>(handler: impl Fn(HandleDataExchangeRequest) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<HandleDataExchangeResponse, Status>> + Send + 'static,
    {
        let others = || -> Outcoming<()> { Box::pin(std::future::ready(Ok(()))) };
        Self {
            handler: Box::new(move |request| Box::pin(handler(request))),
            others: Box::new(others),
            tls: None,
            max_message: None,
        }
    }

    /// Speaks TLS; the certificate is for `localhost`.
    pub fn tls(mut self, config: ServerTlsConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Starts at an address that the system chooses.
    pub async fn start(self) -> Logic {
        self.start_at("127.0.0.1:0".parse().unwrap()).await
    }

    /// Starts at this address.
    pub async fn start_at(self, address: SocketAddr) -> Logic {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = match self.tls {
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        self.start_with(url, TcpIncoming::from(listener)).await
    }

    /// Starts at a Unix socket.
    pub async fn start_at_socket(self, path: &Path) -> Logic {
        let listener = UnixListener::bind(path).unwrap();
        let incoming = poll_fn(move |context| listener.poll_accept(context).map_ok(|(stream, _)| stream).map(Some));
        self.start_with(format!("unix://{}", path.display()), incoming).await
    }

    async fn start_with<S>(self, url: String, incoming: impl Stream<Item = io::Result<S>> + Send + 'static) -> Logic
    where
        S: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let (calls, request_ids, told) = (Arc::default(), Arc::default(), Arc::default());
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_service_status("", ServingStatus::Serving).await;
        let service = Service {
            handler: self.handler,
            others: self.others,
            calls: Arc::clone(&calls),
            request_ids: Arc::clone(&request_ids),
            told: Arc::clone(&told),
        };
        let mut server = Server::builder();
        if let Some(tls) = self.tls {
            server = server.tls_config(tls).unwrap();
        }
        let mut service = FlowServiceServer::new(service);
        if let Some(limit) = self.max_message {
            service = service.max_decoding_message_size(limit);
        }
        let server = server.add_service(service).add_service(health_service);
        let (stop, stopped) = oneshot::channel();
        let stopped = async move {
            // A logic that is dropped is aborted.
            let _ = stopped.await;
        };
        let server = server.serve_with_incoming_shutdown(incoming, stopped);
        let server = tokio::spawn(async move { server.await.unwrap() });
        Logic { url, calls, request_ids, told, health, stop, server }
    }
}

impl Drop for Logic {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Holds calls back until a test lets them go.
#[derive(Debug, Clone)]
pub struct Gate {
    arrived: Arc<Semaphore>,
    opened: Arc<Semaphore>,
}

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self { arrived: Arc::new(Semaphore::new(0)), opened: Arc::new(Semaphore::new(0)) }
    }

    /// For the handler: stands here until the gate opens.
    pub async fn pass(&self) {
        self.arrived.add_permits(1);
        self.opened.acquire().await.unwrap().forget();
    }

    /// For the test: returns as soon as one more call stands at the gate.
    pub async fn arrival(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// Lets one call pass.
    pub fn open(&self) {
        self.opened.add_permits(1);
    }
}

/// An answer that shows a screen.
pub fn screen(name: &str, data: Value) -> HandleDataExchangeResponse {
    let Value::Object(data) = data else { panic!("data must be an object") };
    let next = NextScreen { screen: name.to_owned(), data: Some(to_struct(data)), error_message: String::new() };
    HandleDataExchangeResponse { outcome: Some(Outcome::NextScreen(next)) }
}

/// An answer that ends the flow.
pub fn completion(params: Value) -> HandleDataExchangeResponse {
    let Value::Object(params) = params else { panic!("params must be an object") };
    HandleDataExchangeResponse { outcome: Some(Outcome::Completion(Completion { params: Some(to_struct(params)) })) }
}

/// An answer that declares the token dead.
pub fn invalid_token(error_message: &str) -> HandleDataExchangeResponse {
    let invalid = InvalidFlowToken { error_message: error_message.to_owned() };
    HandleDataExchangeResponse { outcome: Some(Outcome::InvalidFlowToken(invalid)) }
}

struct Service {
    handler: Box<Handler>,
    others: Box<Others>,
    calls: Arc<Mutex<Vec<Call>>>,
    request_ids: Arc<Mutex<Vec<Vec<String>>>>,
    told: Arc<Mutex<Option<Answer>>>,
}

impl Service {
    fn keep(&self, call: Call, request_id: &str, metadata: &MetadataMap) {
        let in_metadata = metadata.get_all("x-request-id").iter().map(|value| value.to_str().unwrap().to_owned());
        self.calls.lock().unwrap().push(call);
        self.request_ids.lock().unwrap().push(in_metadata.chain([request_id.to_owned()]).collect());
    }

    fn told(&self) -> Option<Answer> {
        self.told.lock().unwrap().clone()
    }

    async fn acknowledge<T: Default>(&self) -> Result<Response<T>, Status> {
        match self.told().and_then(Result::err) {
            Some(status) => Err(status),
            None => (self.others)().await.map(|()| Response::new(T::default())),
        }
    }
}

#[tonic::async_trait]
impl FlowService for Service {
    async fn handle_data_exchange(
        &self,
        request: Request<HandleDataExchangeRequest>,
    ) -> Result<Response<HandleDataExchangeResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        self.keep(Call::DataExchange(message.clone(), metadata.clone()), &message.request_id, &metadata);
        match self.told() {
            Some(answer) => answer.map(Response::new),
            None => (self.handler)(message).await.map(Response::new),
        }
    }

    async fn handle_error(
        &self,
        request: Request<HandleErrorRequest>,
    ) -> Result<Response<HandleErrorResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        self.keep(Call::Error(message.clone()), &message.request_id, &metadata);
        self.acknowledge().await
    }

    async fn ping(&self, request: Request<PingRequest>) -> Result<Response<PingResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        self.keep(Call::Ping(message.clone()), &message.request_id, &metadata);
        self.acknowledge().await
    }
}
