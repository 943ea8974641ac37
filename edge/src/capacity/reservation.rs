//! A share of something that is bounded, such as memory or room among the requests in flight, given back when it is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A request's room among those in flight.
#[derive(Debug)]
pub(crate) struct Room {
    _of_all: Reservation,
    _of_endpoint: Reservation,
}

/// A part of something that is bounded, given back in the end.
#[derive(Debug)]
pub(crate) struct Reservation {
    of: Arc<AtomicUsize>,
    amount: usize,
}

impl Room {
    /// Room for one more of all and of its endpoint; `None` where either is full.
    pub(crate) fn take(all: (&Arc<AtomicUsize>, usize), endpoint: (&Arc<AtomicUsize>, usize)) -> Option<Self> {
        let (mut of_all, mut of_endpoint) = (Reservation::of(all.0), Reservation::of(endpoint.0));
        let fits = of_all.grow(1, all.1) && of_endpoint.grow(1, endpoint.1);
        fits.then_some(Self { _of_all: of_all, _of_endpoint: of_endpoint })
    }
}

impl Reservation {
    /// One of however many.
    pub(crate) fn one(of: &Arc<AtomicUsize>) -> Self {
        let mut one = Self::of(of);
        one.grow(1, usize::MAX);
        one
    }

    /// None yet, to grow.
    pub(crate) fn of(of: &Arc<AtomicUsize>) -> Self {
        Self { of: Arc::clone(of), amount: 0 }
    }

    /// Whether there is room for so much more; where not, this should be given back.
    pub(crate) fn grow(&mut self, amount: usize, limit: usize) -> bool {
        // Taken first and looked at then: two at once may both be refused, never both be let in.
        let before = self.of.fetch_add(amount, Ordering::Relaxed);
        self.amount += amount;
        before.saturating_add(amount) <= limit
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.of.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_is_given_back_and_what_is_refused_too() {
        let used = Arc::default();
        let mut first = Reservation::of(&used);
        assert!(first.grow(3, 5));
        let mut second = Reservation::of(&used);
        assert!(!second.grow(3, 5));
        drop(second);
        assert!(first.grow(2, 5));
        drop(first);
        assert_eq!(used.load(Ordering::Relaxed), 0);
    }
}
