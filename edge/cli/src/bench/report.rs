//! What a run came to, held against the platform's thresholds.

use std::io::{self, Write as _};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::load::Tally;

/// The platform slows a flow down where p90 is over a second, or where 5 % fail.
const MAX_P90_MS: f64 = 1000.0;
const MAX_ERRORS: f64 = 0.05;

/// What a run came to.
pub(super) struct Report {
    target: String,
    requests: usize,
    seconds: f64,
    offered: Option<f64>,
    statuses: Vec<(u16, Latencies)>,
    failures: Vec<(String, usize)>,
    /// Of all answers, whatever their status.
    p90_ms: f64,
    sampled: usize,
    opened: usize,
}

struct Latencies {
    count: u64,
    /// p50, p90, p99, p99.9 and the longest, in milliseconds.
    ms: [f64; 5],
}

const NAMES: [&str; 5] = ["p50", "p90", "p99", "p99_9", "max"];

impl Latencies {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |percentile| histogram.value_at_percentile(percentile) as f64 / 1000.0;
        Self { count: histogram.len(), ms: [at(50.0), at(90.0), at(99.0), at(99.9), histogram.max() as f64 / 1000.0] }
    }

    fn to_json(&self) -> Value {
        let mut json: serde_json::Map<_, _> =
            NAMES.iter().zip(self.ms).map(|(name, ms)| (format!("{name}_ms"), ms.into())).collect();
        json.insert("count".to_owned(), self.count.into());
        json.into()
    }
}

impl Report {
    /// `requests` to `target` count, `offered` of them a second where they had their times; `opened` of the sampled answers
    /// could be opened.
    pub(super) fn new(target: String, requests: usize, offered: Option<f64>, tally: &Tally, opened: usize) -> Self {
        let mut all: Option<Histogram<u64>> = None;
        for latencies in tally.answers.values() {
            match &mut all {
                None => all = Some(latencies.clone()),
                // Both grow as they must.
                Some(all) => all.add(latencies).unwrap_or_default(),
            }
        }
        Self {
            target,
            requests,
            seconds: tally.took.as_secs_f64(),
            offered,
            statuses: tally.answers.iter().map(|(status, latencies)| (*status, Latencies::of(latencies))).collect(),
            failures: tally.failures.iter().map(|(failure, count)| (failure.to_string(), *count)).collect(),
            p90_ms: all.map_or(0.0, |all| all.value_at_percentile(90.0) as f64 / 1000.0),
            sampled: tally.samples.len(),
            opened,
        }
    }

    fn good(&self) -> u64 {
        self.statuses.iter().find(|(status, _)| *status == 200).map_or(0, |(_, latencies)| latencies.count)
    }

    fn errors(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { 1.0 - self.good() as f64 / self.requests as f64 }
    }

    fn per_second(&self, count: u64) -> f64 {
        if self.seconds > 0.0 { count as f64 / self.seconds } else { 0.0 }
    }

    /// Whether the platform would be content.
    pub(super) fn is_good(&self) -> bool {
        self.p90_ms < MAX_P90_MS && self.errors() < MAX_ERRORS && self.opened == self.sampled
    }

    pub(super) fn print(&self, as_json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if as_json {
            return writeln!(out, "{}", self.to_json());
        }
        let offered = self.offered.map_or("as fast as they are answered".to_owned(), |rate| format!("{rate} a second"));
        writeln!(out, "{}", self.target)?;
        writeln!(out, "{} requests, {offered}, in {:.1} s", self.requests, self.seconds)?;
        writeln!(out)?;
        writeln!(out, "status     count    per s   p50 ms   p90 ms   p99 ms p99.9 ms   max ms")?;
        for (status, latencies) in &self.statuses {
            write!(out, "{status:6} {:9} {:8.0}", latencies.count, self.per_second(latencies.count))?;
            for ms in latencies.ms {
                write!(out, " {ms:8.1}")?;
            }
            writeln!(out)?;
        }
        for (failure, count) in &self.failures {
            writeln!(out, "{count:16} {failure}")?;
        }
        writeln!(out)?;
        writeln!(out, "opened  {} of {} sampled answers", self.opened, self.sampled)?;
        writeln!(out, "p90     {:.1} ms; the platform asks for less than {MAX_P90_MS:.0}", self.p90_ms)?;
        writeln!(out, "errors  {:.2} %; the platform bears less than 5", self.errors() * 100.0)?;
        writeln!(out, "{}", if self.is_good() { "good" } else { "not good" })
    }

    fn to_json(&self) -> Value {
        let statuses: serde_json::Map<_, _> =
            self.statuses.iter().map(|(status, latencies)| (status.to_string(), latencies.to_json())).collect();
        let failures: serde_json::Map<_, _> =
            self.failures.iter().map(|(failure, count)| (failure.clone(), (*count).into())).collect();
        json!({
            "target": self.target,
            "requests": self.requests,
            "offered_per_second": self.offered,
            "seconds": self.seconds,
            "good_per_second": self.per_second(self.good()),
            "statuses": statuses,
            "failures": failures,
            "sampled": self.sampled,
            "opened": self.opened,
            "p90_ms": self.p90_ms,
            "error_share": self.errors(),
            "good": self.is_good(),
        })
    }
}
