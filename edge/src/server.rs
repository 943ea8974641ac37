//! From sockets to one request, and back: bind everything first, then serve, then drain.
//!
//! It refuses to know what a body says: that begins in the line.

pub mod process;
pub mod shutdown;

mod access;
mod admin;
mod body;
mod connections;
mod descriptors;
mod edge;
mod footprint;
mod listener;
mod refusals;
mod reload;
mod router;
mod settings;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use flow_telemetry::Telemetry;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::info;

use self::admin::Readiness;
use self::connections::Connections;
use self::edge::Edge;
pub use self::edge::StartError;
pub use self::footprint::{Footprint, memory_limit};
pub use self::reload::warn;
pub use self::settings::Unusable;
use self::shutdown::Hangups;
use crate::config::{Config, Source};

/// A server that is bound and not yet serving.
#[derive(Debug)]
pub struct Server {
    edge: Arc<Edge>,
    public: TcpListener,
    admin: TcpListener,
    address: SocketAddr,
    admin_address: SocketAddr,
    reload: Option<(Source, Hangups)>,
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
    /// The rest of it.
    #[error(transparent)]
    Edge(#[from] StartError),
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request in flight was answered.
    Clean,
    /// Requests were still in flight when the time of `shutdown.drain` was over, and were cut off.
    CutOff,
}

/// Has the random generator of the process seeded: some 40 ms that otherwise the first request would wait for.
fn seed() {
    // Whoever needs random numbers later will say so.
    let _ = rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(&mut [0]);
}

impl Server {
    /// Binds every listener. Connections to logic are made later, when they are first needed. Wants tokio's runtime with several
    /// threads.
    ///
    /// # Errors
    ///
    /// See [`BindError`].
    pub async fn bind(config: Config, telemetry: &Telemetry) -> Result<Self, BindError> {
        seed();
        let (public, address) = bind(config.listen.address, "listen.address").await?;
        let (admin, admin_address) = bind(config.admin, "admin.address").await?;
        let max_connections = descriptors::connections(config.limits.max_connections);
        let edge = Edge::new(config, max_connections, telemetry)?;
        Ok(Self { edge, public, admin, address, admin_address, reload: None })
    }

    /// Takes over what changes in the files of the configuration while it serves, and at once on a hangup.
    #[must_use]
    pub fn reloading(self, source: Source, hangups: Hangups) -> Self {
        Self { reload: Some((source, hangups)), ..self }
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
        let (stop_admin, stop_public) = (CancellationToken::new(), CancellationToken::new());
        let admin = tokio::spawn(listener::serve(
            self.admin,
            Connections::new(admin::MAX_CONNECTIONS),
            admin::terms,
            admin::service(Arc::clone(&readiness)),
            stop_admin.clone(),
        ));
        let (edge, settings) = (Arc::clone(&self.edge), Arc::clone(&self.edge));
        let public = tokio::spawn(listener::serve(
            self.public,
            Arc::clone(&self.edge.connections),
            move || settings.current().terms(),
            move |request, peer: &_| router::serve(&edge, request, peer),
            stop_public.clone(),
        ));
        let reload =
            self.reload.map(|(source, hangups)| tokio::spawn(reload::run(Arc::clone(&self.edge), source, hangups)));
        info!(address = %self.address, admin_address = %self.admin_address, "listening");
        stop.await;

        let limit = self.edge.current().drain();
        info!(?limit, "draining");
        readiness.drain();
        if let Some(reload) = reload {
            reload.abort();
        }
        stop_public.cancel();
        let drained = match timeout(limit, public).await {
            Ok(_) => Drained::Clean,
            // A peer that does not answer may hold an idle connection open; nothing is lost with that.
            Err(_) if self.edge.is_idle() => Drained::Clean,
            Err(_) => Drained::CutOff,
        };
        // Probes are answered until the last request is done, and not waited for.
        stop_admin.cancel();
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
