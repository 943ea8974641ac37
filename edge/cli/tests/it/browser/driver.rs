//! A Chromium that a test plays, by the WebDriver protocol over plain HTTP.
//!
//! It never waits for a page to come to rest, as the console's holds a stream of events open: it waits for what is asked for, and
//! so long at most. It refuses to know what the page is.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::Client;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::process::Process;

/// Ample on a busy machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// The name by which the protocol knows an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub(super) const TAB: &str = "\u{E004}";
pub(super) const ENTER: &str = "\u{E007}";
pub(super) const SPACE: &str = " ";
pub(super) const DOWN: &str = "\u{E015}";

/// What every page is told before its own script runs: to keep what would be a hole in its policy.
const WATCH: &str = "window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) =>
        window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));";

/// A browser with one window.
pub(super) struct Browser {
    http: Client,
    session: String,
    _driver: Process,
}

/// What the driver says where it cannot do something.
#[derive(Debug)]
struct Refused {
    error: String,
    message: String,
}

impl Browser {
    pub(super) fn start(width: u32, height: u32) -> Self {
        // It takes a free port of IPv6, and ends where that of IPv4 is not free as well.
        let start = || {
            let mut driver = Process::spawn(Command::new("chromedriver").arg("--port=0"), "");
            let port = driver.stdout.find("ChromeDriver was started successfully on port ")?;
            Some((driver, port))
        };
        let (driver, port) = (0..20).find_map(|_| start()).expect("chromedriver starts");
        let address = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
        let http = Client::builder().no_proxy().timeout(PATIENCE * 2).build().unwrap();
        let mut browser = Self { http, session: address, _driver: driver };
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--lang=en-US",
            "--force-device-scale-factor=1",
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": PATIENCE.as_millis(), "pageLoad": PATIENCE.as_millis() },
            // Else a page that never comes to rest would be waited for.
            "pageLoadStrategy": "eager",
        } } });
        let session = browser.ask(Method::POST, "/session", &wanted).unwrap();
        browser.session = format!("{}/session/{}", browser.session, session["sessionId"].as_str().unwrap());
        browser.resize(width, height);
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": WATCH }));
        browser
    }

    /// What the page has of the window.
    pub(super) fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    pub(super) fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    pub(super) fn reload(&self) {
        self.post("/refresh", &json!({}));
    }

    pub(super) fn back(&self) {
        self.post("/back", &json!({}));
    }

    /// The path of the address.
    pub(super) fn path(&self) -> String {
        let url = self.ask(Method::GET, "/url", &Value::Null).unwrap();
        Url::parse(url.as_str().unwrap()).unwrap().path().to_owned()
    }

    /// What an expression of the page's own language comes to.
    pub(super) fn js(&self, expression: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": format!("return ({expression});"), "args": [] }))
    }

    /// Runs a whole script, as no policy of the page forbids.
    pub(super) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Runs a script until it calls `done` with what it has come to.
    pub(super) fn run_async(&self, script: &str) -> Value {
        let script = format!("const done = arguments[arguments.length - 1]; {script}");
        self.post("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression holds, looking with each frame, and gives what it came to.
    pub(super) fn until(&self, expression: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        let script = format!(
            "const done = arguments[arguments.length - 1];
            const end = performance.now() + 5000;
            const look = () => {{
                let found = null;
                try {{ found = ({expression}); }} catch {{}}
                if (found || performance.now() > end) done(found ?? null); else requestAnimationFrame(look);
            }};
            look();"
        );
        while Instant::now() < end {
            // Another page may have come meanwhile.
            let found = self.ask(Method::POST, "/execute/async", &json!({ "script": script, "args": [] }));
            if let Ok(found) = found
                && found != Value::Null
                && found != Value::Bool(false)
            {
                return found;
            }
        }
        panic!("`{expression}` does not become true:\n{}", self.js("document.body.innerText"));
    }

    /// Waits for an element, and that it can be clicked, and clicks it.
    pub(super) fn click(&self, css: &str) {
        self.act(css, |element| self.ask(Method::POST, &format!("/element/{element}/click"), &json!({})));
    }

    /// Types into an element, as a keyboard does; into a picker of files their paths.
    pub(super) fn type_into(&self, css: &str, text: &str) {
        let path = |element: &str| format!("/element/{element}/value");
        self.act(css, |element| self.ask(Method::POST, &path(element), &json!({ "text": text })));
    }

    /// Takes out what is there, and types.
    pub(super) fn replace_in(&self, css: &str, text: &str) {
        self.act(css, |element| self.ask(Method::POST, &format!("/element/{element}/clear"), &json!({})));
        self.type_into(css, text);
    }

    /// Chooses an option of a list by its value.
    pub(super) fn choose(&self, css: &str, value: &str) {
        self.click(&format!("{css} option[value='{value}']"));
    }

    /// Presses keys one after another, wherever the focus is.
    pub(super) fn keys(&self, keys: &str) {
        let press = |key: char| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let actions: Vec<Value> = keys.chars().flat_map(press).collect();
        self.post("/actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] }));
    }

    /// Presses Tab until the focus is there.
    pub(super) fn tab_to(&self, css: &str) {
        for _ in 0..80 {
            self.keys(TAB);
            if self.js(&format!("document.activeElement.matches({})", json!(css))) == true {
                return;
            }
        }
        panic!("Tab never comes to {css}; it is at {}", self.js("document.activeElement.outerHTML"));
    }

    /// Says that the user's system is dark or light.
    pub(super) fn prefer(&self, theme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// A picture of the window or of one element.
    pub(super) fn picture(&self, css: Option<&str>) -> Vec<u8> {
        let path =
            css.map_or("/screenshot".to_owned(), |css| format!("/element/{}/screenshot", self.find(css).unwrap()));
        let picture = self.ask(Method::GET, &path, &Value::Null).unwrap();
        STANDARD.decode(picture.as_str().unwrap()).unwrap()
    }

    /// What the page did that it should not: what its policy forbids, and what its script complains of, these aside.
    pub(super) fn assert_quiet(&self, expected: &[&str]) {
        assert_eq!(self.js("window.violations"), json!([]), "the page's own policy is broken");
        let log = self.post("/se/log", &json!({ "type": "browser" }));
        let is_bad = |line: &&Value| {
            let text = line["message"].as_str().unwrap();
            line["level"] != "DEBUG" && line["level"] != "INFO" && !expected.iter().any(|it| text.contains(it))
        };
        let lines: Vec<_> = log.as_array().unwrap().iter().filter(is_bad).collect();
        assert!(lines.is_empty(), "{lines:#?}");
    }

    /// An element comes and goes as the page is drawn anew; what is tried on one is tried until it succeeds.
    fn act(&self, css: &str, what: impl Fn(&str) -> Result<Value, Refused>) {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.find(css).and_then(|element| what(&element)) {
                Ok(_) => return,
                Err(Refused { error, message }) => {
                    let passes = ["no such element", "stale element reference", "element click intercepted"]
                        .into_iter()
                        .chain(["element not interactable", "invalid element state"])
                        .any(|it| it == error);
                    assert!(passes && Instant::now() < end, "{css}: {error}: {message}");
                }
            }
        }
    }

    fn find(&self, css: &str) -> Result<String, Refused> {
        let found = self.ask(Method::POST, "/element", &json!({ "using": "css selector", "value": css }))?;
        Ok(found[ELEMENT].as_str().unwrap().to_owned())
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }));
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.ask(Method::POST, path, body).unwrap_or_else(|refused| panic!("{path}: {refused:?}"))
    }

    fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Value, Refused> {
        let mut request = self.http.request(method, format!("{}{path}", self.session));
        if *body != Value::Null {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let answer: Value = serde_json::from_str(&request.send().unwrap().text().unwrap()).unwrap();
        let value = answer["value"].clone();
        match value["error"].as_str() {
            None => Ok(value),
            Some(error) => Err(Refused {
                error: error.to_owned(),
                message: value["message"].as_str().unwrap_or_default().to_owned(),
            }),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser; without it, only its driver would end.
        let _ = self.http.delete(&self.session).send();
    }
}

/// Writes a picture where somebody asked for it.
pub(super) fn keep(picture: &[u8], name: &str) {
    if let Some(folder) = std::env::var_os("FLOW_PICTURES") {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(Path::new(&folder).join(name), picture).unwrap();
    }
}
