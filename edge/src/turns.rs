//! Whose turn it is for the private operation, which takes more time than all the rest of a request.
//!
//! As many requests as there are processors have their turn at a time; the others wait in the order in which they came, and the
//! processors stay free for everything else. Whoever would wait longer than a user should is refused at once: the wait is known from
//! the length of the queue and the time that a turn took lately.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

/// The platform asks for answers within a second, logic included.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// What a turn is taken to last before one was measured.
const FIRST_GUESS: Duration = Duration::from_micros(500);

/// The turns of one edge.
#[derive(Debug)]
pub(crate) struct Turns {
    free: Semaphore,
    places: usize,
    waiting: AtomicUsize,
    /// What a turn took lately, in nanoseconds.
    average: AtomicU64,
}

/// One request's turn, over when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    began: Instant,
    _permit: SemaphorePermit<'a>,
}

/// Counts a request that waits, also when it goes away meanwhile.
struct Waiting<'a>(&'a AtomicUsize);

impl Turns {
    pub(crate) fn new() -> Self {
        let places = available_parallelism().map_or(1, usize::from);
        Self {
            free: Semaphore::new(places),
            places,
            waiting: AtomicUsize::new(0),
            average: AtomicU64::new(nanoseconds(FIRST_GUESS)),
        }
    }

    /// Whether a request that came now would wait too long.
    pub(crate) fn is_full(&self) -> bool {
        let ahead = self.waiting.load(Ordering::Relaxed) / self.places;
        let wait = (ahead as u64).saturating_mul(self.average.load(Ordering::Relaxed));
        wait > nanoseconds(LONGEST_WAIT)
    }

    /// Waits for a turn; `None` where that would take too long.
    pub(crate) async fn take(&self) -> Option<Turn<'_>> {
        if let Ok(permit) = self.free.try_acquire() {
            return Some(self.begin(permit));
        }
        if self.is_full() {
            return None;
        }
        let waiting = Waiting::begin(&self.waiting);
        // Nobody closes the semaphore.
        let permit = self.free.acquire().await.ok()?;
        drop(waiting);
        Some(self.begin(permit))
    }

    fn begin<'a>(&'a self, permit: SemaphorePermit<'a>) -> Turn<'a> {
        Turn { turns: self, began: Instant::now(), _permit: permit }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let took = nanoseconds(self.began.elapsed());
        // Sixteen turns back and more hardly count. Two at once may overwrite each other, which an average can bear.
        let average = self.turns.average.load(Ordering::Relaxed);
        self.turns.average.store(average - average / 16 + took / 16, Ordering::Relaxed);
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
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// Turns for one at a time, each of which takes this long.
    fn turns(average: Duration) -> Turns {
        let average = AtomicU64::new(nanoseconds(average));
        Turns { free: Semaphore::new(1), places: 1, waiting: AtomicUsize::new(0), average }
    }

    #[test]
    fn one_has_a_turn_and_the_others_wait_until_it_would_take_too_long() {
        // With 100 ms each the third in the queue would wait 300 ms.
        let turns = turns(Duration::from_millis(100));
        let mut context = Context::from_waker(Waker::noop());
        let mut first = pin!(turns.take());
        let Poll::Ready(Some(first)) = first.as_mut().poll(&mut context) else { panic!("no turn") };
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(turns.take())).collect();
        for request in &mut waiting {
            assert!(request.as_mut().poll(&mut context).is_pending());
        }
        assert!(turns.is_full());
        assert!(matches!(pin!(turns.take()).poll(&mut context), Poll::Ready(None)), "refused at once");
        // One that goes away makes room.
        waiting.pop();
        assert!(!turns.is_full());
        drop(first);
        assert!(matches!(waiting[0].as_mut().poll(&mut context), Poll::Ready(Some(_))), "the oldest is next");
    }

    #[test]
    fn what_a_turn_takes_is_learned() {
        let turns = turns(Duration::from_secs(1));
        for _ in 0..200 {
            let mut context = Context::from_waker(Waker::noop());
            assert!(matches!(pin!(turns.take()).poll(&mut context), Poll::Ready(Some(_))));
        }
        assert!(turns.average.load(Ordering::Relaxed) < nanoseconds(Duration::from_millis(1)));
    }
}
