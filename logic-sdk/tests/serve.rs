//! The served logic as a stock gRPC client sees it, over loopback sockets.
#![allow(clippy::unwrap_used, reason = "a test's helpers may panic as its tests do")]

use flow_logic_sdk::{Action, DataExchange, Error, ErrorNotification, FlowLogic, Ping, Reply, ServeError, serve_until};
use flow_proto::json;
use flow_proto::v1::{self, flow_service_client::FlowServiceClient, handle_data_exchange_response::Outcome};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant};
use tonic::codegen::tokio_stream::once;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServiceResponse};
use tonic_types::StatusExt;

/// A logic that answers, fails or waits as the screen says, and reports what it was told.
struct Scripted {
    heard: mpsc::UnboundedSender<String>,
    release: tokio::sync::Mutex<oneshot::Receiver<()>>,
}

#[derive(Deserialize)]
struct Order {
    guests: u8,
}

impl FlowLogic for Scripted {
    async fn data_exchange(&self, request: DataExchange) -> Result<Reply, Error> {
        match (request.action, request.screen.as_str()) {
            (Action::Init, _) => Ok(Reply::screen("ORDER", json!({"max_guests": 8}))),
            (Action::Back, _) => Ok(Reply::invalid_token("")),
            (Action::DataExchange, "ORDER") => {
                let order: Order = request.data()?;
                Ok(Reply::complete(json!({"guests": order.guests})))
            }
            (Action::DataExchange, "TIMED") => {
                let left = request.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now().into()));
                Ok(Reply::complete(json!({"seconds_left": left.map(|left| left.as_secs_f64())})))
            }
            (Action::DataExchange, "SLOW") => {
                self.heard.send("slow call".to_owned()).unwrap();
                let _dropped = Dropped(self.heard.clone());
                (&mut *self.release.lock().await).await.unwrap();
                Ok(Reply::screen("DONE", json!({})))
            }
            (Action::DataExchange, "NO-OBJECT") => Ok(Reply::screen("ORDER", "text")),
            (Action::DataExchange, screen) => Err(Error::unavailable(format!("no stock for {screen}"))),
        }
    }

    async fn error(&self, notification: ErrorNotification) -> Result<(), Error> {
        self.heard.send(notification.error).unwrap();
        Ok(())
    }

    async fn ping(&self, ping: Ping) -> Result<(), Error> {
        self.heard.send(format!("ping {}", ping.endpoint)).unwrap();
        Ok(())
    }
}

/// Tells when a call ends, or is ended.
struct Dropped(mpsc::UnboundedSender<String>);

impl Drop for Dropped {
    fn drop(&mut self) {
        // Nobody may listen any more.
        let _ = self.0.send("slow call dropped".to_owned());
    }
}

struct Served {
    address: SocketAddr,
    channel: Channel,
    heard: mpsc::UnboundedReceiver<String>,
    release: oneshot::Sender<()>,
    stop: oneshot::Sender<()>,
    result: JoinHandle<Result<(), ServeError>>,
}

async fn serve_scripted() -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heard_sender, heard) = mpsc::unbounded_channel();
    let (release, released) = oneshot::channel();
    let (stop, stopped) = oneshot::channel();
    let logic = Scripted { heard: heard_sender, release: released.into() };
    let result = tokio::spawn(serve_until(logic, listener, async { stopped.await.unwrap() }));
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    Served { address, channel, heard, release, stop, result }
}

impl Served {
    fn client(&self) -> FlowServiceClient<Channel> {
        FlowServiceClient::new(self.channel.clone())
    }

    async fn exchange(&self, action: v1::Action, screen: &str, data: Option<Value>) -> Result<Outcome, tonic::Status> {
        let response = self.client().handle_data_exchange(exchange_request(action, screen, data)).await?;
        Ok(response.into_inner().outcome.unwrap())
    }
}

fn exchange_request(action: v1::Action, screen: &str, data: Option<Value>) -> v1::HandleDataExchangeRequest {
    v1::HandleDataExchangeRequest {
        endpoint: "orders".to_owned(),
        request_id: "request-1".to_owned(),
        version: "4.0".to_owned(),
        action: action.into(),
        screen: screen.to_owned(),
        data: data.map(|data| json::to_struct(data.as_object().unwrap().clone())),
        flow_token: "token".to_owned(),
        flow_token_verified: false,
    }
}

fn values(fields: Option<prost_types::Struct>) -> Value {
    Value::Object(json::from_struct(fields.unwrap()))
}

