//! The appointment in memory, and in front of it a FlowService that changes one answer.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use flow_proto::json::{from_struct, to_struct};
use flow_proto::v1::flow_service_client::FlowServiceClient;
use flow_proto::v1::flow_service_server::{FlowService, FlowServiceServer};
use flow_proto::v1::handle_data_exchange_response::Outcome;
use flow_proto::v1::{
    Action, Completion, HandleDataExchangeRequest, HandleDataExchangeResponse, HandleErrorRequest, HandleErrorResponse,
    InvalidFlowToken, NextScreen, PingRequest, PingResponse,
};
use rust_appointment::Appointments;
use rust_appointment::bookings::Memory;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, oneshot};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status};

/// What was asked.
pub(crate) struct Asked {
    pub(crate) action: Action,
    pub(crate) screen: String,
    pub(crate) data: Map<String, Value>,
    /// How often the same came before, under the same token.
    pub(crate) before: usize,
    /// Somebody else opened the flow since this conversation did.
    pub(crate) is_overtaken: bool,
}

/// What is answered.
pub(crate) enum Answer {
    Screen { screen: String, data: Map<String, Value>, error_message: String },
    End(Map<String, Value>),
    DeadToken(String),
    Nothing,
    Error(Code),
}

impl Asked {
    pub(crate) fn is(&self, action: Action, screen: &str) -> bool {
        self.action == action && self.screen == screen
    }

    /// A field as text.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.data.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// A dropdown of APPOINTMENT was used.
    pub(crate) fn chose(&self, trigger: &str) -> bool {
        self.is(Action::DataExchange, "APPOINTMENT") && self.text("trigger") == trigger
    }
}

impl Answer {
    /// A key of the screen's data.
    pub(crate) fn set(&mut self, key: &str, value: Value) {
        if let Self::Screen { data, .. } = self {
            data.insert(key.to_owned(), value);
        }
    }

    pub(crate) fn remove(&mut self, key: &str) {
        if let Self::Screen { data, .. } = self {
            data.remove(key);
        }
    }

    /// Another screen with the same data.
    pub(crate) fn go_to(&mut self, other: &str) {
        if let Self::Screen { screen, .. } = self {
            other.clone_into(screen);
        }
    }

    /// One entry of a list.
    pub(crate) fn entry(&mut self, key: &str, change: impl FnOnce(&mut Map<String, Value>)) {
        if let Self::Screen { data, .. } = self
            && let Some(entry) = data.get_mut(key).and_then(|list| list.as_array_mut()?.last_mut()?.as_object_mut())
        {
            change(entry);
        }
    }
}

pub(crate) type Mutate = fn(&Asked, &mut Answer);

/// A service that runs until it is dropped.
pub(crate) struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Running {
    pub(crate) fn correct() -> Self {
        Self::start(|_, _| {})
    }

    pub(crate) fn start(mutate: Mutate) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (listening, address) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let channel = Endpoint::from_shared(format!("http://{}", inner.local_addr().unwrap())).unwrap();
                let logic = Appointments::new(Memory::default());
                let logic = flow_logic_sdk::serve_until(logic, inner, std::future::pending());
                let outer = TcpListener::bind("127.0.0.1:0").await.unwrap();
                listening.send(outer.local_addr().unwrap()).unwrap();
                let inner = FlowServiceClient::new(channel.connect_lazy());
                let proxy = Proxy { inner, mutate, seen: Arc::default() };
                let server = Server::builder().add_service(FlowServiceServer::new(proxy));
                // Both on one thread: what is tested is another process.
                tokio::select! {
                    served = server.serve_with_incoming(TcpIncoming::from(outer).with_nodelay(Some(true))) => served.unwrap(),
                    served = logic => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self { address: address.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
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

#[derive(Default)]
struct Requests {
    /// How often each came.
    count: HashMap<String, usize>,
    last_opened: String,
}

struct Proxy {
    inner: FlowServiceClient<Channel>,
    mutate: Mutate,
    seen: Arc<Mutex<Requests>>,
}

#[tonic::async_trait]
impl FlowService for Proxy {
    async fn handle_data_exchange(
        &self,
        request: Request<HandleDataExchangeRequest>,
    ) -> Result<Response<HandleDataExchangeResponse>, Status> {
        let asked = request.into_inner();
        let answer = self.inner.clone().handle_data_exchange(asked.clone()).await;
        let mut answer = match answer.map(|answer| answer.into_inner().outcome) {
            Err(status) => Answer::Error(status.code()),
            Ok(None) => Answer::Nothing,
            Ok(Some(Outcome::NextScreen(NextScreen { screen, data, error_message }))) => {
                Answer::Screen { screen, data: data.map(from_struct).unwrap_or_default(), error_message }
            }
            Ok(Some(Outcome::Completion(end))) => Answer::End(end.params.map(from_struct).unwrap_or_default()),
            Ok(Some(Outcome::InvalidFlowToken(dead))) => Answer::DeadToken(dead.error_message),
        };
        let key = format!("{} {} {} {:?}", asked.flow_token, asked.action, asked.screen, asked.data);
        let mut seen = self.seen.lock().await;
        if asked.action() == Action::Init {
            seen.last_opened.clone_from(&asked.flow_token);
        }
        let is_overtaken = seen.last_opened != asked.flow_token;
        let count = seen.count.entry(key).or_default();
        *count += 1;
        let before = *count - 1;
        let data = asked.data.clone().map(from_struct).unwrap_or_default();
        let asked = Asked { action: asked.action(), screen: asked.screen, data, before, is_overtaken };
        (self.mutate)(&asked, &mut answer);
        let outcome = match answer {
            Answer::Screen { screen, data, error_message } => {
                Some(Outcome::NextScreen(NextScreen { screen, data: Some(to_struct(data)), error_message }))
            }
            Answer::End(params) => Some(Outcome::Completion(Completion { params: Some(to_struct(params)) })),
            Answer::DeadToken(error_message) => Some(Outcome::InvalidFlowToken(InvalidFlowToken { error_message })),
            Answer::Nothing => None,
            Answer::Error(code) => return Err(Status::new(code, "as the test wants it")),
        };
        Ok(Response::new(HandleDataExchangeResponse { outcome }))
    }

    async fn handle_error(&self, _: Request<HandleErrorRequest>) -> Result<Response<HandleErrorResponse>, Status> {
        Ok(Response::new(HandleErrorResponse {}))
    }

    async fn ping(&self, _: Request<PingRequest>) -> Result<Response<PingResponse>, Status> {
        Ok(Response::new(PingResponse {}))
    }
}
