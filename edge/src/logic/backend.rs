//! One address of a FlowService: its connection, and whether it serves.
//!
//! A task of its own connects, asks again and again whether logic serves, and connects anew with growing pauses where that fails.
//! The question is an ordinary call (`grpc.health.v1`), and any answer proves that the peer lives; HTTP/2's own pings would prove
//! no more, and servers end a connection on which they come often.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tracing::{info, warn};

use super::cause::Cause;
use crate::telemetry::{Metrics, Server};

const HEALTH_INTERVAL: Duration = Duration::from_secs(1);
/// A peer that twice in a row does not answer in this time has stopped or is gone; once, it may just have been busy.
const HEALTH_TIMEOUT: Duration = Duration::from_millis(1500);
const HEALTH_MISSES: usize = 2;
/// With calls of ours in its hands, an address is busy and not gone as long as it answered anything in this time: what takes longer is
/// of no use to the platform.
const BUSY: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// One address.
#[derive(Debug)]
pub(super) struct Backend {
    name: String,
    state: watch::Receiver<State>,
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

/// What its calls tell the task.
#[derive(Debug)]
struct Shared {
    in_flight: AtomicUsize,
    began: Instant,
    /// When it answered anything last, in milliseconds since then.
    answered: AtomicU64,
    lost: Notify,
}

/// What an address is good for at the moment.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// Nothing is known yet.
    Connecting,
    /// Calls go there.
    Serving(Channel),
    /// It is there and works, and is late with its health or says that it is exhausted: calls go there where no other serves.
    Busy(Channel),
    /// It is there, and says that it does not serve, as before it stops.
    NotServing,
    /// It cannot be reached.
    Away,
}

/// A call on its way to a backend.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Backend>);

impl Backend {
    /// `name` is the address for the log, `server` what telemetry calls it; `changed` is told of every change of the state.
    pub(super) fn start(
        name: String,
        endpoint: Endpoint,
        server: Server,
        changed: Arc<Notify>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let (set, state) = watch::channel(State::Connecting);
        let shared = Arc::new(Shared {
            in_flight: AtomicUsize::new(0),
            began: Instant::now(),
            answered: AtomicU64::new(0),
            lost: Notify::new(),
        });
        let task =
            Task { name: name.clone(), endpoint, state: set, shared: Arc::clone(&shared), changed, metrics, server };
        let task = AbortOnDropHandle::new(tokio::spawn(task.run()));
        Arc::new(Self { name, state, shared, _task: task })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// How many calls it is working on for us.
    pub(super) fn load(&self) -> usize {
        self.shared.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.shared.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// A call found the connection gone.
    pub(super) fn lost(&self) {
        self.shared.lost.notify_one();
    }

    /// A call was answered, with whatever status.
    pub(super) fn answered(&self) {
        self.shared.answered();
    }
}

impl Shared {
    fn answered(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.answered.store(now, Ordering::Relaxed);
    }

    /// Whether it has calls of ours, and answered anything within the time that one may take.
    fn is_working(&self) -> bool {
        let answered = Duration::from_millis(self.answered.load(Ordering::Relaxed));
        self.in_flight.load(Ordering::Relaxed) > 0 && self.began.elapsed().saturating_sub(answered) < BUSY
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Task {
    name: String,
    endpoint: Endpoint,
    state: watch::Sender<State>,
    shared: Arc<Shared>,
    changed: Arc<Notify>,
    metrics: Arc<Metrics>,
    server: Server,
}

/// How a connection ended.
struct Ended {
    cause: Cause,
    /// Whether it ever answered.
    answered: bool,
    /// In the library's own words.
    error: String,
}

impl Task {
    async fn run(self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let ended = match self.endpoint.connect().await {
                Ok(channel) => self.follow(channel).await,
                Err(error) => Ended { cause: Cause::of(&error), answered: false, error: chain(&error) },
            };
            if ended.answered {
                pause = FIRST_PAUSE;
            }
            let socket = self.server.port.is_none().then_some(&*self.server.address);
            self.away(ended.cause.look(self.endpoint.uri(), socket).await, &ended.error);
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks for the health of a connection until it is gone.
    async fn follow(&self, channel: Channel) -> Ended {
        let mut health = HealthClient::new(channel.clone());
        let mut answered = false;
        // Whether there is a health service that knows the server as a whole.
        let mut is_told = false;
        let mut misses = 0;
        loop {
            let check = health.check(HealthCheckRequest { service: String::new() });
            let serves = match timeout(HEALTH_TIMEOUT, check).await {
                Ok(Ok(answer)) => {
                    is_told = true;
                    answer.into_inner().status() == ServingStatus::Serving
                }
                // Without a health service, being there is all that can be known. One that knew and does no more is stopping.
                Ok(Err(status)) if matches!(status.code(), Code::Unimplemented | Code::NotFound) => !is_told,
                // It says itself that it is busy, and is there.
                Ok(Err(status)) if status.code() == Code::ResourceExhausted && status.source().is_none() => {
                    self.shared.answered();
                    answered = true;
                    self.set(State::Busy(channel.clone()));
                    self.pause().await;
                    continue;
                }
                Ok(Err(status)) => {
                    let error = if status.source().is_some() { chain(&status) } else { status.code().to_string() };
                    return Ended { cause: Cause::of_status(&status), answered, error };
                }
                // Where it has answered before, it may be busy; where it never has, there is nothing to keep.
                Err(_) if answered && misses + 1 < HEALTH_MISSES => {
                    misses += 1;
                    continue;
                }
                // It works on what it was asked, and answered something not long ago.
                Err(_) if answered && self.shared.is_working() => {
                    self.set(State::Busy(channel.clone()));
                    continue;
                }
                Err(_) => return Ended { cause: Cause::Silent, answered, error: "no answer".to_owned() },
            };
            answered = true;
            misses = 0;
            self.shared.answered();
            self.set(if serves { State::Serving(channel.clone()) } else { State::NotServing });
            self.pause().await;
        }
    }

    /// Until the next question. The channel makes a lost connection anew by itself; whether that works, the next question tells.
    async fn pause(&self) {
        let _ = timeout(HEALTH_INTERVAL, self.shared.lost.notified()).await;
    }

    fn away(&self, cause: Cause, error: &str) {
        if self.change(State::Away) {
            self.metrics.unreachable(&self.server.address, cause.name());
            let (address, reason) = (self.name.as_str(), cause.sentence());
            warn!(address, cause = cause.name(), reason, error, "logic cannot be reached");
        }
    }

    fn set(&self, state: State) {
        let words = match state {
            State::Serving(_) => "logic serves",
            State::Busy(_) => "logic is busy: it is late with its health, and answers calls",
            State::NotServing => "logic does not serve",
            State::Away | State::Connecting => "",
        };
        if self.change(state) {
            info!(address = self.name.as_str(), "{words}");
        }
    }

    /// Whether it is another state than before.
    fn change(&self, state: State) -> bool {
        let modified = self.state.send_if_modified(|before| {
            let is_same = std::mem::discriminant(before) == std::mem::discriminant(&state);
            *before = state;
            !is_same
        });
        if modified {
            self.changed.notify_waiters();
        }
        modified
    }
}

/// An error with all of its causes.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
