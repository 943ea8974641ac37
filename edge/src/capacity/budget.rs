//! The memory that requests may hold, from their heads to the last byte of their answers.
//!
//! One number bounds it, `limits.max_body_memory`. What each request holds at the moment is its [`Share`]. When all is taken, a
//! request whose body is still coming gives way, the largest first and of several the oldest: work that has begun is never thrown
//! away for one that may come, and nobody keeps others out by sending slowly. A part is kept from large bodies.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::Notify;

use super::locked::locked;

/// What a request takes beside its body and what becomes of it: its task, its stream and what is observed of it.
pub(crate) const REQUEST: usize = 8 * 1024;
/// Up to this size a body is small. Forms are, by far.
const SMALL: usize = 64 * 1024;
/// Large bodies get at most three quarters.
const PART_OF_LARGE: (usize, usize) = (3, 4);

/// The memory of one edge.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    limit: AtomicUsize,
    used: AtomicUsize,
    unfinished: Mutex<Unfinished>,
}

/// What one request holds, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    held: AtomicUsize,
}

/// A body that is being received.
#[derive(Debug)]
pub(crate) struct Receiving {
    body: Arc<Body>,
    rank: Rank,
}

/// The request gave way to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GaveWay;

#[derive(Debug, Default)]
struct Unfinished {
    begun: u64,
    bodies: BTreeMap<Rank, Arc<Body>>,
}

/// Who gives way first: of the class of size that is largest the one that began first.
type Rank = (Reverse<u32>, u64);

#[derive(Debug)]
struct Body {
    share: Arc<Share>,
    /// `None` once it has given way.
    bytes: Mutex<Option<Vec<u8>>>,
    gave_way: Notify,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit: limit.into(), ..Self::default() })
    }

    /// For what is taken from now on.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// How much is held at the moment.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether less than a quarter is left.
    pub(crate) fn is_short(&self) -> bool {
        self.used() / 3 > self.limit() / 4
    }

    /// A share of so much; `None` where all is held by requests that do not give way.
    pub(crate) fn share(self: &Arc<Self>, amount: usize) -> Option<Arc<Share>> {
        (amount <= self.limit() && self.take(amount, self.limit(), None))
            .then(|| Arc::new(Share { budget: Arc::clone(self), held: amount.into() }))
    }

    fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Takes so much within the limit, from those who give way where need be: to a body that is still coming itself only those
    /// who come before it.
    fn take(&self, amount: usize, limit: usize, asks: Option<Rank>) -> bool {
        loop {
            // Taken first and looked at then: two at once may both have to look for more, never both be let in.
            let before = self.used.fetch_add(amount, Ordering::Relaxed);
            if before.saturating_add(amount) <= limit {
                return true;
            }
            self.give_back(amount);
            if !self.make_room(asks) {
                return false;
            }
        }
    }

    fn give_back(&self, amount: usize) {
        self.used.fetch_sub(amount, Ordering::Relaxed);
    }

    /// Whether somebody gave way.
    fn make_room(&self, asks: Option<Rank>) -> bool {
        let first = {
            let mut unfinished = locked(&self.unfinished);
            match unfinished.bodies.first_key_value() {
                Some((rank, _)) if asks.is_none_or(|asks| *rank < asks) => unfinished.bodies.pop_first(),
                _ => None,
            }
        };
        let Some((_, body)) = first else { return false };
        // Freed here and not by its own task, which may run later.
        drop(locked(&body.bytes).take());
        body.share.clear();
        body.gave_way.notify_one();
        true
    }
}

impl Share {
    /// Nothing yet.
    pub(crate) fn none(budget: &Arc<Budget>) -> Arc<Self> {
        Arc::new(Self { budget: Arc::clone(budget), held: AtomicUsize::new(0) })
    }

    /// Whether it is more than nothing.
    pub(crate) fn is_some(&self) -> bool {
        self.held.load(Ordering::Relaxed) > 0
    }

    /// Holds so much from now on; `false` where there is no room for it, and nothing changes.
    pub(crate) fn resize(&self, amount: usize) -> bool {
        self.resize_within(amount, self.budget.limit(), None)
    }

    fn resize_within(&self, amount: usize, limit: usize, asks: Option<Rank>) -> bool {
        let held = self.held.load(Ordering::Relaxed);
        if amount <= held {
            self.held.fetch_sub(held - amount, Ordering::Relaxed);
            self.budget.give_back(held - amount);
            return true;
        }
        let more = amount - held;
        // Nobody gives way for what could never fit.
        let fits = amount <= limit && self.budget.take(more, limit, asks);
        if fits {
            self.held.fetch_add(more, Ordering::Relaxed);
        }
        fits
    }

