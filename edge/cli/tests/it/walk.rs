//! `flowctl conformance --flow`: the appointment passes, and each logic that does one thing wrong is found by a short walk.

mod console;
pub(crate) mod gallery;
mod mutants;
pub(crate) mod proxy;

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::thread;

use flow_json::Flow;
use serde_json::{Value, json};
use tempfile::tempdir;

use self::mutants::{Mutant, TABLE};
use self::proxy::{Answer, Running};
use crate::process::{Finished, flowctl};

fn flow() -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/flows/appointment.json").display().to_string()
}

fn walk(service: &Running, arguments: &[&str]) -> Finished {
    let url = service.url();
    let flow = flow();
    let asked = ["conformance", "--logic", &url, "--flow", &flow, "--only", "walk/INIT"];
    let screens = ["APPOINTMENT", "DETAILS", "SUMMARY", "TERMS"].map(|screen| format!("--only=walk/{screen}"));
    let screens: Vec<_> = screens.iter().map(String::as_str).collect();
    flowctl(tempdir().unwrap().path(), &[&asked[..], &screens, arguments].concat())
}

fn report(ran: &Finished) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

/// The last step of a script is where the fault shows: it fails here, and passes where the fault is not.
fn play(service: &Running, script: &str) -> Value {
    let folder = tempdir().unwrap();
    let file = folder.path().join("walk.yaml");
    fs::write(&file, script).unwrap();
    let url = service.url();
    let arguments = ["conformance", "--logic", &url, "--only", "ping", "--json", "--script", file.to_str().unwrap()];
    report(&flowctl(folder.path(), &arguments))
}

#[test]
fn the_appointment_passes_and_all_of_its_screens_are_reached() {
    for seed in ["1", "2", "3"] {
        let ran = walk(&Running::correct(), &["--json", "--seed", seed, "--seconds", "300"]);
        let report = report(&ran);
        assert_eq!(
            (ran.code, &report["good"], &report["walk"]["walks"]),
            (Some(0), &true.into(), &80.into()),
            "{report}"
        );
        assert_eq!(report["walk"]["not_reached"]["screens"], Value::Array(Vec::new()), "{report}");
        let cases = report["cases"].as_array().unwrap();
        assert!(cases.iter().all(|case| case.get("warning").is_none()), "{report}");
    }
}

/// A component that the walk could not fill would leave its screen the last one.
#[test]
fn every_component_is_filled_with_what_a_phone_sends() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("gallery.json"), gallery::file().to_string()).unwrap();
    let service = Running::start(|asked, answer| {
        static FLOW: LazyLock<Flow> = LazyLock::new(|| flow_json::check(&gallery::file().to_string()).flow.unwrap());
        *answer = match gallery::is_sound(&asked.screen, &asked.data) {
            Ok(()) => {
                let (screen, data) = gallery::answer(&FLOW, &asked.screen);
                Answer::Screen { screen, data, error_message: String::new() }
            }
            Err(_) => Answer::Error(tonic::Code::InvalidArgument),
        };
    });
    let url = service.url();
    let arguments = ["conformance", "--logic", &url, "--flow", "gallery.json", "--only=walk/INIT", "--only=walk/END"];
    let ran = flowctl(
        folder.path(),
        &[&arguments[..], &["--json", "--seed", "5", "--walks", "20", "--seconds", "300"]].concat(),
    );
    let report = report(&ran);
    assert_eq!((ran.code, &report["good"]), (Some(0), &true.into()), "{report}");
    let nothing = json!({"screens": [], "routes": []});
    assert_eq!(report["walk"]["not_reached"], nothing, "{report}");
}

