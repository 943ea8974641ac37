//! `flowctl bench` against a running `flowctl dev`.

use serde_json::{Value, json};

use crate::endpoint::Dev;
use crate::process::Finished;

fn report(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished:?}"))
}

#[test]
fn every_request_is_answered_and_the_sampled_answers_open() {
    let dev = Dev::start();
    dev.write("form.json", r#"{ "trigger": "department_selected", "department": "beauty" }"#);
    for way in [
        &["--connections", "4"][..],
        &["--data", "form.json", "--screen", "APPOINTMENT"],
        &["--connections", "2", "--http2", "3"],
        &["--rate", "100", "--ping-share", "0.5"],
    ] {
        let arguments = [&["--json", "--requests", "200", "--warm-up", "10"], way].concat();
        let run = dev.run("bench", &arguments);
        let report = report(&run);
        assert_eq!(report["statuses"]["200"]["count"], 200, "{way:?} {report}");
        assert_eq!((&report["failures"], &report["error_share"]), (&json!({}), &json!(0.0)), "{way:?} {report}");
        assert!(report["sampled"].as_u64().unwrap() >= 2, "{way:?} {report}");
        assert_eq!(report["opened"], report["sampled"], "{way:?} {report}");
        let latency = |name: &str| report["statuses"]["200"][name].as_f64().unwrap();
        assert!(latency("p50_ms") > 0.0 && latency("p50_ms") <= latency("p90_ms"), "{way:?} {report}");
        assert!(latency("p90_ms") <= latency("max_ms"), "{way:?} {report}");
        assert_eq!(run.code, Some(if latency("p90_ms") < 1000.0 { 0 } else { 1 }), "{way:?} {report}");
    }
}

#[test]
fn the_rate_is_kept() {
    let dev = Dev::start();
    let run = dev.run("bench", &["--json", "--rate", "100", "--requests", "100", "--warm-up", "0"]);
    let seconds = report(&run)["seconds"].as_f64().unwrap();
    // The last request is sent 0.99 seconds after the first; how late it is answered depends on the machine.
    assert!(seconds >= 0.99, "{seconds}");
}

#[test]
fn what_the_platform_would_not_bear_is_no_success() {
    let mut dev = Dev::start();
    dev.write(".flow-dev/wrong", "another secret");
    let run = dev.run_with("wrong", "public-key.pem", "bench", &["--requests", "20", "--warm-up", "0"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.contains("432        20"), "{}", run.stdout);
    assert!(run.stdout.ends_with("not good\n"), "{}", run.stdout);

    // The sample flow takes no such form.
    let few = ["--connections", "2", "--requests", "20", "--warm-up", "0"];
    let run = dev.run("bench", &[&["--json", "--payload", "1000", "--screen", "DETAILS"], &few[..]].concat());
    assert_eq!((run.code, report(&run)["statuses"]["500"]["count"].as_u64()), (Some(1), Some(20)), "{run:?}");

    dev.write("form.json", "[]");
    let run = dev.run("bench", &["--data", "form.json"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("form.json: should be a JSON object"), "{}", run.stderr);

    dev.url = "https://127.0.0.1:1/".to_owned();
    let run = dev.run("bench", &["--requests", "3", "--warm-up", "0"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.contains("3 no connection: "), "{}", run.stdout);
}
