//! How much memory an edge takes at the most: every kind of it that a stranger, a signer or logic can make it hold, added up for one
//! configuration. `docs/memory.md` has what each is and how its cost for one was measured.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::capacity::processors;
use crate::config::Config;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The process itself: code, runtime, TLS, metrics.
const PROCESS: usize = 16 * MIB;
/// An endpoint: its keys, secrets and series.
const ENDPOINT: usize = 20 * KIB;
/// A connection at its worst: TLS and HTTP/2, and the streams of as many refused requests as it may have.
const CONNECTION: usize = 112 * KIB;
/// A head that was read and not looked at yet, for each byte of `limits.max_header`: fields of one byte take that much.
const HEAD: usize = 7;
/// Work on one message at its worst, decoded.
const WORK: usize = 28 * MIB;
/// Lines that wait for whoever reads the log, and spans that wait for a collector.
const TELEMETRY: usize = 8 * MIB;
/// What the allocator takes for itself and cannot give back, in hundredths.
const ALLOCATOR: usize = 12;

/// How much memory an edge takes at the most, part by part.
#[derive(Debug, Clone)]
pub struct Footprint(Vec<Part>);

#[derive(Debug, Clone)]
struct Part {
    what: &'static str,
    /// The field that bounds it.
    field: &'static str,
    count: usize,
    each: usize,
}

impl Footprint {
    /// Adds up what this configuration allows, on this machine's processors.
    pub fn of(config: &Config) -> Self {
        let limits = &config.limits;
        let workers = processors();
        let streams = limits.max_streams as usize;
        let part = |what, field, count, each| Part { what, field, count, each };
        let mut parts = vec![
            part("the process itself", "", 1, PROCESS),
            part("endpoints", "endpoints", config.endpoints.len(), ENDPOINT),
            part("connections", "limits.max_connections", limits.max_connections, CONNECTION),
            part("requests", "limits.max_body_memory", 1, limits.max_body_memory),
            part("heads just read", "limits.max_header, max_streams", workers * streams, HEAD * limits.max_header),
            part("messages being worked on", "processors", workers, WORK),
            part(
                "answers remembered",
                "replay.max_bytes",
                1,
                usize::try_from(config.replay.max_bytes).unwrap_or(usize::MAX),
            ),
            part("telemetry that waits", "", 1, TELEMETRY),
        ];
        let sum = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.total()));
        parts.push(part("the allocator's own", "", 1, sum / 100 * ALLOCATOR));
        Self(parts)
    }

    /// In bytes.
    pub fn total(&self) -> usize {
        self.0.iter().fold(0, |sum, part| sum.saturating_add(part.total()))
    }
}

impl Part {
    fn total(&self) -> usize {
        self.count.saturating_mul(self.each)
    }
}

/// As a table, in mebibytes.
impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "memory, with {} processors:", processors())?;
        for part in &self.0 {
            let times = if part.count == 1 { String::new() } else { format!("{} × {}", part.count, size(part.each)) };
            writeln!(f, "  {:<26}{:>22}{:>10}  {}", part.what, times, size(part.total()), part.field)?;
        }
        write!(f, "  {:<26}{:>22}{:>10}", "at the most", "", size(self.total()))
    }
}

fn size(bytes: usize) -> String {
    if bytes < MIB { format!("{} KiB", bytes.div_ceil(KIB)) } else { format!("{} MiB", bytes.div_ceil(MIB)) }
}

/// How much memory the control groups of this process let it have, in bytes; `None` where they do not say.
pub fn memory_limit() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let root = Path::new("/sys/fs/cgroup");
    let mut files: Vec<PathBuf> = root
        .join(own)
        .ancestors()
        .take_while(|path| path.starts_with(root))
        .map(|path| path.join("memory.max"))
        .collect();
    // Version 1.
    files.push(root.join("memory/memory.limit_in_bytes"));
    let limits = files.iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok());
    // Version 1 says "no limit" with a number near 2^63.
    limits.filter(|limit| *limit < 1 << 60).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_added_up_and_shown() {
        let part = |count, each| Part { what: "connections", field: "limits.max_connections", count, each };
        let footprint = Footprint(vec![part(2000, 112 * KIB), part(1, 64 * MIB)]);
        assert_eq!(footprint.total(), 2000 * 112 * KIB + 64 * MIB);
        let shown = footprint.to_string();
        assert!(shown.contains("2000 × 112 KiB   219 MiB  limits.max_connections"), "{shown}");
        assert!(shown.ends_with("283 MiB"), "{shown}");
    }

    #[test]
    fn what_is_beyond_all_memory_is_no_overflow() {
        let part = Part { what: "", field: "", count: usize::MAX, each: 2 };
        assert_eq!(Footprint(vec![part.clone(), part]).total(), usize::MAX);
    }
}
