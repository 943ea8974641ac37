//! Files that are large, deep or long end in findings, and soon; an answer costs microseconds.

use std::time::{Duration, Instant};

use flow_json::{Action, Answer, Judge, Request, check};
use serde_json::{Value as Json, json};

use crate::flow::{around, flow, object};

/// Unoptimised code on a busy machine is slow; what is quadratic takes minutes.
const PATIENCE: Duration = Duration::from_secs(20);

fn checked(text: &str) -> Vec<String> {
    let start = Instant::now();
    let findings = check(text).findings;
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    findings.into_iter().map(|finding| finding.code.to_string()).collect()
}

#[test]
fn deep_nesting_ends_in_a_finding() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"children\":[", "]}")] {
        for depth in [65, 1000, 300_000] {
            let deep = format!("{{\"version\":\"7.3\",\"screens\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            assert_eq!(checked(&deep), ["limit-exceeded"]);
            // What is never closed is not even read as JSON.
            if depth > 65 {
                assert_eq!(checked(&deep[..deep.len() / 2]), ["limit-exceeded"]);
            }
        }
    }
}

#[test]
fn a_huge_array_ends_in_a_finding() {
    for element in ["1", "{}", "\"\""] {
        let elements = vec![element; 400_001].join(",");
        assert_eq!(checked(&format!("[{elements}]")), ["limit-exceeded"], "{element}");
    }
}

#[test]
fn megabytes_of_one_kind_are_checked_soon() {
    let image = around(json!([{"type": "Image", "src": "A".repeat(9_000_000)}]), "7.3").to_string();
    assert_eq!(checked(&image), ["image-too-large"]);
    let text = around(json!([{"type": "TextBody", "text": "ż".repeat(400_000)}]), "7.3").to_string();
    assert_eq!(checked(&text), ["text-too-long"]);
    let quotes = around(json!([{"type": "TextBody", "text": "\"".repeat(300_000)}]), "7.3").to_string();
    assert_eq!(checked(&quotes), ["text-too-long"]);
    let expression = format!("`'a' {}`", "${form.x} ".repeat(90_000));
    let expression = around(json!([{"type": "TextBody", "text": expression}]), "7.3").to_string();
    assert_eq!(checked(&expression), ["text-too-long", "INVALID_PROPERTY_VALUE"]);
    let version = json!({"version": "7".repeat(900_000)}).to_string();
    assert_eq!(checked(&version), ["INVALID_FLOW_JSON_VERSION"]);
    let kind = around(json!([{"type": "x".repeat(900_000)}]), "7.3").to_string();
    assert_eq!(checked(&kind), ["INVALID_TYPE_PROPERTY_VALUE"]);
}

/// As many as fit under the limits, of what rules compare with each other.
#[test]
fn many_screens_components_and_names_are_checked_soon() {
    let mut screens = around(json!([]), "7.3");
    let screen = screens["screens"][1].clone();
    let many: Vec<Json> = (0..1_000).map(|_| screen.clone()).collect();
    screens["screens"] = json!(many);
    assert!(checked(&screens.to_string()).contains(&"MAX_SCREENS_NUMBER".to_owned()));

    let field = |place: usize| json!({"type": "TextInput", "name": format!("field_{place}"), "label": "x", "init-value": format!("${{form.field_{place}}}")});
    let fields: Vec<Json> = (0..2_000).map(field).collect();
    assert!(
        checked(&around(json!(fields), "7.3").to_string()).contains(&"MAX_ALLOWED_COMPONENTS_PER_SCREEN".to_owned())
    );

    let keys: serde_json::Map<String, Json> =
        (0..3_000).map(|place| (format!("key_{place}"), json!({"type": "string", "__example__": "x"}))).collect();
    let payload: serde_json::Map<String, Json> =
        keys.keys().map(|key| (key.clone(), json!(format!("${{data.{key}}}")))).collect();
    let footer =
        json!({"type": "Footer", "label": "x", "on-click-action": {"name": "data_exchange", "payload": payload}});
    assert_eq!(checked(&around(json!({"data": keys, "children": [footer]}), "7.3").to_string()), Vec::<String>::new());

    let unknown: serde_json::Map<String, Json> = (0..9_000).map(|place| (format!("key_{place}"), json!(1))).collect();
    let found = checked(&around(json!(unknown), "7.3").to_string());
    assert_eq!(found.len(), 1000);
}

#[test]
fn a_long_answer_is_judged_soon() {
    let declared = json!({
        "data": {"sizes": {"type": "array", "items": {"type": "object",
            "properties": {"id": {"type": "string"}, "title": {"type": "string"}}}, "__example__": []}},
        "children": [{"type": "Dropdown", "name": "size", "label": "Size", "data-source": "${data.sizes}"}],
    });
    let judge = Judge::new([&flow(&around(declared, "7.3"))]);
    let sizes: Vec<Json> = (0..20_000).map(|id| json!({"id": id.to_string(), "title": "Small"})).collect();
    let data = object(json!({"sizes": sizes}));
    let start = Instant::now();
    let request = Request { action: Action::Init, screen: "" };
    let verdicts = judge.judge(&request, &Answer { screen: "START", data: &data });
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(verdicts.len(), 1);
    assert_eq!(verdicts[0].code.as_str(), "option-count");
}
