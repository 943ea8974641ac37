//! The phone: every component, whatever stands in it, and how a flow ends.

use flow_json::Kind;
use serde_json::{Value as Json, json};

use super::super::{Face, phone as draw};
use super::{PNG, assert_sound, attribute, drawn, phone, tags, value};
use crate::phone::{Ending, Error};

/// One of each, with this text wherever a flow may have one, and this id.
fn everything(text: &str, id: &str) -> Json {
    let tap = json!({"name": "navigate", "next": {"type": "screen", "name": "ONLY"}, "payload": {}});
    let options = json!([
        {"id": id, "title": text, "description": text, "metadata": text, "image": PNG, "alt-text": text},
        {"id": "second", "title": "Second", "enabled": false, "color": "ff8800"},
    ]);
    let item = json!({
        "id": id, "main-content": {"title": text, "description": text, "metadata": text},
        "start": {"image": PNG, "alt-text": text}, "end": {"title": text, "description": text, "metadata": text},
        "badge": text, "tags": [text, text, text, text], "on-click-action": tap,
    });
    let range = json!({"start-date": text, "end-date": text});
    json!([
        {"type": "TextHeading", "text": text},
        {"type": "TextSubheading", "text": text},
        {"type": "TextBody", "text": text, "font-weight": "bold_italic", "strikethrough": true},
        {"type": "TextCaption", "text": [text, text], "markdown": true},
        {"type": "RichText", "text": ["# A heading", text, format!("[{text}](https://example.com)")]},
        {"type": "Image", "src": PNG, "alt-text": text, "aspect-ratio": 2},
        {"type": "ImageCarousel", "images": [{"src": PNG, "alt-text": text}, {"src": text, "alt-text": text}]},
        {"type": "TextInput", "name": "line", "label": text, "helper-text": text, "required": true, "init-value": text},
        {"type": "TextInput", "name": "number", "label": text, "input-type": "number"},
        {"type": "TextInput", "name": "email", "label": text, "input-type": "email"},
        {"type": "TextInput", "name": "password", "label": text, "input-type": "password"},
        {"type": "TextInput", "name": "passcode", "label": text, "input-type": "passcode"},
        {"type": "TextInput", "name": "call", "label": text, "input-type": "phone", "enabled": false},
        {"type": "TextArea", "name": "area", "label": text, "init-value": text, "error-message": text},
        {"type": "CheckboxGroup", "name": "boxes", "label": text, "description": text, "data-source": options, "init-value": [id]},
        {"type": "RadioButtonsGroup", "name": "radio", "label": text, "data-source": options, "error-message": text},
        {"type": "Dropdown", "name": "drop", "label": text, "data-source": options, "init-value": id},
        {"type": "ChipsSelector", "name": "chips", "label": text, "data-source": options},
        {"type": "OptIn", "name": "opt", "label": text, "on-click-action": tap, "init-value": true},
        {"type": "DatePicker", "name": "day", "label": text, "min-date": "2026-01-01", "unavailable-dates": ["2026-02-01"]},
        {"type": "CalendarPicker", "name": "calendar", "label": text, "include-days": ["Mon"], "init-value": "2026-03-02"},
        {"type": "CalendarPicker", "name": "range", "mode": "range", "label": range, "helper-text": range, "title": text,
         "description": text, "min-days": 2, "init-value": {"start-date": "2026-03-02", "end-date": "2026-03-05"}},
        {"type": "PhotoPicker", "name": "photos", "label": text, "description": text, "max-uploaded-photos": 3},
        {"type": "DocumentPicker", "name": "files", "label": text, "description": text,
         "allowed-mime-types": ["application/pdf"]},
        {"type": "EmbeddedLink", "text": text, "on-click-action": tap},
        {"type": "NavigationList", "name": "list", "label": text, "description": text, "list-items": [item]},
        {"type": "Footer", "label": text, "left-caption": text, "right-caption": text,
         "on-click-action": {"name": "complete", "payload": {}}},
    ])
}

