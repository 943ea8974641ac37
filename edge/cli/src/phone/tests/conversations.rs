//! A conversation with an endpoint, and one without.

use std::sync::Arc;

use flow_json::Judge;
use flow_proto::json::from_struct;
use serde_json::{Value as Json, json};

use super::super::Arrival;
use super::super::{Effect, Ending, Error, Failure, Outgoing, Phone, Untouched, What};
use super::{arrive, flow, value};

/// START asks when something is chosen, and leads to NEXT on the phone; NEXT asks, and on the way back as well; END is the end.
fn file() -> Json {
    let list = json!({"type": "array", "__example__": [{"id": "a", "title": "A"}], "items": {
        "type": "object", "properties": {"id": {"type": "string"}, "title": {"type": "string"}},
    }});
    let text = json!({"type": "string", "__example__": "x"});
    let layout = |children: Json| json!({"type": "SingleColumnLayout", "children": children});
    json!({
        "version": "7.3", "data_api_version": "4.0",
        "routing_model": {"START": ["NEXT"], "NEXT": ["END"], "END": []},
        "screens": [
            {"id": "START", "title": "Start", "data": {"list": list}, "layout": layout(json!([
                {"type": "Dropdown", "name": "one", "label": "One", "required": true, "data-source": "${data.list}",
                 "on-select-action": {"name": "data_exchange", "payload": {"one": "${form.one}", "note": "${form.note}"}}},
                {"type": "TextArea", "name": "note", "label": "Note"},
                {"type": "Footer", "label": "Next", "on-click-action": {
                    "name": "navigate", "next": {"type": "screen", "name": "NEXT"},
                    "payload": {"chosen": "${form.one}", "note": "${form.note}"}}},
            ]))},
            {"id": "NEXT", "title": "Next", "refresh_on_back": true, "data": {"chosen": text, "note": text}, "layout": layout(json!([
                {"type": "TextBody", "text": "${screen.START.form.one}"},
                {"type": "Footer", "label": "Next", "on-click-action": {
                    "name": "data_exchange", "payload": {"chosen": "${data.chosen}", "note": "${screen.START.form.note}"}}},
            ]))},
            {"id": "END", "title": "End", "terminal": true, "data": {"said": text}, "layout": layout(json!([
                {"type": "TextBody", "text": "${data.said}"},
                {"type": "Footer", "label": "Done", "on-click-action": {"name": "complete", "payload": {"said": "${data.said}"}}},
            ]))},
        ],
    })
}

fn ask(untouched: Untouched) -> (Phone, Outgoing) {
    let flow = flow(file());
    let judge = Arc::new(Judge::new([&*flow]));
    Phone::ask(flow, judge, untouched)
}

fn start(ids: &[&str]) -> Json {
    let list: Vec<_> = ids.iter().map(|id| json!({"id": id, "title": id.to_uppercase()})).collect();
    json!({"screen": "START", "data": {"list": list}})
}

/// Opened, with START on the screen.
fn opened() -> Phone {
    let (mut phone, _) = ask(Untouched::LeftOut);
    assert!(matches!(arrive(&mut phone, 200, start(&["a", "b"])).what, What::Shown));
    phone
}

/// NEXT is on the screen, START below it.
fn at_next() -> Phone {
    let mut phone = opened();
    phone.fill("one", value(json!("a"))).unwrap();
    arrive(&mut phone, 200, start(&["a", "b"]));
    assert_eq!(tap(&mut phone), Ok(Effect::Local));
    phone
}

fn tap(phone: &mut Phone) -> Result<Effect, Error> {
    let footer = phone.screen().unwrap().footer().unwrap().id.clone();
    phone.tap(&footer, None)
}

fn sent(effect: Result<Effect, Error>) -> Json {
    match effect.unwrap() {
        Effect::Send(outgoing) => Json::Object(outgoing.to_message()),
        other => panic!("{other:?}"),
    }
}

fn on(phone: &Phone) -> String {
    phone.screen().unwrap().screen
}

#[test]
fn a_flow_with_an_endpoint_begins_with_a_request() {
    let (mut phone, init) = ask(Untouched::LeftOut);
    assert_eq!(Json::Object(init.to_message()), json!({"action": "INIT"}));
    assert!(phone.screen().is_none());
    assert_eq!(phone.fill("one", value(json!("a"))), Err(Error::Loading));
    arrive(&mut phone, 200, start(&["a"]));
    let view = phone.screen().unwrap();
    assert_eq!((view.screen.as_str(), view.title.as_str(), view.can_go_back), ("START", "Start", false));
    assert_eq!(phone.back(), Err(Error::NothingBefore));
}

