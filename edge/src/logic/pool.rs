//! The addresses behind one `logic.url`, and which of them gets the next call.
//!
//! A name is resolved again every few seconds, so that pods may come and go behind a headless Service. Calls go to the less
//! loaded of two that serve.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use http::Uri;
use tokio::net::lookup_host;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tracing::{info, warn};

use super::backend::{Backend, InFlight, State};
use crate::config::{LogicTarget, default_port};
use crate::telemetry::{Metrics, Server};

const RESOLVE_INTERVAL: Duration = Duration::from_secs(5);
const RESOLVE_RETRY: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The addresses of one logic service.
pub(crate) struct Pool {
    members: Arc<Members>,
    _resolver: Option<AbortOnDropHandle<()>>,
}

struct Members {
    backends: RwLock<Vec<Arc<Backend>>>,
    /// Whether the name was looked up, with whatever outcome.
    is_resolved: AtomicBool,
    /// Told of every change in the list or in the state of a member.
    changed: Arc<Notify>,
}

/// A backend that serves, chosen for one call.
#[derive(Debug)]
pub(super) struct Picked {
    pub(super) channel: Channel,
    pub(super) backend: Arc<Backend>,
    /// Counted for as long as this lives.
    _in_flight: InFlight,
}

impl Pool {
    /// Begins to resolve and to connect. Wants to be called where tokio runs.
    pub(crate) fn start(target: &LogicTarget, metrics: &Arc<Metrics>) -> Result<Self, tonic::transport::Error> {
        let members = Arc::new(Members {
            backends: RwLock::default(),
            is_resolved: AtomicBool::new(false),
            changed: Arc::new(Notify::new()),
        });
        let own = endpoint(target, target.url.clone())?;
        let resolver = match host_and_port(&target.url) {
            Some((host, port)) => {
                let resolver = Resolver {
                    host,
                    port,
                    target: target.clone(),
                    members: Arc::downgrade(&members),
                    metrics: Arc::clone(metrics),
                };
                Some(AbortOnDropHandle::new(tokio::spawn(resolver.run())))
            }
            // A Unix socket is its only address.
            None => {
                let (server, changed) = (server(&target.url), Arc::clone(&members.changed));
                members.replace(vec![Backend::start(target.url.clone(), own, server, changed, Arc::clone(metrics))]);
                None
            }
        };
        Ok(Self { members, _resolver: resolver })
    }

    /// How many addresses are in which state, each state named.
    pub(crate) fn states(&self) -> [(&'static str, usize); 5] {
        let mut counts = [("connecting", 0), ("serving", 0), ("busy", 0), ("not_serving", 0), ("away", 0)];
        for backend in self.members.list() {
            let state = match backend.state() {
                State::Connecting => 0,
                State::Serving(_) => 1,
                State::Busy(_) => 2,
                State::NotServing => 3,
                State::Away => 4,
            };
            counts[state].1 += 1;
        }
        counts
    }

    /// Whether any address serves.
    pub(crate) fn serves(&self) -> bool {
        self.members.list().iter().any(|backend| matches!(backend.state(), State::Serving(_) | State::Busy(_)))
    }

    /// Chooses an address for a call, rather one that was not tried. Waits where none serves and one may soon; `None` where
    /// none does.
    pub(super) async fn pick(&self, tried: &[Arc<Backend>], deadline: Instant) -> Option<Picked> {
        loop {
            let changed = self.members.changed.notified();
            let (picked, is_hopeful) = self.members.choose(tried);
            if picked.is_some() || !is_hopeful {
                return picked;
            }
            timeout_at(deadline, changed).await.ok()?;
        }
    }
}

impl Members {
    fn list(&self) -> Vec<Arc<Backend>> {
        // The list is only ever replaced whole, so it is sound after a panic too.
        self.backends.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, backends: Vec<Arc<Backend>>) {
        *self.backends.write().unwrap_or_else(PoisonError::into_inner) = backends;
        self.resolved();
    }

