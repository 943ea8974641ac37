//! What is on a screen: references, conditions, what a form begins with, what a selection changes.

use serde_json::{Value as Json, json};

use super::super::value::text;
use super::super::{Effect, Error, Phone};
use super::{one_screen, open, value};

fn shown(phone: &Phone) -> Vec<String> {
    let view = phone.screen().unwrap();
    view.components.iter().map(|it| format!("{} {}", it.id, it.kind.name())).collect()
}

fn property(phone: &Phone, place: usize, name: &str) -> String {
    let view = phone.screen().unwrap();
    view.components[place].properties.fields.get(name).and_then(text).unwrap_or_default().to_owned()
}

/// All components in one flow: those that are shown are there once, in order, and Form, If and Switch are decided.
#[test]
fn every_component_has_its_place() {
    let text = |kind: &str| json!({"type": kind, "text": "x"});
    let input = |kind: &str, name: &str| json!({"type": kind, "name": name, "label": "x"});
    let options = json!([{"id": "a", "title": "A"}, {"id": "b", "title": "B"}]);
    let group = |kind: &str, name: &str| json!({"type": kind, "name": name, "label": "x", "data-source": options});
    let image = "iVBORw0KGgo=";
    let children = json!([
        text("TextHeading"), text("TextSubheading"), text("TextBody"), text("TextCaption"),
        {"type": "Image", "src": image}, {"type": "ImageCarousel", "images": [{"src": image, "alt-text": "x"}]},
        {"type": "Form", "name": "form", "children": [
            input("TextInput", "b"), input("TextArea", "c"), group("CheckboxGroup", "d"), group("RadioButtonsGroup", "e"),
            group("Dropdown", "f"), group("ChipsSelector", "g"), input("OptIn", "h"), input("DatePicker", "i"),
            input("CalendarPicker", "j"), input("PhotoPicker", "k"),
            {"type": "If", "condition": "${data.is_on}", "then": [text("TextBody")], "else": [text("TextCaption")]},
            {"type": "Switch", "value": "${data.which}", "cases": {"one": [text("TextHeading")], "two": [text("TextBody")]}},
        ]},
        {"type": "EmbeddedLink", "text": "x", "on-click-action": {"name": "open_url", "url": "https://example.com"}},
    ]);
    let data = json!({
        "is_on": {"type": "boolean", "__example__": false}, "which": {"type": "string", "__example__": "two"},
    });
    let phone = open(one_screen("7.3", data, children));
    assert_eq!(
        shown(&phone),
        [
            "0 TextHeading",
            "1 TextSubheading",
            "2 TextBody",
            "3 TextCaption",
            "4 Image",
            "5 ImageCarousel",
            "6.0 TextInput",
            "6.1 TextArea",
            "6.2 CheckboxGroup",
            "6.3 RadioButtonsGroup",
            "6.4 Dropdown",
            "6.5 ChipsSelector",
            "6.6 OptIn",
            "6.7 DatePicker",
            "6.8 CalendarPicker",
            "6.9 PhotoPicker",
            "6.10.else.0 TextCaption",
            "6.11.two.0 TextBody",
            "7 EmbeddedLink",
            "8 Footer",
        ]
    );
    let rich = open(one_screen("7.3", json!({}), json!([{"type": "RichText", "text": ["# x", "y"]}])));
    assert_eq!(shown(&rich), ["0 RichText", "1 Footer"]);
}

#[test]
fn conditions_and_expressions_follow_the_form() {
    let children = json!([
        {"type": "TextInput", "name": "name", "label": "Name"},
        {"type": "TextBody", "text": "`'Hello ' ${form.name}`"},
        {"type": "If", "condition": "${form.name} == 'Ada'", "then": [{"type": "TextCaption", "text": "It is you"}]},
        {"type": "OptIn", "name": "ok", "label": "OK", "visible": "`${form.name} != ''`"},
    ]);
    let mut phone = open(one_screen("7.3", json!({}), children));
    assert_eq!(shown(&phone), ["0 TextInput", "1 TextBody", "4 Footer"]);
    assert_eq!(property(&phone, 1, "text"), "Hello ");
    phone.fill("name", value(json!("Ada"))).unwrap();
    assert_eq!(shown(&phone), ["0 TextInput", "1 TextBody", "2.then.0 TextCaption", "3 OptIn", "4 Footer"]);
    assert_eq!(property(&phone, 1, "text"), "Hello Ada");
}

