//! The server around a logic: address, health, reflection, the age of connections, and a stop that lets calls in flight
//! finish.
//!
//! It refuses to know where connections come from, and what is between a socket and HTTP/2.

use crate::listen::{self, Address, Listener};
use crate::logic::FlowLogic;
use crate::service::service;
use crate::tls;
use flow_proto::v1::flow_service_server;
use futures_util::Stream;
use std::fmt::Display;
use std::time::Duration;
use std::{fmt, future, io};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::transport::server::{Connected, Server, TcpIncoming};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tracing::{info, warn};

/// The platform gives up on a call after 10 seconds, so no answer is worth a longer wait.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// A client keeps its connection for as long as it can, so behind an address that balances connections, such as a plain
/// Kubernetes Service, a replica that came later would never be called.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(5 * 60);

/// What health watchers may ask after: the server as a whole, and the service by name.
const HEALTH_NAMES: [&str; 2] = ["", flow_service_server::SERVICE_NAME];

/// Serves the logic on the address in `FLOW_LOGIC_LISTEN`, by default `127.0.0.1:50051`, until SIGTERM or ctrl-c.
///
/// An address is an IP address and a port: `0.0.0.0:50051` for every IPv4 interface, `[::]:50051` for IPv6. Port 0 lets the
/// system choose; the log says which.
///
/// Or it is a Unix socket, for an edge on the same machine: `unix:///run/flow-logic/logic.sock`, by an absolute path. The owner
/// and the group may connect (0660). The file of a process that has died is replaced, one that a process listens on is an
/// error; on a stop it is removed.
///
/// With the feature `tls` these serve TLS on the port:
///
/// | variable | names a PEM file with |
/// |---|---|
/// | `FLOW_LOGIC_TLS_CERTIFICATE_FILE` | the certificate, and those between it and its authority |
/// | `FLOW_LOGIC_TLS_PRIVATE_KEY_FILE` | its private key, without a passphrase |
/// | `FLOW_LOGIC_TLS_CLIENT_CA_FILE` | the authority of clients: without a certificate of it none may connect |
///
/// The first two come together, the third beside them or not at all. The files are read again every 10 seconds, and what
/// changed holds for later connections; files that cannot be used are refused with a warning, and those before them stay. A
/// program without the feature refuses to start where one of the variables is set.
///
/// See [`serve_until`] for what is served and how it stops.
///
/// # Errors
///
/// [`ServeError`] when the variables are wrong, the address cannot be bound, or the server fails.
pub async fn serve<L: FlowLogic>(logic: L) -> Result<(), ServeError> {
    let address = Address::from_environment().map_err(Problem::from)?;
    let files = tls::Files::from_environment().map_err(Problem::from)?;
    if files.is_some() && matches!(address, Address::Unix(_)) {
        return Err(Problem::TlsOnUnixSocket(address).into());
    }
    #[cfg(feature = "tls")]
    let files = files.map(tls::Source::open).transpose().map_err(Problem::from)?;
    let stop = stop_signal().map_err(Problem::Signals)?;
    match (address.bind().await.map_err(Problem::from)?, files) {
        #[cfg(feature = "tls")]
        (Listener::Tcp(listener), Some(tls)) => {
            let address = listener.local_addr().map_err(Problem::Listener)?;
            let connections = tls::Incoming::new(listener, tls, tls::CHECK_INTERVAL).into_stream();
            serve_connections(logic, address, connections, stop, connection_age()).await
        }
        (Listener::Tcp(listener), _) => serve_until(logic, listener, stop).await,
        #[cfg(unix)]
        (Listener::Unix(socket), _) => serve_connections(logic, socket.address(), socket, stop, connection_age()).await,
    }
}

/// Serves the logic on a listener that is already bound, until SIGTERM or ctrl-c.
///
/// It reads no variable: what comes from this listener is served without TLS.
///
/// See [`serve_until`] for what is served and how it stops.
///
/// # Errors
///
/// [`ServeError`] when signals cannot be listened for, or the server fails.
pub async fn serve_on<L: FlowLogic>(logic: L, listener: TcpListener) -> Result<(), ServeError> {
    let stop = stop_signal().map_err(Problem::Signals)?;
    serve_until(logic, listener, stop).await
}

/// Serves the logic on a listener until `stop` completes.
///
/// It reads no variable: what comes from this listener is served without TLS.
///
/// Beside `flow.v1.FlowService` it serves `grpc.health.v1.Health`, with the status of `""` and of `flow.v1.FlowService`, and
/// server reflection (`grpc.reflection.v1`).
///
/// When `stop` completes, health turns to `NOT_SERVING`, no connection or call is accepted any more, and calls in flight get
/// 10 seconds to finish: longer than that the platform does not wait for them.
///
/// A connection is asked to end (`GOAWAY`) after about 5 minutes: calls in flight on it finish, and the client's next one goes
/// over a new connection, perhaps to another replica. A call that crosses the `GOAWAY` was never taken: most gRPC clients repeat
/// it by themselves; tonic's fails it with `CANCELLED`.
///
/// # Errors
///
/// [`ServeError`] when the server fails.
pub async fn serve_until<L: FlowLogic>(
    logic: L,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    serve_with_max_connection_age(logic, listener, stop, connection_age()).await
}

/// As far around it as gRPC's own servers go. Replicas start together; their connections should not all end together.
fn connection_age() -> Duration {
    MAX_CONNECTION_AGE.mul_f64(0.9 + 0.2 * fastrand::f64())
}

async fn serve_with_max_connection_age<L: FlowLogic>(
    logic: L,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
    age: Duration,
) -> Result<(), ServeError> {
    let address = listener.local_addr().map_err(Problem::Listener)?;
    let connections = TcpIncoming::from(listener).with_nodelay(Some(true));
    serve_connections(logic, address, connections, stop, age).await
}

