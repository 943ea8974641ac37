//! Answers in the order in which they were last asked for, bounded by bytes and by time: once full, the one that nobody asked for
//! longest goes, and never the newest.
//!
//! It refuses to know who waits for what.

use std::mem::size_of;
use std::sync::Arc;

use hashlink::LinkedHashMap;
use tokio::time::Instant;

use crate::config;
use crate::line::answer::Answer;

/// What an answer takes beside its body, as a process grows by it.
const OVERHEAD: usize = {
    let node = size_of::<([u8; 32], Remembered)>() + 2 * size_of::<usize>();
    // By which a body is shared with the response that is on its way.
    let shared = 3 * size_of::<usize>();
    // Of each of the three, two words of the allocator; and of the table 9 bytes, at worst a bit over twice that.
    node + shared + 3 * 2 * size_of::<usize>() + 24
};

/// What was asked, and where: endpoints may share a private key, so the same envelope can come to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) endpoint: Arc<str>,
    pub(super) ciphertext: [u8; 32],
}

/// A sealed answer, and what it was asked for.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) asked: Asked,
    pub(super) answer: Answer,
    /// When it was answered. Asking for it again does not make it younger.
    since: Instant,
}

/// The answers, by AES key and vector.
#[derive(Debug)]
pub(super) struct Memory {
    bounds: config::Replay,
    /// The least recently used first.
    answers: LinkedHashMap<[u8; 32], Remembered>,
    /// Bytes of the bodies.
    bodies: usize,
    /// Nodes of the list. It keeps those that were taken out for the next ones, so they count until it gives them back.
    nodes: usize,
}

impl Memory {
    pub(super) fn new(bounds: config::Replay) -> Self {
        Self { bounds, answers: LinkedHashMap::new(), bodies: 0, nodes: 0 }
    }

