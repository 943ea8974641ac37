//! File descriptors: as many as the system lets this process have, and how many connections that leaves room for.
//!
//! A process that has none left accepts nobody, answers no probe and reads no file in a reload, so some are kept.

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// Kept for the admin listener's connections, those to logic and to a collector, and files that are read.
const RESERVE: usize = 256;

/// Raises the soft limit to the hard one, and says how many of so many connections can be had.
pub(crate) fn connections(wanted: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            warn!(%error, "cannot raise the limit of open files");
        }
    }
    let files = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |files| files.try_into().unwrap_or(usize::MAX));
    let possible = files.saturating_sub(RESERVE).max(1);
    if possible < wanted {
        warn!(
            files,
            max_connections = possible,
            "the limit of open files (ulimit -n) is too low for limits.max_connections, which is lower for it; \
             raise it to max_connections and 256"
        );
    }
    wanted.min(possible)
}
