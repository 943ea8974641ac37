//! `flowctl simulate` against a running `flowctl dev`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::tempdir;

use crate::endpoint::Dev;
use crate::process::{Process, flowctl};

fn shipped_script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flows/appointment.conversation.yaml")
}

#[test]
fn the_shipped_script_passes_again_and_again() {
    let dev = Dev::start();
    let script = shipped_script();
    let played = dev.run("simulate", &["--script", script.to_str().unwrap()]);
    assert_eq!(played.code, Some(0), "{}\n{}", played.stdout, played.stderr);
    assert!(played.stdout.lines().last().unwrap().starts_with("passed: "), "{}", played.stdout);

    let played = dev.run("simulate", &["--json", "--script", script.to_str().unwrap()]);
    assert_eq!(played.code, Some(0), "{}\n{}", played.stdout, played.stderr);
    let report: Value = serde_json::from_str(&played.stdout).unwrap();
    assert_eq!(report["passed"], true);
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["passed"] == true && step["complaints"] == serde_json::json!([])));
    let screens = steps.iter().map(|step| &step["screen"]);
    assert!(screens.filter(|screen| *screen == "SUCCESS").count() >= 2, "{report}");
}

#[test]
fn a_wrong_expectation_is_named_with_step_place_and_both_values() {
    let dev = Dev::start();
    let start = "name: wrong\nsteps:\n  - { name: open, send: { action: INIT } }\n";
    let script = |expect: &str| {
        format!(
            "{start}  - {{ name: again, send: {{ action: INIT }}, expect: {expect} }}\n  - {{ name: never, send: {{}} }}\n"
        )
    };
    dev.write("screen.yaml", &script("{ screen: NOWHERE, data: { nothing: { $present: true } } }"));
    let played = dev.run("simulate", &["--script", "screen.yaml"]);
    assert_eq!(played.code, Some(1), "{played:?}");
    let lines: Vec<_> = played.stdout.lines().map(str::trim).collect();
    assert!(lines[1].starts_with("ok") && lines[1].contains("open"), "{lines:?}");
    assert!(lines[2].starts_with("FAIL") && lines[2].contains("again"), "{lines:?}");
    assert_eq!(lines[3], "/screen: expected \"NOWHERE\", came \"APPOINTMENT\"");
    assert_eq!(lines[4], "/data/nothing: expected anything, came nothing");
    assert_eq!(lines[5], "failed: 1 of 3 steps as expected; 1 step was not played");

    dev.write("status.yaml", &script("{ status: 427 }"));
    let played = dev.run("simulate", &["--script", "status.yaml", "--json"]);
    assert_eq!(played.code, Some(1), "{played:?}");
    let report: Value = serde_json::from_str(&played.stdout).unwrap();
    assert_eq!(report["passed"], false);
    assert_eq!(report["steps"].as_array().unwrap().len(), 2);
    assert_eq!(report["not_played"], 1);
    assert!(report["steps"][1]["complaints"][0].as_str().unwrap().starts_with("status: expected 427, came 200"));
}

