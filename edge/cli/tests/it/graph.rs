//! `flowctl keys upload` and `keys status` against a stand-in for the Graph API.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use axum::http::Method;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::graph_api::{GraphApi, TOKEN, refusal};
use crate::process::{Finished, Process};

/// A phone number's id, and another.
const NUMBER: &str = "106540352242922";
const OTHER_NUMBER: &str = "106540352242923";
/// What `openssl pkey -pubin -outform DER | sha256sum` says of the two keys.
const CURRENT: &str = "cec634e8c1fdc0654f86872df0f4372727b9f7a7aa398bee39d2dd3bbd36b6b1";
const PREVIOUS: &str = "4306ea821e6fc52331e37086ee4074929eac0bc6cb7b9f79b40a8b24726b0e39";

/// One of the keys of the test vectors, which OpenSSL made.
fn key_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/keys").join(name)
}

fn files() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/files/graph")
}

fn pem(name: &str) -> String {
    fs::read_to_string(key_file(name)).unwrap()
}

/// A user with a token and both halves of the pair.
struct User {
    folder: TempDir,
    graph: GraphApi,
}

impl User {
    fn start() -> Self {
        let folder = tempdir().unwrap();
        for name in ["current.pub", "current.pem", "previous.pub"] {
            fs::copy(key_file(name), folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
        Self { folder, graph: GraphApi::start() }
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// Runs `flowctl keys` without a token of its own. Whatever happens, none is printed.
    fn keys(&self, arguments: &[&str], token: Option<&str>) -> Finished {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowctl"));
        command.current_dir(self.folder.path()).arg("keys").args(arguments).env_remove("FLOWCTL_ACCESS_TOKEN");
        command.env_remove("HTTP_PROXY").env_remove("http_proxy");
        if let Some(token) = token {
            command.env("FLOWCTL_ACCESS_TOKEN", token);
        }
        let finished = Process::spawn(&mut command, "").finish();
        let printed = format!("{}{}", finished.stdout, finished.stderr);
        assert!(!printed.contains(&TOKEN[..12]), "the token was printed: {printed}");
        finished
    }

    fn graph_keys(&self, command: &str, arguments: &[&str]) -> Finished {
        let with = [command, "--graph-url", &self.graph.url, "--token-file", "token"];
        self.keys(&[&with, arguments].concat(), None)
    }

    fn upload(&self, arguments: &[&str]) -> Finished {
        self.graph_keys("upload", &[&["--public-key", "current.pub"], arguments].concat())
    }

    fn status(&self, arguments: &[&str]) -> Finished {
        self.graph_keys("status", &[&["--phone-number-id", NUMBER], arguments].concat())
    }
}

fn held(pem: &str, status: &str) -> Value {
    json!({"business_public_key": pem, "business_public_key_signature_status": status})
}

#[test]
fn every_number_gets_the_key_at_the_same_time() {
    let user = User::start();
    user.graph.wait_for(2);
    let uploaded = user.upload(&["--phone-number-id", NUMBER, "--phone-number-id", OTHER_NUMBER]);
    assert_eq!(uploaded.code, Some(0), "{uploaded:?}");
    let line = |number| format!("{number}  ok    VALID     {CURRENT}  the given key\n");
    assert_eq!(uploaded.stdout, line(NUMBER) + &line(OTHER_NUMBER));
    for number in [NUMBER, OTHER_NUMBER] {
        assert_eq!(user.graph.key(number).unwrap(), pem("current.pub"), "{number}");
    }
}

#[test]
fn many_numbers_come_a_few_at_a_time_and_each_once() {
    let user = User::start();
    user.graph.wait_for(4);
    let numbers: Vec<String> = (1..=12).map(|number| number.to_string()).collect();
    let mut arguments = vec!["--phone-number-id", "1"];
    arguments.extend(numbers.iter().flat_map(|number| ["--phone-number-id", number]));
    let uploaded = user.upload(&arguments);
    assert_eq!(uploaded.code, Some(0), "{uploaded:?}");
    let reported: Vec<_> = uploaded.stdout.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(reported, numbers);
    assert_eq!(user.graph.requests().len(), 24);
    assert_eq!(user.graph.most_in_flight(), 4);
}

#[test]
fn of_a_private_key_the_public_half_is_sent() {
    let user = User::start();
    let number = ["--phone-number-id", NUMBER];
    let uploaded = user.graph_keys("upload", &[&["--public-key", "current.pem"], &number[..]].concat());
    assert_eq!(uploaded.code, Some(0), "{uploaded:?}");
    assert_eq!(user.graph.key(NUMBER).unwrap(), pem("current.pub"));
    assert!(user.graph.requests().iter().all(|request| !request.contains("PRIVATE")));

    user.write("passphrase", "correct horse\n");
    let made = user.keys(&["generate", "--passphrase-file", "passphrase"], None);
    assert_eq!(made.code, Some(0), "{made:?}");
    let encrypted = ["--public-key", "private-key.pem"];
    let refused = user.graph_keys("upload", &[&encrypted, &number[..]].concat());
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("--passphrase-file FILE"), "{}", refused.stderr);
    let passphrase = ["--passphrase-file", "passphrase"];
    let uploaded = user.graph_keys("upload", &[&encrypted[..], &passphrase, &number].concat());
    assert_eq!(uploaded.code, Some(0), "{uploaded:?}");
    let public_pem = fs::read_to_string(user.folder.path().join("public-key.pem")).unwrap();
    assert_eq!(user.graph.key(NUMBER).unwrap(), public_pem);
}

#[test]
fn a_number_that_fails_stops_no_other() {
    let user = User::start();
    user.graph.tell(Method::POST, NUMBER, 400, refusal(100, "Unsupported post request"));
    let numbers = ["--phone-number-id", NUMBER, "--phone-number-id", OTHER_NUMBER];
    let uploaded = user.upload(&numbers);
    assert_eq!(uploaded.code, Some(1), "{uploaded:?}");
    let lines: Vec<_> = uploaded.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with(&format!("{NUMBER}  FAIL  -")), "{lines:?}");
    assert!(lines[1].starts_with("    the platform does not know the number"), "{lines:?}");
    assert_eq!(lines[2], format!("{OTHER_NUMBER}  ok    VALID     {CURRENT}  the given key"));

    let uploaded = user.upload(&[&numbers[..], &["--json"]].concat());
    assert_eq!(uploaded.code, Some(1), "{uploaded:?}");
    let report: Value = serde_json::from_str(&uploaded.stdout).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["numbers"][0]["phone_number_id"], NUMBER);
    assert_eq!(report["numbers"][0]["uploaded"], false);
    assert!(report["numbers"][0]["problem"].as_str().unwrap().contains("code 100; Unsupported post request"));
    let good = json!({
        "phone_number_id": OTHER_NUMBER, "ok": true, "uploaded": true, "signature_status": "VALID",
        "fingerprint": CURRENT, "is_given_key": true, "problem": null,
    });
    assert_eq!(report["numbers"][1], good);
}

