//! What is measured of requests and of the edge, in the words of OpenTelemetry: spans, histograms, counters and their names.
//!
//! It refuses to know what a stage does, what an edge is, and where the numbers of its gauges come from.

pub(crate) mod semconv;

mod metrics;
mod observe;
mod request;
mod screens;

pub(crate) use self::metrics::{Error as MetricsError, Metrics, Reload, Replay, Uses, labels, one};
pub(crate) use self::observe::{Head, Observatory, Observer, Server};
pub(crate) use self::request::{End, Outcome, Stage};
pub(crate) use self::screens::{ScreenCounts, ScreenEvent};