#[tokio::test]
async fn each_reply_arrives_as_its_outcome() {
    let served = serve_scripted().await;
    let Outcome::NextScreen(next) = served.exchange(v1::Action::Init, "", None).await.unwrap() else {
        panic!("a screen")
    };
    assert_eq!((next.screen.as_str(), values(next.data)), ("ORDER", json!({"max_guests": 8})));

    let order = Some(json!({"guests": 2}));
    let Outcome::Completion(completion) = served.exchange(v1::Action::DataExchange, "ORDER", order).await.unwrap()
    else {
        panic!("a completion")
    };
    assert_eq!(values(completion.params), json!({"guests": 2}));

    let refused = served.exchange(v1::Action::Back, "ORDER", None).await.unwrap();
    assert_eq!(refused, Outcome::InvalidFlowToken(v1::InvalidFlowToken { error_message: String::new() }));
}

#[tokio::test]
async fn each_failure_arrives_as_a_status_that_quotes_nothing() {
    let served = serve_scripted().await;
    let typed = Some(json!({"guests": "Lovelace"}));
    let status = served.exchange(v1::Action::DataExchange, "ORDER", typed).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "form data, field `guests`: expected u8, found a string");
    assert_eq!(reason(&status), "INVALID_FORM_DATA");

    let status = served.exchange(v1::Action::DataExchange, "NO-OBJECT", None).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, "INTERNAL"));

    let status = served.exchange(v1::Action::DataExchange, "CELLAR", None).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "no stock for CELLAR"));
    assert_eq!(reason(&status), "UNAVAILABLE");

    let status = served.exchange(v1::Action::Navigate, "ORDER", None).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_REQUEST"));
}

fn reason(status: &Status) -> String {
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.domain, "flow.v1");
    info.reason
}

#[tokio::test]
async fn the_logic_sees_the_deadline_of_the_call() {
    let served = serve_scripted().await;
    let mut request = Request::new(exchange_request(v1::Action::DataExchange, "TIMED", None));
    request.set_timeout(Duration::from_secs(60));
    let response = served.client().handle_data_exchange(request).await.unwrap().into_inner();
    let Some(Outcome::Completion(timed)) = response.outcome else { panic!("a completion") };
    let left = values(timed.params)["seconds_left"].as_f64().unwrap();
    assert!(left > 30.0 && left <= 60.0, "{left}");

    let Outcome::Completion(untimed) = served.exchange(v1::Action::DataExchange, "TIMED", None).await.unwrap() else {
        panic!("a completion")
    };
    assert_eq!(values(untimed.params), json!({"seconds_left": null}));
}

#[tokio::test]
async fn a_call_past_its_deadline_is_dropped() {
    let mut served = serve_scripted().await;
    let mut request = Request::new(exchange_request(v1::Action::DataExchange, "SLOW", None));
    request.set_timeout(Duration::from_secs(60));
    let mut client = served.client();
    let call = tokio::spawn(async move { client.handle_data_exchange(request).await });
    assert_eq!(served.heard.recv().await.unwrap(), "slow call");

    // From here on the clock jumps to whatever is waited for.
    tokio::time::pause();
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Cancelled);
    assert_eq!(served.heard.recv().await.unwrap(), "slow call dropped");
}

#[tokio::test]
async fn error_notifications_and_pings_reach_the_logic() {
    let mut served = serve_scripted().await;
    let notification = v1::HandleErrorRequest {
        endpoint: "orders".to_owned(),
        error: "payload-schema-error".to_owned(),
        ..Default::default()
    };
    served.client().handle_error(notification).await.unwrap();
    assert_eq!(served.heard.recv().await.unwrap(), "payload-schema-error");

    let ping = v1::PingRequest { endpoint: "orders".to_owned(), ..Default::default() };
    served.client().ping(ping).await.unwrap();
    assert_eq!(served.heard.recv().await.unwrap(), "ping orders");
}