    /// What is remembered takes so many bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bodies + self.nodes * OVERHEAD
    }

    /// The answer, which is then the most recently used; `None` where there is none, or none any more.
    pub(super) fn find(&mut self, session: &[u8; 32]) -> Option<&Remembered> {
        if self.is_old(self.answers.get(session)?) {
            self.forget(session);
            return None;
        }
        self.answers.to_back(session).map(|found| &*found)
    }

    /// Remembers an answer, unless it alone is too large.
    pub(super) fn insert(&mut self, session: [u8; 32], asked: Asked, answer: Answer) {
        if answer.body.len() + OVERHEAD > self.max_bytes() || self.bounds.ttl.is_zero() {
            return;
        }
        self.bodies += answer.body.len();
        let before = self.answers.insert(session, Remembered { asked, answer, since: Instant::now() });
        self.bodies -= before.map_or(0, |before| before.answer.body.len());
        self.nodes = self.nodes.max(self.answers.len());
        self.evict();
    }

    /// Takes over other bounds. What they leave room for stays.
    pub(super) fn bound(&mut self, bounds: config::Replay) {
        self.bounds = bounds;
        let old: Vec<_> = self.answers.iter().filter(|(_, answer)| self.is_old(answer)).map(|(key, _)| *key).collect();
        old.iter().for_each(|session| self.forget(session));
        while let Some((session, _)) = self.answers.front()
            && self.bodies + self.answers.len() * OVERHEAD > self.max_bytes()
        {
            let session = *session;
            self.forget(&session);
        }
        self.shrink();
    }

    /// Makes what is remembered fit, and what is old and was not asked for since go.
    fn evict(&mut self) {
        while let Some((session, first)) = self.answers.front()
            && (self.is_old(first) || self.bytes() > self.max_bytes())
        {
            let session = *session;
            if self.answers.len() == 1 && self.nodes > 1 {
                // The newest does not go for the nodes of others.
                self.shrink();
            } else {
                self.forget(&session);
            }
        }
    }

    fn forget(&mut self, session: &[u8; 32]) {
        self.bodies -= self.answers.remove(session).map_or(0, |gone| gone.answer.body.len());
        // Not each time, for this goes through all of them.
        if self.nodes > 2 * self.answers.len() {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        self.answers.shrink_to_fit();
        self.nodes = self.answers.len();
    }

    fn is_old(&self, remembered: &Remembered) -> bool {
        remembered.since.elapsed() >= self.bounds.ttl
    }

    fn max_bytes(&self) -> usize {
        usize::try_from(self.bounds.max_bytes).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Outcome;
    use std::process::Command;
    use std::sync::{Arc, LazyLock};
    use std::time::Duration;
    use std::{env, fs};

    const TTL: Duration = Duration::from_secs(600);

    fn memory(max_bytes: usize) -> Memory {
        Memory::new(config::Replay { max_bytes: max_bytes as u64, ttl: TTL })
    }

    fn session(number: usize) -> [u8; 32] {
        let mut session = [0; 32];
        session[..8].copy_from_slice(&number.to_le_bytes());
        session
    }

    fn insert(memory: &mut Memory, number: usize, body: usize) {
        static ENDPOINT: LazyLock<Arc<str>> = LazyLock::new(|| "endpoint".into());
        let asked = Asked { endpoint: Arc::clone(&ENDPOINT), ciphertext: session(number) };
        let body = vec![b'a'; body].into();
        let answer =
            Answer { status: http::StatusCode::OK, body, outcome: Outcome::Active, screen: None, hidden: None };
        // The other one is the response.
        memory.insert(session(number), asked, answer.clone());
    }

    /// Which of so many are there, without touching them.
    fn kept(memory: &Memory, count: usize) -> Vec<usize> {
        (0..count).filter(|number| memory.answers.contains_key(&session(*number))).collect()
    }

    #[test]
    fn a_full_memory_keeps_the_newest_and_no_byte_more_than_it_may() {
        // One node more, which an answer takes before the first one goes.
        let max = 10 * (OVERHEAD + 100) + OVERHEAD;
        let mut memory = memory(max);
        for number in 0..1000 {
            insert(&mut memory, number, 100);
            assert!(memory.bytes() <= max);
            assert_eq!(kept(&memory, 1000), (number.saturating_sub(9)..=number).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_was_asked_for_again_outlives_what_came_later() {
        let mut memory = memory(4 * (OVERHEAD + 100) + OVERHEAD);
        for number in 0..4 {
            insert(&mut memory, number, 100);
        }
        assert!(memory.find(&session(1)).is_some());
        for number in 4..7 {
            insert(&mut memory, number, 100);
        }
        assert_eq!(kept(&memory, 7), [1, 4, 5, 6]);
    }

    #[test]
    fn whatever_its_size_the_newest_is_there_and_the_bound_holds() {
        let max = 20 * (OVERHEAD + 500);
        let mut memory = memory(max);
        let largest = max - OVERHEAD;
        for (number, body) in
            [10, 700, 1, 3000, 50].into_iter().cycle().take(2000).chain([largest, 1, largest]).enumerate()
        {
            insert(&mut memory, number, body);
            assert!(memory.bytes() <= max, "{number}");
            assert!(memory.find(&session(number)).is_some(), "{number}");
        }
        let before = memory.bytes();
        insert(&mut memory, 3000, largest + 1);
        assert!(memory.find(&session(3000)).is_none(), "too large by itself");
        assert_eq!(memory.bytes(), before, "and nothing went for it");
    }

    #[test]
    fn a_smaller_bound_leaves_the_most_recently_used_and_a_larger_one_leaves_all() {
        let mut memory = memory(usize::MAX);
        for number in 0..8 {
            insert(&mut memory, number, 100);
        }
        let bounds = |max_bytes: usize| config::Replay { max_bytes: max_bytes as u64, ttl: TTL };
        memory.bound(bounds(4 * (OVERHEAD + 100)));
        assert_eq!(memory.bytes(), 4 * (OVERHEAD + 100));
        memory.bound(bounds(usize::MAX));
        assert_eq!(kept(&memory, 8), [4, 5, 6, 7]);
        memory.bound(bounds(0));
        assert_eq!((kept(&memory, 8), memory.bytes()), (vec![], 0));
        insert(&mut memory, 0, 1);
        assert!(kept(&memory, 8).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_goes_when_its_time_is_over_however_often_it_was_asked_for() {
        let mut memory = memory(usize::MAX);
        insert(&mut memory, 0, 100);
        insert(&mut memory, 1, 100);
        tokio::time::advance(TTL - Duration::from_millis(1)).await;
        assert!(memory.find(&session(0)).is_some());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(memory.find(&session(0)).is_none());
        // Nobody asks for the other one; it goes with the next that comes.
        insert(&mut memory, 2, 100);
        assert_eq!(kept(&memory, 3), [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shorter_time_holds_for_what_is_there() {
        let mut memory = memory(usize::MAX);
        insert(&mut memory, 0, 100);
        tokio::time::advance(TTL / 2).await;
        insert(&mut memory, 1, 100);
        for (ttl, left) in [(TTL / 2, vec![1]), (Duration::ZERO, vec![])] {
            memory.bound(config::Replay { max_bytes: u64::MAX, ttl });
            assert_eq!(kept(&memory, 2), left);
        }
        insert(&mut memory, 2, 100);
        assert_eq!((kept(&memory, 3), memory.bytes()), (vec![], 0));
    }

    /// What this process takes of the machine's memory, without what is mapped from files.
    fn resident() -> usize {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let kilobytes = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        kilobytes.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
    }

    #[test]
    fn what_an_answer_weighs_is_what_the_process_grows_by() {
        const ALONE: &str = "FLOW_TEST_ALONE";
        const COUNT: usize = 30_000;
        if env::var_os(ALONE).is_none() {
            // Other tests beside it would be measured too.
            let name = std::thread::current().name().unwrap().to_owned();
            let alone = Command::new(env::current_exe().unwrap())
                .args(["--exact", &name, "--nocapture", "--test-threads=1"])
                .env(ALONE, "1")
                .output()
                .unwrap();
            assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stderr));
            return;
        }
        let before = resident();
        let mut memory = memory(usize::MAX);
        for number in 0..COUNT {
            insert(&mut memory, number, 300 + number % 700);
        }
        let (grown, weight) = (resident() - before, memory.bytes());
        let figures = format!("{COUNT} answers take {grown} bytes and weigh {weight}; each {OVERHEAD} beside its body");
        eprintln!("{figures}");
        assert!(grown <= weight && grown * 10 >= weight * 9, "{figures}");
    }
}
