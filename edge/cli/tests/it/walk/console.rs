//! The same wrong logics in the console: what is wrong with an answer is said where it is seen.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tempfile::tempdir;

use super::mutants::TABLE;
use super::proxy::Running;
use crate::console::Console;

/// Which of them logic is at the moment.
static MUTANT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Begins, and goes back from the second screen; then goes the straight way to the end.
fn play(console: &Console) {
    choose(console);
    console.act(json!({ "move": "back" }));
    choose(console);
    for (field, value) in [("name", "Zoë"), ("email", "ada@example.com"), ("phone", "+44 20 7946 0000")] {
        console.fill(field, value);
    }
    console.tap_footer();
    console.act(json!({ "move": "fill", "field": "terms", "value": true }));
    console.tap_footer();
}

/// As far as the screen with the form.
fn choose(console: &Console) {
    console.act(json!({ "move": "restart" }));
    for (field, value) in [("department", "home"), ("location", "kings_cross")] {
        console.fill(field, value);
    }
    for field in ["date", "time"] {
        let last = console.timeline().pop().unwrap();
        if let Some(option) = last["outcome"]["answer"]["data"][field][0]["id"].as_str() {
            console.fill(field, option);
        }
    }
    console.tap_footer();
}

#[test]
fn a_wrong_logic_is_said_in_words_where_it_is_seen() {
    let service = Running::start(|asked, answer| {
        if let Some(mutant) = TABLE.get(MUTANT.load(Ordering::Relaxed)) {
            (mutant.mutate)(asked, answer);
        }
    });
    let (url, flow) = (service.url(), super::flow());
    let console = Console::start_in(tempdir().unwrap(), &["--logic", &url, "--flow", &flow]);
    play(&console);
    let right = console.timeline();
    assert!(right.iter().all(|exchange| exchange["good"] == true), "{right:#?}");
    assert_eq!(right.last().unwrap()["outcome"]["answer"]["screen"], "SUCCESS");

    let mut said = Vec::new();
    for (place, mutant) in TABLE.iter().enumerate() {
        let before = console.timeline().last().unwrap()["number"].as_u64();
        MUTANT.store(place, Ordering::Relaxed);
        play(&console);
        let timeline = console.timeline();
        let since = timeline.iter().filter(|exchange| exchange["number"].as_u64() > before);
        // Notifications of the phone are the answer to what went wrong.
        let Some(bad) = since.filter(|exchange| exchange["action"] != "error").find(|it| it["good"] == false) else {
            continue;
        };
        let number = bad["number"].as_u64().unwrap();
        let [entry, detail] = ["entry", "detail"].map(|part| console.text(&format!("/exchanges/{number}/{part}")));
        assert!(entry.contains("class=\"entry bad\""), "{}: {entry}", mutant.name);
        let refused = bad["verdicts"].as_array().unwrap().iter().filter(|verdict| verdict["severity"] == "refused");
        for verdict in refused {
            let words = verdict["message"].as_str().unwrap();
            assert!(detail.contains(words), "{}: {words}: {detail}", mutant.name);
        }
        let is_said = bad["verdicts"] != json!([]) || bad["outcome"]["explanation"] != "";
        assert!(is_said, "{}: {bad:#}", mutant.name);
        said.push(mutant.name);
    }
    assert!(said.len() >= 25, "{} are seen on the straight way: {said:#?}", said.len());
}