#[test]
fn an_upload_counts_when_the_platform_gives_the_key_back() {
    let cases = [
        (Method::POST, 200, json!({"success": false}), "without saying that it succeeded"),
        (Method::GET, 200, json!({"data": [held(&pem("previous.pub"), "VALID")]}), "or another one"),
        (Method::GET, 200, json!({"data": []}), "gives no key back"),
        (Method::GET, 200, held(&pem("current.pub"), "MISMATCH"), "does not match"),
        (
            Method::GET,
            500,
            refusal(2, "Service temporarily unavailable"),
            "uploaded, but not read back: the platform failed",
        ),
    ];
    for (method, status, body, said) in cases {
        let user = User::start();
        user.graph.tell(method, NUMBER, status, body);
        let uploaded = user.upload(&["--phone-number-id", NUMBER]);
        assert_eq!(uploaded.code, Some(1), "{uploaded:?}");
        assert!(uploaded.stdout.contains("  FAIL  ") && uploaded.stdout.contains(said), "{said}: {}", uploaded.stdout);
    }
}

#[test]
fn status_reads_both_shapes_of_the_answer() {
    let user = User::start();
    let entry = held(&pem("current.pub"), "VALID");
    for body in [entry.clone(), json!({"data": [entry]}), json!({"data": entry, "paging": {}})] {
        user.graph.tell(Method::GET, NUMBER, 200, &body);
        let status = user.status(&[]);
        assert_eq!(status.code, Some(0), "{body}: {status:?}");
        assert_eq!(status.stdout, format!("{NUMBER}  ok    VALID     {CURRENT}\n"));
        let status = user.status(&["--public-key", "current.pub"]);
        assert_eq!(status.stdout, format!("{NUMBER}  ok    VALID     {CURRENT}  the given key\n"));
    }
}