#[test]
fn a_choice_asks_and_the_form_stays_as_far_as_it_is_offered() {
    let mut phone = opened();
    phone.fill("note", value(json!("please"))).unwrap();
    let sent = sent(phone.fill("one", value(json!("b"))));
    assert_eq!(sent, json!({"action": "data_exchange", "screen": "START", "data": {"one": "b", "note": "please"}}));
    assert!(phone.screen().unwrap().is_loading);
    assert_eq!(tap(&mut phone), Err(Error::Loading));
    let mut answer = start(&["a", "b"]);
    answer["data"]["error_message"] = "Look again".into();
    arrive(&mut phone, 200, answer);
    let view = phone.screen().unwrap();
    assert_eq!(view.message.as_deref(), Some("Look again"));
    assert_eq!(view.field("one").unwrap().value, Some(value(json!("b"))));
    phone.fill("one", value(json!("a"))).unwrap();
    arrive(&mut phone, 200, start(&["b"]));
    let view = phone.screen().unwrap();
    assert_eq!((&view.message, &view.field("one").unwrap().value), (&None, &None));
    assert_eq!(view.field("note").unwrap().value, Some(value(json!("please"))));
}

/// Clients differ in what they send for a field that nobody touched. What stays on the phone has every key.
#[test]
fn a_field_that_nobody_touched_is_left_out_or_empty() {
    for (untouched, note) in
        [(Untouched::LeftOut, json!({"one": "a"})), (Untouched::Empty, json!({"one": "a", "note": ""}))]
    {
        let (mut phone, _) = ask(untouched);
        arrive(&mut phone, 200, start(&["a"]));
        assert_eq!(sent(phone.fill("one", value(json!("a"))))["data"], note);
        arrive(&mut phone, 200, start(&["a"]));
        tap(&mut phone).unwrap();
        assert_eq!(on(&phone), "NEXT");
        assert_eq!(sent(tap(&mut phone))["data"], json!({"chosen": "a", "note": ""}));
    }
}

#[test]
fn back_asks_where_the_screen_that_is_left_says_so() {
    let mut phone = at_next();
    let shown = phone.screen().unwrap();
    assert_eq!(shown.components[0].properties.fields["text"], value(json!("a")), "a reference to the screen before");
    assert_eq!(sent(phone.back()), json!({"action": "BACK", "screen": "NEXT"}));
    assert_eq!(on(&phone), "NEXT", "until the answer is there");
    arrive(&mut phone, 200, start(&["a", "c"]));
    let view = phone.screen().unwrap();
    assert_eq!((view.screen.as_str(), view.can_go_back), ("START", false));
    assert_eq!(view.field("one").unwrap().value, Some(value(json!("a"))), "what was put in stays");
    assert_eq!(view.field("one").unwrap().field.as_ref().unwrap().options()[1].id, "c");

    let mut phone = at_next();
    tap(&mut phone).unwrap();
    arrive(&mut phone, 200, json!({"screen": "END", "data": {"said": "all"}}));
    assert_eq!(on(&phone), "END");
    assert_eq!(phone.back(), Ok(Effect::Local));
    assert_eq!(on(&phone), "NEXT");
}

#[test]
fn the_ends_of_a_flow() {
    let mut completed = at_next();
    tap(&mut completed).unwrap();
    arrive(&mut completed, 200, json!({"screen": "END", "data": {"said": "all"}}));
    let Ok(Effect::Completed(payload)) = tap(&mut completed) else { panic!("not completed") };
    assert_eq!(Json::Object(from_struct(payload)), json!({"said": "all"}));
    assert!(completed.screen().is_none());

    let params = json!({"flow_token": "t", "reference": "R-1"});
    let ends = [
        (200, json!({"screen": "SUCCESS", "data": {"extension_message_response": {"params": params}}}), 2),
        (200, json!({"screen": "SUCCESS", "data": {}}), 0),
    ];
    for (status, body, count) in ends {
        let mut phone = at_next();
        tap(&mut phone).unwrap();
        assert!(matches!(arrive(&mut phone, status, body).what, What::Ended));
        let params = match phone.ending() {
            Some(Ending::Completed(params)) => params.fields.len(),
            Some(Ending::Closed) => 0,
            other => panic!("{other:?}"),
        };
        assert_eq!(params, count);
        assert_eq!(phone.back(), Err(Error::NotOpen));
    }
    let (mut dead, _) = ask(Untouched::LeftOut);
    arrive(&mut dead, 427, json!({"error_msg": "used up"}));
    assert_eq!(dead.ending(), Some(&Ending::Disabled(Some("used up".to_owned()))));
}

