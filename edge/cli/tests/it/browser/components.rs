//! Every component of Flow JSON 7.3: it is on the page, and is filled by the means that a user has.

use std::fs;

use serde_json::{Value, json};
use tempfile::tempdir;

use super::driver::TAB;
use super::{PNG, Played, play_file};
use crate::walk::gallery;

/// Form, If and Switch decide what is drawn, and are not.
const KINDS: [&str; 21] = [
    "CalendarPicker",
    "CheckboxGroup",
    "ChipsSelector",
    "DatePicker",
    "DocumentPicker",
    "Dropdown",
    "EmbeddedLink",
    "Footer",
    "Image",
    "ImageCarousel",
    "NavigationList",
    "OptIn",
    "PhotoPicker",
    "RadioButtonsGroup",
    "RichText",
    "TextArea",
    "TextBody",
    "TextCaption",
    "TextHeading",
    "TextInput",
    "TextSubheading",
];

impl Played {
    /// Goes on, and gives the form that the timeline has of it.
    fn submit(&self, next: &str) -> Value {
        let count = self.console.timeline().len();
        self.browser.click("#phone .footer button");
        self.until_screen(next);
        self.until_exchanges(count + 1);
        let last = self.last();
        let number = last["number"].as_u64().unwrap();
        self.browser.click(&format!("#open-{number}"));
        self.browser.until(&format!("document.querySelector('#detail')?.dataset.number === '{number}'"));
        // What is read there is the request that was sent.
        let shown = self.browser.js("document.querySelector('#detail .json').textContent");
        let shown: Value = serde_json::from_str(shown.as_str().unwrap()).unwrap();
        assert_eq!(shown, last["request"]);
        shown["data"].clone()
    }
}

#[test]
fn each_is_on_the_page_and_what_is_filled_in_is_in_the_request() {
    let file: Value = serde_json::from_str(&gallery::file().to_string().replace("iVBORw0KGgo=", PNG)).unwrap();
    let Some(played) = play_file(&file) else { return };
    let browser = &played.browser;
    let mut seen = Vec::new();
    let mut look = || {
        let kinds = "[...document.querySelectorAll('#phone [data-component]')].map((it) => it.dataset.component)";
        let found = browser.js(&format!("{kinds}.concat(document.querySelector('#phone .footer') ? ['Footer'] : [])"));
        seen.extend(found.as_array().unwrap().iter().map(|kind| kind.as_str().unwrap().to_owned()));
    };
    let rests = |condition: &str| {
        browser.until(&format!("!document.querySelector('#phone.is-loading') && ({condition})"));
    };
    played.until_screen("LIST");
    look();
    browser.click("#phone .item");
    played.until_screen("TEXTS");
    assert_eq!(played.last()["request"]["data"], json!({ "from": "list" }));
    look();
    let texts = [
        ("name", "Ada"),
        ("age", "36"),
        ("plate", "AB-123"),
        ("mail", "ada@example.com"),
        ("call", "+44 20 7946 0000"),
        ("pin", "1234"),
        ("word", "secret words"),
        ("note", "Two\nlines"),
    ];
    for (field, text) in texts {
        browser.type_into(&format!("#f-{field}"), text);
    }
    browser.until("document.querySelector('[data-counter=f-note]').innerText === '9 / 30'");
    // An expression over the form is drawn with what is typed.
    browser.until("document.querySelector('#phone').innerText.includes('Hello Ada')");
    browser.click(".embedded-link button");
    browser.until("document.querySelector('#phone .snackbar').innerText.includes('https://example.com')");
    let form = played.submit("CHOICES");
    for (field, text) in texts {
        assert_eq!(form[field], text, "{field}");
    }

    look();
    assert_eq!(browser.js("[...document.querySelectorAll('#phone img')].every((it) => it.naturalWidth === 1)"), true);
    assert_eq!(browser.js("document.querySelectorAll('#phone .no-image').length"), 0);
    for disabled in ["#f-one option[value=c]", "#f-two-c", "#f-three-c", "#f-four-c"] {
        assert_eq!(browser.js(&format!("document.querySelector('{disabled}').disabled")), true, "{disabled}");
    }
    browser.choose("#f-one", "a");
    rests("document.querySelector('#f-why')");
    browser.click("#f-two-b");
    rests("document.querySelector('#f-sure') && !document.querySelector('#f-ok')");
    browser.click("#f-three-a");
    browser.click("#f-three-b");
    browser.click("label:has(#f-four-b)");
    rests("document.querySelector('#f-four-b').checked");
    browser.click("#f-sure");
    browser.type_into("#f-why", "because");
    let form = played.submit("DATES");
    let expected =
        json!({ "one": "a", "two": "b", "three": ["a", "b"], "four": ["b"], "sure": true, "why": "because" });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&form[field], value, "{field}");
    }

    look();
    // As the browser of an American has them.
    for (id, date) in [
        ("#f-day", "01082030"),
        ("#f-when", "01122030"),
        ("#f-stay-start-date", "02012030"),
        ("#f-stay-end-date", "02042030"),
    ] {
        browser.click(id);
        browser.type_into(id, date);
    }
    browser.keys(TAB);
    let form = played.submit("PHOTOS");
    assert_eq!((&form["day"], &form["when"]), (&json!("2030-01-08"), &json!("2030-01-12")));
    assert_eq!(form["stay"], json!({ "start-date": "2030-02-01", "end-date": "2030-02-04" }));

    look();
    let folder = tempdir().unwrap();
    let paths = ["one.png", "two.png"].map(|name| {
        let path = folder.path().join(name);
        fs::write(&path, name).unwrap();
        path.to_str().unwrap().to_owned()
    });
    browser.type_into("#f-photos", &paths.join("\n"));
    rests("document.querySelectorAll('#phone .files li').length === 2");
    let form = played.submit("PAPERS");
    assert_eq!(
        (&form["photos"][0]["file_name"], &form["photos"][1]["file_name"]),
        (&json!("one.png"), &json!("two.png"))
    );

    look();
    browser.type_into("#f-papers", &paths[0]);
    rests("document.querySelectorAll('#phone .files li').length === 1");
    let form = played.submit("END");
    assert_eq!(form["papers"][0]["file_name"], "one.png");
    // Its bytes went nowhere.
    assert!(form["papers"][0]["encryption_metadata"].is_object(), "{form}");

    look();
    browser.click("#phone .footer button");
    browser.until("document.querySelector('.bubble.own')?.innerText.includes('word')");
    seen.sort();
    seen.dedup();
    assert_eq!(seen, KINDS);
    browser.assert_quiet(&[]);
}
