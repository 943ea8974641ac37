//! Five hundred exchanges, as an afternoon of work makes them.

use serde_json::json;

use super::{driver::Browser, play};

const MANY: usize = 500;

/// Milliseconds until what a script does is laid out.
fn took(browser: &Browser, script: &str) -> f64 {
    let script = format!(
        "const began = performance.now(); {script}; document.body.offsetHeight; return performance.now() - began;"
    );
    browser.run(&script).as_f64().unwrap()
}

#[test]
fn many_exchanges_come_in_order_and_are_filtered_and_scrolled() {
    let Some(played) = play(&[]) else { return };
    let browser = &played.browser;
    for number in 2..=MANY {
        let action = if number % 10 == 0 { "INIT" } else { "ping" };
        played.console.act(json!({ "move": "send", "request": { "action": action } }));
    }
    played.until_exchanges(MANY);
    let in_order =
        "[...document.querySelectorAll('#exchanges > li')].every((it, place) => it.dataset.number == place + 1)";
    assert_eq!(browser.js(in_order), true);
    // The newest is in sight, and whoever reads further up stays there.
    let place = "document.querySelector('#exchanges').scrollTop";
    assert!(browser.js(place).as_f64().unwrap() > 1000.0);
    let scrolled = took(browser, "document.querySelector('#exchanges').scrollTop = 100");
    played.console.act(json!({ "move": "send", "request": { "action": "ping" } }));
    played.until_exchanges(MANY + 1);
    assert_eq!(browser.js(place), 100);

    let filter = |words: &str| {
        let filter = format!(
            "const box = document.querySelector('#filter'); box.value = '{words}'; box.dispatchEvent(new Event('input'))"
        );
        took(browser, &filter)
    };
    let shown = "[...document.querySelectorAll('#exchanges > li')].filter((it) => it.offsetHeight > 0).length";
    let filtered = filter("init");
    assert_eq!(browser.js(shown), MANY / 10 + 1);
    let unfiltered = filter("");
    assert_eq!(browser.js(shown), MANY + 1);
    browser.reload();
    played.until_exchanges(MANY + 1);
    let nodes = browser.js("document.querySelectorAll('*').length");
    // Read by whoever runs it with --nocapture.
    eprintln!(
        "{MANY} exchanges, {nodes} elements: filter {filtered:.1} ms, back {unfiltered:.1} ms, scroll {scrolled:.1} ms"
    );
    browser.assert_quiet(&[]);
}
