//! A stand-in logic service: answers as a test tells it, and keeps what it was asked.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use flow_proto::json::to_struct;
use flow_proto::v1::flow_service_server::{FlowService, FlowServiceServer};
use flow_proto::v1::handle_data_exchange_response::Outcome;
use flow_proto::v1::{
    Completion, HandleDataExchangeRequest, HandleDataExchangeResponse, HandleErrorRequest, HandleErrorResponse,
    InvalidFlowToken, NextScreen, PingRequest, PingResponse,
};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

type Answer = Result<HandleDataExchangeResponse, Status>;
type Outcoming = Pin<Box<dyn Future<Output = Answer> + Send>>;
type Handler = dyn Fn(HandleDataExchangeRequest) -> Outcoming + Send + Sync;

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
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    request_ids: Arc<Mutex<Vec<Vec<String>>>>,
    told: Arc<Mutex<Option<Answer>>>,
    server: JoinHandle<()>,
}

impl Logic {
    /// Answers every data exchange alike, acknowledges error notifications, and is active.
    pub async fn answering(answer: HandleDataExchangeResponse) -> Self {
        Self::handling(move |_| {
            let answer = answer.clone();
            async { Ok(answer) }
        })
        .await
    }

    /// Answers whatever comes with one status.
    pub async fn failing(status: Status) -> Self {
        let answer = status.clone();
        let handler = move |_| -> Outcoming { Box::pin(std::future::ready(Err(answer.clone()))) };
        Self::start(Box::new(handler), Some(status)).await
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
        Self::start(Box::new(move |request| Box::pin(handler(request))), None).await
    }

    async fn start(handler: Box<Handler>, otherwise: Option<Status>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (calls, request_ids, told) = (Arc::default(), Arc::default(), Arc::default());
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_service_status("", tonic_health::ServingStatus::Serving).await;
        let service = Service {
            handler,
            otherwise,
            calls: Arc::clone(&calls),
            request_ids: Arc::clone(&request_ids),
            told: Arc::clone(&told),
        };
        let server = Server::builder().add_service(FlowServiceServer::new(service)).add_service(health_service);
        let server = server.serve_with_incoming(TcpIncoming::from(listener));
        let server = tokio::spawn(async move { server.await.unwrap() });
        Self { address, calls, request_ids, told, server }
    }

    /// From now on answers every data exchange so; error notifications and pings too, where it is a failure.
    pub fn answer(&self, answer: Result<HandleDataExchangeResponse, Status>) {
        *self.told.lock().unwrap() = Some(answer);
    }

    /// The URL for `logic.url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
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
    /// What error notifications and pings are answered, where not with success.
    otherwise: Option<Status>,
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

    fn acknowledge<T: Default>(&self) -> Result<Response<T>, Status> {
        match self.told().and_then(Result::err).or_else(|| self.otherwise.clone()) {
            Some(status) => Err(status),
            None => Ok(Response::new(T::default())),
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
        self.acknowledge()
    }

    async fn ping(&self, request: Request<PingRequest>) -> Result<Response<PingResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        self.keep(Call::Ping(message.clone()), &message.request_id, &metadata);
        self.acknowledge()
    }
}
