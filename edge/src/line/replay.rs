//! An envelope that was seen before gets the answer that it got, and never a second one: a second answer would be sealed under
//! the same key and nonce, and logic would run twice.
//!
//! Only sealed answers are remembered. After any other a repeat is a new call, so that the repeat after a 421 passes.

mod memory;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use flow_wire::envelope::Identity;
use futures_util::FutureExt as _;
use futures_util::future::{Map, Shared};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::RecvError;

use self::memory::{Asked, Memory};
use super::answer::Answer;
use super::error::Error;
use crate::capacity::locked;
use crate::config;
use crate::telemetry::{self, Metrics};

/// The answers of one edge, through all changes of its configuration.
#[derive(Debug)]
pub(crate) struct Replay(Arc<Mutex<Store>>);

/// All of it behind one lock, which nobody holds while he waits: an envelope is being answered, or was, or is new.
#[derive(Debug)]
struct Store {
    memory: Memory,
    /// By AES key and vector. As many as there are requests in flight at most.
    working: HashMap<[u8; 32], (Asked, Coming)>,
}

type Outcome = Result<Answer, Error>;

/// An answer that several wait for.
type Coming = Shared<Map<oneshot::Receiver<Outcome>, fn(Result<Outcome, RecvError>) -> Outcome>>;

/// What is known of an envelope.
enum Known {
    Answered(Answer),
    Coming(Coming),
    New(oneshot::Sender<Outcome>, Coming),
}

/// The work on an envelope. However it ends, it is then no longer under way, and whoever waits is told.
struct Work {
    store: Arc<Mutex<Store>>,
    session: [u8; 32],
    asked: Asked,
    /// `None` until it has ended, and where it panicked.
    outcome: Option<Outcome>,
    waiting: Option<oneshot::Sender<Outcome>>,
}

impl Replay {
    pub(crate) fn new(bounds: config::Replay) -> Self {
        Self(Arc::new(Mutex::new(Store { memory: Memory::new(bounds), working: HashMap::new() })))
    }

    /// Takes over other bounds. What they leave room for stays.
    pub(crate) fn bound(&self, bounds: config::Replay) {
        locked(&self.0).memory.bound(bounds);
    }

    /// What is remembered takes so many bytes.
    pub(crate) fn bytes(&self) -> usize {
        locked(&self.0).memory.bytes()
    }

    /// Answers an envelope once. One that is being answered at this moment waits for the same answer.
    ///
    /// The work goes on where whoever asked first has gone: logic may have acted, and the repeat will want its answer.
    pub(crate) async fn once(
        &self,
        endpoint: &Arc<str>,
        envelope: Identity,
        metrics: &Metrics,
        answer: impl Future<Output = Outcome> + Send + 'static,
    ) -> Outcome {
        let Identity { session, ciphertext } = envelope;
        let asked = Asked { endpoint: Arc::clone(endpoint), ciphertext };
        let known = locked(&self.0).look_up(session, &asked);
        let repeat = match known {
            Ok(Known::New(waiting, coming)) => {
                let store = Arc::clone(&self.0);
                let work = Work { store, session, asked, outcome: None, waiting: Some(waiting) };
                // A task of its own, for whoever asked may go away. Nobody aborts it.
                tokio::spawn(work.run(answer));
                return coming.await;
            }
            Ok(Known::Answered(answer)) => Ok(answer),
            Ok(Known::Coming(coming)) => coming.await,
            Err(error) => {
                metrics.replay(telemetry::Replay::Refused);
                return Err(error);
            }
        };
        if is_sealed(&repeat) {
            metrics.replay(telemetry::Replay::Answered);
        }
        repeat
    }
}

impl Store {
    /// What is known of an envelope, which from now on is being answered.
    fn look_up(&mut self, session: [u8; 32], asked: &Asked) -> Result<Known, Error> {
        if let Some((same, coming)) = self.working.get(&session) {
            return if same == asked { Ok(Known::Coming(coming.clone())) } else { Err(Error::NonceReused) };
        }
        if let Some(found) = self.memory.find(&session) {
            let same = found.asked == *asked;
            return if same { Ok(Known::Answered(found.answer.clone())) } else { Err(Error::NonceReused) };
        }
        let (waiting, outcome) = oneshot::channel();
        let told: fn(Result<Outcome, RecvError>) -> Outcome = |told| told.unwrap_or(Err(Error::Panicked));
        let coming = outcome.map(told).shared();
        self.working.insert(session, (asked.clone(), coming.clone()));
        Ok(Known::New(waiting, coming))
    }
}