#[test]
fn every_component_is_drawn_with_what_the_script_reads() {
    let html = drawn(&phone("A title", &everything("Some words", "first")));
    assert_sound(&html);
    let kinds =
        everything("", "").as_array().unwrap().iter().map(|it| it["type"].as_str().unwrap().to_owned()).collect();
    let kinds: std::collections::BTreeSet<String> = kinds;
    // Form, If and Switch are decided before anything is drawn.
    assert_eq!(kinds.len(), 21);
    for kind in kinds.iter().filter(|kind| *kind != Kind::Footer.name()) {
        assert!(html.contains(&format!("data-component=\"{kind}\"")), "{kind}");
    }
    let fields = [
        ("f-line", "line", "text", "text"),
        ("f-number", "number", "number", "text"),
        ("f-email", "email", "email", "email"),
        ("f-password", "password", "password", "password"),
        ("f-passcode", "passcode", "password", "password"),
        ("f-call", "call", "phone", "tel"),
        ("f-area", "area", "text", ""),
        ("f-boxes-first", "boxes", "choices", "checkbox"),
        ("f-radio-first", "radio", "choice", "radio"),
        ("f-drop", "drop", "choice", ""),
        ("f-chips-first", "chips", "choices", "checkbox"),
        ("f-opt", "opt", "switch", "checkbox"),
        ("f-day", "day", "date", "date"),
        ("f-calendar", "calendar", "date", "date"),
        ("f-range-start-date", "range", "range", "date"),
        ("f-range-end-date", "range", "range", "date"),
        ("f-photos", "photos", "files", "file"),
        ("f-files", "files", "files", "file"),
    ];
    let drawn = tags(&html, "input|select|textarea");
    let find =
        |id: &str| drawn.iter().find(|(_, tag)| attribute(tag, "id") == Some(id)).unwrap_or_else(|| panic!("{id}")).1;
    for (id, field, kind, of_type) in fields {
        let tag = find(id);
        assert_eq!(attribute(tag, "data-field"), Some(field), "{tag}");
        assert_eq!(attribute(tag, "data-kind"), Some(kind), "{tag}");
        assert_eq!(attribute(tag, "type").unwrap_or_default(), of_type, "{tag}");
    }
    // What each holds.
    assert_eq!(attribute(find("f-line"), "value"), Some("Some words"));
    assert_eq!(attribute(find("f-range-end-date"), "data-part"), Some("end-date"));
    assert_eq!(attribute(find("f-range-end-date"), "value"), Some("2026-03-05"));
    assert_eq!(attribute(find("f-day"), "min"), Some("2026-01-01"));
    for id in ["f-boxes-first", "f-opt"] {
        assert!(find(id).contains(" checked"), "{id}");
    }
    assert!(html.contains("<option value=\"first\" selected>"));
    for id in ["f-call", "f-boxes-second", "f-radio-second"] {
        assert!(find(id).contains(" disabled"), "{id}");
    }
    // What can be tapped.
    let taps: Vec<_> = tags(&html, "button").iter().filter_map(|(_, tag)| attribute(tag, "data-tap")).collect();
    assert_eq!(taps.len(), 4, "Read more, EmbeddedLink, an item, Footer: {taps:?}");
    assert!(html.contains("data-item=\"first\""));
    // Errors are tied to their fields.
    assert_eq!(attribute(find("f-area"), "aria-invalid"), Some("true"));
    assert!(html.contains("Some words<span class=\"required\"> (required)</span>"));
}

#[test]
fn nothing_of_a_flow_becomes_markup() {
    let evil = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";
    let html = drawn(&phone(evil, &everything(evil, evil)));
    assert_sound(&html);
    assert!(html.contains("&lt;script&gt;"));
    assert!(!html.contains("<script") && !html.contains("src=\"x"), "{html}");
    // All images are those of the test.
    assert!(tags(&html, "img").iter().all(|(_, tag)| tag.contains("src=\"data:image/png;base64,")));
    let params = [(evil.to_owned(), json!({evil: [evil]}))].into_iter().collect();
    let ends = [
        Ending::Completed(flow_proto::json::to_struct(params)),
        Ending::Closed,
        Ending::Disabled(Some(evil.to_owned())),
    ];
    for ending in &ends {
        let face = Face { ending: Some(ending), ..Face::default() };
        assert!(!draw(&face).into_string().contains("<script"));
    }
    let face = Face { failure: Some(evil), opened: Some(evil), ..Face::default() };
    let html = draw(&face).into_string();
    assert!(html.contains("&lt;script&gt;") && !html.contains("<script"));
}

