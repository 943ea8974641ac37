//! Lines on their way to a writer that may stand still: bounded in memory, and counted where they are lost.
//!
//! It refuses to know what a line says.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tracing::warn;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;

/// Memory of the lines that wait to be written.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// What a line counts at the least. So many are some of the edge's that as many places in the queue are always enough.
const MIN_BYTES: usize = 512;
const MAX_LINES: usize = MAX_BYTES / MIN_BYTES;

/// A loss is said as soon as half of the memory is free again, which is looked at this often, and the next one not before the second
/// time is over too.
const UNTIL_ROOM: Duration = Duration::from_millis(100);
const AFTER_SAID: Duration = Duration::from_secs(10);

/// Takes lines and holds nobody up.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    lines: NonBlocking,
    shared: Arc<Shared>,
}

/// How many lines were lost because they came faster than they were written.
#[derive(Debug, Clone)]
pub struct LostLines {
    shared: Arc<Shared>,
    /// Those that the queue had no place for.
    counter: ErrorCounter,
}

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicUsize,
    lost: AtomicU64,
    loss: Notify,
}

impl Waiting {
    /// Lines for this writer, which a thread of its own writes until the guard is dropped. It is flushed whenever no line waits.
    pub(crate) fn new(writer: impl Write + Send + 'static) -> (Self, LostLines, WorkerGuard) {
        let shared = Arc::new(Shared::default());
        let writer = Writer { writer, shared: Arc::clone(&shared) };
        let (lines, guard) = NonBlockingBuilder::default().buffered_lines_limit(MAX_LINES).finish(writer);
        let lost = LostLines { shared: Arc::clone(&shared), counter: lines.error_counter() };
        (Self { lines, shared }, lost, guard)
    }
}

fn cost(line: &[u8]) -> usize {
    line.len().max(MIN_BYTES)
}

impl Write for Waiting {
    /// Wants a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let cost = cost(line);
        if self.shared.bytes.fetch_add(cost, Ordering::Relaxed) + cost > MAX_BYTES {
            self.shared.bytes.fetch_sub(cost, Ordering::Relaxed);
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            self.shared.loss.notify_one();
            return Ok(line.len());
        }
        self.lines.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Waiting {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl LostLines {
    /// Since the start.
    pub fn count(&self) -> u64 {
        let unqueued = u64::try_from(self.counter.dropped_lines()).unwrap_or(u64::MAX);
        self.shared.lost.load(Ordering::Relaxed).saturating_add(unqueued)
    }

    /// Says so in a line, for as long as it is polled.
    pub(crate) async fn say(self) {
        loop {
            self.shared.loss.notified().await;
            while self.shared.bytes.load(Ordering::Relaxed) > MAX_BYTES / 2 {
                tokio::time::sleep(UNTIL_ROOM).await;
            }
            // Where this line is lost too, that is one more loss.
            warn!(
                lost_lines = self.count(),
                "log lines were lost, as nobody read them fast enough; so many since the start"
            );
            tokio::time::sleep(AFTER_SAID).await;
        }
    }
}

/// Gives the room of each line back.
struct Writer<W> {
    writer: W,
    shared: Arc<Shared>,
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let written = self.writer.write_all(line);
        self.shared.bytes.fetch_sub(cost(line), Ordering::Relaxed);
        written.map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A writer whose reader takes a line only when it is asked to.
    struct Slow(mpsc::SyncSender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.send(line.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lost_of(count: usize, line: &[u8]) -> (u64, usize, Vec<Vec<u8>>) {
        let (sender, reader) = mpsc::sync_channel(0);
        let (mut lines, lost, guard) = Waiting::new(Slow(sender));
        for _ in 0..count {
            lines.write_all(line).unwrap();
        }
        let (lost, bytes) = (lost.count(), lines.shared.bytes.load(Ordering::Relaxed));
        // The thread ends once nobody can send any more.
        drop(lines);
        let read = std::thread::spawn(move || reader.into_iter().collect());
        drop(guard);
        (lost, bytes, read.join().unwrap())
    }

    #[test]
    fn what_waits_is_bounded_in_bytes_and_what_is_lost_is_counted() {
        for (count, length) in [(10_000, 600), (100_000, 20), (40, 1_000_000)] {
            let line = vec![b'a'; length];
            let (lost, bytes, read) = lost_of(count, &line);
            assert!(bytes <= MAX_BYTES, "{bytes} bytes wait");
            assert!(lost > 0);
            assert_eq!(lost + read.len() as u64, count as u64);
            assert!(read.iter().all(|read| *read == line), "a line is whole");
        }
    }

    #[test]
    fn nothing_is_lost_that_fits() {
        let (lost, _, read) = lost_of(1000, b"a line");
        assert_eq!((lost, read.len()), (0, 1000));
    }
}
