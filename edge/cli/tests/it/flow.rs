//! `flowctl flow check` as a user and a code host read it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{Finished, flowctl};

const APPOINTMENT: &str = include_str!("../../../../examples/flows/appointment.json");

fn check(text: &str, options: &[&str]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flow.json"), text).unwrap();
    flowctl(folder.path(), &[&["flow", "check", "flow.json"], options].concat())
}

/// The line and the column of a word, as an editor counts.
fn place(text: &str, word: &str) -> (usize, usize) {
    text.lines().enumerate().find_map(|(at, line)| Some((at + 1, line.find(word)? + 1))).unwrap()
}

fn misspelt() -> String {
    APPOINTMENT.replacen("\"max-length\"", "\"max-lenght\"", 1)
}

#[test]
fn a_sound_flow_has_nothing_to_say() {
    let finished = check(APPOINTMENT, &["--strict"]);
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), "0 errors, 0 warnings in 1 file\n"));
}

#[test]
fn a_finding_has_its_line_its_mark_and_a_remedy() {
    let finished = check(&misspelt(), &[]);
    assert_eq!(finished.code, Some(1));
    let (line, column) = place(&misspelt(), "\"max-lenght\"");
    let margin = " ".repeat(line.to_string().len());
    let wanted = format!(
        "error[INVALID_PROPERTY_KEY]: TextArea has no property `max-lenght`\n\
         {margin}--> flow.json:{line}:{column}\n\
         {margin} |\n\
         {line} | {}\n\
         {margin} | {}^^^^^^^^^^^^\n\
         {margin} = help: did you mean `max-length`?\n",
        misspelt().lines().nth(line - 1).unwrap(),
        " ".repeat(column - 1),
    );
    assert!(finished.stdout.starts_with(&wanted), "{}\nwanted:\n{wanted}", finished.stdout);
    assert!(finished.stdout.contains("\n1 error, 0 warnings in 1 file\n"), "{}", finished.stdout);
}

#[test]
fn warnings_count_when_asked() {
    let frozen = APPOINTMENT.replace("\"7.3\"", "\"5.0\"").replace("\"4.0\"", "\"3.0\"");
    assert_eq!(check(&frozen, &[]).code, Some(0));
    assert_eq!(check(&frozen, &["--strict"]).code, Some(1));
}

#[test]
fn json_has_the_shape_of_an_uploads_answer() {
    let finished = check(&misspelt(), &["--json"]);
    assert_eq!(finished.code, Some(1));
    let printed: Value = serde_json::from_str(&finished.stdout).unwrap();
    let (line, column) = place(&misspelt(), "\"max-lenght\"");
    let error = &printed[0]["validation_errors"][0];
    let region = json!({"line_start": line, "line_end": line, "column_start": column, "column_end": column + 12});
    for (key, value) in region.as_object().unwrap() {
        assert_eq!(&error[key], value);
        assert_eq!(&error["pointers"][0][key], value);
    }
    assert_eq!(error["error"], "INVALID_PROPERTY_KEY");
    assert_eq!(error["error_type"], "FLOW_JSON_ERROR");
    assert_eq!(error["pointers"][0]["path"], "screens[1].layout.children[0].children[3].max-lenght");
    assert_eq!(printed[0]["file"], "flow.json");
}

#[test]
fn sarif_names_rule_file_and_region() {
    let printed: Value = serde_json::from_str(&check(&misspelt(), &["--sarif"]).stdout).unwrap();
    assert_eq!(printed["version"], "2.1.0");
    let run = &printed["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "INVALID_PROPERTY_KEY");
    let result = &run["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&json!("INVALID_PROPERTY_KEY"), &json!("error")));
    let (line, column) = place(&misspelt(), "\"max-lenght\"");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "flow.json");
    assert_eq!((&place["region"]["startLine"], &place["region"]["startColumn"]), (&json!(line), &json!(column)));
}

#[test]
fn a_page_explains_a_code() {
    let explain = |code: &str| flowctl(Path::new("."), &["flow", "check", "--explain", code]);
    assert!(explain("invalid_routing_model").stdout.starts_with("# INVALID_ROUTING_MODEL\n"));
    let unknown = explain("INVALID_ROUTING_MODELL");
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("did you mean `INVALID_ROUTING_MODEL`?"), "{}", unknown.stderr);
}

#[test]
fn what_is_no_flow_is_refused_with_a_reason() {
    for (text, reason) in [("", "not JSON"), ("{\"version\": \"7.3\",}", "not JSON"), ("[]", "the file is an array")] {
        let finished = check(text, &[]);
        assert_eq!(finished.code, Some(1));
        assert!(finished.stdout.contains(reason), "{}", finished.stdout);
    }
    let missing = flowctl(Path::new("."), &["flow", "check", "no-such-file.json"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("no-such-file.json"), "{}", missing.stderr);
    assert_eq!(flowctl(Path::new("."), &["flow", "check"]).code, Some(2));
}

/// A file of one long line, with text that would steer a terminal.
#[test]
fn a_long_line_is_cut_and_nothing_steers_the_terminal() {
    let long = "x".repeat(100_000);
    let text =
        format!("{{\"version\":\"7.3\",\"screens\":[{{\"id\":\"{long}\",\"la\\u001b[31myout\":1,\"\u{202e}\":2}}]}}");
    let finished = check(&text, &[]);
    assert!(finished.stdout.lines().all(|line| line.chars().count() < 400), "a long line");
    assert!(!finished.stdout.contains(['\u{1b}', '\u{202e}']));
    assert!(finished.stdout.contains("…"));
}

#[test]
fn a_file_of_ten_megabytes_is_checked_soon() {
    let start = Instant::now();
    let deep = format!("{}{}", "[".repeat(4_900_000), "]".repeat(4_900_000));
    assert_eq!(check(&deep, &[]).code, Some(1));
    let large = format!("\"{}\"", "x".repeat(12_000_000));
    assert!(check(&large, &[]).stdout.contains("limit-exceeded"));
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}