#[test]
fn the_markdown_of_a_body_is_drawn_and_cut_texts_say_so() {
    let long = "x".repeat(90);
    let options: Vec<_> = (0..25).map(|id| json!({"id": id.to_string(), "title": "t"})).collect();
    let children = json!([
        {"type": "TextHeading", "text": long},
        {"type": "TextBody", "text": "some **bold** words", "markdown": true},
        {"type": "TextBody", "text": "no **bold** words"},
        {"type": "TextInput", "name": "small", "label": long},
        {"type": "TextInput", "name": "large", "label": long, "label-variant": "large"},
        {"type": "RadioButtonsGroup", "name": "many", "label": "Many", "data-source": options},
    ]);
    let html = drawn(&phone("Cut", &children));
    assert_sound(&html);
    assert!(html.contains("a phone shows 80 of 90 characters"));
    assert!(html.contains("a phone shows 20 of 90 characters"));
    assert_eq!(html.matches("class=\"cut\"").count(), 2, "a large label is whole");
    assert!(html.contains("some <strong>bold</strong> words") && html.contains("no **bold** words"));
    assert_eq!(tags(&html, "input").iter().filter(|(_, tag)| tag.contains("radio")).count(), 20);
    assert!(html.contains("a phone shows 20 of these 25 options"));
}

#[test]
fn a_field_that_is_in_the_way_says_so() {
    let children = json!([
        {"type": "TextInput", "name": "who", "label": "Name", "required": true, "helper-text": "As in your passport"},
        {"type": "Footer", "label": "Done", "on-click-action": {"name": "complete", "payload": {"who": "${form.who}"}}},
    ]);
    let mut phone = phone("One", &children);
    assert!(drawn(&phone).contains("aria-describedby=\"c-0-helper\""));
    assert!(matches!(phone.tap("1", None), Err(Error::Fields(_))));
    let html = drawn(&phone);
    assert_sound(&html);
    assert!(html.contains("aria-invalid=\"true\" aria-describedby=\"c-0-error\""), "{html}");
    assert!(html.contains("<p class=\"error\" id=\"c-0-error\">required</p>"));
    phone.fill("who", value(json!("Ada"))).unwrap();
    phone.tap("1", None).unwrap();
    let html = drawn(&phone);
    assert_sound(&html);
    assert!(html.contains("<th scope=\"row\">who</th><td>Ada</td>"), "{html}");
    assert!(html.contains("data-move=\"restart\"") && !html.contains("data-tap"));
}

#[test]
fn a_dead_token_disables_the_button_of_the_message() {
    let ending = Ending::Disabled(Some("The order is closed.".to_owned()));
    let html = draw(&Face { ending: Some(&ending), ..Face::default() }).into_string();
    assert_sound(&html);
    assert!(html.contains("The order is closed."));
    let disabled = tags(&html, "button").into_iter().filter(|(_, tag)| tag.contains(" disabled")).count();
    assert_eq!(disabled, 1);
}

#[test]
fn what_lies_over_the_screen() {
    let phone = phone("One", &json!([{"type": "TextBody", "text": "There"}]));
    let mut view = phone.screen().unwrap();
    let draw = |face: &Face<'_>| {
        let html = draw(face).into_string();
        assert_sound(&html);
        html
    };
    let html = draw(&Face { view: Some(&view), ..Face::default() });
    assert!(!html.contains("data-move=\"back\"") && html.contains("data-move=\"close\""));
    assert!(html.contains("aria-busy=\"false\"") && !html.contains("role=\"alert\""));

    view.can_go_back = true;
    view.is_loading = true;
    view.message = Some("That slot is taken".to_owned());
    let html = draw(&Face { view: Some(&view), ..Face::default() });
    assert!(html.contains("data-move=\"back\"") && html.contains("aria-busy=\"true\""));
    assert!(html.contains("<div class=\"snackbar\" role=\"alert\">That slot is taken</div>"));

    let html = draw(&Face { view: Some(&view), failure: Some("status 500"), ..Face::default() });
    assert!(html.contains("data-move=\"retry\"") && html.contains("status 500") && !html.contains("spinner"));
    assert!(draw(&Face::default()).contains("spinner"), "the first answer is awaited");
    assert!(draw(&Face { is_closed: true, ..Face::default() }).contains("data-fault=\"reopen\""));
    let html = draw(&Face { view: Some(&view), opened: Some("https://example.com/"), ..Face::default() });
    assert!(html.contains("https://example.com/") && !html.contains("href"));
}
