//! The server around a logic: address, health, reflection, and a stop that lets calls in flight finish.
//!
//! It refuses to know TLS: flow-edge and its logic share a private network, or a service mesh encrypts between them.

use crate::{FlowLogic, service};
use flow_proto::v1::flow_service_server;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;
use std::{env, fmt, future, io};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::transport::server::{Server, TcpIncoming};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tracing::{info, warn};

/// Environment variable with the address that [`serve`] listens on.
pub const LISTEN_VARIABLE: &str = "FLOW_LOGIC_LISTEN";

const DEFAULT_ADDRESS: &str = "127.0.0.1:50051";

/// The platform gives up on a call after 10 seconds, so no answer is worth a longer wait.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// What health watchers may ask after: the server as a whole, and the service by name.
const HEALTH_NAMES: [&str; 2] = ["", flow_service_server::SERVICE_NAME];

/// Serves the logic on the address in `FLOW_LOGIC_LISTEN`, by default `127.0.0.1:50051`, until SIGTERM or ctrl-c.
///
/// An address is an IP address and a port: `0.0.0.0:50051` for every IPv4 interface, `[::]:50051` for IPv6. Port 0 lets the
/// system choose; the log says which.
///
/// See [`serve_until`] for what is served and how it stops.
///
/// # Errors
///
/// [`ServeError`] when the variable holds no address, the address cannot be bound, or the server fails.
pub async fn serve<L: FlowLogic>(logic: L) -> Result<(), ServeError> {
    let address = listen_address(env::var_os(LISTEN_VARIABLE))?;
    let listener = TcpListener::bind(address).await.map_err(|source| ServeError(Problem::Bind { address, source }))?;
    serve_on(logic, listener).await
}

/// Serves the logic on a listener that is already bound, until SIGTERM or ctrl-c.
///
/// See [`serve_until`] for what is served and how it stops.
///
/// # Errors
///
/// [`ServeError`] when signals cannot be listened for, or the server fails.
pub async fn serve_on<L: FlowLogic>(logic: L, listener: TcpListener) -> Result<(), ServeError> {
    let stop = stop_signal().map_err(|source| ServeError(Problem::Signals(source)))?;
    serve_until(logic, listener, stop).await
}

/// Serves the logic on a listener until `stop` completes.
///
/// Beside `flow.v1.FlowService` it serves `grpc.health.v1.Health`, with the status of `""` and of `flow.v1.FlowService`, and
/// server reflection (`grpc.reflection.v1`).
///
/// When `stop` completes, health turns to `NOT_SERVING`, no connection or call is accepted any more, and calls in flight get
/// 10 seconds to finish: longer than that the platform does not wait for them.
///
/// # Errors
///
/// [`ServeError`] when the server fails.
pub async fn serve_until<L: FlowLogic>(
    logic: L,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let address = listener.local_addr().map_err(|source| ServeError(Problem::Listener(source)))?;
    let (health, health_service) = tonic_health::server::health_reporter();
    for name in HEALTH_NAMES {
        health.set_service_status(name, ServingStatus::Serving).await;
    }
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(flow_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|source| ServeError(Problem::Reflection(source)))?;

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
        .add_service(service(logic))
        .add_service(health_service)
        .add_service(reflection)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), drain);

    tokio::select! {
        served = server => served.map_err(|source| ServeError(Problem::Server(source)))?,
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

fn listen_address(variable: Option<OsString>) -> Result<SocketAddr, ServeError> {
    let text = variable.unwrap_or_else(|| DEFAULT_ADDRESS.into());
    text.to_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| ServeError(Problem::Address(text.to_string_lossy().into_owned())))
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
pub struct ServeError(Problem);

impl fmt::Debug for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(
        "{LISTEN_VARIABLE} is `{0}`; it must be an IP address and a port, such as {DEFAULT_ADDRESS}, 0.0.0.0:50051 or [::]:50051"
    )]
    Address(String),
    #[error("cannot listen on {address}: {source}; {LISTEN_VARIABLE} chooses another address")]
    Bind { address: SocketAddr, source: io::Error },
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

    #[test]
    fn without_the_variable_the_address_is_local() {
        assert_eq!(listen_address(None).unwrap(), "127.0.0.1:50051".parse().unwrap());
    }

    #[test]
    fn the_variable_holds_an_address_of_either_family() {
        for address in ["0.0.0.0:8080", "[::]:50051", "127.0.0.1:0"] {
            assert_eq!(listen_address(Some(address.into())).unwrap(), address.parse().unwrap());
        }
    }

    #[test]
    fn a_bad_value_is_named_with_what_would_be_right() {
        for value in ["", "50051", ":50051", "localhost:50051", "http://127.0.0.1:50051", "127.0.0.1:99999"] {
            let text = listen_address(Some(value.into())).unwrap_err().to_string();
            assert!(text.starts_with(&format!("FLOW_LOGIC_LISTEN is `{value}`; it must be")), "{text}");
            assert!(text.contains("127.0.0.1:50051"), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_no_text_is_an_error_too() {
        use std::os::unix::ffi::OsStringExt;
        assert!(listen_address(Some(OsString::from_vec(vec![0xff, b':', b'1']))).is_err());
    }
}