/// Only after 421 the phone repeats by itself, and only once; after anything else the user may.
#[test]
fn failures_and_repeats() {
    let (mut phone, init) = ask(Untouched::LeftOut);
    let What::Repeat(repeated) = arrive(&mut phone, 421, json!({})).what else { panic!("not repeated") };
    assert_eq!(repeated, init);
    assert!(matches!(arrive(&mut phone, 421, json!({})).what, What::Failed(Failure::Status(421))));

    for (arrival, failure) in [
        (Arrival::Answer { status: 432, body: None }, Failure::Status(432)),
        (Arrival::Answer { status: 500, body: None }, Failure::Status(500)),
        (Arrival::Answer { status: 204, body: None }, Failure::Status(204)),
        (Arrival::Answer { status: 504, body: None }, Failure::TimedOut),
        (Arrival::TimedOut, Failure::TimedOut),
        (Arrival::Broken, Failure::Broken),
    ] {
        let mut phone = opened();
        let asked = sent(phone.fill("one", value(json!("a"))));
        assert!(matches!(phone.arrive(arrival).what, What::Failed(came) if came == failure), "{failure:?}");
        let view = phone.screen().unwrap();
        assert_eq!((view.screen.as_str(), view.is_loading), ("START", false));
        assert_eq!(phone.retry().map(|again| Json::Object(again.to_message())), Some(asked), "the same form");
        arrive(&mut phone, 200, start(&["a"]));
        assert!(phone.retry().is_none());
    }
    assert!(matches!(arrive(&mut opened(), 200, start(&["a"])).what, What::Unasked));
}

#[test]
fn what_the_client_refuses_is_told_to_the_endpoint() {
    for (answer, code) in [
        (json!({"screen": "END", "data": {"said": "x"}}), "invalid-screen-transition"),
        (json!({"screen": "NOWHERE", "data": {}}), "invalid-screen-transition"),
        (json!({"screen": "START", "data": {}}), "payload-schema-error"),
        (json!({"screen": "START", "data": {"list": [{"id": "a"}]}}), "payload-schema-error"),
        (json!({"screen": "START", "data": []}), "payload-schema-error"),
        (json!({"screen": 7, "data": {}}), "payload-schema-error"),
    ] {
        let mut phone = opened();
        phone.fill("one", value(json!("a"))).unwrap();
        let What::Refused { notification, .. } = arrive(&mut phone, 200, answer).what else { panic!("not refused") };
        let notification = Json::Object(notification);
        assert_eq!(notification["action"], "data_exchange");
        assert_eq!(notification["screen"], "START");
        assert_eq!(notification["data"]["error"], code);
        assert!(notification["data"]["error_message"].is_string());
        assert_eq!(on(&phone), "START", "the screen stays");
    }
}

#[test]
fn a_list_leads_on_by_its_items() {
    let go = |screen: &str| json!({"name": "navigate", "next": {"type": "screen", "name": screen}, "payload": {}});
    let item = |id: &str, screen: &str| json!({"id": id, "main-content": {"title": id}, "on-click-action": go(screen)});
    let done = json!({"type": "Footer", "label": "Done", "on-click-action": {"name": "complete", "payload": {}}});
    let layout = |children: Json| json!({"type": "SingleColumnLayout", "children": children});
    let list =
        json!({"type": "NavigationList", "name": "list", "list-items": [item("one", "ONE"), item("two", "TWO")]});
    let flow = flow(json!({"version": "7.3", "screens": [
        {"id": "LIST", "title": "x", "data": {}, "layout": layout(json!([list]))},
        {"id": "ONE", "title": "x", "terminal": true, "data": {}, "layout": layout(json!([done.clone()]))},
        {"id": "TWO", "title": "x", "terminal": true, "data": {}, "layout": layout(json!([done]))},
    ]}));
    let judge = Arc::new(Judge::new([&*flow]));
    let mut phone = Phone::open(Arc::clone(&flow), Arc::clone(&judge), None, None, Untouched::LeftOut).unwrap();
    assert_eq!(phone.screen().unwrap().components[0].items.len(), 2);
    assert_eq!(phone.tap("0", None), Err(Error::NothingToTap));
    assert_eq!(phone.tap("0", Some("three")), Err(Error::NoComponent));
    assert_eq!(phone.tap("0", Some("two")), Ok(Effect::Local));
    assert_eq!(on(&phone), "TWO");
    let named = Phone::open(Arc::clone(&flow), Arc::clone(&judge), Some("ONE"), None, Untouched::LeftOut);
    assert_eq!(on(&named.unwrap()), "ONE");
    let unknown = Phone::open(flow, judge, Some("THREE"), None, Untouched::LeftOut);
    assert_eq!(unknown.err(), Some(Error::NoScreen("THREE".to_owned())));
}
