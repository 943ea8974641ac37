//! The flow of the examples, and mistakes that people made in theirs.

use flow_json::{Checked, Severity, check};
use serde_json::{Value as Json, json};

use crate::flow::around;

const APPOINTMENT: &str = include_str!("../../../examples/flows/appointment.json");

fn found(checked: &Checked) -> Vec<(String, Severity, String)> {
    let found = |it: &flow_json::Finding| (it.code.to_string(), it.severity, it.pointer.clone());
    checked.findings.iter().map(found).collect()
}

fn only(example: Json, version: &str) -> (String, Severity, String) {
    let checked = check(&around(example, version).to_string());
    let mut found = found(&checked);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn the_appointment_flow_is_sound() {
    assert_eq!(found(&check(APPOINTMENT)), []);
}

/// A screen that may be left out of the way forward, and comes back by the client's own button.
#[test]
fn a_finding_says_where_it_is() {
    let text = APPOINTMENT.replacen("\"name\": \"location\"", "\"nme\": \"location\"", 1);
    let findings = check(&text).findings;
    let key = findings.iter().find(|finding| finding.code.as_str() == "INVALID_PROPERTY_KEY").unwrap();
    let (line, column) =
        text.lines().enumerate().find_map(|(at, line)| Some((at + 1, line.find("\"nme\"")? + 1))).unwrap();
    assert_eq!((key.start.line, key.start.column), (line, column));
    assert_eq!((key.end.line, key.end.column), (line, column + 5));
    assert_eq!(&text[key.span.start as usize..key.span.end as usize], "\"nme\"");
    assert_eq!(key.pointer, "/screens/0/layout/children/0/children/1/nme");
    assert_eq!(key.help, "did you mean `name`?");
    // What reads the field by its name finds it no more.
    assert!(findings.iter().any(|finding| finding.code.as_str() == "INVALID_ON_CLICK_ACTION_PAYLOAD"));
}

#[test]
fn a_photo_picker_and_refresh_on_back_are_sound() {
    let photos = json!([
        {"type": "PhotoPicker", "name": "photos", "label": "Photos of the damage",
         "min-uploaded-photos": 1, "max-uploaded-photos": 10, "max-file-size-kb": 10240},
        {"type": "Footer", "label": "Send", "on-click-action": {"name": "data_exchange", "payload": {"photos": "${form.photos}"}}},
    ]);
    assert_eq!(found(&check(&around(photos, "7.3").to_string())), []);
    assert_eq!(found(&check(&around(json!({"refresh_on_back": true}), "7.3").to_string())), []);
}

#[test]
fn conditions_with_and_are_sound_from_4_0_on() {
    let condition = json!({
        "data": {"adult": {"type": "boolean", "__example__": true}, "member": {"type": "boolean", "__example__": true}},
        "children": [{"type": "If", "condition": "${data.adult} && ${data.member}", "then": [{"type": "TextBody", "text": "Welcome"}]}],
    });
    assert_eq!(found(&check(&around(condition, "5.1").to_string())), []);
}

#[test]
fn what_people_sent_is_found() {
    let code = |example: Json| only(example, "7.3").0;
    assert_eq!(code(json!({"_comment": "made by the CRM team"})), "INVALID_PROPERTY_KEY");
    let options = json!([{"type": "RadioButtonsGroup", "name": "plan", "label": "Plan",
        "data-source": [{"id": "s", "title": "Small", "subtitle": "up to 5"}]}]);
    let (found, severity, pointer) = only(options, "7.3");
    assert_eq!((found.as_str(), severity), ("INVALID_PROPERTY_KEY", Severity::Error));
    assert_eq!(pointer, "/screens/0/layout/children/0/data-source/0/subtitle");
    let error = json!([{"type": "Footer", "label": "Send", "on-click-action":
        {"name": "data_exchange", "payload": {"error": "none"}}}]);
    assert_eq!(only(error, "7.3").1, Severity::Warning);
}

#[test]
fn a_version_closes_what_came_after_it() {
    let chips = json!([{"type": "ChipsSelector", "name": "days", "label": "Days",
        "data-source": [{"id": "1", "title": "Monday"}, {"id": "2", "title": "Tuesday"}]}]);
    assert_eq!(found(&check(&around(chips.clone(), "6.3").to_string())), []);
    let (code, severity, pointer) = only(chips, "6.2");
    assert_eq!((code.as_str(), severity), ("INVALID_TYPE_PROPERTY_VALUE", Severity::Error));
    assert_eq!(pointer, "/screens/0/layout/children/0/type");
}

#[test]
fn what_a_newer_version_brings_is_a_warning() {
    let new = json!([{"type": "HologramPicker", "name": "hologram"}]);
    let checked = check(&around(new, "8.0").to_string());
    assert!(!checked.has_errors(), "{:?}", checked.findings);
    assert_eq!(checked.findings.len(), 2);
}

#[test]
fn the_flow_of_a_file_with_mistakes_is_still_read() {
    let flow = check(&around(json!([{"type": "TextInput", "name": "vat"}]), "7.3").to_string()).flow.unwrap();
    let ids: Vec<&str> = flow.screens.iter().map(|screen| screen.id.text.as_str()).collect();
    assert_eq!(ids, ["START", "END"]);
    assert!(flow.screens[0].field("vat").is_some());
}
