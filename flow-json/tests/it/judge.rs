//! Answers before the judge: what a phone refuses, what it shows wrongly, and what passes.

use flow_json::verdict::Severity::{Note, Refused, ShownWrongly};
use flow_json::{Action, Answer, Flow, Judge, Request, check, verdict};
use serde_json::{Map, Value as Json, json};

use crate::flow::{around, flow, judge, object};

fn options(key: &str) -> Json {
    json!({key: {
        "type": "array",
        "items": {"type": "object", "properties": {"id": {"type": "string"}, "title": {"type": "string"}}},
        "__example__": [],
    }})
}

/// ORDERS → NOTE → PROFILE → DONE, where DONE and PLAIN have no model.
fn shop() -> Flow {
    let footer =
        json!({"type": "Footer", "label": "Next", "on-click-action": {"name": "data_exchange", "payload": {}}});
    let screen = |id: &str, data: Json, children: Json| {
        let mut children = children;
        children.as_array_mut().unwrap().push(footer.clone());
        json!({"id": id, "data": data, "terminal": id == "DONE",
               "layout": {"type": "SingleColumnLayout", "children": children}})
    };
    let mut shop = json!({
        "version": "7.3", "data_api_version": "4.0",
        "routing_model": {"ORDERS": ["NOTE"], "NOTE": ["PROFILE"], "PROFILE": ["DONE"], "DONE": []},
        "screens": [
            screen("ORDERS", options("orders"),
                json!([{"type": "RadioButtonsGroup", "name": "order", "label": "Order", "data-source": "${data.orders}"}])),
            screen("NOTE", json!({
                    "warning": {"type": "string", "__example__": "Late"},
                    "has_warning": {"type": "boolean", "__example__": true},
                    "day": {"type": "string", "__example__": "2026-01-31"}}),
                json!([{"type": "TextHeading", "text": "${data.warning}", "visible": "${data.has_warning}"},
                       {"type": "DatePicker", "name": "day", "label": "Day", "min-date": "${data.day}"}])),
            screen("PROFILE", json!({
                    "user": {"type": "object", "properties": {"name": {"type": "string"}}, "__example__": {"name": "Ann"}}}),
                json!([{"type": "TextHeading", "text": "${data.user.name}"}, {"type": "Image", "src": "${data.badge}"}])),
            screen("DONE", Json::Null, json!([])),
        ],
    });
    shop["screens"][3].as_object_mut().unwrap().remove("data");
    flow(&shop)
}

fn verdicts(action: &str, from: &str, to: &str, data: Json) -> Vec<(String, verdict::Severity, String)> {
    let exchange = json!({"request": {"action": action, "screen": from}, "answer": {"screen": to, "data": data}});
    let told = |it: verdict::Verdict| (it.code.to_string(), it.severity, it.pointer);
    judge(&Judge::new([&shop()]), &exchange).into_iter().map(told).collect()
}

fn one(code: &str, severity: verdict::Severity, pointer: &str) -> Vec<(String, verdict::Severity, String)> {
    vec![(code.to_owned(), severity, pointer.to_owned())]
}

fn order(title: &str) -> Json {
    json!({"orders": [{"id": "1", "title": title}]})
}

fn note(warning: Json) -> Json {
    json!({"warning": warning, "has_warning": false, "day": "2026-01-31"})
}

#[test]
fn a_good_answer_has_no_verdict() {
    assert_eq!(verdicts("INIT", "", "ORDERS", order("Shoes")), []);
    assert_eq!(verdicts("INIT", "NOTE", "NOTE", note(json!("Late"))), []);
    assert_eq!(verdicts("data_exchange", "ORDERS", "ORDERS", order("Shoes")), []);
    assert_eq!(verdicts("data_exchange", "ORDERS", "NOTE", note(json!("Late"))), []);
    assert_eq!(verdicts("BACK", "NOTE", "ORDERS", order("Shoes")), []);
    assert_eq!(verdicts("BACK", "", "ORDERS", order("Shoes")), []);
    assert_eq!(verdicts("data_exchange", "PROFILE", "DONE", json!({})), []);
    let mut again = order("Shoes");
    again["error_message"] = json!("Sold out");
    assert_eq!(verdicts("data_exchange", "ORDERS", "ORDERS", again), []);
}