/// What the Graph API may answer; the files are those of `tests/files/graph`.
#[test]
fn status_as_the_platform_has_been_seen_to_answer() {
    let user = User::start();
    let key = fs::read_to_string(files().join("given.pub")).unwrap();
    user.write("given.pub", &key);
    for (file, http, alone, compared, said) in [
        ("1-data-valid.json", 200, 0, 0, "VALID"),
        ("2-data-valid-without-key.json", 200, 0, 1, "does not say over which key"),
        ("3-data-mismatch-blank-key.json", 200, 1, 1, "upload it again"),
        ("4-flat-valid.json", 200, 0, 0, "VALID"),
        ("5-valid-without-armour.json", 200, 0, 0, "the given key"),
        ("6-valid-without-armour-in-lines.json", 200, 0, 0, "the given key"),
        ("8-empty-data.json", 200, 1, 1, "no key is uploaded"),
        ("9-empty-object.json", 200, 1, 1, "no key is uploaded"),
        ("10-wrong-object-400.json", 400, 1, 1, "does not know the number"),
        ("11-permission-403.json", 403, 1, 1, "needs the permission"),
        ("12-unknown-status.json", 200, 1, 1, "PENDING"),
    ] {
        user.graph.tell(Method::GET, NUMBER, http, fs::read_to_string(files().join(file)).unwrap());
        assert_eq!(user.status(&[]).code, Some(alone), "{file}");
        let status = user.status(&["--public-key", "given.pub"]);
        assert_eq!(status.code, Some(compared), "{file}: {status:?}");
        assert!(status.stdout.contains(said), "{file}: {}", status.stdout);
    }
    // Another key is found out without its lines as well.
    let bare = fs::read_to_string(files().join("5-valid-without-armour.json")).unwrap();
    user.graph.tell(Method::GET, NUMBER, 200, bare);
    let status = user.status(&["--public-key", "current.pub"]);
    assert_eq!(status.code, Some(1), "{status:?}");
    assert!(status.stdout.contains("another key than the given one"), "{}", status.stdout);
}

#[test]
fn a_mismatch_is_said_with_the_command_that_helps() {
    let user = User::start();
    for body in [held(&pem("current.pub"), "MISMATCH"), json!({"data": [held(" ", "MISMATCH")]})] {
        user.graph.tell(Method::GET, NUMBER, 200, &body);
        let status = user.status(&[]);
        assert_eq!(status.code, Some(1), "{status:?}");
        assert!(status.stdout.starts_with(&format!("{NUMBER}  FAIL  MISMATCH")), "{}", status.stdout);
        let command = format!("`flowctl keys upload --public-key FILE --phone-number-id {NUMBER}`");
        assert!(status.stdout.contains(&command), "{}", status.stdout);
    }
}

#[test]
fn another_key_is_said_even_where_its_signature_does_not_match() {
    let user = User::start();
    user.graph.keep(NUMBER, &pem("previous.pub"));
    assert_eq!(user.status(&[]).code, Some(0), "no key was given to compare with");
    let status = user.status(&["--public-key", "current.pem"]);
    assert_eq!(status.code, Some(1), "{status:?}");
    assert!(status.stdout.contains(&format!("FAIL  VALID     {PREVIOUS}  another key\n")), "{}", status.stdout);
    assert!(status.stdout.contains("another key than the given one"), "{}", status.stdout);

    user.graph.tell(Method::GET, NUMBER, 200, held(&pem("previous.pub"), "MISMATCH"));
    let status = user.status(&["--public-key", "current.pub", "--json"]);
    let report: Value = serde_json::from_str(&status.stdout).unwrap();
    let number = &report["numbers"][0];
    assert_eq!(number["is_given_key"], false);
    assert_eq!(number["uploaded"], Value::Null);
    assert_eq!(number["signature_status"], "MISMATCH");
    assert!(number["problem"].as_str().unwrap().contains("another key than the given one"), "{number}");
}