impl Work {
    async fn run(mut self, answer: impl Future<Output = Outcome>) {
        self.outcome = Some(answer.await);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or(Err(Error::Panicked));
        {
            // One step: between the two, a repeat would be taken for new.
            let mut store = locked(&self.store);
            store.working.remove(&self.session);
            if let Ok(answer) = &outcome
                && is_sealed(&outcome)
            {
                store.memory.insert(self.session, self.asked.clone(), answer.clone());
            }
        }
        if let Some(waiting) = self.waiting.take() {
            // Nobody may wait any more.
            let _ = waiting.send(outcome);
        }
    }
}

fn is_sealed(outcome: &Outcome) -> bool {
    outcome.as_ref().is_ok_and(|answer| !answer.body.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Outcome;
    use opentelemetry_sdk::metrics::SdkMeterProvider;
    use std::future::{pending, ready};
    use std::time::Duration;
    use tokio::task::yield_now;

    const ENVELOPE: Identity = Identity { session: [1; 32], ciphertext: [2; 32] };

    fn replay() -> Replay {
        Replay::new(config::Replay { max_bytes: 1024, ttl: Duration::from_secs(60) })
    }

    fn sealed(body: &'static str) -> Answer {
        Answer { status: http::StatusCode::OK, body: body.into(), outcome: Outcome::Active, screen: None, hidden: None }
    }

    /// Asks as a request does; which body came back.
    async fn ask(
        replay: &Replay,
        endpoint: &str,
        envelope: Identity,
        answer: impl Future<Output = super::Outcome> + Send + 'static,
    ) -> Result<bytes::Bytes, Error> {
        let metrics = Metrics::new(SdkMeterProvider::builder(), 1, 0).unwrap();
        Ok(replay.once(&endpoint.into(), envelope, &metrics, answer).await?.body)
    }

    #[tokio::test]
    async fn a_panic_is_an_error_of_the_edge_and_is_not_remembered() {
        let replay = replay();
        for _ in 0..2 {
            let outcome = ask(&replay, "endpoint", ENVELOPE, async { panic!("a bug") }).await;
            assert_eq!(outcome, Err(Error::Panicked));
            assert!(locked(&replay.0).working.is_empty());
        }
        let outcome = ask(&replay, "endpoint", ENVELOPE, ready(Ok(sealed("sealed")))).await;
        assert_eq!(outcome.unwrap(), "sealed");
        let again = ask(&replay, "endpoint", ENVELOPE, pending()).await;
        assert_eq!(again.unwrap(), "sealed");
        assert!(locked(&replay.0).working.is_empty());
    }

    #[tokio::test]
    async fn what_is_under_way_refuses_another_text_at_once_and_outlives_whoever_asked() {
        let replay = replay();
        let (finish, answer) = oneshot::channel();
        let answer = answer.map(|answer: Result<_, RecvError>| Ok(answer.unwrap()));
        {
            let first = ask(&replay, "endpoint", ENVELOPE, answer);
            assert!(first.now_or_never().is_none(), "whoever asked first goes away");
        }
        let other = Identity { ciphertext: [3; 32], ..ENVELOPE };
        for refused in [ask(&replay, "endpoint", other, pending()), ask(&replay, "other", ENVELOPE, pending())] {
            assert_eq!(refused.now_or_never(), Some(Err(Error::NonceReused)));
        }
        let mut repeat = Box::pin(ask(&replay, "endpoint", ENVELOPE, pending()));
        assert!(repeat.as_mut().now_or_never().is_none(), "it waits");
        finish.send(sealed("sealed")).unwrap();
        assert_eq!(repeat.await.unwrap(), "sealed");
        assert!(locked(&replay.0).working.is_empty());
    }

    #[tokio::test]
    async fn a_lock_that_somebody_poisoned_serves_on() {
        let replay = replay();
        let store = Arc::clone(&replay.0);
        let poisoned = std::thread::spawn(move || {
            let _held = store.lock();
            panic!("while the lock is held");
        });
        assert!(poisoned.join().is_err() && replay.0.is_poisoned());
        for _ in 0..2 {
            let outcome = ask(&replay, "endpoint", ENVELOPE, ready(Ok(sealed("sealed")))).await;
            assert_eq!(outcome.unwrap(), "sealed");
        }
        yield_now().await;
        assert!(replay.bytes() > 0);
    }
}
