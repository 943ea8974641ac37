//! The console of `flowctl dev`, as its page and programs use it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::process::{Process, flowctl};

/// A running `flowctl dev` with its console.
pub(crate) struct Console {
    pub(crate) folder: TempDir,
    address: String,
    key: String,
    http: Client,
    _process: Process,
}

impl Console {
    pub(crate) fn start() -> Self {
        Self::start_in(tempdir().unwrap(), &[])
    }

    pub(crate) fn start_in(folder: TempDir, arguments: &[&str]) -> Self {
        let mut process = Process::start(folder.path(), &[&["dev", "--port", "0"], arguments].concat());
        let url = process.stdout.wait_for("console: ");
        let (address, key) = url.split_once("/?key=").unwrap();
        let http = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { address: address.to_owned(), key: key.to_owned(), folder, http, _process: process }
    }

    /// The address that `flowctl dev` prints, of this path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}?key={}", self.address, self.key)
    }

    fn get(&self, path: &str) -> Response {
        self.http.get(self.url(path)).send().unwrap()
    }

    pub(crate) fn text(&self, path: &str) -> String {
        let response = self.get(path);
        assert_eq!(response.status(), 200, "{path}");
        response.text().unwrap()
    }

    pub(crate) fn timeline(&self) -> Vec<Value> {
        serde_json::from_str::<Value>(&self.text("/timeline.json")).unwrap().as_array().unwrap().clone()
    }

    pub(crate) fn act(&self, what: Value) -> Value {
        let request = self.http.post(self.url("/act"));
        let response = request.header(CONTENT_TYPE, "application/json").body(what.to_string()).send().unwrap();
        assert_eq!(response.status(), 200, "{what}");
        serde_json::from_str(&response.text().unwrap()).unwrap()
    }

    pub(crate) fn fill(&self, field: &str, value: &str) -> Value {
        self.act(json!({ "move": "fill", "field": field, "value": value }))
    }

    /// Chooses what is free, as far as the screen with the form.
    fn choose(&self) {
        for (field, value) in [("department", "beauty"), ("location", "kings_cross")] {
            assert_eq!(self.fill(field, value)["screen"], "APPOINTMENT");
        }
        for field in ["date", "time"] {
            let last = self.timeline().pop().unwrap();
            let option = last["outcome"]["answer"]["data"][field][0]["id"].as_str().unwrap().to_owned();
            self.fill(field, &option);
        }
    }

    fn footer(&self) -> Value {
        self.tap_footer().unwrap()
    }

    /// What comes of a tap on the footer, where there is one.
    pub(crate) fn tap_footer(&self) -> Option<Value> {
        // Its place is in the page, as every tap's.
        let phone = self.text("/phone");
        let (_, footer) = phone.rsplit_once("data-tap=\"")?;
        let id = footer.split_once('"')?.0;
        Some(self.act(json!({ "move": "tap", "id": id, "item": null })))
    }
}

#[test]
fn whoever_lacks_the_key_or_comes_from_elsewhere_gets_nothing() {
    let console = Console::start();
    let (address, key) = (&console.address, &console.key);
    let url = format!("{address}/timeline.json");
    let with_key = format!("{url}?key={key}");
    let get = |url: &str| console.http.get(url);
    assert_eq!(get(&with_key).send().unwrap().status(), 200);
    for request in [
        get(&url),
        get(&format!("{url}?key=")),
        get(&format!("{url}?key={}", "0".repeat(32))),
        get(&with_key).header(ORIGIN, "http://example.com"),
        get(&with_key).header(ORIGIN, "null"),
        get(&with_key).header(HOST, "example.com"),
        get(&format!("{address}/")),
        get(&format!("{address}/script.js")),
        console.http.post(format!("{address}/act")),
    ] {
        let refused = request.send().unwrap();
        assert_eq!(refused.status(), 403);
        assert!(!refused.text().unwrap().contains(key.as_str()));
    }
    let first = console.get("/");
    assert_eq!(first.status(), 303);
    let cookie = first.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let page = get(&format!("{address}/")).header(COOKIE, cookie).send().unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let page = page.text().unwrap();
    assert!(!page.contains(key.as_str()) && page.contains("id=\"f-department\""), "{page}");
}