#[test]
fn a_number_without_a_key_is_said() {
    let user = User::start();
    for body in ["{}", r#"{"data":[]}"#, r#"{"data":[{}]}"#, r#"{"data":[{"business_public_key":null}]}"#] {
        user.graph.tell(Method::GET, NUMBER, 200, body);
        let status = user.status(&["--public-key", "current.pub"]);
        assert_eq!(status.code, Some(1), "{body}: {status:?}");
        assert!(status.stdout.contains("no key is uploaded"), "{body}: {}", status.stdout);
    }
}

#[test]
fn half_an_answer_is_no_good_news() {
    let user = User::start();
    let cases = [
        (json!({"business_public_key_signature_status": "VALID"}), "does not say over which key"),
        (json!({"business_public_key": pem("current.pub")}), "does not say VALID or MISMATCH"),
        (held(&pem("current.pub"), "PENDING\u{1b}[2J"), "PENDING\\u{1b}[2J"),
        (held("-----BEGIN PUBLIC KEY-----", "VALID"), "the key that the platform has cannot be used: the PEM block"),
    ];
    for (body, said) in cases {
        user.graph.tell(Method::GET, NUMBER, 200, &body);
        let status = user.status(&["--public-key", "current.pub"]);
        assert_eq!(status.code, Some(1), "{body}: {status:?}");
        assert!(status.stdout.contains(said), "{said}: {}", status.stdout);
    }
}

#[test]
fn every_refusal_says_what_to_do() {
    let user = User::start();
    let cases = [
        (401, refusal(190, "Error validating access token"), "does not accept the token"),
        (400, refusal(190, "Error validating access token"), "does not accept the token"),
        (401, json!({}), "does not accept the token"),
        (400, refusal(10, "Permission denied"), "needs the permission"),
        (403, refusal(200, "Permissions error"), "needs the permission"),
        (403, json!({}), "needs the permission"),
        (400, refusal(100, "Object does not exist"), "does not know the number"),
        (400, refusal(4, "Application request limit reached"), "too many calls"),
        (400, refusal(80007, "Rate limit issues"), "too many calls"),
        (429, json!({}), "too many calls"),
        (500, refusal(2, "Service temporarily unavailable"), "the platform failed, which is its own fault"),
        (503, json!("overloaded"), "the platform failed, which is its own fault"),
        (400, refusal(368, "Temporarily blocked"), "the platform refuses"),
        (404, json!("no such page"), "no answer of the Graph API"),
        (200, refusal(190, "Error validating access token"), "does not accept the token"),
    ];
    for (status, body, said) in cases {
        user.graph.tell(Method::GET, NUMBER, status, &body);
        let refused = user.status(&[]);
        assert_eq!(refused.code, Some(1), "{body}: {refused:?}");
        assert!(refused.stdout.contains(said), "{status} {body}: {}", refused.stdout);
        assert!(refused.stdout.contains(&format!("(HTTP {status}")), "{}", refused.stdout);
        if let Some(error) = body.get("error") {
            let message = error["message"].as_str().unwrap();
            let words = format!(", code {}; {message}; fbtrace_id AbC1d2E3)", error["code"]);
            assert!(refused.stdout.contains(&words), "{}", refused.stdout);
        }
    }
}

