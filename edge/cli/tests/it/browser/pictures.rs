//! The phone in its four looks. With `FLOW_PICTURES=FOLDER` they are kept there, and with them `console.png`, which `docs` shows.

use std::collections::BTreeSet;

use super::driver::{Browser, keep};
use super::play;

#[test]
fn four_screens_have_four_looks() {
    let Some(played) = play(&[]) else { return };
    let browser = &played.browser;
    played.choose_first("department");
    played.choose_first("location");
    played.until_exchanges(3);
    in_each_look(browser, "choices");
    for field in ["date", "time"] {
        played.choose_first(field);
    }
    browser.click("#phone .footer button");
    played.until_screen("DETAILS");
    browser.click("#phone .footer button");
    browser.until("document.querySelectorAll('#phone .error').length === 3");
    in_each_look(browser, "errors");
    played.fill_details();
    in_each_look(browser, "summary");
    browser.click("#f-terms");
    browser.until("document.querySelector('#f-terms').checked && !document.querySelector('#phone.is-loading')");
    browser.click("#phone .footer button");
    browser.until("document.querySelector('.bubble.own')");
    in_each_look(browser, "chat");
    // They stay.
    browser.reload();
    browser.until("document.querySelector('#phone')?.dataset.theme === 'dark'");
    assert_eq!(browser.js("document.querySelector('#phone').dataset.os"), "android");
    browser.assert_quiet(&[]);
}

#[test]
fn the_picture_of_the_documents_can_be_made_again() {
    let Some(played) = play(&[]) else { return };
    let browser = &played.browser;
    played.choose_first("department");
    played.choose_first("location");
    played.until_exchanges(3);
    browser.resize(1000, 890);
    browser.click("#open-3");
    browser.until("document.querySelector('#detail')");
    browser.run("document.activeElement.blur()");
    keep(&browser.picture(None), "console.png");
    browser.assert_quiet(&[]);
}

/// The same screen as each system has it, by day and by night: four pictures, of which none is another.
fn in_each_look(browser: &Browser, screen: &str) {
    let mut all = BTreeSet::new();
    for system in ["ios", "android"] {
        for theme in ["light", "dark"] {
            browser.type_into("#look-os", system);
            browser.type_into("#look-theme", theme);
            browser.until(&format!(
                "document.querySelector('#phone').dataset.theme === '{theme}'
                 && document.querySelector('#phone').dataset.os === '{system}'"
            ));
            let picture = browser.picture(Some("#phone"));
            // Width and height: all of it is in the window.
            assert_eq!((&picture[..4], &picture[16..24]), (&b"\x89PNG"[..], &[0, 0, 1, 134, 0, 0, 3, 12][..]));
            keep(&picture, &format!("{screen}-{system}-{theme}.png"));
            all.insert(picture);
        }
    }
    assert_eq!(all.len(), 4, "{screen}: two looks are the same");
}