#[test]
fn a_conversation_is_played_to_its_end_and_saved_as_a_script() {
    let console = Console::start();
    console.choose();
    assert_eq!(console.footer()["screen"], "DETAILS");
    let refused = console.footer();
    assert_eq!(refused["exchanges"], json!([]), "required fields hold it up: {refused}");
    for (field, value) in [("name", "Ada Lovelace"), ("email", "ada@example.com"), ("phone", "+44 20 7946 0000")] {
        console.fill(field, value);
    }
    assert_eq!(console.footer()["screen"], "SUMMARY");
    let timeline = console.timeline();
    let last = timeline.last().unwrap();
    assert_eq!(last["request"]["data"]["name"], "Ada Lovelace");
    assert_eq!(last["calls"][0]["method"], "HandleDataExchange");
    assert_eq!(last["calls"][0]["code"], "OK");
    assert_eq!(last["calls"][0]["request"]["data"]["name"], "Ada Lovelace");
    assert_eq!(last["calls"][0]["response"]["nextScreen"]["screen"], "SUMMARY");
    assert!(last["good"] == true && last["trace_id"].as_str().unwrap().len() == 32, "{last}");

    let number = last["number"].as_u64().unwrap();
    for (copy, start) in
        [("simulate", "flowctl simulate '{"), ("grpcurl", "grpcurl -plaintext "), ("curl", "curl --cacert ")]
    {
        let command = console.text(&format!("/exchanges/{number}/copy/{copy}"));
        assert!(command.starts_with(start), "{command}");
    }
    let curl = console.text(&format!("/exchanges/{number}/copy/curl"));
    let command = format!("{curl} --silent --write-out '%{{http_code}}'");
    let sent = Command::new("sh").args(["-c", &command]).current_dir(console.folder.path()).output().unwrap();
    assert!(String::from_utf8(sent.stdout).unwrap().ends_with("200"), "{curl}");

    fs::write(console.folder.path().join("script.yaml"), console.text("/script.yaml")).unwrap();
    let played = flowctl(console.folder.path(), &["simulate", "--script", "script.yaml"]);
    assert_eq!(played.code, Some(0), "{}{}", played.stdout, played.stderr);
}

#[test]
fn each_fault_shows_what_a_user_would_see() {
    let console = Console::start();
    for (fault, status, calls) in
        [("wrong-signature", json!(432), 0), ("lost-answer", Value::Null, 1), ("logic-gone", json!(503), 1)]
    {
        console.act(json!({ "move": "fault", "name": fault, "seconds": null }));
        console.act(json!({ "move": "reopen" }));
        let last = console.timeline().pop().unwrap();
        assert_eq!(last["outcome"]["status"], status, "{fault}");
        assert_eq!(last["calls"].as_array().unwrap().len(), calls, "{fault}");
        assert!(last["fault"].is_string() && last["good"] == false, "{last}");
        assert!(console.text("/phone").contains("data-move=\"retry\""), "{fault}");
        console.act(json!({ "move": "retry" }));
        assert_eq!(console.timeline().pop().unwrap()["outcome"]["status"], 200, "{fault}");
    }
    // The phone fetches the key, and sends it again by itself.
    console.act(json!({ "move": "fault", "name": "wrong-key", "seconds": null }));
    assert_eq!(console.act(json!({ "move": "restart" }))["screen"], "APPOINTMENT");
    let timeline = console.timeline();
    let last: Vec<_> = timeline.iter().rev().take(2).map(|it| &it["outcome"]["status"]).collect();
    assert_eq!(last, [&json!(200), &json!(421)]);
    console.act(json!({ "move": "fault", "name": "slow", "seconds": 1 }));
    console.act(json!({ "move": "restart" }));
    let slow = console.timeline().pop().unwrap();
    assert!(slow["time_ms"].as_f64().unwrap() >= 1000.0 && slow["good"] == true, "{slow}");
    console.act(json!({ "move": "fault", "name": "error-notification", "seconds": null }));
    let notified = console.timeline().pop().unwrap();
    assert_eq!((&notified["action"], &notified["calls"][0]["method"]), (&json!("error"), &json!("HandleError")));
    console.act(json!({ "move": "fault", "name": "dead-token", "seconds": null }));
    console.act(json!({ "move": "restart" }));
    assert_eq!(console.timeline().pop().unwrap()["outcome"]["status"], 427);
}

