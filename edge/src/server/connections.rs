//! The open connections of one listener, and which of them makes room when there are as many as there may be.
//!
//! A connection has proved itself once a request on it was signed as only the platform signs. Nobody else can do that, so where
//! room is needed, the one goes that never did: first of those without a request the one that has been so longest. It refuses to
//! know what a signature is.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tracing::warn;

use crate::capacity::locked;

/// How many requests of one that has not proved itself may be refused before it is asked to end, and before it is ended: what a peer
/// does not take of their answers waits where nothing here can see it.
const ENOUGH: usize = 8;
const TOO_MANY: usize = 16;
/// How long a peer may take nothing of an answer once memory is short.
const STALLED: Duration = Duration::from_secs(1);
/// How often that is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How often the log says that there is hardly room.
const WARN_INTERVAL: Duration = Duration::from_secs(60);

/// The connections of one listener.
#[derive(Debug)]
pub(crate) struct Connections {
    max: usize,
    table: Mutex<Table>,
    displaced: AtomicUsize,
    ended: Notify,
    began: Instant,
    /// When stalled ones were looked for last, in milliseconds since then.
    looked: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    open: usize,
    begun: u64,
    all: HashMap<u64, Arc<Peer>>,
    /// Those that have not proved themselves, in the order in which they make room.
    unproven: BTreeMap<Rank, Arc<Peer>>,
    warned: Option<Instant>,
}

/// Whether it has a request, and since when it is so.
type Rank = (bool, u64);

/// One connection, from its first byte to its end.
#[derive(Debug)]
pub(crate) struct Peer {
    connections: Arc<Connections>,
    id: u64,
    /// Where it stands in the table; `None` once it has proved itself.
    rank: Mutex<Option<Rank>>,
    is_proven: AtomicBool,
    requests: AtomicUsize,
    begun: AtomicUsize,
    refused: AtomicUsize,
    unsent: AtomicUsize,
    /// When it took something of an answer last, in milliseconds since the listener began.
    took: AtomicU64,
    changed: Notify,
    had_enough: Notify,
    displaced: Notify,
}

/// One connection's place, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Peer>);

/// One request of a connection, from its head to its answer.
#[derive(Debug)]
pub(crate) struct Active(Arc<Peer>);

/// One answer of a connection, until all of it was handed over to be sent.
#[derive(Debug)]
pub(crate) struct Unsent(Arc<Peer>);

impl Connections {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            table: Mutex::default(),
            displaced: AtomicUsize::new(0),
            ended: Notify::new(),
            began: Instant::now(),
            looked: AtomicU64::new(0),
        })
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn open(&self) -> usize {
        locked(&self.table).open
    }

    /// How many had to make room so far.
    pub(crate) fn displaced(&self) -> usize {
        self.displaced.load(Ordering::Relaxed)
    }

    /// A place for one more, as soon as there is one.
    pub(crate) async fn place(self: &Arc<Self>) -> Place {
        loop {
            let ended = self.ended.notified();
            if let Some(place) = self.try_place() {
                return place;
            }
            self.displace();
            ended.await;
        }
    }

    fn try_place(self: &Arc<Self>) -> Option<Place> {
        let mut table = locked(&self.table);
        if table.open >= self.max {
            return None;
        }
        table.open += 1;
        table.begun += 1;
        let rank = (false, table.begun);
        let peer = Arc::new(Peer {
            connections: Arc::clone(self),
            id: table.begun,
            rank: Mutex::new(Some(rank)),
            is_proven: AtomicBool::new(false),
            requests: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            unsent: AtomicUsize::new(0),
            took: AtomicU64::new(0),
            changed: Notify::new(),
            had_enough: Notify::new(),
            displaced: Notify::new(),
        });
        table.all.insert(peer.id, Arc::clone(&peer));
        table.unproven.insert(rank, Arc::clone(&peer));
        let (open, max) = (table.open, self.max);
        let is_near = open * 5 >= max * 4 && max >= 5;
        if is_near && table.warned.is_none_or(|warned| warned.elapsed() >= WARN_INTERVAL) {
            table.warned = Some(Instant::now());
            drop(table);
            warn!(
                open,
                max,
                "connections near their limit: more than that, and the longest idle one without a signed request makes room"
            );
        }
        Some(Place(peer))
    }

    /// Memory is short: ends those that take nothing of their answers, which hold some.
    pub(crate) fn displace_stalled(&self) {
        let now = self.milliseconds();
        let looked = self.looked.load(Ordering::Relaxed);
        let is_due = now.saturating_sub(looked) >= LOOK_INTERVAL.as_millis() as u64;
        if !is_due || self.looked.compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let stalled = |peer: &&Arc<Peer>| {
            let still = now.saturating_sub(peer.took.load(Ordering::Relaxed));
            peer.unsent.load(Ordering::Relaxed) > 0 && still >= STALLED.as_millis() as u64
        };
        let stalled: Vec<_> = locked(&self.table).all.values().filter(stalled).cloned().collect();
        for peer in stalled {
            self.displaced.fetch_add(1, Ordering::Relaxed);
            peer.displaced.notify_one();
        }
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Has the first in order make room; where all have proved themselves, one has to end by itself.
    fn displace(&self) {
        let first = locked(&self.table).unproven.pop_first();
        if let Some((_, peer)) = first {
            self.displaced.fetch_add(1, Ordering::Relaxed);
            peer.displaced.notify_one();
        }
    }
}

