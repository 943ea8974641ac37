//! What others do while the page is open: an editor to the Flow JSON, a program to the phone.

use std::fs;

use serde_json::json;

use super::driver::TAB;
use super::{FILE, play, play_file};
use crate::walk::gallery;

#[test]
fn a_changed_file_is_followed_again_and_again() {
    let Some(played) = play_file(&gallery::file()) else { return };
    let browser = &played.browser;
    played.until_screen("LIST");
    let file = played.console.folder.path().join(FILE);
    for title in ["Once <b>more</b>", "Twice", "Gallery"] {
        let mut flow = gallery::file();
        flow["screens"][0]["title"] = title.into();
        flow["screens"][0]["colour"] = title.into();
        fs::write(&file, flow.to_string()).unwrap();
        browser.until(&format!("document.querySelector('#phone .bar h2').innerText === {}", json!(title)));
        browser.until("document.querySelector('#findings').innerText.includes('INVALID_PROPERTY_KEY')");
        fs::write(&file, "{").unwrap();
        browser.until("!document.querySelector('#findings').innerText.includes('INVALID_PROPERTY_KEY')");
        // The phone goes on with the file as it was.
        assert_eq!(browser.js("document.querySelector('#phone .bar h2').innerText"), title);
    }
    browser.assert_quiet(&[]);
}

#[test]
fn what_a_program_plays_is_on_the_page() {
    let Some(played) = play(&[]) else { return };
    let browser = &played.browser;
    played.until_screen("APPOINTMENT");
    browser.tab_to("#f-department");
    played.console.act(json!({ "move": "fill", "field": "department", "value": "beauty" }));
    browser.until("document.querySelector('#f-department').value === 'beauty'");
    played.until_exchanges(2);
    assert_eq!(browser.js("document.activeElement.id"), "f-department");
    browser.keys(TAB);
    assert_eq!(browser.js("document.activeElement.id"), "f-location", "it is enabled by now");
    played.console.act(json!({ "move": "restart" }));
    browser.until("document.querySelector('#f-department').value === ''");
    played.until_exchanges(3);
    browser.assert_quiet(&[]);
}
