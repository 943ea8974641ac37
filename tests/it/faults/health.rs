//! How the edge takes a health service that does not answer in time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use flow_proto::v1::flow_service_server::{FlowService, FlowServiceServer};
use flow_proto::v1::{
    Action, HandleDataExchangeRequest, HandleDataExchangeResponse, HandleErrorRequest, HandleErrorResponse,
    PingRequest, PingResponse,
};
use flow_tests::{Edge, PATIENCE, screen};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// Serves, and answers its second question only when the third has come.
struct Slow {
    asked: watch::Sender<usize>,
    next: AtomicUsize,
}

#[tonic::async_trait]
impl Health for Slow {
    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let question = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        self.asked.send_replace(question);
        if question == 2 {
            self.asked.subscribe().wait_for(|asked| *asked > 2).await.unwrap();
        }
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
    }

    type WatchStream = futures_util::stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented(""))
    }
}

#[tokio::test]
async fn a_logic_that_is_late_once_stays() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = watch::Sender::new(0);
    let mut questions = asked.subscribe();
    let health = HealthServer::new(Slow { asked, next: AtomicUsize::new(0) });
    let server = Server::builder().add_service(health).serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    let mut edge = Edge::before_url(&url).start().await;
    edge.wait_for_log("logic serves").await;
    timeout(PATIENCE, questions.wait_for(|asked| *asked > 3)).await.expect("it is asked on").unwrap();
    edge.ready().await;
    let log = edge.stop().await.log;
    assert_eq!(log.iter().filter(|line| line.contains("cannot be reached")).count(), 0, "{log:#?}");
    assert_eq!(log.iter().filter(|line| line.contains("logic serves")).count(), 1, "{log:#?}");
}

/// Answers its first question, and from then on only as it is told.
struct Later {
    is_first: AtomicBool,
    then: Option<Status>,
}

#[tonic::async_trait]
impl Health for Later {
    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        if self.is_first.swap(false, Ordering::Relaxed) {
            return Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }));
        }
        match &self.then {
            Some(status) => Err(status.clone()),
            None => std::future::pending().await,
        }
    }

    type WatchStream = futures_util::stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// Answers INIT at once and holds everything else.
struct Held;

#[tonic::async_trait]
impl FlowService for Held {
    async fn handle_data_exchange(
        &self,
        request: Request<HandleDataExchangeRequest>,
    ) -> Result<Response<HandleDataExchangeResponse>, Status> {
        if request.get_ref().action() != Action::Init {
            std::future::pending::<()>().await;
        }
        Ok(Response::new(screen("NEXT", json!({}))))
    }

    async fn handle_error(&self, _: Request<HandleErrorRequest>) -> Result<Response<HandleErrorResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn ping(&self, _: Request<PingRequest>) -> Result<Response<PingResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// A logic that has its hands full and is late with its health, or says that it is exhausted.
async fn busy(then: Option<Status>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let health = HealthServer::new(Later { is_first: AtomicBool::new(true), then });
    let server = Server::builder().add_service(health).add_service(FlowServiceServer::new(Held));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let deadline = json!({ "logic": { "deadline": "30s" } });
    let mut edge = Edge::before_url(&url).with(deadline).start().await;
    edge.wait_for_log("logic serves").await;
    let slow = edge.client();
    let held = tokio::spawn(async move { slow.send(json!({ "action": "data_exchange", "screen": "FORM" })).await });
    let init = json!({ "action": "INIT" });
    let client = edge.client();
    let answered = async {
        loop {
            assert_eq!(client.send(init.clone()).await.status, 200);
        }
    };
    tokio::select! {
        () = edge.wait_for_log("logic is busy") => {}
        () = answered => {}
    }
    assert_eq!(client.send(init).await.status, 200);
    edge.ready().await;
    held.abort();
    let log = edge.stop().await.log;
    assert_eq!(log.iter().filter(|line| line.contains("cannot be reached")).count(), 0, "{log:#?}");
}

#[tokio::test]
async fn a_logic_that_is_late_while_it_works_is_busy_and_gets_calls() {
    busy(None).await;
}

#[tokio::test]
async fn a_logic_whose_health_is_exhausted_is_busy_and_gets_calls() {
    busy(Some(Status::resource_exhausted("too many requests"))).await;
}
