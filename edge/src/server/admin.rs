//! The admin listener: is the process alive, should it get traffic, and what has been counted?
//!
//! Plain HTTP for the cluster's own probes and for Prometheus; never on the public listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use tower::ServiceExt as _;
use tracing::error;

use super::connections::Peer;
use super::edge::Edge;
use super::listener::Terms;
use crate::logic::Logic;

/// A few probes and Prometheus. More, and the longest idle one makes room.
pub(crate) const MAX_CONNECTIONS: usize = 32;
/// How long a head may take, and how long a connection may be without a request.
const PATIENCE: Duration = Duration::from_secs(5);

/// What readiness depends on. The server makes it only after every listener is bound.
#[derive(Debug)]
pub(crate) struct Readiness {
    edge: Arc<Edge>,
    draining: AtomicBool,
}

impl Readiness {
    pub(crate) fn new(edge: Arc<Edge>) -> Self {
        Self { edge, draining: AtomicBool::new(false) }
    }

    /// From now on the edge is not ready: requests should go elsewhere.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

/// What holds for its connections, whatever the public listener's limits are.
pub(crate) fn terms() -> Terms {
    Terms { tls: None, header_timeout: PATIENCE, max_header: 16 * 1024, idle_timeout: PATIENCE, max_streams: 8 }
}

/// Answers its requests.
pub(crate) fn service(
    readiness: Arc<Readiness>,
) -> impl Fn(Request<Incoming>, &Arc<Peer>) -> BoxFuture<'static, Response> + Clone {
    let router = router(readiness);
    move |request, _| {
        let answer = router.clone().oneshot(request.map(Body::new));
        answer.map(|answer| answer.unwrap_or_else(|never| match never {})).boxed()
    }
}

/// `/livez` is 200 whenever the process runs; `/readyz` only while it would be right to send requests here.
fn router(readiness: Arc<Readiness>) -> Router {
    let router = Router::new().route("/livez", get(async || "alive\n")).route("/readyz", get(readyz));
    router.route("/metrics", get(metrics)).with_state(readiness)
}

async fn metrics(State(readiness): State<Arc<Readiness>>) -> Response {
    match readiness.edge.metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            error!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn readyz(State(readiness): State<Arc<Readiness>>) -> (StatusCode, &'static str) {
    if readiness.draining.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    if readiness.edge.current().logics().any(Logic::serves) {
        return (StatusCode::OK, "ready\n");
    }
    (StatusCode::SERVICE_UNAVAILABLE, "no logic service is reachable\n")
}