#[test]
fn a_walk_wants_a_flow_that_phones_open_and_an_endpoint_answers() {
    let folder = tempdir().unwrap();
    let mut file = gallery::file();
    file.as_object_mut().unwrap().remove("data_api_version");
    file.as_object_mut().unwrap().remove("routing_model");
    file["screens"] = json!([file["screens"][6]]);
    fs::write(folder.path().join("local.json"), file.to_string()).unwrap();
    file["screens"][0]["id"] = "NOT AN ID".into();
    fs::write(folder.path().join("wrong.json"), file.to_string()).unwrap();
    let service = Running::correct();
    let url = service.url();
    for (flow, said) in [
        ("local.json", "local.json: without `data_api_version` no endpoint answers this flow"),
        (
            "wrong.json",
            "wrong.json: 1 mistake that the platform refuses, so no phone opens it: `flowctl flow check wrong.json`",
        ),
        ("none.json", "none.json: cannot be read"),
    ] {
        let ran = flowctl(folder.path(), &["conformance", "--logic", &url, "--flow", flow]);
        assert!(ran.code == Some(1) && ran.stderr.contains(said), "{ran:?}");
    }
    let flow = flow();
    for arguments in [
        &["conformance", "--edge", "https://127.0.0.1:1/x", "--flow", &flow][..],
        &["conformance", "--logic", &url, "--walks", "3"],
    ] {
        assert_eq!(flowctl(folder.path(), arguments).code, Some(2), "{arguments:?}");
    }
}

/// Else a service that knows no token but its own would pass without a look at any screen.
#[test]
fn walks_that_never_begin_are_no_success() {
    let service = Running::start(|_, answer| *answer = Answer::DeadToken("unknown".to_owned()));
    let ran = walk(&service, &["--json", "--walks", "3"]);
    let report = report(&ran);
    assert_eq!((ran.code, report["cases"][0]["outcome"].as_str()), (Some(1), Some("failed")), "{report}");
    assert!(report["cases"][0]["came"].as_str().unwrap().starts_with("no screen"), "{report}");
}

#[test]
fn a_seed_walks_the_same_way_again_and_a_report_for_machines_has_the_script() {
    let wrong: proxy::Mutate = |asked, answer| {
        if asked.chose("department_selected") {
            answer.remove("time");
        }
    };
    let folder = tempdir().unwrap();
    let junit = folder.path().join("junit.xml");
    let scripts = [1, 2].map(|_| {
        let service = Running::start(wrong);
        let ran = walk(&service, &["--json", "--seed", "3", "--walks", "4", "--junit", junit.to_str().unwrap()]);
        assert_eq!(ran.code, Some(1));
        let report = report(&ran);
        assert_eq!(report["walk"]["seed"], 3);
        report["cases"].as_array().unwrap().iter().find(|case| case["outcome"] == "failed").unwrap().clone()
    });
    assert_eq!(scripts[0]["scripts"], scripts[1]["scripts"]);
    assert!(fs::read_to_string(&junit).unwrap().contains("script:\nname: "));
    let ran = walk(&Running::start(wrong), &["--seed", "3"]);
    let mut script = ran.stdout.lines().skip_while(|line| line.trim() != "script:").skip(1).map(str::trim_start);
    assert!(script.next().is_some_and(|line| line.starts_with("name: ")), "{}", ran.stdout);
    assert!(ran.stdout.contains("walk: not reached: "), "{}", ran.stdout);
}

/// Held by the number of walks, not by the clock of a busy machine.
#[test]
fn each_wrong_logic_is_found_by_a_short_walk() {
    let survives = |mutant: &Mutant| -> Result<(), String> {
        let wrong = Running::start(mutant.mutate);
        let report = report(&walk(&wrong, &["--json", "--seed", "7", "--seconds", "300"]));
        let cases = report["cases"].as_array().unwrap();
        let case = cases.iter().find(|case| case["case"] == mutant.case).unwrap();
        if case["outcome"] != "failed" {
            return Err(format!("{}: not found by {}: {report}", mutant.name, mutant.case));
        }
        let script = case["scripts"][0].as_str().unwrap();
        let steps = script.matches("\n  - name: ").count();
        if !(1..=6).contains(&steps) {
            return Err(format!("{}: {steps} steps\n{script}", mutant.name));
        }
        // One of its own, so that nothing is booked there.
        let played = play(&Running::correct(), script);
        if played["good"] != true {
            return Err(format!("{}: the script is wrong of a correct logic\n{script}\n{played}", mutant.name));
        }
        let played = play(&wrong, script);
        if mutant.can_be_said && played["good"] != false {
            return Err(format!("{}: the script does not show it\n{script}\n{played}", mutant.name));
        }
        Ok(())
    };
    let survived: Vec<String> = thread::scope(|scope| {
        let chunks = TABLE.chunks(TABLE.len().div_ceil(4));
        let threads: Vec<_> = chunks
            .map(|chunk| scope.spawn(move || chunk.iter().filter_map(|it| survives(it).err()).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(survived.is_empty(), "{}", survived.join("\n\n"));
}
