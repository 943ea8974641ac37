//! What the configuration says, ready to use: where each path leads, and what bounds a request.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use rustls::ServerConfig;

use super::listener::{Terms, tls_config};
use super::refusals::Refusals;
use crate::config::{self, Config, Limits, LogicTarget};
use crate::line::{Endpoint, Notification, Ring, Screens};
use crate::logic::Logic;
use crate::telemetry::{self, Metrics, semconv};

/// What the configuration says, ready to use. A request keeps the settings that it began with.
#[derive(Debug)]
pub(crate) struct Settings {
    by_path: HashMap<String, Arc<Route>>,
    /// One for each logic service, however many endpoints share it.
    logics: HashMap<LogicTarget, Logic>,
    pub(crate) limits: Limits,
    tls: Option<Tls>,
    pub(crate) trust_trace_headers: bool,
    /// When the file of each private key was changed, and what metrics call it.
    private_key_files: Vec<(SystemTime, [KeyValue; 2])>,
    drain: Duration,
    reload_interval: Duration,
}

/// TLS of the public listener.
#[derive(Debug)]
struct Tls {
    config: Arc<ServerConfig>,
    not_after: SystemTime,
}

/// Where a path leads.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) deadline: Duration,
    pub(crate) max_in_flight: usize,
    /// Goes on through a reload, with the name of the endpoint.
    pub(crate) in_flight: Arc<AtomicUsize>,
    /// Go on likewise.
    pub(crate) refusals: Arc<Refusals>,
}

/// What the edge cannot work with, though the configuration is good.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A URL of a logic service.
    #[error("a logic.url cannot be used: {0}")]
    Logic(#[from] tonic::transport::Error),
    /// The certificate and its key.
    #[error("listen.tls cannot be served: {0}")]
    Tls(#[from] rustls::Error),
}

impl Settings {
    pub(crate) fn new(config: Config, before: Option<&Self>, metrics: &Arc<Metrics>) -> Result<Self, Unusable> {
        let mut logics = HashMap::new();
        let mut by_path = HashMap::new();
        let mut private_key_files = Vec::new();
        let counts: HashMap<_, _> = before
            .into_iter()
            .flat_map(|before| before.by_path.values())
            .map(|route| (&*route.endpoint.name, (&route.in_flight, &route.refusals)))
            .collect();
        // One endpoint whose logic is slow leaves half of the room to the others.
        let share = match config.endpoints.len() {
            1 => config.limits.max_in_flight,
            _ => config.limits.max_in_flight.div_ceil(2),
        };
        for endpoint in config.endpoints {
            let target = &endpoint.logic.target;
            let known = logics.get(target).or_else(|| before?.logics.get(target));
            let logic = known.map_or_else(|| Logic::new(target, metrics), |logic| Ok(Logic::clone(logic)))?;
            logics.insert(target.clone(), logic.clone());
            let (in_flight, refusals) = match counts.get(endpoint.name.as_str()) {
                Some((in_flight, refusals)) => (Arc::clone(in_flight), Arc::clone(refusals)),
                None => (Arc::default(), Arc::new(Refusals::new())),
            };
            let max_in_flight = endpoint.max_in_flight.unwrap_or(share);
            let (path, deadline) = (endpoint.path.clone(), endpoint.logic.deadline);
            private_key_files.extend(endpoint.private_keys.iter().map(|file| {
                let public_key = file.key.public_key();
                (file.modified, telemetry::labels(semconv::PRIVATE_KEY, &endpoint.name, public_key.fingerprint()))
            }));
            let endpoint = Arc::new(ready(endpoint, logic, metrics));
            by_path.insert(path, Arc::new(Route { endpoint, deadline, max_in_flight, in_flight, refusals }));
        }
        let tls = config.listen.tls.map(|tls| {
            let config = tls_config(tls.certified_key)?;
            Ok::<_, rustls::Error>(Tls { config, not_after: tls.not_after })
        });
        Ok(Self {
            by_path,
            logics,
            limits: config.limits,
            tls: tls.transpose()?,
            trust_trace_headers: config.listen.trust_trace_headers,
            private_key_files,
            drain: config.drain,
            reload_interval: config.reload_interval,
        })
    }

    pub(crate) fn route(&self, path: &str) -> Option<&Arc<Route>> {
        self.by_path.get(path)
    }

    pub(crate) fn logics(&self) -> impl Iterator<Item = &Logic> {
        self.logics.values()
    }

    pub(crate) fn terms(&self) -> Terms {
        Terms {
            tls: self.tls.as_ref().map(|tls| Arc::clone(&tls.config)),
            header_timeout: self.limits.header_timeout,
            max_header: self.limits.max_header,
            idle_timeout: self.limits.idle_timeout,
            max_streams: self.limits.max_streams,
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// When the certificate expires; `None` without TLS.
    pub(crate) fn certificate_not_after(&self) -> Option<SystemTime> {
        self.tls.as_ref().map(|tls| tls.not_after)
    }

    /// When the file of each private key was changed, and what metrics call it.
    pub(crate) fn private_key_files(&self) -> impl Iterator<Item = (SystemTime, Vec<KeyValue>)> {
        self.private_key_files.iter().map(|(modified, labels)| (*modified, labels.to_vec()))
    }

    /// How many addresses of logic are in which state.
    pub(crate) fn logic_addresses(&self) -> Vec<(u64, Vec<KeyValue>)> {
        let mut counts = HashMap::<_, u64>::new();
        for logic in self.logics.values() {
            let (server, states) = logic.addresses();
            // Two ports of one host are one server to the metric.
            for (state, count) in states {
                *counts.entry((&server.address, state)).or_default() += count as u64;
            }
        }
        let labels = |address: &Arc<str>, state| {
            vec![KeyValue::new(semconv::SERVER_ADDRESS, Arc::clone(address)), KeyValue::new(semconv::STATE, state)]
        };
        counts.into_iter().map(|((address, state), count)| (count, labels(address, state))).collect()
    }

    pub(crate) fn drain(&self) -> Duration {
        self.drain
    }

    pub(crate) fn reload_interval(&self) -> Duration {
        self.reload_interval
    }
}

fn ready(endpoint: config::Endpoint, logic: Logic, metrics: &Arc<Metrics>) -> Endpoint {
    let name: Arc<str> = endpoint.name.into();
    Notification::expect(metrics, &name);
    Endpoint {
        app_secrets: Ring::new(endpoint.app_secrets, |secret| metrics.app_secret_uses(&name, &secret.fingerprint())),
        path: endpoint.path.into(),
        private_keys: Ring::new(endpoint.private_keys.into_iter().map(|file| file.key).collect(), |key| {
            metrics.private_key_uses(&name, key.public_key().fingerprint())
        }),
        flow_token_signature: endpoint.flow_token_signature,
        ping: endpoint.ping,
        screens: endpoint.flow.map(|flow| Screens::new(flow, &name, metrics)),
        logic,
        fallback_message: endpoint.logic.fallback_message,
        metrics: Arc::clone(metrics),
        name,
    }
}