#[test]
fn a_screen_that_may_not_follow_is_refused() {
    let refused = one("invalid-screen-transition", Refused, "/screen");
    assert_eq!(verdicts("data_exchange", "ORDERS", "ORDER", order("Shoes")), refused);
    assert_eq!(verdicts("data_exchange", "ORDERS", "DONE", json!({})), refused);
    assert_eq!(verdicts("data_exchange", "PROFILE", "ORDERS", order("Shoes")), refused);
    assert_eq!(verdicts("INIT", "", "DONE", json!({})), refused);
    assert_eq!(verdicts("INIT", "NOTE", "ORDERS", order("Shoes")), refused);
}

#[test]
fn a_way_back_is_shown_wrongly() {
    let back = one("backward-transition", ShownWrongly, "/screen");
    assert_eq!(verdicts("data_exchange", "NOTE", "ORDERS", order("Shoes")), back);
    assert_eq!(verdicts("BACK", "PROFILE", "ORDERS", order("Shoes")), back);
}

/// Several public flows have a screen of this name.
#[test]
fn a_screen_called_success_is_shown_wrongly() {
    let flow =
        flow(&around(json!({"id": "SUCCESS", "data": {"text": {"type": "string", "__example__": "Saved"}}}), "7.3"));
    let exchange = json!({"request": {"action": "INIT"}, "answer": {"screen": "SUCCESS", "data": {"text": "Saved"}}});
    let found = judge(&Judge::new([&flow]), &exchange);
    assert_eq!((found.len(), found[0].severity), (1, ShownWrongly));
    assert_eq!(found[0].code.as_str(), "SCREEN_ID_IS_RESERVED_KEYWORD");
}

#[test]
fn data_that_does_not_fit_its_model_is_refused() {
    let refused = |pointer: &str| one("payload-schema-error", Refused, pointer);
    let sent = |data: Json| verdicts("data_exchange", "ORDERS", "ORDERS", data);
    assert_eq!(sent(json!({"error_message": "Sold out"})), refused("/data/orders"));
    assert_eq!(sent(json!({"orders": {}})), refused("/data/orders"));
    assert_eq!(sent(json!({"orders": [{"id": 17, "title": "Shoes"}]})), refused("/data/orders/0/id"));
    assert_eq!(sent(json!({"orders": [{"id": "1", "title": "Shoes"}, null]})), refused("/data/orders/1"));
    let untitled = sent(json!({"orders": [{"id": "1"}]}));
    assert_eq!(untitled[0], refused("/data/orders/0/title")[0]);
    assert_eq!(verdicts("INIT", "NOTE", "NOTE", note(Json::Null)), refused("/data/warning"));
    let profile = |user: Json| verdicts("INIT", "PROFILE", "PROFILE", json!({"user": user}));
    assert_eq!(profile(json!({})), refused("/data/user/name"));
    assert_eq!(profile(json!({"name": true})), refused("/data/user/name"));
    assert_eq!(verdicts("data_exchange", "PROFILE", "DONE", json!({"reference": "A1"})), refused("/data"));
}

#[test]
fn what_is_not_declared_passes_with_a_note() {
    let mut sent = order("Shoes");
    sent["total"] = json!(7);
    assert_eq!(verdicts("INIT", "", "ORDERS", sent), one("undeclared-data", Note, "/data/total"));
    let badge = json!({"user": {"name": "Ann"}, "badge": "iVBORw0KGgo="});
    assert_eq!(verdicts("INIT", "PROFILE", "PROFILE", badge), one("undeclared-data", ShownWrongly, "/data/badge"));
    let more = json!({"orders": [{"id": "1", "title": "Shoes", "badge_url": "x", "progress": "80"}]});
    assert_eq!(verdicts("INIT", "", "ORDERS", more), one("undeclared-data", Note, "/data/orders"));
    // A key that is no word may be somebody's data.
    let mut person = order("Shoes");
    person["+44 20 7946 0000"] = json!(7);
    assert_eq!(verdicts("INIT", "", "ORDERS", person), one("undeclared-data", Note, "/data"));
}

