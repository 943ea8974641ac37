//! The phone in its four looks. With `FLOW_PICTURES=FOLDER` they are kept there, and with them `console.png`, which `docs` shows.

use std::collections::BTreeSet;

use super::driver::keep;
use super::play;

#[test]
fn a_phone_has_four_looks() {
    let Some(played) = play(&[]) else { return };
    let browser = &played.browser;
    played.choose_first("department");
    played.choose_first("location");
    played.until_exchanges(3);
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
            keep(&picture, &format!("{system}-{theme}.png"));
            all.insert(picture);
        }
    }
    assert_eq!(all.len(), 4, "two looks are the same");
    // They stay.
    browser.reload();
    browser.until("document.querySelector('#phone')?.dataset.theme === 'dark'");
    assert_eq!(browser.js("document.querySelector('#phone').dataset.os"), "android");
    browser.type_into("#look-os", "ios");
    browser.type_into("#look-theme", "light");
    browser.until("document.querySelector('#phone').dataset.os === 'ios'");
    browser.resize(1000, 890);
    browser.click("#open-3");
    browser.until("document.querySelector('#detail')");
    browser.run("document.activeElement.blur()");
    keep(&browser.picture(None), "console.png");
    browser.assert_quiet(&[]);
}
