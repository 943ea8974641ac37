//! An envelope that was seen before gets the answer that it got, and never a second one: a second answer would be sealed under
//! the same key and nonce, and logic would run twice.
//!
//! Only sealed answers are remembered. After any other a repeat is a new call, so that the repeat after a 421 passes.

use std::sync::Arc;

use flow_wire::envelope::Identity;
use futures_util::FutureExt as _;
use moka::future::Cache;

use super::answer::Answer;
use super::error::Error;
use crate::config;
use crate::telemetry::{self, Metrics};

/// What an entry takes beside the answer's body, with keys, tables and bookkeeping of the cache: as a process grows by it.
const ENTRY_OVERHEAD: usize = 768;

/// The answers of one edge; without a cache where replay is switched off.
#[derive(Debug)]
pub(crate) struct Replay {
    /// By AES key and vector.
    answers: Option<Cache<[u8; 32], Remembered>>,
    settings: config::Replay,
}

#[derive(Debug, Clone)]
struct Remembered {
    endpoint: Arc<str>,
    ciphertext: [u8; 32],
    answer: Answer,
}

/// What must not be remembered.
#[derive(Debug, Clone)]
enum Passing {
    /// An answer without a sealed body.
    Unsealed(Answer),
    Failed(Error),
}

impl Replay {
    pub(crate) fn new(settings: config::Replay) -> Self {
        let answers = (settings.max_bytes > 0 && !settings.ttl.is_zero()).then(|| {
            Cache::builder()
                .max_capacity(settings.max_bytes)
                .weigher(|_, remembered: &Remembered| {
                    u32::try_from(remembered.answer.body.len() + ENTRY_OVERHEAD).unwrap_or(u32::MAX)
                })
                .time_to_live(settings.ttl)
                .build()
        });
        Self { answers, settings }
    }

    pub(crate) fn settings(&self) -> config::Replay {
        self.settings
    }

    /// Answers an envelope once. One that is being answered at this moment waits for the same answer.
    ///
    /// The work goes on where whoever asked first has gone: logic may have acted, and the repeat will want its answer.
    pub(crate) async fn once(
        &self,
        endpoint: &Arc<str>,
        envelope: Identity,
        metrics: &Metrics,
        answer: impl Future<Output = Result<Answer, Error>> + Send + 'static,
    ) -> Result<Answer, Error> {
        let Some(answers) = self.answers.clone() else { return answer.await };
        let Identity { session, ciphertext } = envelope;
        let asked_at = Arc::clone(endpoint);
        let work = answer.map(move |answer| match answer {
            Ok(answer) if answer.body.is_empty() => Err(Passing::Unsealed(answer)),
            Ok(answer) => Ok(Remembered { endpoint: asked_at, ciphertext, answer }),
            Err(error) => Err(Passing::Failed(error)),
        });
        // A task of its own, for whoever asked may go away. Nobody aborts it, so where it does not end it panicked.
        let task = tokio::spawn(async move { answers.entry(session).or_try_insert_with(work).await });
        let outcome = task.await.map_err(|_| Error::Panicked)?;
        match outcome {
            // Endpoints may share a private key, so the same envelope can come to another one; it gets no second answer either.
            Ok(entry) if entry.value().ciphertext != ciphertext || entry.value().endpoint != *endpoint => {
                metrics.replay(telemetry::Replay::Refused);
                Err(Error::NonceReused)
            }
            Ok(entry) => {
                if !entry.is_fresh() {
                    metrics.replay(telemetry::Replay::Answered);
                }
                Ok(entry.into_value().answer)
            }
            Err(passing) => match Arc::unwrap_or_clone(passing) {
                Passing::Unsealed(answer) => Ok(answer),
                Passing::Failed(error) => Err(error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Outcome;
    use opentelemetry_sdk::metrics::SdkMeterProvider;

    #[tokio::test]
    async fn a_panic_is_an_error_of_the_edge_and_is_not_remembered() {
        let replay = Replay::new(config::Replay { max_bytes: 1024, ttl: std::time::Duration::from_secs(60) });
        let envelope = Identity { session: [1; 32], ciphertext: [2; 32] };
        let (endpoint, metrics) = (Arc::from("endpoint"), Metrics::new(SdkMeterProvider::builder(), 1).unwrap());
        for _ in 0..2 {
            let outcome = replay.once(&endpoint, envelope, &metrics, async { panic!("a bug") }).await;
            assert_eq!(outcome.err(), Some(Error::Panicked));
        }
        let answer =
            Answer { status: http::StatusCode::OK, body: "sealed".into(), outcome: Outcome::Active, hidden: None };
        let outcome = replay.once(&endpoint, envelope, &metrics, async { Ok(answer) }).await;
        assert_eq!(outcome.unwrap().body, "sealed");
    }
}