#[test]
fn what_a_phone_does_not_show_is_told() {
    let title = |title: &str| verdicts("INIT", "", "ORDERS", order(title));
    assert_eq!(title("ABCDEFGHIJKLMNOPQRSTUVWXYZ 123"), []);
    assert_eq!(title("żółwżółwżółwżółwżółwżółwżółw12"), []);
    assert_eq!(title("ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234"), one("text-too-long", ShownWrongly, "/data/orders/0/title"));
    assert_eq!(title(" "), one("option-title", ShownWrongly, "/data/orders/0/title"));
    let orders = |orders: Json| verdicts("INIT", "", "ORDERS", json!({"orders": orders}));
    let twice = json!([{"id": "1", "title": "Shoes"}, {"id": "1", "title": "Hats"}]);
    assert_eq!(orders(twice), one("option-id", ShownWrongly, "/data/orders/1/id"));
    assert_eq!(orders(json!([{"id": "", "title": "Shoes"}])), one("option-id", ShownWrongly, "/data/orders/0/id"));
    assert_eq!(orders(json!([])), one("option-count", ShownWrongly, "/data/orders"));
    let many: Vec<Json> = (0..21).map(|id| json!({"id": id.to_string(), "title": "Shoes"})).collect();
    assert_eq!(orders(json!(many)), one("option-count", ShownWrongly, "/data/orders"));
    let day = |day: &str| {
        let mut sent = note(json!("Late"));
        sent["day"] = json!(day);
        verdicts("INIT", "NOTE", "NOTE", sent)
    };
    assert_eq!(day("2026-02-28"), []);
    for wrong in ["2026-02-30", "28.02.2026", "1769817600000", "2026-2-8", "+026-02-28"] {
        assert_eq!(day(wrong), one("date-format", ShownWrongly, "/data/day"), "{wrong}");
    }
}

/// A list gets its entries once something before it was chosen; until then its component is disabled or not shown.
#[test]
fn an_empty_list_that_nobody_can_open_is_fine() {
    let count = |dropdown: Json, data: Json| {
        let mut children =
            json!([{"type": "Dropdown", "name": "size", "label": "Size", "data-source": "${data.sizes}"}]);
        children[0].as_object_mut().unwrap().extend(dropdown.as_object().unwrap().clone());
        let mut keys = options("sizes");
        keys["state"] =
            json!({"type": "object", "properties": {"open": {"type": "boolean"}}, "__example__": {"open": true}});
        let screen = flow(&around(json!({"data": keys, "children": children}), "7.3"));
        let exchange = json!({"request": {"action": "INIT"}, "answer": {"screen": "START", "data": data}});
        judge(&Judge::new([&screen]), &exchange)
            .into_iter()
            .map(|it| (it.code.to_string(), it.pointer))
            .collect::<Vec<_>>()
    };
    let none = |open: bool| json!({"sizes": [], "state": {"open": open}});
    let wrong = vec![("option-count".to_owned(), "/data/sizes".to_owned())];
    for property in ["enabled", "visible"] {
        assert_eq!(count(json!({property: "${data.state.open}"}), none(false)), [], "{property}");
        assert_eq!(count(json!({property: "${data.state.open}"}), none(true)), wrong, "{property}");
        assert_eq!(count(json!({property: false}), none(true)), [], "{property}");
        assert_eq!(count(json!({property: true}), none(false)), wrong, "{property}");
    }
    assert_eq!(count(json!({"enabled": true, "visible": "${data.state.open}"}), none(false)), []);
    // Too many are too many whenever they are shown, and what is in the list is looked at.
    let many: Vec<Json> = (0..201).map(|id| json!({"id": id.to_string(), "title": "Small"})).collect();
    let closed = |sizes: Json| {
        count(json!({"enabled": "${data.state.open}"}), json!({"sizes": sizes, "state": {"open": false}}))
    };
    assert_eq!(closed(json!(many)), wrong);
    assert_eq!(closed(json!([{"id": "1", "title": ""}]))[0].0, "option-title");
}

