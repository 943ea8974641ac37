//! A whole conversation, by mouse and by keyboard, and what is then done with its exchanges.

use serde_json::json;

use super::driver::{DOWN, ENTER, SPACE, TAB};
use super::{DETAILS, play};

/// What the webhook gets, as the chat shows it.
const RESULT: &str = "document.querySelector('.bubble.own')?.innerText";
const SHOWN: &str = "[...document.querySelectorAll('#exchanges > li')].filter((it) => !it.hidden)";

#[test]
fn an_appointment_is_booked_by_mouse_and_every_exchange_can_be_read() {
    let Some(played) = play(&[]) else { return };
    let browser = &played.browser;
    played.choose();
    // Required fields say so, and nothing is sent.
    browser.click("#phone .footer button");
    browser.until("document.querySelectorAll('#phone .error').length === 3");
    assert_eq!(browser.js("document.querySelector('#phone-retry')"), json!(null), "nothing went wrong");
    assert_eq!(played.console.timeline().len(), 4);
    played.fill_details();
    browser.until("document.querySelector('#phone').innerText.includes('The entrance with the ramp, please.')");
    browser.click("[aria-label^='Read more']");
    played.until_screen("TERMS");
    browser.click("#phone-back");
    played.until_screen("SUMMARY");
    browser.click("#f-terms");
    browser.until("document.querySelector('#f-terms').checked && !document.querySelector('#phone.is-loading')");
    browser.click("#phone .footer button");
    let result = browser.until(RESULT);
    let result = result.as_str().unwrap();
    assert!(result.contains("Response sent") && result.contains("reference") && result.contains("beauty"), "{result}");

    // INIT, three choices, the form, the booking: as many as the server has, in order.
    played.until_exchanges(6);
    let numbers = browser.js("[...document.querySelectorAll('#exchanges > li')].map((it) => it.dataset.number)");
    assert_eq!(numbers, json!(["1", "2", "3", "4", "5", "6"]));
    assert_eq!(played.console.timeline().len(), 6);

    browser.click("#open-5");
    browser.until("document.querySelector('#detail')?.dataset.number === '5'");
    browser.until("location.pathname === '/exchanges/5'");
    assert_eq!(browser.js("document.querySelector('[aria-current=true]').id"), "open-5");
    browser.click("#open-2");
    browser.until("document.querySelector('#detail').dataset.number === '2' && location.pathname === '/exchanges/2'");
    browser.back();
    browser.until("document.querySelector('#detail').dataset.number === '5'");
    assert_eq!(browser.path(), "/exchanges/5");
    browser.reload();
    browser.until("document.querySelector('#detail')?.dataset.number === '5'");
    assert_eq!(browser.js("document.querySelector('[aria-current=true]').id"), "open-5");
    let said = "document.querySelector('#detail').innerText";
    assert!(browser.js(said).as_str().unwrap().contains("Ada Lovelace"));

    browser.type_into("#filter", "summary");
    browser.until(&format!("{SHOWN}.length === 2"));
    browser.replace_in("#filter", "no such thing");
    browser.until(&format!("{SHOWN}.length === 0"));
    browser.replace_in("#filter", "#");
    browser.until(&format!("{SHOWN}.length === 6"));

    let color = "getComputedStyle(document.querySelector('#detail .json .value')).color";
    assert_ne!(browser.js(color), "rgba(0, 0, 0, 0)");
    browser.click("#redact");
    browser.until(&format!("{color} === 'rgba(0, 0, 0, 0)'"));
    let words = "getComputedStyle(document.querySelector('#detail .json .word')).color";
    assert_ne!(browser.js(words), "rgba(0, 0, 0, 0)", "the protocol stays");
    browser.reload();
    browser.until(&format!("{color} === 'rgba(0, 0, 0, 0)'"));

    browser.click("#copy-simulate");
    browser.until("document.querySelector('[data-copied]').innerText.startsWith('flowctl simulate')");
    browser.assert_quiet(&[]);
}