/// There is no `max_connection_age_grace`: with one, tonic 0.14 sends no `GOAWAY` at the age, and closes hard after the grace.
async fn serve_connections<L: FlowLogic, C>(
    logic: L,
    address: impl Display,
    connections: impl Stream<Item = io::Result<C>>,
    stop: impl Future<Output = ()>,
    age: Duration,
) -> Result<(), ServeError>
where
    C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    let (health, health_service) = tonic_health::server::health_reporter();
    for name in HEALTH_NAMES {
        health.set_service_status(name, ServingStatus::Serving).await;
    }
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(flow_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(Problem::Reflection)?;

    let (drain_began, drain_begins) = oneshot::channel();
    let drain = async {
        stop.await;
        info!("stopping, calls in flight may finish");
        report_stopping(health).await;
        // The receiver lives until this function returns.
        let _ = drain_began.send(());
    };
    info!(%address, "listening");
    let server = Server::builder()
        .max_connection_age(age)
        .add_service(service(logic))
        .add_service(health_service)
        .add_service(reflection)
        .serve_with_incoming_shutdown(connections, drain);

    tokio::select! {
        served = server => served.map_err(Problem::Server)?,
        () = drain_overdue(drain_begins) => warn!("calls were still running when the time to stop was over"),
    }
    info!("stopped");
    Ok(())
}

/// Tells every watcher, then ends its stream: a stream that stays open would hold its connection, and the stop with it.
async fn report_stopping(mut health: HealthReporter) {
    for name in HEALTH_NAMES {
        health.set_service_status(name, ServingStatus::NotServing).await;
        health.clear_service_status(name).await;
    }
}

async fn drain_overdue(drain_begins: oneshot::Receiver<()>) {
    match drain_begins.await {
        Ok(()) => tokio::time::sleep(DRAIN_LIMIT).await,
        // The server ended before it was told to; its own result says why.
        Err(_) => future::pending().await,
    }
}

/// Registers for the signals at once, so that one sent early is not lost.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(windows)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}

/// Why a logic could not be served. `Debug` is the readable text too, for a `main` that returns it.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct ServeError(#[from] Problem);

impl fmt::Debug for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Listen(#[from] listen::Problem),
    #[error(transparent)]
    Variables(#[from] tls::Unusable),
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] tls::Problem),
    #[error(
        "TLS is for a port, and {0} needs none; unset the FLOW_LOGIC_TLS_ variables, or listen on an IP address and a port"
    )]
    TlsOnUnixSocket(Address),
    #[error("the listener has no address: {0}")]
    Listener(io::Error),
    #[error("cannot listen for SIGTERM and ctrl-c: {0}")]
    Signals(io::Error),
    #[error("the contract cannot be served by reflection: {0}")]
    Reflection(tonic_reflection::server::Error),
    #[error("the server failed: {0}")]
    Server(tonic::transport::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::reply::Reply;
    use crate::request::{DataExchange, Ping};
    use flow_proto::v1::{Action, HandleDataExchangeRequest, PingRequest, flow_service_client::FlowServiceClient};
    use hyper_util::rt::TokioIo;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::TcpStream;
    use tokio::sync::watch;
    use tonic::transport::Endpoint;

    /// Counts pings as they arrive. A data exchange takes until its fourth connection is made.
    struct Counting {
        pings: Arc<AtomicUsize>,
        connections: watch::Receiver<usize>,
    }

    impl FlowLogic for Counting {
        async fn data_exchange(&self, _: DataExchange) -> Result<Reply, Error> {
            self.connections.clone().wait_for(|connections| *connections >= 4).await.unwrap();
            Ok(Reply::screen("ORDER", serde_json::json!({})))
        }

        async fn ping(&self, _: Ping) -> Result<(), Error> {
            self.pings.fetch_add(1, Ordering::Relaxed);
            // As a query would take: some are in flight whenever a connection ends.
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_client_under_load_outlives_its_connections_and_loses_no_call_that_was_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connected, connections) = watch::channel(0);
        let pings = Arc::new(AtomicUsize::new(0));
        let logic = Counting { pings: Arc::clone(&pings), connections: connections.clone() };
        tokio::spawn(serve_with_max_connection_age(logic, listener, future::pending(), Duration::from_millis(50)));

        let connector = tower::service_fn(move |_| {
            connected.send_modify(|connections| *connections += 1);
            async move { TcpStream::connect(address).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let client = FlowServiceClient::new(endpoint.connect_with_connector(connector).await.unwrap());

        let request = HandleDataExchangeRequest { action: Action::Init.into(), ..Default::default() };
        let mut caller = client.clone();
        let long_call = tokio::spawn(async move { caller.handle_data_exchange(request).await });
        let callers: Vec<_> = std::iter::repeat_n(client, 8)
            .map(|mut caller| {
                let connections = connections.clone();
                tokio::spawn(async move {
                    let mut results = Vec::new();
                    while *connections.borrow() < 10 {
                        results.push(caller.ping(PingRequest::default()).await.map(drop));
                    }
                    results
                })
            })
            .collect();
        let mut answered = 0;
        // A client has these on its hands when a connection ends under it; what it never sent it may repeat, and gRPC clients
        // other than tonic's do so by themselves.
        let mut failed = Vec::new();
        for caller in callers {
            for result in caller.await.unwrap() {
                match result {
                    Ok(()) => answered += 1,
                    Err(status) => failed.push(status),
                }
            }
        }
        assert_eq!(pings.load(Ordering::Relaxed), answered, "a call that was taken failed: {failed:?}");
        long_call.await.unwrap().unwrap();
    }
}