impl Place {
    pub(crate) fn peer(&self) -> &Arc<Peer> {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.leave_table();
        let mut table = locked(&self.0.connections.table);
        table.open -= 1;
        table.all.remove(&self.0.id);
        drop(table);
        self.0.connections.ended.notify_waiters();
    }
}

impl Peer {
    /// A request of it was signed as only the platform signs.
    pub(crate) fn prove(&self) {
        // Looked at first: nearly every request is another one of a connection that has.
        if !self.is_proven.load(Ordering::Relaxed) && !self.is_proven.swap(true, Ordering::Relaxed) {
            self.leave_table();
        }
    }

    /// A request has begun.
    pub(crate) fn begin(self: &Arc<Self>) -> Active {
        self.begun.fetch_add(1, Ordering::Relaxed);
        if self.requests.fetch_add(1, Ordering::Relaxed) == 0 {
            self.move_in_table(true);
        }
        self.changed.notify_waiters();
        Active(Arc::clone(self))
    }

    /// A request of it was refused. One that has not proved itself has enough of that soon.
    pub(crate) fn refused(&self) {
        let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        if refused < ENOUGH || self.is_proven.load(Ordering::Relaxed) {
            return;
        }
        if refused == ENOUGH {
            self.had_enough.notify_one();
        } else if refused > TOO_MANY {
            self.leave_table();
            self.displaced.notify_one();
        }
    }

    /// Whether it is to end with the answer to this request.
    pub(crate) fn has_enough(&self) -> bool {
        self.refused.load(Ordering::Relaxed) >= ENOUGH && !self.is_proven.load(Ordering::Relaxed)
    }

    /// Returns once it is to end as soon as its requests are answered.
    pub(crate) async fn had_enough(&self) {
        self.had_enough.notified().await;
    }

    /// An answer waits to be sent.
    pub(crate) fn answers(self: &Arc<Self>) -> Unsent {
        self.unsent.fetch_add(1, Ordering::Relaxed);
        self.took.store(self.connections.milliseconds(), Ordering::Relaxed);
        Unsent(Arc::clone(self))
    }

    /// Returns once it has to make room.
    pub(crate) async fn displaced(&self) {
        self.displaced.notified().await;
    }

    /// Returns once it has been without a request for too long: for a first one, before it has proved itself or while it does not
    /// take its answers, or otherwise.
    pub(crate) async fn is_idle(&self, first: Duration, proven: Duration) {
        loop {
            self.is_free().await;
            let changed = self.changed.notified();
            let is_proven = self.is_proven.load(Ordering::Relaxed);
            let is_new = self.begun.load(Ordering::Relaxed) == 0;
            let takes_answers = self.unsent.load(Ordering::Relaxed) == 0;
            let limit = match (is_new, is_proven && takes_answers) {
                (true, _) => first,
                (false, false) => first.min(proven),
                (false, true) => proven,
            };
            if timeout(limit, changed).await.is_err() && self.requests.load(Ordering::Relaxed) == 0 {
                return;
            }
        }
    }

    /// Returns as soon as it has no request.
    pub(crate) async fn is_free(&self) {
        loop {
            let changed = self.changed.notified();
            if self.requests.load(Ordering::Relaxed) == 0 {
                return;
            }
            changed.await;
        }
    }

    fn move_in_table(self: &Arc<Self>, is_busy: bool) {
        if self.is_proven.load(Ordering::Relaxed) {
            return;
        }
        let mut table = locked(&self.connections.table);
        let mut rank = locked(&self.rank);
        // One that has proved itself meanwhile, or has to make room, has none.
        let Some(peer) = rank.and_then(|rank| table.unproven.remove(&rank)) else { return };
        table.begun += 1;
        let moved = (is_busy, table.begun);
        *rank = Some(moved);
        table.unproven.insert(moved, peer);
    }

