//! How the edge takes a health service that does not answer in time.

use std::sync::atomic::{AtomicUsize, Ordering};

use flow_tests::{Edge, PATIENCE};
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
