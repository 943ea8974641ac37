//! What all requests share: the endpoints and limits of the moment, and what outlives a change of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use flow_telemetry::Telemetry;
use opentelemetry::KeyValue;

use crate::config::{self, Config, Limits, LogicTarget};
use crate::exchange::Endpoint;
use crate::listener::Terms;
use crate::logic::Logic;
use crate::metrics::{self, Metrics};
use crate::observe::Observatory;
use crate::replay::Replay;
use crate::ring::Ring;
use crate::semconv;
use crate::server::BindError;
use crate::turns::Turns;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Edge {
    current: RwLock<Arc<Settings>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) observatory: Arc<Observatory>,
    pub(crate) turns: Turns,
    pub(crate) connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    in_flight: Arc<AtomicUsize>,
    body_memory: Arc<AtomicUsize>,
}

/// What the configuration says, ready to use. A request keeps the settings that it began with.
#[derive(Debug)]
pub(crate) struct Settings {
    by_path: HashMap<String, Route>,
    /// One for each logic service, however many endpoints share it.
    logics: HashMap<LogicTarget, Logic>,
    pub(crate) replay: Arc<Replay>,
    pub(crate) limits: Limits,
    tls: Option<config::Tls>,
    pub(crate) trust_trace_headers: bool,
    /// When the file of each private key was changed, and what metrics call it.
    private_key_files: Vec<(SystemTime, [KeyValue; 2])>,
    drain: Duration,
    reload_interval: Duration,
}

/// Where a path leads.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) deadline: Duration,
    max_in_flight: usize,
    /// Goes on through a reload, with the name of the endpoint.
    in_flight: Arc<AtomicUsize>,
}

/// A request's room among those in flight.
#[derive(Debug)]
pub(crate) struct Room {
    _of_all: Reservation,
    _of_endpoint: Reservation,
}

impl Edge {
    pub(crate) fn new(config: Config, telemetry: &Telemetry) -> Result<Arc<Self>, BindError> {
        let metrics = Arc::new(Metrics::new(telemetry.meters()?, config.endpoints.len())?);
        let settings = Settings::new(config, None, &metrics)?;
        let edge = Arc::new(Self {
            current: RwLock::new(Arc::new(settings)),
            observatory: Arc::new(Observatory::new(telemetry, Arc::clone(&metrics))),
            metrics,
            turns: Turns::new(),
            connections: Arc::default(),
            requests: Arc::default(),
            in_flight: Arc::default(),
            body_memory: Arc::default(),
        });
        edge.metrics.watch(&edge);
        Ok(edge)
    }

