//! The console of `flowctl dev` in a real Chromium, as its user has it.
//!
//! Where there is no Chromium the tests say so and pass, but with `CI=true` that is a failure.

mod changes;
mod components;
mod conversation;
mod driver;
mod faults;
mod hostile;
mod many;
mod pictures;
mod reachable;

use std::env;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tempfile::tempdir;

use self::driver::Browser;
use crate::console::Console;

/// One white pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==";

/// The Flow JSON of a test.
const FILE: &str = "mine.json";

/// A console, and the browser that has it open.
struct Played {
    console: Console,
    browser: Browser,
    _turn: MutexGuard<'static, ()>,
}

/// A browser takes a processor, and other tests run beside.
static TURN: Mutex<()> = Mutex::new(());

/// None where there is no browser.
fn play(arguments: &[&str]) -> Option<Played> {
    has_browser().then(|| {
        let turn = take_turn();
        Played::open(Console::start_in(tempdir().unwrap(), arguments), turn)
    })
}

/// The same with this Flow JSON and no logic.
fn play_file(flow: &Value) -> Option<Played> {
    if !has_browser() {
        return None;
    }
    let turn = take_turn();
    let folder = tempdir().unwrap();
    fs::write(folder.path().join(FILE), flow.to_string()).unwrap();
    Some(Played::open(Console::start_in(folder, &["--flow", FILE]), turn))
}

fn take_turn() -> MutexGuard<'static, ()> {
    // What another test broke is its own.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Played {
    fn open(console: Console, turn: MutexGuard<'static, ()>) -> Self {
        let browser = Browser::start(1280, 1000);
        browser.open(&console.url("/"));
        let played = Self { console, browser, _turn: turn };
        // The first exchange is on its way while the page opens.
        played.until_exchanges(1);
        played
    }

    fn until_exchanges(&self, count: usize) {
        self.browser.until(&format!("document.querySelectorAll('#exchanges > li').length >= {count}"));
    }

    /// Waits until the phone shows this screen, and nothing is on its way.
    fn until_screen(&self, screen: &str) {
        self.browser.until(&format!(
            "document.querySelector('#phone-screen').dataset.screen === '{screen}'
             && !document.querySelector('#phone.is-loading')"
        ));
    }

    /// Waits until a list is enabled and has something to choose, and chooses the first.
    fn choose_first(&self, field: &str) {
        let options = format!("document.querySelectorAll('#f-{field}:enabled option:enabled')");
        let first = self.browser.until(&format!("{options}.length > 1 && {options}[1].value"));
        self.browser.choose(&format!("#f-{field}"), first.as_str().unwrap());
        self.browser.until(&format!("document.querySelector('#f-{field}').value === {first}"));
    }

    /// As far as the screen with the form.
    fn choose(&self) {
        for field in ["department", "location", "date", "time"] {
            self.choose_first(field);
        }
        self.browser.click("#phone .footer button");
        self.until_screen("DETAILS");
    }

    fn fill_details(&self) {
        for (field, value) in DETAILS {
            self.browser.type_into(&format!("#f-{field}"), value);
        }
        self.browser.click("#phone .footer button");
        self.until_screen("SUMMARY");
    }

    /// The last exchange as the console's own JSON has it.
    fn last(&self) -> Value {
        self.console.timeline().pop().unwrap()
    }
}

const DETAILS: [(&str, &str); 4] = [
    ("name", "Ada Lovelace"),
    ("email", "ada@example.com"),
    ("phone", "+44 20 7946 0000"),
    ("more_details", "The entrance with the ramp, please."),
];

fn has_browser() -> bool {
    is_there(&["chromium", "--version"]) && is_there(&["chromedriver", "--version"])
}

/// Whether a program is there, told by a command that then succeeds.
fn is_there(check: &[&str]) -> bool {
    let (program, arguments) = check.split_first().unwrap();
    let ran = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = ran.is_ok_and(|status| status.success());
    if !there {
        missing(&format!("`{}` fails, so what it should prove is not tested", check.join(" ")));
    }
    there
}

