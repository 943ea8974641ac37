//! A flow with every component, and a logic that answers it with the examples of its file.

use flow_json::Flow;
use flow_proto::json::{from_struct, to_struct};
use serde_json::{Map, Value, json};

/// The screens in their order: each submits, and the next follows.
pub(crate) fn file() -> Value {
    let options =
        json!([{"id": "a", "title": "A"}, {"id": "b", "title": "B"}, {"id": "c", "title": "C", "enabled": false}]);
    let image = "iVBORw0KGgo=";
    let group = |kind: &str, name: &str, more: Value| {
        let mut group = json!({"type": kind, "name": name, "label": "Choose", "data-source": "${data.options}"});
        group.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        group
    };
    let list = json!({"type": "array", "__example__": options, "items": {"type": "object", "properties": {
        "id": {"type": "string"}, "title": {"type": "string"}, "enabled": {"type": "boolean"},
    }}});
    let options_with_flags = json!([
        {"id": "a", "title": "A", "enabled": true}, {"id": "b", "title": "B", "enabled": true},
        {"id": "c", "title": "C", "enabled": false},
    ]);
    let mut list = list;
    list["__example__"] = options_with_flags;
    let fields = |names: &[&str]| -> Value {
        names
            .iter()
            .map(|name| ((*name).to_owned(), Value::from(format!("${{form.{name}}}"))))
            .collect::<Map<_, _>>()
            .into()
    };
    let footer = |names: &[&str]| json!({"type": "Footer", "label": "Next", "on-click-action": {"name": "data_exchange", "payload": fields(names)}});
    let screen = |id: &str, data: Value, children: Value| json!({"id": id, "title": "Gallery", "data": data, "layout": {"type": "SingleColumnLayout", "children": children}});
    let word = json!({"type": "string", "__example__": "one"});
    let item = |id: &str| json!({"id": id, "main-content": {"title": "Item"}});
    let mut last = screen(
        "END",
        json!({"word": word}),
        json!([
            {"type": "RichText", "text": ["# Done", "All of it"]},
            {"type": "Footer", "label": "Done", "on-click-action": {"name": "complete", "payload": {"word": "${data.word}"}}},
        ]),
    );
    last["terminal"] = true.into();
    json!({
        "version": "7.3", "data_api_version": "4.0",
        "routing_model": {
            "LIST": ["TEXTS"], "TEXTS": ["CHOICES"], "CHOICES": ["DATES"], "DATES": ["PHOTOS"], "PHOTOS": ["PAPERS"],
            "PAPERS": ["END"], "END": [],
        },
        "screens": [
            screen("LIST", json!({}), json!([{
                "type": "NavigationList", "name": "list", "list-items": [item("one"), item("two")],
                "on-click-action": {"name": "data_exchange", "payload": {"from": "list"}},
            }])),
            screen("TEXTS", json!({"word": word}), json!([
                {"type": "TextHeading", "text": "Texts"}, {"type": "TextSubheading", "text": "${data.word}"},
                {"type": "TextBody", "text": "`'Hello ' ${form.name}`"}, {"type": "TextCaption", "text": "Small"},
                {"type": "Form", "name": "form", "children": [
                    {"type": "TextInput", "name": "name", "label": "Name", "required": true, "min-chars": 2, "max-chars": 20},
                    {"type": "TextInput", "name": "age", "label": "Age", "input-type": "number", "required": true},
                    {"type": "TextInput", "name": "plate", "label": "Plate", "required": true,
                     "pattern": "^[A-Z]{2}-[0-9]{3,4}$", "helper-text": "AB-123"},
                    {"type": "TextInput", "name": "mail", "label": "Mail", "input-type": "email"},
                    {"type": "TextInput", "name": "call", "label": "Phone", "input-type": "phone"},
                    {"type": "TextInput", "name": "pin", "label": "PIN", "input-type": "passcode", "min-chars": 4, "max-chars": 4},
                    {"type": "TextInput", "name": "word", "label": "Password", "input-type": "password"},
                    {"type": "TextArea", "name": "note", "label": "Note", "max-length": 30},
                    footer(&["name", "age", "plate", "mail", "call", "pin", "word", "note"]),
                ]},
                {"type": "EmbeddedLink", "text": "Read", "on-click-action": {"name": "open_url", "url": "https://example.com"}},
            ])),
            screen("CHOICES", json!({"options": list, "is_long": {"type": "boolean", "__example__": true}}), json!([
                {"type": "Image", "src": image}, {"type": "ImageCarousel", "images": [{"src": image, "alt-text": "x"}]},
                group("Dropdown", "one", json!({"required": true})),
                group("RadioButtonsGroup", "two", json!({"required": true, "on-select-action": {
                    "name": "update_data", "payload": {"is_long": false}}})),
                group("CheckboxGroup", "three", json!({"min-selected-items": 1, "max-selected-items": 2, "required": true})),
                group("ChipsSelector", "four", json!({})),
                {"type": "If", "condition": "${data.is_long}", "then": [{"type": "OptIn", "name": "ok", "label": "OK"}],
                 "else": [{"type": "OptIn", "name": "sure", "label": "Sure", "required": true}]},
                {"type": "Switch", "value": "${form.one}", "cases": {
                    "a": [{"type": "TextInput", "name": "why", "label": "Why A", "required": true}],
                    "b": [{"type": "TextBody", "text": "B"}]}},
                footer(&["one", "two", "three", "four", "ok", "sure", "why"]),
            ])),
            screen("DATES", json!({"first": {"type": "string", "__example__": "2030-01-07"}}), json!([
                {"type": "DatePicker", "name": "day", "label": "Day", "required": true, "min-date": "${data.first}",
                 "max-date": "2030-01-20", "unavailable-dates": ["2030-01-07", "2030-01-20"]},
                {"type": "CalendarPicker", "name": "when", "label": "When", "required": true, "include-days": ["Sat", "Sun"]},
                {"type": "CalendarPicker", "name": "stay", "mode": "range", "label": {"start-date": "From", "end-date": "To"},
                 "title": "Stay", "required": {"start-date": true, "end-date": true}, "min-days": 2, "max-days": 5},
                footer(&["day", "when", "stay"]),
            ])),
            screen("PHOTOS", json!({}), json!([
                {"type": "PhotoPicker", "name": "photos", "label": "Photos", "min-uploaded-photos": 1, "max-uploaded-photos": 3},
                footer(&["photos"]),
            ])),
            screen("PAPERS", json!({}), json!([
                {"type": "DocumentPicker", "name": "papers", "label": "Papers"},
                footer(&["papers"]),
            ])),
            last,
        ],
    })
}