    pub(crate) fn current(&self) -> Arc<Settings> {
        // Settings are only ever replaced whole, so they are sound after a panic too.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over a configuration. Connections to logic and remembered answers stay where nothing about them changed.
    pub(crate) fn apply(&self, config: Config) -> Result<(), tonic::transport::Error> {
        let settings = Settings::new(config, Some(&self.current()), &self.metrics)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        Ok(())
    }

    /// Counts a request from its head to its answer.
    pub(crate) fn begin(&self) -> Reservation {
        Reservation::one(&self.requests)
    }

    /// Room for one more request in flight, of all and of its endpoint; `None` where there is none.
    pub(crate) fn admit(&self, limits: &Limits, route: &Route) -> Option<Room> {
        let mut of_all = Reservation::of(&self.in_flight);
        let mut of_endpoint = Reservation::of(&route.in_flight);
        let fits = of_all.grow(1, limits.max_in_flight) && of_endpoint.grow(1, route.max_in_flight);
        fits.then_some(Room { _of_all: of_all, _of_endpoint: of_endpoint })
    }

    /// Whether there would be room for one more request in flight, and a turn for it in time.
    pub(crate) fn has_room(&self, limits: &Limits, route: &Route) -> bool {
        self.in_flight.load(Ordering::Relaxed) < limits.max_in_flight
            && route.in_flight.load(Ordering::Relaxed) < route.max_in_flight
            && !self.turns.is_full()
    }

    /// Memory for a body, to grow as it comes.
    pub(crate) fn reserve_body(&self) -> Reservation {
        Reservation::of(&self.body_memory)
    }

    pub(crate) fn active_requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn open_connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn used_body_memory(&self) -> usize {
        self.body_memory.load(Ordering::Relaxed)
    }

    /// Whether no request waits for its answer.
    pub(crate) fn is_idle(&self) -> bool {
        self.active_requests() == 0
    }
}

impl Settings {
    fn new(config: Config, before: Option<&Self>, metrics: &Arc<Metrics>) -> Result<Self, tonic::transport::Error> {
        let mut logics = HashMap::new();
        let mut by_path = HashMap::new();
        let mut private_key_files = Vec::new();
        let counts: HashMap<_, _> = before
            .into_iter()
            .flat_map(|before| before.by_path.values())
            .map(|route| (&*route.endpoint.name, &route.in_flight))
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
            let in_flight = counts.get(endpoint.name.as_str()).map_or_else(Arc::default, |count| Arc::clone(count));
            let max_in_flight = endpoint.max_in_flight.unwrap_or(share);
            let (path, deadline) = (endpoint.path.clone(), endpoint.logic.deadline);
            private_key_files.extend(endpoint.private_keys.iter().map(|file| {
                let public_key = file.key.public_key();
                (file.modified, metrics::labels(semconv::PRIVATE_KEY, &endpoint.name, public_key.fingerprint()))
            }));
            let endpoint = Arc::new(ready(endpoint, logic, metrics));
            by_path.insert(path, Route { endpoint, deadline, max_in_flight, in_flight });
        }
        let replay = match before {
            Some(before) if before.replay.settings() == config.replay => Arc::clone(&before.replay),
            _ => Arc::new(Replay::new(config.replay)),
        };
        Ok(Self {
            by_path,
            logics,
            replay,
            limits: config.limits,
            tls: config.listen.tls,
            trust_trace_headers: config.listen.trust_trace_headers,
            private_key_files,
            drain: config.drain,
            reload_interval: config.reload_interval,
        })
    }

    pub(crate) fn route(&self, path: &str) -> Option<&Route> {
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
    Endpoint {
        app_secrets: Ring::new(endpoint.app_secrets, |secret| metrics.app_secret_uses(&name, &secret.fingerprint())),
        path: endpoint.path.into(),
        private_keys: Ring::new(endpoint.private_keys.into_iter().map(|file| file.key).collect(), |key| {
            metrics.private_key_uses(&name, key.public_key().fingerprint())
        }),
        flow_token_signature: endpoint.flow_token_signature,
        ping: endpoint.ping,
        logic,
        fallback_message: endpoint.logic.fallback_message,
        metrics: Arc::clone(metrics),
        name,
    }
}

/// A part of something that is bounded, given back in the end.
#[derive(Debug)]
pub(crate) struct Reservation {
    of: Arc<AtomicUsize>,
    amount: usize,
}

impl Reservation {
    /// One of however many.
    pub(crate) fn one(of: &Arc<AtomicUsize>) -> Self {
        let mut one = Self::of(of);
        one.grow(1, usize::MAX);
        one
    }

    fn of(of: &Arc<AtomicUsize>) -> Self {
        Self { of: Arc::clone(of), amount: 0 }
    }

    /// Whether there is room for so much more; where not, this should be given back.
    pub(crate) fn grow(&mut self, amount: usize, limit: usize) -> bool {
        // Taken first and looked at then: two at once may both be refused, never both be let in.
        let before = self.of.fetch_add(amount, Ordering::Relaxed);
        self.amount += amount;
        before.saturating_add(amount) <= limit
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.of.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_is_given_back_and_what_is_refused_too() {
        let used = Arc::default();
        let mut first = Reservation::of(&used);
        assert!(first.grow(3, 5));
        let mut second = Reservation::of(&used);
        assert!(!second.grow(3, 5));
        drop(second);
        assert!(first.grow(2, 5));
        drop(first);
        assert_eq!(used.load(Ordering::Relaxed), 0);
    }
}
