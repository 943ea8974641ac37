//! The page held against axe's rules of what everybody can use, in both themes and both systems.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Played, everything, missing, play, play_file};

/// Where `npm ci` puts it.
const AXE: &str = "tests/it/browser/node_modules/axe-core/axe.min.js";

fn axe() -> Option<String> {
    let axe = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(AXE)).ok();
    if axe.is_none() {
        missing("axe-core is not there, so the page is not held against it: npm ci --prefix edge/cli/tests/it/browser");
    }
    axe
}

/// What axe finds that keeps somebody from using the page, in each look.
fn assert_reachable(played: &Played, axe: &str, what: &str) {
    let browser = &played.browser;
    for (theme, system) in [("light", "ios"), ("dark", "ios"), ("light", "android"), ("dark", "android")] {
        browser.prefer(theme);
        browser.type_into("#look-theme", theme);
        browser.type_into("#look-os", system);
        browser.until(&format!(
            "document.querySelector('#phone').dataset.theme === '{theme}'
             && document.querySelector('#phone').dataset.os === '{system}'
             && matchMedia('(prefers-color-scheme: {theme})').matches"
        ));
        browser.run(axe);
        let found = browser.run_async(
            "axe.run(document).then(({ violations, passes }) => done({
                 passed: passes.length,
                 wrong: violations.filter((it) => ['serious', 'critical'].includes(it.impact))
                     .map((it) => [it.id, ...it.nodes.map((node) => `${node.html} ${node.failureSummary}`)]),
                 less: violations.map((it) => `${it.id} ${it.impact}`),
             }), (error) => done({ failed: String(error) }));",
        );
        assert!(found["passed"].as_u64().is_some_and(|passed| passed > 20), "{what}: {found}");
        assert_eq!(found["wrong"], Value::Array(Vec::new()), "{what}, {theme}, {system}: {:#}", found["wrong"]);
    }
}

#[test]
fn the_start_and_an_opened_exchange_can_be_used_by_everybody() {
    let (Some(axe), Some(played)) = (axe(), play(&[])) else { return };
    assert_reachable(&played, &axe, "start");
    played.choose_first("department");
    played.until_exchanges(2);
    played.browser.click("#open-2");
    played.browser.until("document.querySelector('#detail')");
    played.browser.run("for (const it of document.querySelectorAll('details')) it.open = true");
    assert_reachable(&played, &axe, "opened");
    played.browser.click("#fault-wrong-signature");
    played.choose_first("location");
    played.browser.until("document.querySelector('#phone-retry')");
    assert_reachable(&played, &axe, "failed");
}

#[test]
fn every_component_can_be_used_by_everybody() {
    let (Some(axe), Some(played)) = (axe(), play_file(&everything("Some words", "https://example.com/"))) else {
        return;
    };
    played.until_screen("ONLY");
    assert_reachable(&played, &axe, "components");
    // What is wrong in the form is said in a way that is found.
    played.browser.replace_in("#f-line", "");
    played.browser.click("#phone .footer button");
    played.browser.until("document.querySelector('#c-7-error')");
    assert_reachable(&played, &axe, "errors");
}