/// The screen that follows, with the examples of the file.
pub(super) fn answer(flow: &Flow, screen: &str) -> (String, Map<String, Value>) {
    let place = flow.screens.iter().position(|it| it.id.text == screen).map_or(0, |place| place + 1);
    let next = &flow.screens[place];
    let keys = next.data.iter().flat_map(|data| &data.keys);
    let fields = keys.map(|key| (key.name.text.clone(), key.example.clone().unwrap().0)).collect();
    (next.id.text.clone(), from_struct(prost_types::Struct { fields }))
}

/// What came for each field must be what a phone sends.
pub(super) fn is_sound(screen: &str, data: &Map<String, Value>) -> Result<(), String> {
    let wrong = |key: &str| Err(format!("{screen}.{key}: {:?}", data.get(key)));
    let is = |key: &str, fits: &dyn Fn(&Value) -> bool| data.get(key).is_none_or(fits);
    let texts = ["name", "age", "plate", "mail", "call", "pin", "word", "note", "one", "two", "why", "day", "when"];
    if let Some(key) = texts.into_iter().find(|key| !is(key, &Value::is_string)) {
        return wrong(key);
    }
    let lists = ["three", "four", "photos", "papers"];
    if let Some(key) = lists.into_iter().find(|key| !is(key, &Value::is_array)) {
        return wrong(key);
    }
    let flags = ["ok", "sure"];
    if let Some(key) = flags.into_iter().find(|key| !is(key, &Value::is_boolean)) {
        return wrong(key);
    }
    let offered = |value: &Value| ["", "a", "b"].iter().any(|id| value == id);
    let all_offered = |value: &Value| value.as_array().is_some_and(|ids| ids.iter().all(offered));
    let required: &[&str] = match screen {
        "TEXTS" => &["name", "age", "plate"],
        "CHOICES" => &["one", "two", "three"],
        "DATES" => &["day", "when", "stay"],
        "PHOTOS" => &["photos"],
        _ => &[],
    };
    if let Some(key) = required.iter().find(|key| data.get(**key).is_none_or(|it| it == "" || it == &json!([]))) {
        return wrong(key);
    }
    match screen {
        "CHOICES" if !is("one", &offered) || !is("two", &offered) => wrong("one"),
        "CHOICES" if !is("three", &all_offered) || !is("four", &all_offered) => wrong("three"),
        "CHOICES" if data["one"] == "a" && data.get("why").is_none_or(|why| why == "") => wrong("why"),
        "CHOICES" if data["two"] != "" && data.get("sure") != Some(&json!(true)) => wrong("sure"),
        "DATES" if !data["stay"]["end-date"].is_string() => wrong("stay"),
        "PHOTOS" if data["photos"][0]["encryption_metadata"]["iv"].as_str().is_none() => wrong("photos"),
        _ => {
            // The whole of it can travel.
            drop(to_struct(data.clone()));
            Ok(())
        }
    }
}