#[test]
fn one_exchange_prints_the_opened_answer() {
    let dev = Dev::start();
    let init = dev.run("simulate", &[r#"{"action":"INIT"}"#]);
    assert_eq!(init.code, Some(0), "{init:?}");
    let answer: Value = serde_json::from_str(&init.stdout).unwrap();
    assert_eq!(answer["screen"], "APPOINTMENT");

    let ping = dev.run("simulate", &["--json", r#"{"action":"ping"}"#]);
    let answer: Value = serde_json::from_str(&ping.stdout).unwrap();
    assert_eq!(answer["status"], 200);
    assert_eq!(answer["answer"], serde_json::json!({"data": {"status": "active"}}));
    assert!(answer["request_id"].is_string());
}

#[test]
fn a_request_may_come_on_standard_input() {
    let dev = Dev::start();
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowctl"));
    command.current_dir(dev.folder.path()).args(["simulate", "--url", &dev.url]);
    command.args(["--public-key", ".flow-dev/public-key.pem", "--app-secret-file", ".flow-dev/app-secret"]);
    command.args(["--ca", ".flow-dev/tls-certificate.pem", "-"]);
    let ping = Process::spawn(&mut command, r#"{"action":"ping"}"#).finish();
    assert_eq!(ping.code, Some(0), "{ping:?}");
    assert_eq!(serde_json::from_str::<Value>(&ping.stdout).unwrap(), serde_json::json!({"data": {"status": "active"}}));
}

#[test]
fn a_wrong_secret_and_a_wrong_key_are_told_apart() {
    let dev = Dev::start();
    dev.write(".flow-dev/other-secret", "another app's secret\n");
    let refused = dev.run_with("other-secret", "public-key.pem", "simulate", &[r#"{"action":"ping"}"#]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("432") && refused.stderr.contains("app secret"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("another app's secret"));
    assert_eq!(refused.stdout, "");

    flowctl(dev.folder.path(), &["keys", "generate", "--out", ".flow-dev/other"]);
    let refused = dev.run_with("app-secret", "other/public-key.pem", "simulate", &[r#"{"action":"ping"}"#]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("421") && refused.stderr.contains("public key"), "{}", refused.stderr);
}

#[test]
fn a_certificate_that_is_not_trusted_ends_the_exchange() {
    let dev = Dev::start();
    let (key, secret) = (".flow-dev/public-key.pem", ".flow-dev/app-secret");
    // Another start has another certificate.
    let other = tempdir().unwrap();
    let mut process = Process::start(other.path(), &["dev", "--port", "0"]);
    process.stdout.wait_for("ready: ");
    let ca = other.path().join(".flow-dev/tls-certificate.pem");
    let mut arguments = vec!["simulate", "--url", &dev.url, "--public-key", key, "--app-secret-file", secret];
    arguments.extend(["--ca", ca.to_str().unwrap(), r#"{"action":"ping"}"#]);
    let refused = flowctl(dev.folder.path(), &arguments);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("certificate") && refused.stderr.contains("--ca"), "{}", refused.stderr);
}

#[test]
fn a_script_with_a_mistake_is_not_played() {
    let folder = tempdir().unwrap();
    flowctl(folder.path(), &["keys", "generate"]);
    fs::write(folder.path().join("secret"), "secret\n").unwrap();
    fs::write(folder.path().join("s.yaml"), "name: n\nsteps:\n  - name: open\n    sned: { action: INIT }\n").unwrap();
    // Nobody listens on port 1, so a script that were played would fail otherwise.
    let mut arguments = vec!["simulate", "--url", "https://127.0.0.1:1/", "--public-key", "public-key.pem"];
    arguments.extend(["--app-secret-file", "secret", "--script", "s.yaml"]);
    let refused = flowctl(folder.path(), &arguments);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert_eq!(refused.stderr, "flowctl: s.yaml: line 4, step \"open\": unknown key `sned`; did you mean `send`?\n");
}

#[test]
fn in_the_folder_of_dev_nothing_else_need_be_said() {
    let dev = Dev::start();
    let ran = flowctl(dev.folder.path(), &["simulate", r#"{"action":"INIT"}"#]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("APPOINTMENT"), "{}", ran.stdout);

    let elsewhere = tempdir().unwrap();
    let ran = flowctl(elsewhere.path(), &["simulate", r#"{"action":"INIT"}"#]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("--url is required"), "{}", ran.stderr);
    // Its keys are not another endpoint's.
    let ran = flowctl(dev.folder.path(), &["simulate", "--url", "https://flows.example/", r#"{"action":"INIT"}"#]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("--public-key is required"), "{}", ran.stderr);
}

#[test]
fn an_action_in_another_case_is_guessed() {
    let dev = Dev::start();
    let ran = dev.run("simulate", &[r#"{"action":"Init"}"#]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("The action is `Init`; did you mean `INIT`?"), "{}", ran.stderr);
}

/// The configuration is `config/require-signature.yaml` of somebody who had it so.
#[test]
fn a_token_that_came_unsigned_may_be_why_it_is_refused() {
    let dev = Dev::start();
    let file = dev.folder.path().join(".flow-dev/flow-edge.yaml");
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, config.replace("    logic:", "    flow_token_signature: require\n    logic:")).unwrap();
    let mut strict = Process::start(dev.folder.path(), &["dev", "--port", "0"]);
    let url = strict.stdout.wait_for("ready: ");
    let unsigned = r#"{"action":"INIT","flow_token_signature":null}"#;
    let ran = flowctl(dev.folder.path(), &["simulate", "--url", &url, unsigned]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("status 427") && ran.stderr.contains("`flow_token_signature: require`"),
        "{}",
        ran.stderr
    );
    let signed = flowctl(dev.folder.path(), &["simulate", "--url", &url, r#"{"action":"INIT"}"#]);
    assert_eq!(signed.code, Some(0), "{signed:?}");
}

#[test]
fn an_answer_that_a_phone_refuses_fails_though_it_is_as_expected() {
    let dev = Dev::start();
    let flow = fs::read_to_string(shipped_script().with_file_name("appointment.json")).unwrap();
    let mut flow: Value = serde_json::from_str(&flow).unwrap();
    let init = [r#"{"action":"INIT"}"#, "--flow", "flow.json"];
    dev.write("flow.json", &flow.to_string());
    assert_eq!(dev.run("simulate", &init).code, Some(0));

    flow["screens"][0]["data"]["surprise"] = serde_json::json!({ "type": "string", "__example__": "none" });
    dev.write("flow.json", &flow.to_string());
    let said = "/data/surprise: declared as string, and missing; the client refuses the answer (payload-schema-error)";
    let refused = dev.run("simulate", &init);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("APPOINTMENT") && refused.stderr.lines().any(|line| line == said), "{refused:?}");

    let steps = "steps:\n  - { name: open, send: { action: INIT }, expect: { screen: APPOINTMENT } }\n";
    dev.write("script.yaml", &format!("name: n\nflow: flow.json\n{steps}"));
    let refused = dev.run("simulate", &["--script", "script.yaml"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.lines().any(|line| line.trim() == said), "{refused:?}");

    dev.write("script.yaml", &format!("name: n\nflow: nowhere.json\n{steps}"));
    let refused = dev.run("simulate", &["--script", "script.yaml"]);
    assert!(refused.stderr.contains("nowhere.json"), "{refused:?}");
}
