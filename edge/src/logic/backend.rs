//! One address of a FlowService: its connection, and whether it serves.
//!
//! A task of its own connects, asks again and again whether logic serves, and connects anew with growing pauses where that fails.
//! The question is an ordinary call (`grpc.health.v1`), and any answer proves that the peer lives; HTTP/2's own pings would prove
//! no more, and servers end a connection on which they come often.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tracing::{info, warn};

const HEALTH_INTERVAL: Duration = Duration::from_secs(1);
/// A peer that twice in a row does not answer in this time has stopped or is gone; once, it may just have been busy.
const HEALTH_TIMEOUT: Duration = Duration::from_millis(1500);
const HEALTH_MISSES: usize = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// One address.
#[derive(Debug)]
pub(super) struct Backend {
    name: String,
    state: watch::Receiver<State>,
    in_flight: AtomicUsize,
    lost: Arc<Notify>,
    _task: AbortOnDropHandle<()>,
}

/// What an address is good for at the moment.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// Nothing is known yet.
    Connecting,
    /// Calls go there.
    Serving(Channel),
    /// It is there, and says that it does not serve, as before it stops.
    NotServing,
    /// It cannot be reached.
    Away,
}

/// A call on its way to a backend.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Backend>);

impl Backend {
    /// `name` is the address for the log; `changed` is told of every change of the state.
    pub(super) fn start(name: String, endpoint: Endpoint, changed: Arc<Notify>) -> Arc<Self> {
        let (set, state) = watch::channel(State::Connecting);
        let lost = Arc::new(Notify::new());
        let task = Task { name: name.clone(), endpoint, state: set, lost: Arc::clone(&lost), changed };
        let task = AbortOnDropHandle::new(tokio::spawn(task.run()));
        Arc::new(Self { name, state, in_flight: AtomicUsize::new(0), lost, _task: task })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// How many calls it is working on for us.
    pub(super) fn load(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// A call found the connection gone.
    pub(super) fn lost(&self) {
        self.lost.notify_one();
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Task {
    name: String,
    endpoint: Endpoint,
    state: watch::Sender<State>,
    lost: Arc<Notify>,
    changed: Arc<Notify>,
}

impl Task {
    async fn run(self) {
        let mut pause = FIRST_PAUSE;
        loop {
            if let Ok(channel) = self.endpoint.connect().await
                && self.follow(channel).await
            {
                pause = FIRST_PAUSE;
            }
            self.set(State::Away);
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks for the health of a connection until there is no answer; whether there ever was one.
    async fn follow(&self, channel: Channel) -> bool {
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
                // Where it has answered before, it may be busy; where it never has, there is nothing to keep.
                Err(_) if answered && misses + 1 < HEALTH_MISSES => {
                    misses += 1;
                    continue;
                }
                Ok(Err(_)) | Err(_) => return answered,
            };
            answered = true;
            misses = 0;
            self.set(if serves { State::Serving(channel.clone()) } else { State::NotServing });
            // The channel makes a lost connection anew by itself; whether that works, the next question tells.
            let _ = timeout(HEALTH_INTERVAL, self.lost.notified()).await;
        }
    }

    fn set(&self, state: State) {
        let modified = self.state.send_if_modified(|before| {
            let is_same = matches!(
                (&*before, &state),
                (State::Serving(_), State::Serving(_))
                    | (State::NotServing, State::NotServing)
                    | (State::Away, State::Away)
                    | (State::Connecting, State::Connecting)
            );
            let address = self.name.as_str();
            match state {
                _ if is_same => {}
                State::Serving(_) => info!(address, "logic serves"),
                State::NotServing => info!(address, "logic does not serve"),
                State::Away => warn!(address, "logic cannot be reached"),
                State::Connecting => {}
            }
            *before = state;
            !is_same
        });
        if modified {
            self.changed.notify_waiters();
        }
    }
}