#[test]
fn a_step_is_gone_back_to_and_what_is_different_is_marked() {
    let console = Console::start();
    console.choose();
    let before = console.timeline();
    let place = before.iter().position(|it| it["request"]["data"]["trigger"] == "location_selected").unwrap();
    let answered = console.act(json!({ "move": "back-to", "number": before[place]["number"] }));
    assert_eq!(answered["screen"], "APPOINTMENT");
    let after = console.timeline();
    let again = &after[before.len()..];
    assert_eq!(again.len(), place + 1);
    assert!(again.iter().all(|it| it["differences"] == json!([])), "{again:?}");
    assert_ne!(again[0]["request"]["flow_token"], before[0]["request"]["flow_token"]);
    // It goes on from there.
    let option = again[place]["outcome"]["answer"]["data"]["date"][0]["id"].as_str().unwrap();
    assert_eq!(console.fill("date", option)["exchanges"].as_array().unwrap().len(), 1);
}

/// The edge answers before logic does, and gives the call up.
#[test]
fn a_call_that_took_too_long_is_among_the_calls() {
    let console = Console::start();
    console.act(json!({ "move": "fault", "name": "slow", "seconds": 20 }));
    console.act(json!({ "move": "restart" }));
    let slow = console.timeline().pop().unwrap();
    assert_eq!((&slow["outcome"]["status"], &slow["good"]), (&json!(504), &json!(false)));
    let [call] = slow["calls"].as_array().unwrap().as_slice() else { panic!("{slow}") };
    assert_eq!((&call["method"], &call["code"]), (&json!("HandleDataExchange"), &json!("no answer in time")));
    assert_eq!(call["request"]["flowToken"], slow["request"]["flow_token"]);
    let (call, whole) = (call["time_ms"].as_f64().unwrap(), slow["time_ms"].as_f64().unwrap());
    assert!(call > whole * 0.9, "{slow}");
    assert!(console.text("/phone").contains("data-move=\"retry\""));
}

#[test]
fn what_the_user_cannot_do_is_no_failure_of_the_flow() {
    let console = Console::start();
    console.choose();
    console.footer();
    // Required fields: said at the fields.
    assert!(console.footer()["refused"].is_string());
    let phone = console.text("/phone");
    assert!(!phone.contains("data-move=\"retry\"") && phone.matches("class=\"error\"").count() == 3, "{phone}");
    let refused = console.act(json!({ "move": "back-to", "number": 4711 }));
    assert!(refused["refused"].as_str().unwrap().contains("none of this conversation"), "{refused}");
    assert!(!console.text("/phone").contains("data-move=\"retry\""));
    console.act(json!({ "move": "close" }));
    let phone = console.text("/phone");
    assert!(phone.contains("The user closed the flow") && phone.contains("data-fault=\"reopen\""), "{phone}");
    console.act(json!({ "move": "reopen" }));
    assert!(console.text("/phone").contains("f-department"));
}

/// A page is drawn before it listens, and a connection may break off.
#[test]
fn whoever_listens_is_told_first_what_came_before() {
    let console = Console::start();
    console.choose();
    let numbers = |request: RequestBuilder, count: usize| -> Vec<String> {
        let lines = BufReader::new(request.send().unwrap()).lines().map(Result::unwrap);
        lines.filter_map(|line| Some(line.strip_prefix("id: ")?.to_owned())).take(count).collect()
    };
    let url = format!("{}&after=1", console.url("/events"));
    assert_eq!(numbers(console.http.get(&url), 3), ["2", "3", "4"]);
    assert_eq!(numbers(console.http.get(&url).header("last-event-id", "3"), 1), ["4"]);
    // Without a number only what comes from now on.
    let listening = console.http.get(console.url("/events")).send().unwrap();
    console.act(json!({ "move": "restart" }));
    let mut lines = BufReader::new(listening).lines().map(Result::unwrap);
    assert_eq!(lines.find(|line| line.starts_with("id: ")).as_deref(), Some("id: 5"));
}