    fn leave_table(&self) {
        let mut table = locked(&self.connections.table);
        if let Some(rank) = locked(&self.rank).take() {
            table.unproven.remove(&rank);
        }
    }
}

impl Unsent {
    /// Some of it was taken.
    pub(crate) fn taken(&self) {
        self.0.took.store(self.0.connections.milliseconds(), Ordering::Relaxed);
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.0.unsent.fetch_sub(1, Ordering::Relaxed);
        self.0.changed.notify_waiters();
    }
}

impl Active {
    pub(crate) fn peer(&self) -> &Peer {
        &self.0
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        if self.0.requests.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.move_in_table(false);
        }
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn place(connections: &Arc<Connections>) -> Option<Place> {
        connections.place().now_or_never()
    }

    fn is_displaced(place: &Place) -> bool {
        place.peer().displaced().now_or_never().is_some()
    }

    #[test]
    fn the_longest_idle_that_has_not_proved_itself_makes_room() {
        let connections = Connections::new(4);
        let places: Vec<_> = (0..4).map(|_| place(&connections).unwrap()).collect();
        places[0].peer().prove();
        // The second becomes the latest to be idle, the third is busy.
        drop(places[1].peer().begin());
        let _busy = places[2].peer().begin();
        assert!(place(&connections).is_none(), "one has to end first");
        assert_eq!(places.iter().map(is_displaced).collect::<Vec<_>>(), [false, false, false, true]);
        assert!(place(&connections).is_none());
        assert_eq!(places.iter().map(is_displaced).collect::<Vec<_>>(), [false, true, false, false]);
        assert!(place(&connections).is_none());
        assert_eq!(places.iter().map(is_displaced).collect::<Vec<_>>(), [false, false, true, false]);
        assert!(place(&connections).is_none());
        assert!(!is_displaced(&places[0]), "it has proved itself");
        assert_eq!((connections.open(), connections.displaced()), (4, 3));
        drop(places);
        assert!(place(&connections).is_some());
        assert_eq!(connections.open(), 0);
        assert!(locked(&connections.table).unproven.is_empty());
    }

    #[tokio::test]
    async fn whoever_waits_gets_the_place_of_one_that_ends() {
        let connections = Connections::new(1);
        let first = place(&connections).unwrap();
        first.peer().prove();
        let waiting = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { connections.place().await }
        });
        tokio::task::yield_now().await;
        drop(first);
        waiting.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_proved_itself_may_be_idle_longer() {
        let connections = Connections::new(1);
        let place = place(&connections).unwrap();
        let peer = place.peer();
        let idle = async || {
            let since = Instant::now();
            peer.is_idle(Duration::from_secs(10), Duration::from_secs(90)).await;
            since.elapsed().as_secs()
        };
        assert_eq!(idle().await, 10);
        drop(peer.begin());
        assert_eq!(idle().await, 10);
        peer.prove();
        assert_eq!(idle().await, 90);
        let _unsent = peer.answers();
        assert_eq!(idle().await, 10);
    }

    #[test]
    fn who_is_only_refused_is_asked_to_end_and_then_ended_unless_it_has_proved_itself() {
        let connections = Connections::new(2);
        let (stranger, proven) = (place(&connections).unwrap(), place(&connections).unwrap());
        proven.peer().prove();
        let refuse = |count: usize| {
            for _ in 0..count {
                stranger.peer().refused();
                proven.peer().refused();
            }
        };
        let had_enough = |place: &Place| place.peer().had_enough().now_or_never().is_some();
        refuse(ENOUGH - 1);
        assert_eq!((had_enough(&stranger), had_enough(&proven)), (false, false));
        refuse(1);
        assert_eq!((had_enough(&stranger), had_enough(&proven)), (true, false));
        assert!(!is_displaced(&stranger));
        refuse(TOO_MANY);
        assert_eq!((is_displaced(&stranger), is_displaced(&proven)), (true, false));
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_of_an_answer_goes_when_memory_is_short() {
        let connections = Connections::new(3);
        let places: Vec<_> = (0..3).map(|_| place(&connections).unwrap()).collect();
        places.iter().for_each(|place| place.peer().prove());
        let (stalled, taking) = (places[0].peer().answers(), places[1].peer().answers());
        tokio::time::sleep(STALLED).await;
        taking.taken();
        connections.displace_stalled();
        assert_eq!(places.iter().map(is_displaced).collect::<Vec<_>>(), [true, false, false]);
        drop(stalled);
    }
}