#[test]
fn what_the_platform_says_controls_nothing_and_quotes_no_token() {
    let user = User::start();
    let message = format!("Malformed access token {TOKEN}\u{1b}]0;x\u{7}\r\n106540352242999  ok {}", "x".repeat(5000));
    user.graph.tell(Method::GET, NUMBER, 400, refusal(190, &message));
    for json in [&[][..], &["--json"]] {
        let refused = user.status(json);
        assert!(refused.stdout.contains("Malformed access token [token]"), "{}", refused.stdout);
        assert!(refused.stdout.len() < 1000 && refused.stdout.lines().count() <= 2, "{}", refused.stdout);
        assert!(!refused.stdout.contains(['\u{1b}', '\u{7}', '\r']), "{}", refused.stdout);
    }
}

#[test]
fn what_is_no_answer_of_the_graph_api_is_said() {
    let user = User::start();
    let large = format!("{{\"data\":[\"{}\"]}}", "x".repeat(100_000));
    for body in ["", "<html>", "[]", "{\"data\":[7]}", "{\"data\":null}", "{\"business_public_key\":7}", &large] {
        user.graph.tell(Method::GET, NUMBER, 200, body);
        let status = user.status(&[]);
        assert_eq!(status.code, Some(1), "{body}: {status:?}");
        assert!(status.stdout.contains("the answer with status 200 cannot be read"), "{body}: {}", status.stdout);
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let user = User::start();
    for (method, command) in [(Method::GET, "status"), (Method::POST, "upload")] {
        user.graph.tell(method, NUMBER, 307, "");
        let key = ["--public-key", "current.pub", "--phone-number-id", NUMBER];
        let refused = user.graph_keys(command, &key);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stdout.contains("127.0.0.1 redirects elsewhere"), "{}", refused.stdout);
    }
    assert_eq!(user.graph.requests().len(), 2);
}

#[test]
fn a_server_that_is_not_there_is_said() {
    let user = User::start();
    let nobody = ["status", "--graph-url", "http://127.0.0.1:1/v23.0", "--token-file", "token"];
    let failed = user.keys(&[&nobody[..], &["--phone-number-id", NUMBER]].concat(), None);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stdout.contains("cannot connect to 127.0.0.1: "), "{}", failed.stdout);
}

#[test]
fn the_token_comes_from_the_file_or_else_from_the_variable() {
    let user = User::start();
    user.graph.keep(NUMBER, &pem("current.pub"));
    let bare = ["status", "--graph-url", &user.graph.url, "--phone-number-id", NUMBER];
    let with_file = [&bare[..], &["--token-file", "token"]].concat();
    assert_eq!(user.keys(&bare, Some(TOKEN)).code, Some(0));
    assert_eq!(user.keys(&with_file, Some("another")).code, Some(0));
    let wrong = user.keys(&bare, Some("another"));
    assert!(wrong.stdout.contains("HTTP 401, code 190"), "{wrong:?}");

    let none = user.keys(&bare, None);
    assert_eq!(none.code, Some(1), "{none:?}");
    assert!(none.stderr.contains("--token-file FILE or the variable FLOWCTL_ACCESS_TOKEN"), "{}", none.stderr);
    let empty = user.keys(&bare, Some(" "));
    assert!(empty.stderr.contains("FLOWCTL_ACCESS_TOKEN: there is no access token"), "{}", empty.stderr);
    user.write("token", &format!("Bearer {TOKEN}\n"));
    let more = user.keys(&with_file, None);
    assert_eq!(more.code, Some(1), "{more:?}");
    assert!(more.stderr.contains("token: it holds more than an access token"), "{}", more.stderr);
    assert_eq!(user.graph.requests().len(), 3);
}

#[test]
fn an_id_or_url_that_cannot_be_right_is_refused_before_anything_is_sent() {
    let user = User::start();
    for id in ["+491701234567", "12 34", "../me"] {
        let refused = user.graph_keys("status", &["--phone-number-id", id]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("digits alone"), "{}", refused.stderr);
    }
    let clear = ["status", "--graph-url", "http://graph.facebook.com/v23.0", "--token-file", "token"];
    let refused = user.keys(&[&clear[..], &["--phone-number-id", NUMBER]].concat(), None);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("the token never travels in the clear"), "{}", refused.stderr);
    assert!(user.graph.requests().is_empty());
}