#[test]
fn what_a_changed_logic_answers_otherwise_is_marked() {
    let folder = tempdir().unwrap();
    let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flows/appointment.json");
    let text = fs::read_to_string(flow).unwrap();
    fs::write(folder.path().join("mine.json"), &text).unwrap();
    let console = Console::start_in(folder, &["--flow", "mine.json"]);
    let changed = text.replace("\"title\": \"Home & Garden\"", "\"title\": \"House & Garden\"");
    assert_ne!(changed, text);
    fs::write(console.folder.path().join("mine.json"), changed).unwrap();
    // The file is looked at twice a second, and each time is held against the one before.
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let last = console.timeline().pop().unwrap();
        console.act(json!({ "move": "back-to", "number": last["number"] }));
        let again = console.timeline().pop().unwrap();
        if again["differences"] == json!(["/data/department/1/title"]) {
            break;
        }
        assert!(again["differences"] == json!([]) && Instant::now() < end, "{again}");
    }
}

#[test]
fn a_request_of_ones_own_is_sent_and_judged() {
    let console = Console::start();
    let request = json!({ "action": "data_exchange", "screen": "DETAILS", "data": { "trigger": "nothing" } });
    console.act(json!({ "move": "send", "request": request }));
    let last = console.timeline().pop().unwrap();
    assert_eq!(last["request"]["data"]["trigger"], "nothing");
    assert_eq!(last["outcome"]["status"], 500);
    assert_eq!(last["calls"][0]["code"], "INVALID_ARGUMENT");
    assert!(last["calls"][0]["text"].as_str().unwrap().contains("form data"), "logic's own words: {last}");
}

#[test]
fn a_flow_without_logic_shows_its_examples_and_follows_the_file() {
    let folder = tempdir().unwrap();
    let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flows/appointment.json");
    let text = fs::read_to_string(flow).unwrap();
    fs::write(folder.path().join("mine.json"), &text).unwrap();
    let console = Console::start_in(folder, &["--flow", "mine.json"]);
    assert!(console.text("/phone").contains("Beauty &amp; Personal Care"));
    // Filled in by the examples, it goes on.
    assert_eq!(console.timeline()[0]["outcome"]["answer"]["data"]["location"][0]["id"], "kings_cross");

    let changed = text
        .replace("\"title\": \"Appointment\"", "\"title\": \"Changed <b>title</b>\"")
        .replace("\"label\": \"Department\"", "\"lable\": \"Department\"");
    assert_ne!(changed, text);
    fs::write(console.folder.path().join("mine.json"), changed).unwrap();
    // Looked at twice a second.
    let end = Instant::now() + Duration::from_secs(60);
    let is_there = |path: &str, what: &str| {
        while !console.text(path).contains(what) {
            if Instant::now() > end {
                return false;
            }
        }
        true
    };
    assert!(is_there("/phone", "Changed &lt;b&gt;title&lt;/b&gt;"));
    assert!(is_there("/findings", "INVALID_PROPERTY_KEY") && is_there("/findings", "did you mean `label`?"));
}

#[test]
fn programs_read_lines_of_json_and_nothing_else() {
    let folder = tempdir().unwrap();
    let mut process = Process::start(folder.path(), &["dev", "--port", "0", "--json"]);
    let first: Value = serde_json::from_str(&process.stdout.wait_for("")).unwrap();
    assert!(first["ready"].as_str().unwrap().starts_with("https://"), "{first}");
    assert!(first["console"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{first}");
    let exchange: Value = serde_json::from_str(&process.stdout.wait_for("")).unwrap();
    assert_eq!((&exchange["action"], &exchange["good"]), (&json!("INIT"), &json!(true)));
}

#[test]
fn a_flow_of_data_api_3_signs_no_token() {
    let folder = tempdir().unwrap();
    let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flows/appointment.json");
    let text =
        fs::read_to_string(flow).unwrap().replace("\"data_api_version\": \"4.0\"", "\"data_api_version\": \"3.0\"");
    fs::write(folder.path().join("mine.json"), text).unwrap();
    let console = Console::start_in(folder, &["--flow", "mine.json"]);
    let opened = console.timeline()[0].clone();
    assert_eq!((&opened["request"]["version"], &opened["outcome"]["status"]), (&json!("3.0"), &json!(200)));
    assert_eq!(opened["request"].get("flow_token_signature"), None);
}
