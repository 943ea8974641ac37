//! `flowctl conformance --edge` against an endpoint that is right, and against endpoints that each do one thing wrong.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;

use serde_json::Value;

use super::endpoint::Running;
use super::faults::{Fault, TABLE};
use super::verdicts;
use crate::process::flowctl;

/// A conversation with an end, after which there is 427.
const SCRIPT: &str = "\
name: finished
steps:
  - { name: done, send: { action: data_exchange, screen: LAST }, expect: { screen: SUCCESS } }
  - { name: over, send: { action: INIT, flow_token: finished }, expect: { status: 427 } }
";

fn report(endpoint: &Running, arguments: &[&str]) -> Value {
    fs::write(endpoint.folder().join("script.yaml"), SCRIPT).unwrap();
    let ran = endpoint.conformance(&[&["--json", "--script", "script.yaml"], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

#[test]
fn a_right_endpoint_passes_every_case() {
    let report = report(&Running::start(Fault::None), &[]);
    assert_eq!(report["good"], true, "{report:#}");
    assert_eq!(report["skipped"], 0, "{report:#}");
    assert!(report["cases"].as_array().unwrap().iter().all(|case| case.get("warning").is_none()), "{report:#}");
}

/// Each wrong endpoint is caught by the case that is meant for it.
#[test]
fn every_wrong_endpoint_is_caught_by_its_case() {
    let survives = |(fault, case): &(Fault, &str)| {
        let before = match *case {
            "latency" => Some("large-message"),
            "still-there" => Some("unsigned-garbage"),
            "refusals-say-little" => Some("body-empty"),
            _ => None,
        };
        let only: Vec<_> = before.into_iter().chain([*case]).flat_map(|case| ["--only", case]).collect();
        let report = report(&Running::start(*fault), &only);
        // Where nobody is hurt a warning is all that there is.
        let asked = report["cases"].as_array().unwrap().iter().find(|asked| asked["case"] == *case).unwrap();
        let is_caught = asked["outcome"] == "failed" || asked.get("warning").is_some();
        (!is_caught).then(|| format!("{fault:?} was not caught by {case}: {report}"))
    };
    let survived: Vec<_> = thread::scope(|scope| {
        let chunks = TABLE.chunks(TABLE.len().div_ceil(4));
        let threads: Vec<_> =
            chunks.map(|chunk| scope.spawn(move || chunk.iter().filter_map(survives).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(survived.is_empty(), "{}", survived.join("\n"));
}

/// A case that no wrong endpoint fails would prove nothing.
#[test]
fn every_case_has_a_wrong_endpoint() {
    let mut names: BTreeSet<_> = verdicts(&report(&Running::start(Fault::None), &[]), "passed").into_iter().collect();
    for step in ["done", "over"] {
        names.remove(step);
    }
    assert_eq!(names, TABLE.iter().map(|(_, case)| (*case).to_owned()).collect());
}

#[test]
fn what_a_second_secret_or_key_is_needed_for_is_skipped_without_one() {
    let endpoint = Running::start(Fault::None);
    let ran = endpoint.conformance_of(&[]);
    let skipped: Vec<_> = ran.stdout.lines().filter(|line| line.ends_with("  skipped")).collect();
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stdout.contains("because: --old-app-secret-file names no second secret"), "{}", ran.stdout);
    assert!(ran.stdout.contains("because: --old-public-key names no second key"), "{}", ran.stdout);
    // The other two look back at 427 and the end of a flow, and there was no script.
    assert_eq!(skipped.len(), 4, "{skipped:?}");
}

/// What usually goes wrong with an answer is named.
#[test]
fn a_failure_says_what_came_what_a_user_sees_and_how_to_mend_it() {
    for (fault, came) in [
        (Fault::VectorNotInverted, "status 200, but the body is sealed under the request's own vector"),
        (Fault::Quoted, "status 200, but the base64 of the body stands in quotes, as JSON"),
        (Fault::Unsealed, "status 200, but the body is JSON, which should have been sealed"),
        (Fault::PingWithoutData, "status 200, sealed: {\"status\":\"active\"}"),
    ] {
        let report = report(&Running::start(fault), &["--only", "ping"]);
        let case = &report["cases"][0];
        assert_eq!(case["outcome"], "failed", "{case}");
        assert!(case["came"].as_str().unwrap().starts_with(came), "{case}");
        assert!(case["user"].as_str().unwrap().contains("counts the endpoint as down"), "{case}");
        assert!(case["mend"].as_str().unwrap().contains("seal it"), "{case}");
    }
}

#[test]
fn of_an_endpoint_that_goes_away_it_is_said_in_which_case() {
    let endpoint = Running::start(Fault::EndsOfGarbage);
    let report = report(&endpoint, &[]);
    let case =
        |name: &str| report["cases"].as_array().unwrap().iter().find(|case| case["case"] == name).unwrap().clone();
    assert_eq!(case("unsigned-garbage")["outcome"], "passed", "its own answer was good: {report:#}");
    let next = case("signature-of-old-secret");
    assert_eq!(next["outcome"], "failed");
    assert!(next["came"].as_str().unwrap().contains("there last in the case `unsigned-garbage`"), "{next}");
    assert_eq!(case("other-key")["outcome"], "skipped", "nothing can be said of it");
    assert_eq!(case("still-there")["outcome"], "failed");
}

/// The proxy is as `http/proxy-refusing-bodies-over-8k.py` of those who had one.
#[test]
fn a_page_of_html_is_said_to_be_somebody_elses() {
    let report = report(&Running::start(Fault::EightKiB), &["--only", "body-over-8-kib"]);
    let case = &report["cases"][0];
    assert_eq!(case["outcome"], "failed", "{case}");
    let came = case["came"].as_str().unwrap();
    assert!(came.starts_with("status 403") && came.contains("a page of HTML"), "{came}");
    assert!(case["mend"].as_str().unwrap().contains("firewall"), "{case}");
}

#[test]
fn a_path_that_nobody_has_stops_the_suite() {
    let endpoint = Running::start(Fault::None);
    let url = crate::front::http1() + "/flow";
    let keys = ["--public-key", "public-key.pem", "--app-secret-file", "app-secret"];
    let ran = flowctl(endpoint.folder(), &[&["conformance", "--edge", &url], &keys[..]].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("no endpoint answers at this URL: status 404"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

#[test]
fn an_endpoint_that_is_not_there_is_said_so() {
    let endpoint = Running::start(Fault::None);
    let folder = endpoint.folder();
    let arguments = ["--public-key", "public-key.pem", "--app-secret-file", "app-secret"];
    let ran = flowctl(folder, &[&["conformance", "--edge", "http://127.0.0.1:1/flow"][..], &arguments].concat());
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("the endpoint cannot be reached: cannot connect"), "{}", ran.stderr);
    let ran = flowctl(Path::new("."), &["conformance", "--edge", "http://127.0.0.1:1/flow"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("--edge needs --public-key and --app-secret-file"), "{}", ran.stderr);
}
