//! A flow and a logic that try to run script in the page of whoever plays them.

use std::fs;

use flow_proto::v1::Action;
use serde_json::{Map, Value, json};
use tempfile::tempdir;

use super::{FILE, Played, everything, has_browser, take_turn};
use crate::console::Console;
use crate::walk::proxy::{Answer, Running};

const EVIL: &str = "\"'><script>window.name='owned'</script><img src=x onerror=\"window.name='owned'\">";
const LINK: &str = "javascript:window.name='owned'//";

#[test]
fn nothing_of_a_flow_or_of_a_logic_runs_and_all_of_it_is_shown_as_text() {
    if !has_browser() {
        return;
    }
    // Screens with hostile data, and in the end a message that is no longer good, in words as hostile.
    let service = Running::start(|asked, answer| {
        *answer = if asked.action == Action::Init {
            let data = Map::from_iter([("words".to_owned(), EVIL.into())]);
            Answer::Screen { screen: "ONLY".to_owned(), data, error_message: EVIL.to_owned() }
        } else {
            Answer::DeadToken(EVIL.to_owned())
        };
    });
    let mut flow = everything(EVIL, LINK);
    let children = flow["screens"][0]["layout"]["children"].as_array_mut().unwrap();
    // Once more, to be answered.
    children.push(json!({"type": "EmbeddedLink", "text": "Ask", "on-click-action": {
        "name": "data_exchange", "payload": {EVIL: EVIL},
    }}));
    let folder = tempdir().unwrap();
    fs::write(folder.path().join(FILE), flow.to_string()).unwrap();
    let arguments = ["--flow", FILE, "--logic", &service.url()];
    let played = Played::open(Console::start_in(folder, &arguments), take_turn());
    let browser = &played.browser;
    played.until_screen("ONLY");
    let title = browser.js("document.title");
    assert_eq!(title, "mine – flowctl dev");

    let shows = |css: &str| {
        let all = browser.js(&format!("document.querySelector('{css}').textContent"));
        // A phone cuts some of it off.
        assert!(all.as_str().unwrap().contains("\"'><script>"), "{css}: {all}");
    };
    let is_untouched = || {
        assert_eq!(browser.js("window.name"), "");
        assert_eq!(browser.js("document.title"), title);
        assert_eq!(browser.js("document.querySelectorAll('script').length"), 1, "our own");
        let foreign = "[...document.querySelectorAll('[onerror], [href^=javascript], [src=x], iframe, object')].length";
        assert_eq!(browser.js(foreign), 0);
        browser.assert_quiet(&[]);
    };
    for css in ["#phone-screen", ".snackbar", "#phone .bar h2", "#phone .footer"] {
        shows(css);
    }
    // The text in a field is there as well.
    assert_eq!(browser.js("document.querySelector('#f-line').value"), EVIL);
    is_untouched();
    browser.click("#phone [data-component=EmbeddedLink] button");
    browser.until("document.querySelector('#phone .snackbar').innerText.includes('javascript:')");
    is_untouched();

    browser.click("#open-1");
    browser.until("document.querySelector('#detail')");
    shows("#detail");
    browser.run("for (const it of document.querySelectorAll('details')) it.open = true");
    shows("#findings");
    is_untouched();

    // Choosing an option whose id is hostile; then the end, in logic's words.
    browser.click("[data-component=CheckboxGroup] label.option");
    browser.until("document.querySelector('[data-component=CheckboxGroup] input').checked");
    browser.click("#phone .component:last-child .embedded-link button");
    browser.until("document.querySelector('.bubble')");
    shows(".bubble");
    is_untouched();
    browser.click("#chat-restart");
    played.until_screen("ONLY");
    browser.click("#phone .footer button");
    browser.until("document.querySelector('.bubble.own')");
    shows(".bubble.own");
    is_untouched();
    played.until_exchanges(3);
    let sent: Value = played.console.timeline()[1]["request"]["data"].clone();
    assert_eq!(sent, json!({ EVIL: EVIL }));

    // What would have got through as markup meets the page's policy, and that would have been seen.
    browser.run(
        "const script = document.createElement('script');
         script.textContent = \"window.name = 'owned'\";
         document.body.append(script);
         const image = document.createElement('img');
         image.setAttribute('onerror', \"window.name = 'owned'\");
         image.src = 'data:image/png,x';
         document.body.append(image);",
    );
    browser.until("window.violations.length >= 2");
    assert_eq!(browser.js("window.name"), "");
}