#[test]
fn no_verdict_holds_a_value() {
    const SECRET: &str = "Ada Lovelace, +44 20 7946 0000";
    let everything = json!({
        "orders": [{"id": SECRET, "title": SECRET.repeat(9)}, {"id": SECRET, "title": {SECRET: SECRET}}, SECRET, {SECRET: 1}],
        SECRET: SECRET,
    });
    let (shop, data) = (shop(), object(everything));
    for to in ["ORDERS", "NOTE", "PROFILE", "DONE", SECRET] {
        for action in [Action::Init, Action::Back, Action::DataExchange] {
            let request = Request { action, screen: SECRET };
            let found = Judge::new([&shop]).judge(&request, &Answer { screen: to, data: &data });
            assert!(!found.is_empty());
            assert!(!format!("{found:?}").contains("Lovelace"), "{found:?}");
        }
    }
}

#[test]
fn the_number_of_verdicts_is_bounded() {
    let wrong: Vec<Json> = (0..10_000).map(|_| json!(7)).collect();
    let found = verdicts("INIT", "", "ORDERS", json!({"orders": wrong}));
    assert!((10..=100).contains(&found.len()), "{}", found.len());
}

/// Messages that were sent open the edition of their day.
#[test]
fn the_newest_edition_that_has_the_screen_judges() {
    let old = flow(&around(json!({"data": {"name": {"type": "string", "__example__": "Ada"}}}), "7.3"));
    let new = flow(&around(json!({"id": "BEGIN", "data": {"age": {"type": "number", "__example__": 36}}}), "7.3"));
    let both = Judge::new([&new, &old]);
    let init = |screen: &str, data: Json| {
        judge(&both, &json!({"request": {"action": "INIT"}, "answer": {"screen": screen, "data": data}})).len()
    };
    assert_eq!(init("BEGIN", json!({"age": 36})), 0);
    assert_eq!(init("START", json!({"name": "Ada"})), 0);
    assert_eq!(init("START", json!({"age": 36})), 2);
    assert_eq!(both.screens(), ["BEGIN", "END", "START"]);
    // END stands in both: from START the old one knows the way.
    for from in ["BEGIN", "START"] {
        let exchange =
            json!({"request": {"action": "data_exchange", "screen": from}, "answer": {"screen": "END", "data": {}}});
        assert_eq!(judge(&both, &exchange), [], "{from}");
    }
}

#[test]
fn an_edge_can_ask_what_it_needs() {
    let judge = Judge::new([&shop()]);
    assert_eq!(judge.screens(), ["DONE", "NOTE", "ORDERS", "PROFILE"]);
    assert!(judge.has_screen("NOTE") && !judge.has_screen("SUCCESS"));
    assert!(judge.is_entry("ORDERS") && !judge.is_entry("NOTE") && !judge.is_entry("SUCCESS"));
    assert!(judge.is_terminal("DONE") && !judge.is_terminal("ORDERS"));
    // A fallback that sends a message alone fits where nothing is declared.
    assert!(judge.fits_error_message_alone("DONE"));
    assert!(!judge.fits_error_message_alone("ORDERS") && !judge.fits_error_message_alone("SUCCESS"));
}

/// The conversation of the examples, held against their flow.
#[test]
fn the_examples_answers_pass() {
    let checked = check(include_str!("../../../examples/flows/appointment.json"));
    let appointment = Judge::new([&checked.flow.unwrap()]);
    let one = json!([{"id": "beauty", "title": "Beauty & Personal Care"}]);
    let data = json!({"department": one, "location": one, "is_location_enabled": true, "date": one,
        "is_date_enabled": false, "time": one, "is_time_enabled": false});
    let exchange = json!({"request": {"action": "INIT"}, "answer": {"screen": "APPOINTMENT", "data": data}});
    assert_eq!(judge(&appointment, &exchange), []);
    let mut unchosen = data.clone();
    unchosen.as_object_mut().unwrap().extend([("date".to_owned(), json!([])), ("time".to_owned(), json!([]))]);
    let exchange = json!({"request": {"action": "INIT"}, "answer": {"screen": "APPOINTMENT", "data": unchosen}});
    assert_eq!(judge(&appointment, &exchange), []);
    let mut lacking: Map<String, Json> = data.as_object().unwrap().clone();
    lacking.remove("time");
    let exchange = json!({"request": {"action": "INIT"}, "answer": {"screen": "APPOINTMENT", "data": lacking}});
    assert_eq!(judge(&appointment, &exchange)[0].pointer, "/data/time");
}
