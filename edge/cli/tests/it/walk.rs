//! `flowctl conformance --flow`: the appointment passes, and each logic that does one thing wrong is found by a short walk.

mod mutants;
mod proxy;

use std::fs;
use std::path::PathBuf;
use std::thread;

use serde_json::Value;
use tempfile::tempdir;

use self::mutants::{Mutant, TABLE};
use self::proxy::Running;
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

/// Held by the number of walks, not by the clock of a busy machine.
#[test]
fn each_wrong_logic_is_found_by_a_short_walk() {
    let good = Running::correct();
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
        let played = play(&good, script);
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
