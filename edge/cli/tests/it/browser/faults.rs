//! What the phone shows where something is made to go wrong, and that it can go on.

use serde_json::{Value, json};

use super::{Played, play};

impl Played {
    /// Asks for a fault, which the button then shows.
    fn fault(&self, name: &str) {
        self.browser.click(&format!("#fault-{name}"));
        self.browser.until(&format!(
            "document.querySelector('#fault-{name}').getAttribute('aria-pressed') === 'true'
             && document.querySelectorAll('[data-fault][aria-pressed=true]').length === 1"
        ));
    }

    /// Chooses a department, which asks the endpoint.
    fn ask(&self) {
        self.until_screen("APPOINTMENT");
        self.browser.click("#f-department");
        self.browser.choose("#f-department", "beauty");
    }

    fn begin_anew(&self) {
        self.browser.click("#move-restart");
        self.browser.until("document.querySelector('#f-department')?.value === ''");
        self.until_screen("APPOINTMENT");
    }
}

#[test]
fn what_fails_is_shown_as_a_sheet_and_tried_again() {
    let Some(played) = play(&[]) else { return };
    let browser = &played.browser;
    for (fault, words, made) in [
        ("wrong-signature", "432", "made wrong: signed with another secret"),
        ("lost-answer", "no answer", "made wrong: the answer was lost"),
        ("logic-gone", "503", "made wrong: logic was gone"),
    ] {
        let before = played.console.timeline().len();
        played.fault(fault);
        played.ask();
        browser.until(&format!("document.querySelector('#phone .sheet')?.innerText.includes('{words}')"));
        played.until_exchanges(before + 1);
        browser.until("document.activeElement.id === 'phone-retry'");
        let entry = browser.js("document.querySelector('#exchanges > li:last-child').innerText");
        assert!(entry.as_str().unwrap().contains(made), "{entry}");
        assert_eq!(browser.js("document.querySelector('#exchanges > li:last-child').classList.contains('bad')"), true);
        // It holds for one request.
        browser.until("document.querySelectorAll('[data-fault][aria-pressed=true]').length === 0");
        browser.click("#phone-retry");
        browser.until("!document.querySelector('#phone .sheet') && document.querySelector('#f-location:enabled')");
        // The form is as it was, and the focus where it was.
        assert_eq!(browser.js("document.querySelector('#f-department').value"), "beauty");
        browser.until("document.activeElement.id === 'f-department'");
        played.until_exchanges(before + 2);
        assert_eq!(played.last()["outcome"]["status"], 200, "{fault}");
        played.begin_anew();
    }
    browser.assert_quiet(&[]);
}

#[test]
fn what_a_phone_mends_by_itself_waits_for_or_ends_with() {
    let Some(played) = play(&[]) else { return };
    let browser = &played.browser;
    let statuses = |last: usize| -> Vec<Value> {
        let timeline = played.console.timeline();
        timeline[timeline.len() - last..].iter().map(|it| it["outcome"]["status"].clone()).collect()
    };
    // The key is fetched anew, and the user sees nothing of it.
    played.fault("wrong-key");
    played.ask();
    browser.until("document.querySelector('#f-location:enabled')");
    assert_eq!(browser.js("document.querySelector('#phone .sheet')"), Value::Null);
    assert_eq!(statuses(2), [json!(421), json!(200)]);

    browser.replace_in("#seconds", "1");
    played.fault("slow");
    browser.choose("#f-location", "kings_cross");
    browser.until("document.querySelector('#phone.is-loading[aria-busy=true]')");
    assert_ne!(browser.js("getComputedStyle(document.querySelector('#phone'), '::after').content"), "none");
    browser.until("document.querySelector('#f-date:enabled')");
    assert!(played.last()["time_ms"].as_f64().unwrap() >= 1000.0);

    let before = played.console.timeline().len();
    browser.click("#fault-error-notification");
    played.until_exchanges(before + 1);
    assert_eq!(played.last()["action"], "error");
    played.until_screen("APPOINTMENT");

    played.begin_anew();
    played.choose();
    browser.click("#fault-back");
    played.until_screen("APPOINTMENT");
    assert_eq!(played.last()["action"], "BACK");
    let token = played.last()["request"]["flow_token"].clone();
    browser.click("#fault-reopen");
    browser.until("document.querySelector('#f-department').value === ''");
    assert_eq!((&played.last()["action"], &played.last()["request"]["flow_token"]), (&json!("INIT"), &token));

    browser.click("#phone-close");
    browser.until("document.querySelector('#phone').innerText.includes('The user closed the flow')");
    browser.click("#chat-reopen");
    played.until_screen("APPOINTMENT");
    assert_eq!(played.last()["request"]["flow_token"], token);

    played.fault("dead-token");
    played.ask();
    browser.until("document.querySelector('#chat-disabled:disabled')");
    assert_eq!(statuses(1), [json!(427)]);
    browser.click("#chat-restart");
    played.until_screen("APPOINTMENT");
    assert_ne!(played.last()["request"]["flow_token"], token);
    browser.assert_quiet(&[]);
}
