//! Times as bars. An inline image takes its widths from attributes, where HTML would need a style.

use std::time::Duration;

use maud::{Markup, html};

use crate::console::timeline::Exchange;

/// Where the bar ends; what takes longer is drawn as this long.
const END: Duration = Duration::from_secs(30);
/// Where a phone's user begins to wait, and where the phone gives up.
const MARKS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];

/// The whole time and logic's part of it against one second and ten. The scale is logarithmic, since most take milliseconds.
pub(super) fn against_limits(exchange: &Exchange) -> Markup {
    let calls = exchange.calls.iter().map(|call| (call.after, call.after + call.took));
    let of_logic: Duration = exchange.calls.iter().map(|call| call.took).sum();
    let said = format!("{} in all, {} of it logic's", time(exchange.took), time(of_logic));
    html! {
        svg.times viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=(said) {
            title { (said) "; marks at 1 s and 10 s, logarithmic" }
            (rect("track", 0.0, 100.0))
            (rect("total", 0.0, place(exchange.took)))
            @for (from, to) in calls { (rect("logic", place(from), place(to.min(exchange.took)))) }
            @for mark in MARKS { (rect("mark", place(mark), place(mark) + 0.4)) }
        }
    }
}

/// A part of an exchange within the whole, evenly scaled.
pub(super) fn within(from: Duration, to: Duration, whole: Duration, class: &str) -> Markup {
    let place = |time: Duration| {
        let whole = whole.as_secs_f64().max(f64::MIN_POSITIVE);
        (time.as_secs_f64() / whole * 100.0).clamp(0.0, 100.0)
    };
    html! {
        svg.times viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            (rect("track", 0.0, 100.0))
            (rect(class, place(from), place(to)))
        }
    }
}

/// As people read times.
pub(super) fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds >= 1.0 => format!("{seconds:.2} s"),
        seconds => format!("{:.1} ms", seconds * 1000.0),
    }
}

fn rect(class: &str, from: f64, to: f64) -> Markup {
    // What is there is seen.
    let width = (to - from).max(0.4);
    html! { rect class=(class) x=(format!("{from:.2}")) y="0" width=(format!("{width:.2}")) height="8" {} }
}

/// From 0 to 100.
fn place(time: Duration) -> f64 {
    let scale = |time: Duration| (1.0 + time.as_secs_f64() * 1000.0).log10();
    (scale(time) / scale(END) * 100.0).min(100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_rises_and_ends() {
        let places = [0, 1, 10, 1000, 10_000, 30_000].map(|time| place(Duration::from_millis(time)));
        assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
        assert!(places[0].abs() < 1e-9 && (places[5] - 100.0).abs() < 1e-9, "{places:?}");
        assert!((place(Duration::from_secs(3600)) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_time_has_its_unit() {
        assert_eq!(time(Duration::from_micros(12_340)), "12.3 ms");
        assert_eq!(time(Duration::from_millis(2500)), "2.50 s");
    }
}