    fn resolved(&self) {
        self.is_resolved.store(true, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// The less loaded of two taken at random, and whether there is hope for one where there is none.
    fn choose(&self, tried: &[Arc<Backend>]) -> (Option<Picked>, bool) {
        let backends = self.list();
        let mut serving = Vec::with_capacity(backends.len());
        let (mut busy, mut once_more) = (Vec::new(), Vec::new());
        let mut is_hopeful = !self.is_resolved.load(Ordering::Relaxed);
        for backend in backends {
            match backend.state() {
                State::Serving(channel) | State::Busy(channel)
                    if tried.iter().any(|tried| Arc::ptr_eq(tried, &backend)) =>
                {
                    once_more.push((channel, backend));
                }
                State::Serving(channel) => serving.push((channel, backend)),
                State::Busy(channel) => busy.push((channel, backend)),
                State::Connecting => is_hopeful = true,
                State::NotServing | State::Away => {}
            }
        }
        if serving.is_empty() {
            serving = busy;
        }
        // A connection that ended by age is made anew, so the only address there is may well take the call the second time.
        if serving.is_empty() {
            serving = once_more;
        }
        if serving.len() > 2 {
            // Two at random go first.
            let first = fastrand::usize(..serving.len());
            serving.swap(0, first);
            let second = fastrand::usize(1..serving.len());
            serving.swap(1, second);
            serving.truncate(2);
        } else if serving.len() == 2 && fastrand::bool() {
            // Where both are as loaded, the first is taken.
            serving.swap(0, 1);
        }
        let picked = serving.into_iter().min_by_key(|(_, backend)| backend.load()).map(|(channel, backend)| {
            let in_flight = backend.begin();
            Picked { channel, backend, _in_flight: in_flight }
        });
        (picked, is_hopeful)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.members.list().iter().map(|backend| backend.name().to_owned())).finish()
    }
}

/// Keeps the list of addresses up to date.
struct Resolver {
    host: String,
    port: u16,
    target: LogicTarget,
    members: Weak<Members>,
    metrics: Arc<Metrics>,
}

impl Resolver {
    async fn run(self) {
        let mut failed = false;
        loop {
            let resolved = lookup_host((self.host.as_str(), self.port)).await;
            let Some(members) = self.members.upgrade() else { return };
            let pause = match resolved {
                Ok(addresses) => {
                    failed = false;
                    self.update(&members, addresses.collect());
                    RESOLVE_INTERVAL
                }
                Err(error) => {
                    // What was known before may still be good, so it stays. Said once, not every second.
                    if !failed {
                        warn!(host = self.host, %error, "logic's name cannot be resolved");
                    }
                    failed = true;
                    members.resolved();
                    RESOLVE_RETRY
                }
            };
            drop(members);
            sleep(pause).await;
        }
    }

    fn update(&self, members: &Members, mut addresses: Vec<SocketAddr>) {
        addresses.sort_unstable();
        addresses.dedup();
        let before = members.list();
        let names: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        if before.len() == names.len() && before.iter().zip(&names).all(|(backend, name)| backend.name() == name) {
            // Also where it has no addresses, and never had.
            return members.resolved();
        }
        info!(host = self.host, addresses = names.join(" "), "logic's addresses");
        let backends = addresses.iter().zip(names).filter_map(|(address, name)| {
            let known = before.iter().find(|backend| backend.name() == name);
            known.cloned().or_else(|| self.start(*address, name, members))
        });
        members.replace(backends.collect());
    }

    fn start(&self, address: SocketAddr, name: String, members: &Members) -> Option<Arc<Backend>> {
        let scheme = if self.target.tls.is_some() { "https" } else { "http" };
        let endpoint = endpoint(&self.target, format!("{scheme}://{address}"));
        let endpoint = endpoint.inspect_err(|error| warn!(name, %error, "unusable address")).ok()?;
        let (server, changed) = (server(&self.target.url), Arc::clone(&members.changed));
        Some(Backend::start(name, endpoint, server, changed, Arc::clone(&self.metrics)))
    }
}

/// How to connect to the target at `url`, its own or that of one address; requests and TLS name the target's host either way.
fn endpoint(target: &LogicTarget, url: String) -> Result<Endpoint, tonic::transport::Error> {
    let own = Endpoint::from_shared(target.url.clone())?.uri().clone();
    let endpoint = Endpoint::from_shared(url)?.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true);
    let Some(tls) = &target.tls else { return Ok(endpoint.origin(own)) };
    let mut config = ClientTlsConfig::new();
    config = match &tls.ca {
        Some(ca) => config.ca_certificate(Certificate::from_pem(ca)),
        None => config.with_native_roots(),
    };
    if let Some(host) = own.host() {
        config = config.domain_name(host.trim_matches(['[', ']']));
    }
    if let Some((certificate, private_key)) = &tls.identity {
        config = config.identity(Identity::from_pem(certificate, private_key));
    }
    endpoint.origin(own).tls_config(config)
}

/// What telemetry calls it: by the semantic conventions host and port, or the path of a Unix socket.
pub(super) fn server(url: &str) -> Server {
    match host_and_port(url) {
        Some((host, port)) => Server { address: host.into(), port: Some(port) },
        None => Server { address: url.trim_start_matches("unix://").into(), port: None },
    }
}

/// `None` for a Unix socket.
fn host_and_port(url: &str) -> Option<(String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let default_port = default_port(&uri)?;
    let host = uri.host()?.trim_matches(['[', ']']).to_owned();
    Some((host, uri.port_u16().unwrap_or(default_port)))
}