#[test]
fn a_form_begins_with_its_values_and_messages() {
    let children = json!([{
        "type": "Form", "name": "form", "init-values": {"name": "${data.known}", "ok": true},
        "error-messages": {"name": "Who is that?"},
        "children": [
            {"type": "TextInput", "name": "name", "label": "Name", "required": true},
            {"type": "OptIn", "name": "ok", "label": "OK"},
        ],
    }]);
    let mut phone = open(one_screen("7.3", json!({"known": {"type": "string", "__example__": "Ada"}}), children));
    let field = |phone: &Phone, name: &str| phone.screen().unwrap().field(name).unwrap().clone();
    assert_eq!(field(&phone, "name").value, Some(value(json!("Ada"))));
    assert_eq!(field(&phone, "ok").value, Some(value(json!(true))));
    assert_eq!(field(&phone, "name").error.as_deref(), Some("Who is that?"));
    phone.fill("name", value(json!(null))).unwrap();
    // What was taken out does not come back, and the message goes with the first change.
    assert_eq!((field(&phone, "name").value, field(&phone, "name").error), (None, None));
    let footer = phone.screen().unwrap().footer().unwrap().id.clone();
    assert!(matches!(phone.tap(&footer, None), Err(Error::Fields(_))));
    assert_eq!(field(&phone, "name").error.as_deref(), Some("required"));
}

/// `on-select-action` alone handles unselecting too; beside `on-unselect-action` it does not.
#[test]
fn selecting_and_unselecting_change_the_data() {
    let update = |word: &str| json!({"name": "update_data", "payload": {"word": word}});
    let data = || json!({"word": {"type": "string", "__example__": "start"}});
    let word = |phone: &Phone| property(phone, 1, "text");
    let body = json!({"type": "TextBody", "text": "${data.word}"});
    let opt_in = |more: Json| {
        let mut opt_in = json!({"type": "OptIn", "name": "it", "label": "It", "on-select-action": update("on")});
        opt_in.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        open(one_screen("7.3", data(), json!([opt_in, body])))
    };
    let mut both = opt_in(json!({"on-unselect-action": update("off")}));
    for (put, came) in [(json!(true), "on"), (json!(false), "off")] {
        assert_eq!(both.fill("it", value(put)), Ok(Effect::Local));
        assert_eq!(word(&both), came);
    }
    let options = json!([
        {"id": "a", "title": "A", "on-select-action": update("a on"), "on-unselect-action": update("a off")},
        {"id": "b", "title": "B"},
    ]);
    let group = json!({"type": "CheckboxGroup", "name": "it", "label": "It", "data-source": options});
    let mut by_option = open(one_screen("7.3", data(), json!([group, body])));
    for (put, came) in [(json!(["b"]), "start"), (json!(["b", "a"]), "a on"), (json!(["b"]), "a off")] {
        by_option.fill("it", value(put)).unwrap();
        assert_eq!(word(&by_option), came);
    }
    let options = json!([{"id": "a", "title": "A"}, {"id": "b", "title": "B"}]);
    let chosen = json!({"name": "update_data", "payload": {"word": "${form.it}"}});
    let dropdown =
        json!({"type": "Dropdown", "name": "it", "label": "It", "data-source": options, "on-select-action": chosen});
    let mut dropdown = open(one_screen("7.3", data(), json!([dropdown, body])));
    for (put, came) in [("a", "a"), ("b", "b")] {
        dropdown.fill("it", value(json!(put))).unwrap();
        assert_eq!(word(&dropdown), came);
    }
}

#[test]
fn a_link_is_shown_and_not_opened() {
    let link = json!({"type": "EmbeddedLink", "text": "x", "on-click-action": {"name": "open_url", "url": "https://example.com"}});
    let mut phone = open(one_screen("7.3", json!({}), json!([link])));
    assert_eq!(phone.tap("0", None), Ok(Effect::OpenUrl("https://example.com".to_owned())));
    assert_eq!(phone.tap("9", None), Err(Error::NoComponent));
}