/// A test that cannot run says so, and where everything must be there it fails.
fn missing(what: &str) {
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{what}");
    eprintln!("{what}");
}

/// A flow of one screen with one of each component, and this text wherever a flow may have one.
fn everything(text: &str, link: &str) -> Value {
    let tap = json!({"name": "navigate", "next": {"type": "screen", "name": "ONLY"}, "payload": {}});
    let options = json!([
        {"id": text, "title": text, "description": text, "metadata": text, "image": PNG, "alt-text": text},
        {"id": "second", "title": "Second", "enabled": false, "color": "ff8800"},
    ]);
    let item = json!({
        "id": text, "main-content": {"title": text, "description": text, "metadata": text},
        "start": {"image": PNG, "alt-text": text}, "end": {"title": text, "description": text, "metadata": text},
        "badge": text, "tags": [text, text, text, text], "on-click-action": tap,
    });
    let children = json!([
        {"type": "TextHeading", "text": text},
        {"type": "TextSubheading", "text": text},
        {"type": "TextBody", "text": "${data.words}", "font-weight": "bold_italic", "strikethrough": true},
        {"type": "TextCaption", "text": [text, format!("[{text}]({link})")], "markdown": true},
        {"type": "RichText", "text": ["# A heading", text, format!("[{text}]({link})"), format!("![{text}]({link})")]},
        {"type": "Image", "src": PNG, "alt-text": text, "aspect-ratio": 2},
        {"type": "ImageCarousel", "images": [{"src": PNG, "alt-text": text}, {"src": link, "alt-text": text}]},
        {"type": "TextInput", "name": "line", "label": text, "helper-text": text, "required": true, "init-value": text},
        {"type": "TextInput", "name": "number", "label": text, "input-type": "number"},
        {"type": "TextInput", "name": "off", "label": text, "input-type": "phone", "enabled": false},
        {"type": "TextArea", "name": "area", "label": text, "init-value": text, "error-message": text},
        {"type": "CheckboxGroup", "name": "boxes", "label": text, "description": text, "data-source": options},
        {"type": "RadioButtonsGroup", "name": "radio", "label": text, "data-source": options, "error-message": text},
        {"type": "Dropdown", "name": "drop", "label": text, "data-source": options, "init-value": text},
        {"type": "ChipsSelector", "name": "chips", "label": text, "data-source": options},
        {"type": "OptIn", "name": "opt", "label": text, "on-click-action": tap},
        {"type": "DatePicker", "name": "day", "label": text, "min-date": "2026-01-01", "unavailable-dates": ["2026-02-01"]},
        {"type": "CalendarPicker", "name": "calendar", "label": text, "include-days": ["Mon"]},
        {"type": "CalendarPicker", "name": "range", "mode": "range", "label": {"start-date": text, "end-date": text},
         "title": text, "description": text, "helper-text": {"start-date": text, "end-date": text}},
        {"type": "PhotoPicker", "name": "photos", "label": text, "description": text, "max-uploaded-photos": 3},
        {"type": "DocumentPicker", "name": "files", "label": text, "description": text},
        {"type": "EmbeddedLink", "text": text, "on-click-action": {"name": "open_url", "url": link}},
        {"type": "NavigationList", "name": "list", "label": text, "description": text, "list-items": [item]},
        {"type": "Footer", "label": text, "left-caption": text, "right-caption": text,
         "on-click-action": {"name": "complete", "payload": {"said": text, "line": "${form.line}"}}},
    ]);
    json!({
        "version": "7.3", "data_api_version": "4.0", "routing_model": {"ONLY": []},
        "screens": [{
            "id": "ONLY", "title": text, "terminal": true,
            "data": {"words": {"type": "string", "__example__": text}},
            "layout": {"type": "SingleColumnLayout", "children": children},
        }],
    })
}
