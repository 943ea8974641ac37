//! The load: who sends which request when, and what is kept of the answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hdrhistogram::Histogram;
use tokio::sync::Mutex;
use tokio::time::{Instant, interval, sleep_until, timeout};

use super::connection::{Connection, Failure, Peer, Request};
use crate::http as http_client;

/// Every so many answers one is kept and opened; a prime, so that no pattern of the load hides from it.
const SAMPLE_EVERY: usize = 97;

/// What is sent, and how.
pub(super) struct Plan {
    pub(super) requests: Vec<Request>,
    /// How many of them do not count.
    pub(super) warm_up: usize,
    /// Requests a second; as fast as they are answered where there is none.
    pub(super) rate: Option<f64>,
    pub(super) connections: usize,
    /// Requests at a time on each connection.
    pub(super) streams: usize,
}

/// What became of the requests that count.
#[derive(Debug)]
pub(super) struct Tally {
    /// Latencies in microseconds, by status.
    pub(super) answers: BTreeMap<u16, Histogram<u64>>,
    pub(super) failures: BTreeMap<Failure, usize>,
    pub(super) samples: Vec<Sample>,
    /// From the first request that counts to the last answer.
    pub(super) took: Duration,
}

/// A sealed answer to be opened.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) request: usize,
    pub(super) body: Bytes,
}

struct Shared {
    plan: Plan,
    peer: Peer,
    next: AtomicUsize,
    answered: AtomicUsize,
    begun: Instant,
}

/// Sends everything, with a word on standard error every second.
pub(super) async fn run(plan: Plan, peer: Peer) -> Tally {
    let shared = Arc::new(Shared {
        plan,
        peer,
        next: AtomicUsize::new(0),
        answered: AtomicUsize::new(0),
        begun: Instant::now(),
    });
    let progress = tokio::spawn(progress(Arc::clone(&shared)));
    let mut workers = Vec::new();
    for _ in 0..shared.plan.connections {
        let connection = Arc::new(Mutex::new(None));
        for _ in 0..shared.plan.streams {
            workers.push(tokio::spawn(work(Arc::clone(&shared), Arc::clone(&connection))));
        }
    }
    let mut all = Record::default();
    for worker in workers {
        // A worker that panics is a bug of ours; what the others saw still counts.
        if let Ok(record) = worker.await {
            all.add(record);
        }
    }
    progress.abort();
    let took = match (all.first, all.last) {
        (Some(first), Some(last)) => last.duration_since(first),
        _ => Duration::ZERO,
    };
    Tally { answers: all.answers, failures: all.failures, samples: all.samples, took }
}

#[derive(Default)]
struct Record {
    answers: BTreeMap<u16, Histogram<u64>>,
    failures: BTreeMap<Failure, usize>,
    samples: Vec<Sample>,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Record {
    fn add(&mut self, other: Self) {
        for (status, latencies) in other.answers {
            let all = self.answers.entry(status).or_insert_with(histogram);
            // Both have the same bounds.
            let _ = all.add(latencies);
        }
        for (failure, count) in other.failures {
            *self.failures.entry(failure).or_default() += count;
        }
        self.samples.extend(other.samples);
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
    }
}

/// An empty histogram of microseconds, three digits exact. It grows as it must.
#[expect(clippy::expect_used, reason = "3 is a number of digits that it takes")]
fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits")
}

async fn work(shared: Arc<Shared>, connection: Arc<Mutex<Option<Connection>>>) -> Record {
    let plan = &shared.plan;
    let mut record = Record::default();
    let mut own = None;
    loop {
        let index = shared.next.fetch_add(1, Ordering::Relaxed);
        let Some(request) = plan.requests.get(index) else { return record };
        let begun = match plan.rate {
            Some(rate) => {
                let due = shared.begun + Duration::from_secs_f64(index as f64 / rate);
                sleep_until(due).await;
                due
            }
            None => Instant::now(),
        };
        let outcome = timeout(http_client::TIMEOUT, exchange(&shared.peer, &mut own, &connection, request)).await;
        let outcome = outcome.unwrap_or(Err(Failure::TimedOut));
        if outcome.is_err() {
            own = None;
        }
        shared.answered.fetch_add(1, Ordering::Relaxed);
        if index < plan.warm_up {
            continue;
        }
        record.first.get_or_insert(begun);
        let now = Instant::now();
        record.last = Some(now);
        match outcome {
            Ok((status, body)) => {
                let latency = u64::try_from(now.duration_since(begun).as_micros()).unwrap_or_default();
                // It grows as it must.
                let _ = record.answers.entry(status.as_u16()).or_insert_with(histogram).record(latency);
                if status == 200 && index.is_multiple_of(SAMPLE_EVERY) {
                    record.samples.push(Sample { request: index, body });
                }
            }
            Err(failure) => *record.failures.entry(failure).or_default() += 1,
        }
    }
}

/// One exchange on the worker's own connection, or on the one that it shares.
async fn exchange(
    peer: &Peer,
    own: &mut Option<Connection>,
    shared: &Mutex<Option<Connection>>,
    request: &Request,
) -> Result<(http::StatusCode, Bytes), Failure> {
    let mut connection = None;
    if let Some(mut known) = own.take()
        && known.is_ready().await
    {
        connection = Some(known);
    }
    let mut connection = match connection {
        Some(connection) => connection,
        None => connect(peer, shared).await?,
    };
    let answer = connection.exchange(peer, request).await;
    *own = Some(connection);
    answer
}

async fn connect(peer: &Peer, shared: &Mutex<Option<Connection>>) -> Result<Connection, Failure> {
    let mut shared = shared.lock().await;
    if let Some(connection) = shared.as_mut()
        && connection.is_ready().await
        && let Some(handle) = connection.share()
    {
        return Ok(handle);
    }
    let connection = peer.connect().await?;
    *shared = connection.share();
    Ok(connection)
}

async fn progress(shared: Arc<Shared>) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.tick().await;
    let mut before = 0;
    loop {
        seconds.tick().await;
        let answered = shared.answered.load(Ordering::Relaxed);
        eprintln!("{answered} of {} answered, {}/s", shared.plan.requests.len(), answered - before);
        before = answered;
    }
}
