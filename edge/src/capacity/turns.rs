//! Whose turn it is for the private operation, which takes more time than all the rest of a request.
//!
//! As many requests as there are processors have their turn at a time; the others wait in the order in which they came, and the
//! processors stay free for everything else. Whoever would wait longer than a user should is refused at once: the wait is known from
//! the length of the queue and how fast it moved lately.
//!
//! The operation runs on the async worker, so between two of them the worker must look at what has come meanwhile: what is not
//! seen can be neither refused nor counted. That is why a turn begins with a yield.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::yield_now;

use super::aside::processors;

/// The platform asks for answers within a second, logic included.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// How long the queue is taken to stand between two steps before that was measured.
const FIRST_GUESS: Duration = Duration::from_micros(500);

/// The turns of one edge.
#[derive(Debug)]
pub(crate) struct Turns {
    free: Semaphore,
    waiting: AtomicUsize,
    /// How long the queue stood between two steps lately, in nanoseconds.
    step: AtomicU64,
    /// When a turn ended last that somebody waited for, in nanoseconds since `began`; 0 where nobody did.
    last_end: AtomicU64,
    began: Instant,
}

/// One request's turn, over when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    _permit: SemaphorePermit<'a>,
}

/// Counts a request that waits, also when it goes away meanwhile.
struct Waiting<'a>(&'a AtomicUsize);

impl Turns {
    pub(crate) fn new() -> Self {
        Self {
            free: Semaphore::new(processors()),
            waiting: AtomicUsize::new(0),
            step: AtomicU64::new(nanoseconds(FIRST_GUESS)),
            last_end: AtomicU64::new(0),
            began: Instant::now(),
        }
    }

    /// How many requests wait for a turn.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether a request that came now would wait too long.
    pub(crate) fn is_full(&self) -> bool {
        let ahead = self.waiting.load(Ordering::Relaxed) as u64;
        let wait = ahead.saturating_mul(self.step.load(Ordering::Relaxed));
        wait > nanoseconds(LONGEST_WAIT)
    }

    /// Waits for a turn; `None` where that would take too long.
    pub(crate) async fn take(&self) -> Option<Turn<'_>> {
        let permit = match self.free.try_acquire() {
            Ok(permit) => permit,
            Err(_) if self.is_full() => return None,
            Err(_) => {
                let waiting = Waiting::begin(&self.waiting);
                // Nobody closes the semaphore.
                let permit = self.free.acquire().await.ok()?;
                drop(waiting);
                permit
            }
        };
        let turn = Turn { turns: self, _permit: permit };
        yield_now().await;
        Some(turn)
    }

    /// The queue has moved on.
    fn step(&self) {
        let now = nanoseconds(self.began.elapsed()).max(1);
        let is_waited_for = self.waiting.load(Ordering::Relaxed) > 0;
        let last = self.last_end.swap(if is_waited_for { now } else { 0 }, Ordering::Relaxed);
        if last > 0 {
            // Sixteen steps back and more hardly count. Two at once may overwrite each other, which an average can bear.
            let average = self.step.load(Ordering::Relaxed);
            self.step.store(average - average / 16 + now.saturating_sub(last) / 16, Ordering::Relaxed);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.step();
    }
}

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    /// Turns for one at a time, where the queue stands so long between two steps.
    fn turns(step: Duration) -> Turns {
        Turns { free: Semaphore::new(1), step: AtomicU64::new(nanoseconds(step)), ..Turns::new() }
    }

    fn poll<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn one_has_a_turn_and_the_others_wait_until_it_would_take_too_long() {
        // With 100 ms for each the fourth in the queue would wait 300 ms.
        let turns = turns(Duration::from_millis(100));
        let mut first = Box::pin(turns.take());
        assert!(poll(&mut first).is_pending(), "what has come meanwhile is looked at first");
        let Poll::Ready(Some(first)) = poll(&mut first) else { panic!("no turn") };
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(turns.take())).collect();
        for request in &mut waiting {
            assert!(poll(request).is_pending());
        }
        assert!(turns.is_full());
        assert!(matches!(poll(&mut Box::pin(turns.take())), Poll::Ready(None)), "refused at once");
        // One that goes away makes room.
        waiting.pop();
        assert!(!turns.is_full());
        drop(first);
        assert!(poll(&mut waiting[1]).is_pending());
        assert!(poll(&mut waiting[0]).is_pending(), "it yields");
        assert!(matches!(poll(&mut waiting[0]), Poll::Ready(Some(_))), "the oldest is next");
    }

    #[test]
    fn how_fast_the_queue_moves_is_learned() {
        let turns = turns(Duration::from_secs(1));
        let _waiting = Waiting::begin(&turns.waiting);
        for _ in 0..200 {
            turns.step();
        }
        assert!(turns.step.load(Ordering::Relaxed) < nanoseconds(Duration::from_millis(1)));
    }

    #[test]
    fn what_nobody_waits_for_says_nothing_of_the_queue() {
        let turns = turns(Duration::from_secs(1));
        for _ in 0..200 {
            turns.step();
        }
        assert_eq!(turns.step.load(Ordering::Relaxed), nanoseconds(Duration::from_secs(1)));
    }
}