#[test]
fn an_appointment_is_booked_by_keyboard_alone_and_the_focus_is_never_lost() {
    let Some(played) = play(&[]) else { return };
    let browser = &played.browser;
    let focused = |css: &str| {
        let has = browser.js(&format!("document.activeElement.matches({})", json!(css)));
        assert_eq!(has, true, "{css}: {}", browser.js("document.activeElement.outerHTML"));
    };
    let rests = || {
        browser.until("!document.querySelector('#phone.is-loading')");
    };
    for (count, field) in [(1, "department"), (2, "location"), (3, "date"), (4, "time")] {
        let list = format!("#f-{field}");
        browser.until(&format!("document.querySelector('{list}:enabled')"));
        rests();
        browser.tab_to(&list);
        // Only what is there can be chosen, and the first is.
        browser.keys(DOWN);
        browser.until(&format!("document.querySelector('{list}').value !== ''"));
        if field != "time" {
            played.until_exchanges(count + 1);
        }
        rests();
        focused(&list);
    }
    browser.tab_to("#phone .footer button");
    browser.keys(ENTER);
    played.until_screen("DETAILS");
    focused("#phone-screen");
    // As fast as keys come, while each field is sent.
    for (field, value) in DETAILS {
        browser.keys(TAB);
        focused(&format!("#f-{field}"));
        browser.keys(value);
    }
    browser.keys(TAB);
    focused("#phone .footer button");
    for (field, value) in DETAILS {
        assert_eq!(browser.js(&format!("document.querySelector('#f-{field}').value")), value);
    }
    rests();
    focused("#phone .footer button");
    browser.keys(SPACE);
    played.until_screen("SUMMARY");
    focused("#phone-screen");
    assert_eq!(played.last()["request"]["data"]["email"], "ada@example.com");
    browser.tab_to("#f-terms");
    browser.keys(SPACE);
    browser.until("document.querySelector('#f-terms').checked");
    rests();
    focused("#f-terms");
    browser.tab_to("#phone .footer button");
    browser.keys(ENTER);
    browser.until("document.querySelector('.bubble.own')?.innerText.includes('reference')");
    rests();
    focused("#phone-screen");
    browser.tab_to("#chat-restart");
    browser.keys(ENTER);
    played.until_screen("APPOINTMENT");
    browser.assert_quiet(&[]);
}

#[test]
fn enter_keeps_a_text_and_the_focus() {
    let Some(played) = play(&[]) else { return };
    let browser = &played.browser;
    played.choose();
    browser.click("#f-email");
    browser.keys("ada@");
    browser.keys(ENTER);
    browser.until(
        "document.querySelector('#f-email').defaultValue === 'ada@' && !document.querySelector('#phone.is-loading')",
    );
    assert_eq!(browser.js("document.activeElement.id"), "f-email");
    // Somebody else plays meanwhile: what is half typed stays.
    browser.keys("example.com");
    played.console.act(json!({ "move": "fill", "field": "name", "value": "Ada" }));
    browser.until("document.querySelector('#f-name').value === 'Ada'");
    assert_eq!(browser.js("document.querySelector('#f-email').value"), "ada@example.com");
    assert_eq!(browser.js("document.activeElement.id"), "f-email");
    // And counts with the tap.
    browser.click("#phone .footer button");
    browser.until("document.querySelectorAll('#phone .error').length === 1");
    browser.assert_quiet(&[]);
}

#[test]
fn an_opened_request_is_changed_and_sent_and_a_conversation_is_gone_back_to() {
    let Some(played) = play(&[]) else { return };
    let browser = &played.browser;
    played.choose();
    played.until_exchanges(4);
    browser.click("#open-3");
    browser.until("document.querySelector('#edit-3')");
    browser.replace_in("#edit-3", "{ no JSON");
    browser.click("#edit-3-send");
    browser.until("document.querySelector('[data-said]').innerText !== ''");
    browser.replace_in("#edit-3", "[]");
    browser.click("#edit-3-send");
    browser.until("document.querySelector('[data-said]').innerText.includes('expected a map')");
    assert_eq!(played.console.timeline().len(), 4);
    let request = json!({ "action": "data_exchange", "screen": "APPOINTMENT", "data": { "trigger": "of my own" } });
    browser.replace_in("#edit-3", &request.to_string());
    browser.click("#edit-3-send");
    // What came of it is opened.
    browser.until("document.querySelector('#detail').dataset.number === '5' && location.pathname === '/exchanges/5'");
    played.until_exchanges(5);
    assert_eq!(played.last()["request"]["data"]["trigger"], "of my own");
    assert_eq!(browser.js("document.querySelector('#exchange-5').classList.contains('selected')"), true);
    assert_eq!(
        browser.js("document.querySelector('#phone-screen').dataset.screen"),
        "DETAILS",
        "the phone is as it was"
    );

    // It is none of the conversation's: said beside the phone, which shows no failure.
    browser.click("#detail-back-to");
    browser.until("document.querySelector('#state').innerText.includes('none of this conversation')");
    assert_eq!(browser.js("document.querySelector('#phone-retry')"), json!(null));

    browser.click("#open-3");
    browser.until("document.querySelector('#detail').dataset.number === '3'");
    browser.click("#detail-back-to");
    played.until_exchanges(8);
    played.until_screen("APPOINTMENT");
    let timeline = played.console.timeline();
    assert_ne!(timeline[7]["request"]["flow_token"], timeline[2]["request"]["flow_token"]);
    assert_eq!(timeline[7]["request"]["data"], timeline[2]["request"]["data"]);
    let order = "[...document.querySelectorAll('#exchanges > li')].map((it) => Number(it.dataset.number))";
    assert_eq!(browser.js(order), json!([1, 2, 3, 4, 5, 6, 7, 8]));
    // It goes on from there.
    played.choose_first("date");
    played.until_exchanges(9);
    browser.assert_quiet(&["422", "of my own"]);
}
