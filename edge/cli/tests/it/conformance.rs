//! `flowctl conformance` against a service that has the conformance mode, and against services that each do one thing
//! wrong.

mod edge;
mod endpoint;
mod faults;
mod mutants;
mod service;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use self::service::{Mutation, Running};
use crate::front;
use crate::process::{Finished, flowctl};

/// Which cases failed and which were skipped.
fn verdicts(report: &Value, outcome: &str) -> Vec<String> {
    let cases = report["cases"].as_array().unwrap().iter().filter(|case| case["outcome"] == outcome);
    cases.map(|case| case["case"].as_str().unwrap().to_owned()).collect()
}

fn run(folder: &TempDir, service: &Running, arguments: &[&str]) -> Finished {
    let url = service.url();
    flowctl(folder.path(), &[&["conformance", "--logic", &url], arguments].concat())
}

fn report(service: &Running, arguments: &[&str]) -> Value {
    let ran = run(&tempdir().unwrap(), service, &[&["--json"], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

#[test]
fn a_service_with_the_mode_passes_every_case() {
    let service = Running::start(Mutation::None);
    let ran = run(&tempdir().unwrap(), &service, &["--require-mode"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stdout.lines().last().unwrap().ends_with(" passed, 0 failed, 0 skipped"), "{}", ran.stdout);
}

#[test]
fn a_service_without_the_mode_has_those_cases_skipped_and_never_passed() {
    let service = Running::start(Mutation::NoMode);
    let without = report(&service, &[]);
    assert_eq!(without["good"], true, "{without}");
    let cases = without["cases"].as_array().unwrap();
    let of_mode =
        |case: &&Value| ["values", "outcomes", "failures", "calls"].iter().any(|topic| case["topic"] == *topic);
    assert!(cases.iter().filter(of_mode).count() > 20);
    assert!(cases.iter().all(|case| (case["outcome"] == "skipped") == of_mode(&case)), "{without}");

    let required = run(&tempdir().unwrap(), &service, &["--require-mode"]);
    assert_eq!(required.code, Some(1));
    assert!(required.stdout.contains("the service has no conformance mode"), "{}", required.stdout);
}

/// Each wrong service is caught by the case that is meant for it.
#[test]
fn every_mutant_is_caught_by_its_case() {
    let survives = |(mutation, case): &(Mutation, &str)| {
        let report = report(&Running::start(*mutation), &["--require-mode", "--only", case]);
        let failed = verdicts(&report, "failed");
        // Where nobody is hurt a warning is all that there is.
        let is_warned = report["cases"][0].get("warning").is_some();
        let is_caught = is_warned || failed.iter().any(|failed| failed == case);
        (!is_caught).then(|| format!("{mutation:?} was not caught by {case}, but by {failed:?}"))
    };
    // Most of the time is waiting.
    let survived: Vec<_> = thread::scope(|scope| {
        let chunks = mutants::TABLE.chunks(6);
        let threads: Vec<_> =
            chunks.map(|chunk| scope.spawn(move || chunk.iter().filter_map(survives).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(survived.is_empty(), "{}", survived.join("\n"));
}

/// A case that no wrong service fails would prove nothing.
#[test]
fn every_case_has_a_mutant() {
    let report = report(&Running::start(Mutation::None), &["--require-mode"]);
    let names: BTreeSet<_> = verdicts(&report, "passed").into_iter().collect();
    assert_eq!(names, mutants::TABLE.iter().map(|(_, case)| (*case).to_owned()).collect());
}

#[test]
fn a_case_that_does_not_exist_cannot_be_asked_for() {
    let ran = run(&tempdir().unwrap(), &Running::start(Mutation::None), &["--only", "pnig"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("--only: there is no case `pnig`; did you mean `ping`?"), "{}", ran.stderr);
}

#[test]
fn a_service_without_reflection_is_warned() {
    let report = report(&Running::start(Mutation::NoReflection), &["--require-mode"]);
    assert_eq!(report["good"], true, "{report}");
    let case = report["cases"].as_array().unwrap().iter().find(|case| case["case"] == "reflection").unwrap();
    assert!(case["warning"].as_str().unwrap().contains("neither"), "{case}");
}

#[test]
fn a_failure_says_what_came_what_should_have_come_and_how_to_mend_it() {
    let ran = run(&tempdir().unwrap(), &Running::start(Mutation::IntegersAsText), &[]);
    assert_eq!(ran.code, Some(1));
    let lines: Vec<_> = ran.stdout.lines().skip_while(|line| !line.starts_with("values    numbers")).take(4).collect();
    assert!(lines[0].ends_with("failed"), "{lines:?}");
    assert_eq!(lines[1].trim(), "came: /echo/negative: \"-7\"");
    assert_eq!(lines[2].trim(), "expected: /echo/negative: -7");
    assert!(lines[3].trim().starts_with("mend: "), "{lines:?}");
}

#[test]
fn a_conversation_is_played_without_an_edge() {
    let script = "\
name: told
steps:
  - { name: ping, send: { action: ping }, expect: { data: { status: active } } }
";
    let more = "  - { name: open, send: { action: INIT }, expect: { screen: NOWHERE } }
  - { name: never, send: { action: INIT } }
";
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("good.yaml"), script).unwrap();
    let wrong = format!("{script}{more}");
    fs::write(folder.path().join("wrong.yaml"), wrong).unwrap();
    let service = Running::start(Mutation::None);

    let good = run(&folder, &service, &["--script", "good.yaml"]);
    assert_eq!(good.code, Some(0), "{}", good.stdout);
    assert!(good.stdout.contains("script    ping"), "{}", good.stdout);

    let wrong = run(&folder, &service, &["--script", "wrong.yaml", "--json"]);
    assert_eq!(wrong.code, Some(1));
    let report: Value = serde_json::from_str(&wrong.stdout).unwrap();
    assert_eq!(verdicts(&report, "failed"), ["open"]);
    assert_eq!(verdicts(&report, "skipped"), ["never"]);
    let open = report["cases"].as_array().unwrap().iter().find(|case| case["case"] == "open").unwrap();
    assert!(open["came"].as_str().unwrap().ends_with("(1 step was not played)"), "{open}");
}

/// What logic itself says is a developer's own business.
#[test]
fn a_step_at_which_logic_fails_shows_its_code_and_text() {
    let script = "name: told\nsteps:\n  - name: fails\n    send:\n      action: data_exchange\n      screen: CONFORMANCE\n      \
                  data: { conformance: { status: { code: 9, reason: NO_ROOM } } }\n";
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("script.yaml"), script).unwrap();
    let service = Running::start(Mutation::None);
    let more = ["--endpoint", "conformance", "--script", "script.yaml", "--only", "ping"];
    let ran = run(&folder, &service, &more);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stdout.contains("came 500.") && ran.stdout.contains("Logic said: status FAILED_PRECONDITION \""),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_service_that_takes_more_than_a_second_is_warned_and_what_is_said_is_that_it_is_slow() {
    let report = report(&Running::start(Mutation::SlowToOpen), &["--only", "within-a-second"]);
    assert_eq!(report["good"], true, "{report}");
    let warning = report["cases"][0]["warning"].as_str().unwrap();
    assert!(warning.starts_with("slow: the answer to INIT took 1"), "{warning}");
}

/// The case asks whether calls are answered side by side; nobody can say that of answers that never come.
#[test]
fn of_a_call_that_ends_by_the_deadline_it_is_said_that_it_was_slow_and_nothing_else() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("script.yaml"), "name: n\nsteps:\n  - { name: open, send: { action: INIT } }\n")
        .unwrap();
    let service = Running::start(Mutation::NeverOpens);
    let ran = run(&folder, &service, &["--json", "--only", "concurrent-calls", "--script", "script.yaml"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let case = &report["cases"][0];
    assert_eq!(case["came"], "slow: no answer within 8 s, after which the edge gives up", "{case}");
    assert_eq!(case["expected"], "an answer in time", "{case}");
    assert!(case["mend"].as_str().unwrap().starts_with("Find what the handler waits for"), "{case}");
    let step = &report["cases"][1];
    assert!(
        step["came"].as_str().unwrap().contains("came 504. The logic behind the endpoint did not answer in time"),
        "{step}"
    );
}

#[test]
fn what_is_for_an_endpoint_is_refused_for_a_service() {
    for option in ["--old-public-key", "--old-app-secret-file", "--public-key", "--app-secret-file", "--ca"] {
        let ran = flowctl(Path::new("."), &["conformance", "--logic", "http://127.0.0.1:1", option, "file"]);
        assert_eq!(ran.code, Some(2), "{option}: {ran:?}");
        assert!(ran.stderr.contains(option), "{option}: {}", ran.stderr);
    }
}

#[test]
fn a_port_that_speaks_something_else_is_said_to() {
    let folder = tempdir().unwrap();
    let service = Running::start(Mutation::None);
    let tls = front::https(folder.path(), service.address(), &["h2"]).replace("https://", "http://");
    let ran = flowctl(folder.path(), &["conformance", "--logic", &tls]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("speaks TLS, and the URL says http://. Begin the URL with https://"), "{}", ran.stderr);

    let plain = service.url().replace("http://127.0.0.1", "https://localhost");
    let ran = flowctl(folder.path(), &["conformance", "--logic", &plain]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("does not speak TLS"), "{}", ran.stderr);

    let http1 = front::http1();
    let ran = flowctl(folder.path(), &["conformance", "--logic", &http1]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("speaks HTTP/1.1, and gRPC runs over HTTP/2"), "{}", ran.stderr);
}

#[test]
fn a_completion_with_another_conversations_token_fails_its_step() {
    let folder = tempdir().unwrap();
    let script = |flow_token: &str| {
        let command = format!("{{ conformance: {{ complete: {{ flow_token: {flow_token} }} }} }}");
        let send = format!("{{ action: data_exchange, screen: LAST, data: {command} }}");
        fs::write(
            folder.path().join("done.yaml"),
            format!("name: done\nsteps:\n  - {{ name: done, send: {send}, expect: {{ screen: SUCCESS }} }}\n"),
        )
        .unwrap();
    };
    let service = Running::start(Mutation::None);
    script("'${flow_token}'");
    let own = run(&folder, &service, &["--endpoint", "conformance", "--script", "done.yaml"]);
    assert_eq!(own.code, Some(0), "{}", own.stdout);
    script("somebody-elses");
    let foreign = run(&folder, &service, &["--endpoint", "conformance", "--script", "done.yaml"]);
    assert_eq!(foreign.code, Some(1));
    assert!(foreign.stdout.contains("a completion with another conversation's flow_token"), "{}", foreign.stdout);
}

#[test]
fn known_failing_cases_must_fail() {
    let folder = tempdir().unwrap();
    let list = |text: &str| fs::write(folder.path().join("known"), text).unwrap();
    let service = Running::start(Mutation::NoHealth);

    list("# not yet\nhealth  # next week\n");
    let ran = run(&folder, &service, &["--known-failing", "known"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stdout.contains("failed, as known"), "{}", ran.stdout);

    list("health\nping\n");
    let ran = run(&folder, &service, &["--known-failing", "known"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("passed, but is listed as failing"), "{}", ran.stdout);

    list("heallth\n");
    let ran = run(&folder, &service, &["--known-failing", "known"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("known:1: there is no case `heallth`; did you mean `health`?"), "{}", ran.stderr);
}

#[test]
fn junit_holds_every_case_and_escapes_what_a_service_says() {
    let folder = tempdir().unwrap();
    let ran = run(&folder, &Running::start(Mutation::NoHealth), &["--junit", "junit.xml"]);
    assert_eq!(ran.code, Some(1));
    let xml = fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    let summary: Vec<_> = ran.stdout.lines().last().unwrap().split(' ').collect();
    let total: usize = [0, 2, 4].iter().map(|index| summary[*index].parse::<usize>().unwrap()).sum();
    assert!(xml.contains(&format!("tests=\"{total}\" failures=\"1\" ")), "{xml}");
    assert_eq!(xml.matches("<testcase ").count(), total);
    assert!(xml.contains("classname=\"service\" name=\"health\""), "{xml}");
    assert!(xml.contains("for the service &quot;&quot;"), "{xml}");
}

/// Asks a few cases, which send much, little and all at once.
fn ask_some(folder: &TempDir, url: &str, more: &[&str]) -> Finished {
    let cases = ["ping", "reflection", "concurrent-calls", "large-data", "data-not-quoted"];
    let only: Vec<_> = cases.iter().flat_map(|case| ["--only", case]).collect();
    flowctl(folder.path(), &[&["conformance", "--logic", url], &only[..], more].concat())
}

#[test]
fn a_service_is_asked_over_https_by_the_authority_that_is_given() {
    let folder = tempdir().unwrap();
    let service = Running::start(Mutation::None);
    let url = front::https(folder.path(), service.address(), &["h2"]);
    let ran = ask_some(&folder, &url, &["--logic-ca", "ca.pem"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.ends_with("\n5 passed, 0 failed, 0 skipped\n"), "{}", ran.stdout);

    let untrusted = ask_some(&folder, &url, &[]);
    assert_eq!(untrusted.code, Some(1), "{untrusted:?}");
    assert!(untrusted.stderr.contains("signed by nobody whom this system trusts"), "{}", untrusted.stderr);
    assert!(untrusted.stderr.contains("--logic-ca FILE names the certificate"), "{}", untrusted.stderr);
}

#[test]
fn a_service_is_asked_over_a_unix_socket() {
    let folder = tempdir().unwrap();
    let service = Running::start(Mutation::None);
    let url = front::unix(folder.path(), service.address());
    let ran = ask_some(&folder, &url, &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.ends_with("\n5 passed, 0 failed, 0 skipped\n"), "{}", ran.stdout);
}

/// The edge does not speak gRPC to such a service, so it must not pass here.
#[test]
fn a_service_whose_tls_does_not_agree_to_http2_is_said_so() {
    let folder = tempdir().unwrap();
    let service = Running::start(Mutation::None);
    let url = front::https(folder.path(), service.address(), &[]);
    let ran = flowctl(folder.path(), &["conformance", "--logic", &url, "--logic-ca", "ca.pem"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("does not agree to HTTP/2"), "{}", ran.stderr);
}

#[test]
fn what_does_not_go_with_logic_is_refused_before_anything_is_asked() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("none.pem"), "no certificate").unwrap();
    let run = |logic: &str, ca: &str| flowctl(folder.path(), &["conformance", "--logic", logic, "--logic-ca", ca]);
    for (logic, ca, code, says) in [
        ("http://127.0.0.1:1", "none.pem", 1, "--logic-ca is for https"),
        ("unix:///nowhere.sock", "none.pem", 1, "--logic-ca is for https"),
        ("https://127.0.0.1:1", "none.pem", 1, "none.pem: there is no certificate in it"),
        ("https://127.0.0.1:1", "gone.pem", 1, "gone.pem: cannot be read"),
        ("https://127.0.0.1:1/flows", "none.pem", 2, "https://HOST:PORT or unix:///PATH/TO/SOCKET"),
    ] {
        let ran = run(logic, ca);
        assert_eq!(ran.code, Some(code), "{logic}: {ran:?}");
        assert!(ran.stderr.contains(says), "{logic}: {}", ran.stderr);
    }
    let alone = flowctl(folder.path(), &["conformance", "--edge", "https://127.0.0.1:1/", "--logic-ca", "none.pem"]);
    assert_eq!(alone.code, Some(1), "{alone:?}");
    assert!(alone.stderr.contains("--logic-ca is for https"), "{}", alone.stderr);
}

#[test]
fn a_service_that_is_not_there_is_said_so() {
    let ran = flowctl(Path::new("."), &["conformance", "--logic", "http://127.0.0.1:1"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("the service cannot be reached"), "{}", ran.stderr);
    let ran = flowctl(Path::new("."), &["conformance"]);
    assert_eq!(ran.code, Some(2));
}
