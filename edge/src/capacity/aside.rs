//! Work on large messages, so that small ones need not wait for it.
//!
//! A megabyte takes milliseconds to open, to read and to write, and a worker that does so answers nobody else meanwhile. So the
//! worker hands its other requests to another thread before; the operating system then shares the processor between the two. As
//! many large messages as there are processors are worked on at a time, so that all of them together get no more than their
//! share.

use std::sync::LazyLock;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::block_in_place;

/// From how many bytes on it is worth the change of threads: what takes as long as the private operation of one request.
const LARGE: usize = 64 * 1024;

static PLACES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(processors()));

/// How many processors this process may use.
pub(crate) fn processors() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Does work on a message of so many bytes. Wants tokio's runtime with several threads.
pub(crate) async fn aside<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes < LARGE {
        return work();
    }
    // Nobody closes the semaphore.
    let _place = PLACES.acquire().await;
    block_in_place(work)
}