#[tokio::test]
async fn health_serves_the_server_and_the_service_by_name() {
    let served = serve_scripted().await;
    let mut health = HealthClient::new(served.channel.clone());
    for service in ["", "flow.v1.FlowService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        assert_eq!(health.check(request).await.unwrap().into_inner().status(), ServingStatus::Serving, "{service}");
    }
    let unknown = HealthCheckRequest { service: "flow.v1.Other".to_owned() };
    assert_eq!(health.check(unknown).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn reflection_lists_the_service_and_describes_it() {
    let served = serve_scripted().await;
    let services = reflect(&served, MessageRequest::ListServices(String::new())).await;
    let MessageResponse::ListServicesResponse(services) = services else { panic!("{services:?}") };
    for name in ["flow.v1.FlowService", "grpc.health.v1.Health"] {
        assert!(services.service.contains(&ServiceResponse { name: name.to_owned() }), "{services:?}");
    }

    let file = reflect(&served, MessageRequest::FileContainingSymbol("flow.v1.FlowService".to_owned())).await;
    let MessageResponse::FileDescriptorResponse(file) = file else { panic!("{file:?}") };
    assert_eq!(file.file_descriptor_proto.len(), 1);
    let import = reflect(&served, MessageRequest::FileByFilename("google/protobuf/struct.proto".to_owned())).await;
    assert!(matches!(import, MessageResponse::FileDescriptorResponse(_)), "{import:?}");
}

async fn reflect(served: &Served, request: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let mut client = ServerReflectionClient::new(served.channel.clone());
    let mut answers = client.server_reflection_info(once(request)).await.unwrap().into_inner();
    answers.message().await.unwrap().unwrap().message_response.unwrap()
}

#[tokio::test]
async fn a_stop_tells_health_watchers_and_lets_a_call_in_flight_finish() {
    let mut served = serve_scripted().await;
    let mut watches = Vec::new();
    for service in ["", "flow.v1.FlowService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let mut watch = HealthClient::new(served.channel.clone()).watch(request).await.unwrap().into_inner();
        assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
        watches.push(watch);
    }
    let mut client = served.client();
    let request = exchange_request(v1::Action::DataExchange, "SLOW", None);
    let call = tokio::spawn(async move { client.handle_data_exchange(request).await });
    assert_eq!(served.heard.recv().await.unwrap(), "slow call");

    served.stop.send(()).unwrap();
    for watch in &mut watches {
        assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        assert!(watch.message().await.unwrap().is_none(), "the watch must end, or it would hold up the stop");
    }
    assert!(!served.result.is_finished());
    served.release.send(()).unwrap();
    let response = call.await.unwrap().unwrap().into_inner();
    let Some(Outcome::NextScreen(next)) = response.outcome else { panic!("a screen") };
    assert_eq!(next.screen, "DONE");
    served.result.await.unwrap().unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn a_call_that_never_ends_holds_up_a_stop_for_ten_seconds_only() {
    let mut served = serve_scripted().await;
    let mut client = served.client();
    let request = exchange_request(v1::Action::DataExchange, "SLOW", None);
    let call = tokio::spawn(async move { client.handle_data_exchange(request).await });
    assert_eq!(served.heard.recv().await.unwrap(), "slow call");

    // From here on the clock jumps to whatever is waited for.
    tokio::time::pause();
    let stopped_at = Instant::now();
    served.stop.send(()).unwrap();
    served.result.await.unwrap().unwrap();
    assert!(stopped_at.elapsed() >= Duration::from_secs(10));
    assert!(!call.is_finished());
}

#[tokio::test]
async fn a_logic_that_panics_fails_its_call_and_no_other() {
    struct Panicking;
    impl FlowLogic for Panicking {
        async fn data_exchange(&self, request: DataExchange) -> Result<Reply, Error> {
            assert_ne!(request.action, Action::Back, "as a faulty logic would, on {}", request.screen);
            Ok(Reply::screen("ORDER", json!({})))
        }

        async fn error(&self, _: ErrorNotification) -> Result<(), Error> {
            panic!("as a faulty logic would")
        }

        async fn ping(&self, _: Ping) -> Result<(), Error> {
            panic!("as a faulty logic would")
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::from_shared(format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(serve_until(Panicking, listener, std::future::pending()));
    let mut client = FlowServiceClient::new(endpoint.connect().await.unwrap());
    for status in [
        client.handle_data_exchange(exchange_request(v1::Action::Back, "ORDER", None)).await.unwrap_err(),
        client.handle_error(v1::HandleErrorRequest::default()).await.unwrap_err(),
        client.ping(v1::PingRequest::default()).await.unwrap_err(),
    ] {
        assert_eq!((status.code(), status.message()), (Code::Internal, "the logic panicked"));
        assert_eq!(reason(&status), "PANIC");
    }
    client.handle_data_exchange(exchange_request(v1::Action::Init, "", None)).await.unwrap();
}
