//! What all requests share: the endpoints and limits of the moment, and what outlives a change of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use flow_telemetry::Telemetry;
use opentelemetry::KeyValue;

use super::connections::Connections;
use super::refusals::Refusals;
use super::settings::{Route, Settings, Unusable};
use crate::capacity::{Budget, Reservation, Room, Turns};
use crate::config::{Config, Endpoint, Limits};
use crate::line::Replay;
use crate::telemetry::{Metrics, MetricsError, Observatory, one, semconv};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Edge {
    current: RwLock<Arc<Settings>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) observatory: Arc<Observatory>,
    pub(crate) turns: Turns,
    pub(crate) connections: Arc<Connections>,
    pub(crate) memory: Arc<Budget>,
    pub(crate) replay: Replay,
    requests: Arc<AtomicUsize>,
    in_flight: Arc<AtomicUsize>,
    /// Of paths that belong to no endpoint.
    pub(crate) refusals: Refusals,
}

/// Why there can be no edge.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What the configuration names cannot be used.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// Metrics cannot be sent as the variables say.
    #[error(transparent)]
    Telemetry(#[from] flow_telemetry::TelemetryError),
    /// Nothing can be counted.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

impl Edge {
    /// `max_connections` is how many there may be in this process, which may be fewer than the configuration says.
    pub(crate) fn new(config: Config, max_connections: usize, telemetry: &Telemetry) -> Result<Arc<Self>, StartError> {
        let memory = Budget::new(config.limits.max_body_memory);
        let screens = |endpoint: &Endpoint| endpoint.flow.as_ref().map_or(0, |flow| flow.judge.screens().len());
        let screens = config.endpoints.iter().map(screens).sum();
        let metrics = Arc::new(Metrics::new(telemetry.meters()?, config.endpoints.len(), screens)?);
        let replay = Replay::new(config.replay);
        let settings = Settings::new(config, None, &metrics)?;
        let edge = Arc::new(Self {
            current: RwLock::new(Arc::new(settings)),
            observatory: Arc::new(Observatory::new(telemetry, Arc::clone(&metrics))),
            metrics,
            turns: Turns::new(),
            connections: Connections::new(max_connections),
            memory,
            replay,
            requests: Arc::default(),
            in_flight: Arc::default(),
            refusals: Refusals::new(),
        });
        edge.watch();
        let lost_lines = telemetry.lost_lines();
        let description = "Lines of the log that were lost because nobody read them fast enough";
        edge.metrics.total(semconv::LOST_LINES, description, move || lost_lines.count());
        Ok(edge)
    }

    pub(crate) fn current(&self) -> Arc<Settings> {
        // Settings are only ever replaced whole, so they are sound after a panic too.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over a configuration. Connections to logic stay where nothing about them changed, and remembered answers as far as
    /// there is room for them.
    pub(crate) fn apply(&self, config: Config) -> Result<(), Unusable> {
        let replay = config.replay;
        let settings = Settings::new(config, Some(&self.current()), &self.metrics)?;
        self.memory.set_limit(settings.limits.max_body_memory);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        self.replay.bound(replay);
        Ok(())
    }

    /// Counts a request from its head to its answer.
    pub(crate) fn begin(&self) -> Reservation {
        Reservation::one(&self.requests)
    }

    /// Room for one more request in flight, of all and of its endpoint; `None` where there is none.
    pub(crate) fn admit(&self, limits: &Limits, route: &Route) -> Option<Room> {
        Room::take((&self.in_flight, limits.max_in_flight), (&route.in_flight, route.max_in_flight))
    }

    /// Whether there would be room for one more request in flight, and a turn for it in time.
    pub(crate) fn has_room(&self, limits: &Limits, route: &Route) -> bool {
        self.in_flight.load(Ordering::Relaxed) < limits.max_in_flight
            && route.in_flight.load(Ordering::Relaxed) < route.max_in_flight
            && !self.turns.is_full()
    }

    pub(crate) fn active_requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether no request waits for its answer.
    pub(crate) fn is_idle(&self) -> bool {
        self.active_requests() == 0
    }

    /// Lets the state of the edge be read whenever metrics are.
    fn watch(self: &Arc<Self>) {
        type Read = fn(&Edge) -> Vec<(u64, Vec<KeyValue>)>;
        let gauges: [(&'static str, &'static str, &'static str, Read); 9] = [
            (semconv::CONNECTIONS, "", "Open connections of the public listener", |edge| one(edge.connections.open())),
            (semconv::CONNECTIONS_LIMIT, "", "How many connections of the public listener there may be", |edge| {
                one(edge.connections.max())
            }),
            (semconv::BODY_MEMORY, "By", "Memory of requests, from their heads to their answers", |edge| {
                one(edge.memory.used())
            }),
            (semconv::BODY_MEMORY_LIMIT, "By", "How much memory requests may hold", |edge| {
                one(edge.current().limits.max_body_memory)
            }),
            (semconv::REPLAY_MEMORY, "By", "Memory of the answers that are remembered", |edge| {
                one(edge.replay.bytes())
            }),
            (semconv::TURNS_WAITING, "", "Requests that wait for their turn with the private operation", |edge| {
                one(edge.turns.waiting())
            }),
            (semconv::LOGIC_ADDRESSES, "", "Addresses of logic by what they are good for", |edge| {
                edge.current().logic_addresses()
            }),
            (semconv::CERTIFICATE_NOT_AFTER, "s", "When the served certificate expires, in Unix time", |edge| {
                edge.current().certificate_not_after().map(|time| (seconds(time), Vec::new())).into_iter().collect()
            }),
            (semconv::PRIVATE_KEY_MODIFIED, "s", "When the file of a private key was changed, in Unix time", |edge| {
                let settings = edge.current();
                settings.private_key_files().map(|(time, labels)| (seconds(time), labels)).collect()
            }),
        ];
        for (name, unit, description, read) in gauges {
            let edge = Arc::downgrade(self);
            let read = move || edge.upgrade().map(|edge| read(&edge)).unwrap_or_default();
            self.metrics.gauge(name, unit, description, read);
        }
        let edge = Arc::downgrade(self);
        let displaced = move || edge.upgrade().map_or(0, |edge| edge.connections.displaced() as u64);
        self.metrics.total(
            semconv::CONNECTIONS_DISPLACED,
            "Connections without a signed request that made room for others",
            displaced,
        );
        let edge = Arc::downgrade(self);
        self.metrics.active_requests(move || edge.upgrade().map_or(0, |edge| edge.active_requests()));
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