    fn clear(&self) {
        self.budget.give_back(self.held.swap(0, Ordering::Relaxed));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Receiving {
    /// From now on the request may have to give way.
    pub(crate) fn begin(share: &Arc<Share>) -> Self {
        let body =
            Arc::new(Body { share: Arc::clone(share), bytes: Mutex::new(Some(Vec::new())), gave_way: Notify::new() });
        let mut unfinished = locked(&share.budget.unfinished);
        unfinished.begun += 1;
        let rank = (Reverse(class(0)), unfinished.begun);
        unfinished.bodies.insert(rank, Arc::clone(&body));
        drop(unfinished);
        Self { body, rank }
    }

    /// Takes one part of a body that is to be of this size in the end, as far as is known.
    pub(crate) fn push(&mut self, part: &[u8], expected: usize) -> Result<(), GaveWay> {
        let (len, capacity) = match &*locked(&self.body.bytes) {
            Some(bytes) => (bytes.len() + part.len(), bytes.capacity()),
            None => return Err(GaveWay),
        };
        // Doubling, but never beyond what is expected.
        let grown = if len > capacity { len.max((2 * capacity).min(expected)) } else { capacity };
        let limit = self.body.share.budget.limit();
        let limit = if grown > SMALL { limit / PART_OF_LARGE.1 * PART_OF_LARGE.0 } else { limit };
        let rank = (Reverse(class(grown)), self.rank.1);
        if !self.body.share.resize_within(REQUEST + grown, limit, Some(rank)) {
            return Err(GaveWay);
        }
        match &mut *locked(&self.body.bytes) {
            Some(bytes) => {
                bytes.reserve_exact(grown - bytes.len());
                bytes.extend_from_slice(part);
            }
            None => {
                self.body.share.clear();
                return Err(GaveWay);
            }
        }
        self.move_to(rank);
        Ok(())
    }

    /// Returns once it gave way.
    pub(crate) async fn gave_way(&self) {
        self.body.gave_way.notified().await;
    }

    /// The body is there: from now on it keeps what it has.
    pub(crate) fn finish(self) -> Result<Bytes, GaveWay> {
        locked(&self.body.share.budget.unfinished).bodies.remove(&self.rank);
        locked(&self.body.bytes).take().map(Bytes::from).ok_or(GaveWay)
    }

    fn move_to(&mut self, rank: Rank) {
        if rank == self.rank {
            return;
        }
        let mut unfinished = locked(&self.body.share.budget.unfinished);
        if let Some(body) = unfinished.bodies.remove(&self.rank) {
            unfinished.bodies.insert(rank, body);
        }
        drop(unfinished);
        self.rank = rank;
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        locked(&self.body.share.budget.unfinished).bodies.remove(&self.rank);
    }
}

/// Sizes that differ by less than the double count as the same.
fn class(size: usize) -> u32 {
    usize::BITS - (size / 4096).leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    const KIB: usize = 1024;

    fn receiving(budget: &Arc<Budget>) -> Option<Receiving> {
        budget.share(REQUEST).map(|share| Receiving::begin(&share))
    }

    #[test]
    fn what_is_held_is_counted_until_it_is_dropped() {
        let budget = Budget::new(100 * KIB);
        let share = budget.share(REQUEST).unwrap();
        assert!(share.resize(40 * KIB));
        let mut body = receiving(&budget).unwrap();
        body.push(&[0; 10 * KIB], 10 * KIB).unwrap();
        assert_eq!(budget.used(), 40 * KIB + REQUEST + 10 * KIB);
        assert!(!share.resize(101 * KIB), "more than there is");
        assert_eq!(body.finish().unwrap().len(), 10 * KIB);
        assert!(share.resize(KIB));
        drop(share);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn the_largest_body_that_is_still_coming_gives_way_and_no_other() {
        let budget = Budget::new(100 * KIB);
        let (mut small, mut large) = (receiving(&budget).unwrap(), receiving(&budget).unwrap());
        small.push(&[0; 10 * KIB], 10 * KIB).unwrap();
        large.push(&[0; 40 * KIB], 40 * KIB).unwrap();
        let mut late = receiving(&budget).unwrap();
        late.push(&[0; 30 * KIB], 30 * KIB).unwrap();
        assert!(large.gave_way().now_or_never().is_some());
        assert_eq!(large.push(&[0], 1), Err(GaveWay));
        assert_eq!(large.finish(), Err(GaveWay));
        assert_eq!(small.finish().unwrap().len(), 10 * KIB);
        assert_eq!(late.finish().unwrap().len(), 30 * KIB);
    }

    #[test]
    fn of_bodies_of_one_size_the_oldest_gives_way_one_at_a_time() {
        let budget = Budget::new(10 * REQUEST);
        let waiting: Vec<_> = (0..10).map(|_| receiving(&budget).unwrap()).collect();
        let new = receiving(&budget).unwrap();
        let gone: Vec<_> = waiting.iter().map(|body| body.gave_way().now_or_never().is_some()).collect();
        assert_eq!(gone, [true, false, false, false, false, false, false, false, false, false]);
        assert!(new.gave_way().now_or_never().is_none());
    }

    #[test]
    fn a_body_does_not_take_from_smaller_ones_and_none_from_work_that_has_begun() {
        let budget = Budget::new(100 * KIB);
        let work = budget.share(60 * KIB).unwrap();
        let (mut small, mut large) = (receiving(&budget).unwrap(), receiving(&budget).unwrap());
        small.push(&[0; 4 * KIB], 4 * KIB).unwrap();
        assert_eq!(large.push(&[0; 40 * KIB], 40 * KIB), Err(GaveWay));
        assert!(small.gave_way().now_or_never().is_none());
        drop((small, large));
        assert!(budget.share(50 * KIB).is_none());
        drop(work);
    }

    #[test]
    fn a_part_is_kept_for_small_bodies() {
        let budget = Budget::new(800 * KIB);
        let mut large = receiving(&budget).unwrap();
        assert_eq!(large.push(&vec![0; 700 * KIB], 700 * KIB), Err(GaveWay));
        large.push(&vec![0; 500 * KIB], 500 * KIB).unwrap();
        let small: Vec<_> = (0..3).map(|_| budget.share(REQUEST + SMALL)).collect();
        assert!(small.iter().all(Option::is_some));
        assert!(large.gave_way().now_or_never().is_none());
    }

    #[test]
    fn a_body_is_held_once_however_many_parts_it_comes_in() {
        let budget = Budget::new(4 * 1024 * KIB);
        let mut body = receiving(&budget).unwrap();
        for _ in 0..1000 {
            body.push(&[7; 1000], 1_000_000).unwrap();
        }
        assert_eq!(budget.used(), REQUEST + 1_000_000);
        assert_eq!(body.finish().unwrap(), vec![7; 1_000_000]);
    }
}
