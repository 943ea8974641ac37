//! The public listener: TCP, TLS, HTTP/1.1 and HTTP/2, how long a connection may take for what, and the drain.
//!
//! Each connection has a task of its own from its first byte, handshake included: in the accept loop one silent client would
//! stop everyone. It refuses to know what is served.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;
use tracing::{debug, warn};

use super::connections::{Connections, Peer};

/// Pause after a failed accept, which is nearly always a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a connection that we end may take to say farewell: HTTP/2 has frames for it, TLS an alert.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long an HTTP/1.1 connection is kept after `stop` for a request that may be on its way.
const LINGER: Duration = Duration::from_secs(1);
/// Streams that the peer opened and reset before we looked at them. One more, and the connection is ended: the answer to a
/// "rapid reset" flood (CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;
/// Streams that we reset because the peer broke the protocol, over a connection's life. An honest peer has some: what it sends of a
/// body after its request was refused is one.
const MAX_ERROR_RESETS: usize = 1000;

/// What holds for a connection from its start to its end. A later change is for later connections.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// Plain HTTP where there is none.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Time for the handshake, and again for the first request's head.
    pub(crate) header_timeout: Duration,
    pub(crate) max_header: usize,
    /// How long a connection may be without a request once one was signed as only the platform signs; before that it is
    /// `header_timeout` where that is shorter.
    pub(crate) idle_timeout: Duration,
    pub(crate) max_streams: u32,
}

/// TLS with a certificate: 1.2 and 1.3, HTTP/2 before HTTP/1.1.
pub(crate) fn tls_config(certified_key: Arc<CertifiedKey>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified_key)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Accepts connections until `stop`, then lets the requests in flight finish. Whoever calls it bounds that time.
pub(crate) async fn serve<S, A, B>(
    listener: TcpListener,
    open: Arc<Connections>,
    terms: impl Fn() -> Terms,
    service: S,
    stop: CancellationToken,
) where
    S: Fn(Request<Incoming>, &Arc<Peer>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let connections = TaskTracker::new();
    let accept_all = async {
        loop {
            // Accepted before there is a place: only where somebody has come does another have to go.
            let stream = accept(&listener).await;
            let place = open.place().await;
            let connection = connection(stream, terms(), service.clone(), Arc::clone(place.peer()), stop.clone());
            connections.spawn(async move {
                tokio::select! {
                    () = connection => {}
                    () = place.peer().displaced() => debug!("connection made room for another"),
                }
            });
        }
    };
    stop.run_until_cancelled(accept_all).await;
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection<S, A, B>(stream: TcpStream, terms: Terms, service: S, peer: Arc<Peer>, stop: CancellationToken)
where
    S: Fn(Request<Incoming>, &Arc<Peer>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "cannot set TCP_NODELAY");
    }
    let Some(tls) = &terms.tls else { return http(stream, &terms, service, peer, stop).await };
    let handshake = timeout(terms.header_timeout, TlsAcceptor::from(Arc::clone(tls)).accept(stream));
    // Not cut off by `stop`: with TLS 1.3 a client sends its request before we have seen the end of the handshake.
    match handshake.await {
        Ok(Ok(stream)) => http(stream, &terms, service, peer, stop).await,
        Ok(Err(error)) => debug!(%error, "TLS handshake failed"),
        Err(_) => debug!("TLS handshake took too long"),
    }
}

async fn http<S, A, B>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    terms: &Terms,
    service: S,
    peer: Arc<Peer>,
    stop: CancellationToken,
) where
    S: Fn(Request<Incoming>, &Arc<Peer>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // How long heads may take is for the clock below: it holds for both protocols.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(terms.max_header);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(terms.max_streams)
        .max_header_list_size(u32::try_from(terms.max_header).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_ERROR_RESETS);
    let is_http2 = Arc::new(AtomicBool::new(false));
    let service = watched(service, Arc::clone(&peer), Arc::clone(&is_http2), stop.clone());
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
    tokio::select! {
        result = connection.as_mut() => return ended(result),
        () = may_close(stop, &is_http2) => {}
        () = peer.had_enough() => debug!("connection with nothing but refused requests"),
        () = peer.is_idle(terms.header_timeout, terms.idle_timeout) => debug!("connection without a request for too long"),
    }
    connection.as_mut().graceful_shutdown();
    let farewell = async {
        peer.is_free().await;
        sleep(FAREWELL).await;
    };
    tokio::select! {
        result = connection => ended(result),
        () = farewell => debug!("connection did not end when asked to"),
    }
}

fn ended<E: std::fmt::Display>(result: Result<(), E>) {
    if let Err(error) = result {
        debug!(%error, "connection ended early");
    }
}

/// Returns some time after `stop`. HTTP/2 has a farewell that loses no request. HTTP/1.1 has only `Connection: close` on an
/// answer: a request that is on its way meanwhile gets it, and its connection ends with that.
async fn may_close(stop: CancellationToken, is_http2: &AtomicBool) {
    stop.cancelled().await;
    if !is_http2.load(Ordering::Relaxed) {
        sleep(LINGER).await;
    }
}

/// What answers requests, with each of them counted as the connection's, and HTTP/1.1 told that the connection ends after `stop`.
fn watched<S, A, B>(
    service: S,
    peer: Arc<Peer>,
    is_http2: Arc<AtomicBool>,
    stop: CancellationToken,
) -> impl Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone
where
    S: Fn(Request<Incoming>, &Arc<Peer>) -> A + Clone,
    A: Future<Output = Response<B>> + Send,
{
    tower::service_fn(move |request: Request<Incoming>| {
        let is_2 = request.version() == Version::HTTP_2;
        is_http2.store(is_2, Ordering::Relaxed);
        let active = peer.begin();
        // Called at once, as each request of a flood is, and not when its task runs: what it does not need of a head is gone then.
        let answer = service(request, &peer);
        let stop = stop.clone();
        async move {
            let mut answer = answer.await;
            if (stop.is_cancelled() || active.peer().has_enough()) && !is_2 {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            drop(active);
            Ok(answer)
        }
    })
}
