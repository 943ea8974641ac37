//! The server as a whole: bind everything first, then serve, then drain.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::info;

use crate::admin::{self, Readiness};
use crate::config::{Config, Limits, Listen};
use crate::listener;
use crate::router::{self, Edge};

/// A server that is bound and not yet serving.
#[derive(Debug)]
pub struct Server {
    edge: Arc<Edge>,
    public: TcpListener,
    admin: TcpListener,
    listen: Listen,
    limits: Limits,
    drain: Duration,
    address: SocketAddr,
    admin_address: SocketAddr,
}

/// Why a server cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// An address is taken, or not this machine's.
    #[error("cannot listen on {address} ({field}): {source}")]
    Listen {
        /// The address of the configuration.
        address: SocketAddr,
        /// The field that holds it.
        field: &'static str,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A URL of a logic service cannot be used.
    #[error("a logic.url cannot be used: {0}")]
    Logic(#[from] tonic::transport::Error),
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request in flight was answered.
    Clean,
    /// Requests were still in flight when the time of `shutdown.drain` was over, and were cut off.
    CutOff,
}

impl Server {
    /// Binds every listener. Connections to logic are made later, when they are first needed.
    ///
    /// # Errors
    ///
    /// See [`BindError`].
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        let Config { listen, admin, endpoints, limits, drain } = config;
        let (public, address) = bind(listen.address, "listen.address").await?;
        let (admin, admin_address) = bind(admin, "admin.address").await?;
        let edge = Arc::new(Edge::new(endpoints, limits)?);
        Ok(Self { edge, public, admin, listen, limits, drain, address, admin_address })
    }

    /// Address of the public listener, with the port that it really has.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Address of the admin listener.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Serves until `stop`, then drains: readiness falls first, accepting stops, requests in flight finish.
    pub async fn serve_until(self, stop: impl Future<Output = ()>) -> Drained {
        let readiness = Arc::new(Readiness::new(Arc::clone(&self.edge)));
        let serve = |listener, tls, service| {
            let (stop, stopped) = oneshot::channel::<()>();
            let most = self.limits.max_connections;
            let served = tokio::spawn(listener::serve(listener, tls, most, service, async { drop(stopped.await) }));
            (stop, served)
        };
        let (stop_admin, admin) = serve(self.admin, None, admin::router(Arc::clone(&readiness)));
        let (stop_public, public) = serve(self.public, self.listen.tls, router::router(Arc::clone(&self.edge)));
        info!(address = %self.address, admin_address = %self.admin_address, "listening");
        stop.await;

        info!(limit = ?self.drain, "draining");
        readiness.drain();
        drop(stop_public);
        let drained = match timeout(self.drain, public).await {
            Ok(_) => Drained::Clean,
            // A peer that does not answer may hold an idle connection open; nothing is lost with that.
            Err(_) if self.edge.is_idle() => Drained::Clean,
            Err(_) => Drained::CutOff,
        };
        // Probes are answered until the last request is done, and not waited for.
        drop(stop_admin);
        admin.abort();
        info!(clean = drained == Drained::Clean, "stopped");
        drained
    }
}

async fn bind(address: SocketAddr, field: &'static str) -> Result<(TcpListener, SocketAddr), BindError> {
    let wrong = |source| BindError::Listen { address, field, source };
    let listener = TcpListener::bind(address).await.map_err(wrong)?;
    let bound = listener.local_addr().map_err(wrong)?;
    Ok((listener, bound))
}
