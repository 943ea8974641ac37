//! Steady load: clients that send one INIT after the other until they are told to stop, and what became of each request.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{Client, PATIENCE};

/// Clients at work. Each has one request at a time.
#[derive(Debug)]
pub struct Load {
    clients: watch::Sender<Vec<Client>>,
    /// How many answers each client has had.
    answered: watch::Sender<Vec<usize>>,
    stopped: Arc<AtomicBool>,
    workers: Vec<JoinHandle<Record>>,
}

/// What became of the requests.
#[derive(Debug, Default)]
pub struct Record {
    /// How many answers had which status.
    pub statuses: BTreeMap<u16, usize>,
    /// How many answers showed which screen.
    pub screens: BTreeMap<String, usize>,
    /// Answers with a status of success that could not be opened.
    pub unopened: usize,
    /// Requests that were never sent, since there was no connection.
    pub refused: usize,
    /// Why requests that were sent, at least in part, have no answer.
    pub broken: Vec<String>,
    /// How long each answer took, from the request's first byte.
    pub latencies: Vec<Duration>,
}

impl Load {
    /// Sets these clients to work.
    pub fn start(clients: impl IntoIterator<Item = Client>) -> Self {
        let clients = watch::Sender::new(clients.into_iter().collect::<Vec<_>>());
        let answered = watch::Sender::new(vec![0; clients.borrow().len()]);
        let stopped = Arc::new(AtomicBool::new(false));
        let work = |index| work(index, clients.subscribe(), answered.clone(), Arc::clone(&stopped));
        let workers = (0..clients.borrow().len()).map(|index| tokio::spawn(work(index))).collect();
        Self { clients, answered, stopped, workers }
    }

    /// From their next request on the clients are what this makes of them.
    pub fn change(&self, change: impl Fn(Client) -> Client) {
        self.clients.send_modify(|clients| *clients = clients.drain(..).map(change).collect());
    }

    /// Returns when every client has had so many answers to requests that it began after this was called.
    pub async fn rounds(&self, rounds: usize) {
        let mut answered = self.answered.subscribe();
        // The first answer may be to a request that is under way now.
        let goal: Vec<_> = answered.borrow().iter().map(|answers| answers + rounds + 1).collect();
        let all = answered.wait_for(|answers| answers.iter().zip(&goal).all(|(answers, goal)| answers >= goal));
        timeout(PATIENCE, all).await.expect("the clients get their answers").unwrap();
    }

    /// Lets each client finish its request, and says what became of all.
    pub async fn stop(self) -> Record {
        self.stopped.store(true, Ordering::Relaxed);
        self.end().await
    }

    /// Waits until each client has been refused a connection, and says what became of all.
    pub async fn end(self) -> Record {
        let mut all = Record::default();
        for worker in self.workers {
            all.add(worker.await.unwrap());
        }
        all
    }
}

impl Record {
    /// Asserts that every request, of which there were some, was answered with success.
    pub fn assert_flawless(&self) {
        assert_eq!((&self.broken, self.refused, self.unopened), (&Vec::new(), 0, 0));
        assert_eq!(self.statuses.keys().collect::<Vec<_>>(), [&200], "{:?}", self.statuses);
    }

    /// The latency that 99 of 100 requests kept below.
    pub fn p99(&self) -> Duration {
        let mut latencies = self.latencies.clone();
        latencies.sort_unstable();
        latencies[latencies.len() * 99 / 100]
    }

    fn add(&mut self, other: Self) {
        for (status, answers) in other.statuses {
            *self.statuses.entry(status).or_default() += answers;
        }
        for (screen, answers) in other.screens {
            *self.screens.entry(screen).or_default() += answers;
        }
        self.unopened += other.unopened;
        self.refused += other.refused;
        self.broken.extend(other.broken);
        self.latencies.extend(other.latencies);
    }
}

async fn work(
    index: usize,
    clients: watch::Receiver<Vec<Client>>,
    answered: watch::Sender<Vec<usize>>,
    stopped: Arc<AtomicBool>,
) -> Record {
    let mut record = Record::default();
    while !stopped.load(Ordering::Relaxed) {
        let client = clients.borrow()[index].clone();
        let exchange = client.seal(json!({ "version": "4.0", "action": "INIT", "flow_token": "token" }).to_string());
        let begun = Instant::now();
        match exchange.try_send().await {
            Ok(answer) => {
                record.latencies.push(begun.elapsed());
                *record.statuses.entry(answer.status).or_default() += 1;
                if let Some(screen) = answer.opened["screen"].as_str() {
                    *record.screens.entry(screen.to_owned()).or_default() += 1;
                }
                record.unopened += usize::from(answer.status == 200 && answer.opened.is_null());
                answered.send_modify(|answered| answered[index] += 1);
            }
            // Whoever does not listen now will not listen again.
            Err(error) if error.is_connect() => {
                record.refused += 1;
                break;
            }
            Err(error) => record.broken.push(reasons(&error)),
        }
    }
    record
}

/// An error and what caused it: reqwest's own text names neither.
fn reasons(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
