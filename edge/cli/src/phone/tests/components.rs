//! Each input: what the phone lets in, and what stands in the way of going on.

use serde_json::{Value as Json, json};

use super::super::check::{Problem, Refusal};
use super::super::date::NoDay;
use super::super::{Error, Phone};
use super::{one_screen, open, value};

use Problem::{
    NoEmail, NoNumber, OpenRange, Pattern, Required, TooFew, TooFewDays, TooFewFiles, TooManyDays, TooShort,
};
use Refusal::{Backwards, Character, ChosenTwice, Day, File, NotOffered, OptionDisabled, TooLong, TooMany, Type};

/// What came of a value in a field.
#[derive(Debug, PartialEq)]
enum Came {
    /// The phone does not let it in.
    No(Refusal),
    /// It is in, and going on is not possible.
    But(Problem),
    Fine,
}
use Came::{But, Fine, No};

fn put(phone: &mut Phone, put: Json) -> Came {
    match phone.fill("it", value(put)) {
        Err(Error::Refused(refusal)) => No(refusal),
        Err(error) => panic!("{error}"),
        Ok(_) => match phone.screen().unwrap().field("it").unwrap().problem {
            Some(problem) => But(problem),
            None => Fine,
        },
    }
}

/// A component of the given version under the name `it`, and what comes of each value in turn.
fn table(version: &str, component: Json, rows: Vec<(Json, Came)>) {
    let mut component = component;
    component["name"] = "it".into();
    if component.get("label").is_none() {
        component["label"] = "It".into();
    }
    let mut phone = open(one_screen(version, json!({}), json!([component])));
    for (row, came) in rows {
        assert_eq!(put(&mut phone, row.clone()), came, "{component} {row}");
    }
}

fn options() -> Json {
    json!([
        {"id": "a", "title": "A"}, {"id": "b", "title": "B"}, {"id": "c", "title": "C"},
        {"id": "off", "title": "Off", "enabled": false},
    ])
}

#[test]
fn text_input() {
    let input = |more: Json| {
        let mut input = json!({"type": "TextInput"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let long = "x".repeat(81);
    table(
        "7.3",
        input(json!({})),
        vec![
            (json!("Zoë 李 🐢"), Fine),
            (json!(""), Fine),
            (json!(null), Fine),
            (json!("x".repeat(80)), Fine),
            (json!(long), No(TooLong(80))),
            (json!("a\nb"), No(Character('\n'))),
            (json!(7), No(Type("a string"))),
        ],
    );
    table(
        "7.3",
        input(json!({"required": true, "min-chars": 2, "max-chars": 3})),
        vec![
            (json!(""), But(Required)),
            (json!("a"), But(TooShort(2))),
            (json!("   "), But(Required)),
            (json!("äöü"), Fine),
            (json!("abcd"), No(TooLong(3))),
        ],
    );
    // Nothing has no length.
    table("7.3", input(json!({"min-chars": 2})), vec![(json!(""), Fine), (json!("a"), But(TooShort(2)))]);
    table(
        "7.3",
        input(json!({"input-type": "number"})),
        vec![
            (json!("7"), Fine),
            (json!("-1.5"), Fine),
            (json!("1,5"), Fine),
            (json!("-"), But(NoNumber)),
            (json!("x"), No(Character('x'))),
        ],
    );
    table(
        "7.3",
        input(json!({"input-type": "email"})),
        vec![
            (json!("ada@example.com"), Fine),
            (json!("ada@example"), But(NoEmail)),
            (json!("ada example.com"), But(NoEmail)),
            (json!("a@b@c.d"), But(NoEmail)),
        ],
    );
    table(
        "7.3",
        input(json!({"input-type": "phone"})),
        vec![(json!("+44 (20) 7946-0000"), Fine), (json!("call me"), No(Character('c')))],
    );
    table(
        "7.3",
        input(json!({"input-type": "passcode"})),
        vec![(json!("1234"), Fine), (json!("12a4"), No(Character('a')))],
    );
    table("7.3", input(json!({"input-type": "password"})), vec![(json!("pässword 1"), Fine)]);
    table(
        "7.3",
        input(json!({"pattern": "^[A-Z]{2}[0-9]$", "helper-text": "XX0"})),
        vec![(json!("AB1"), Fine), (json!("ab1"), But(Pattern)), (json!(""), Fine)],
    );
}

#[test]
fn text_area() {
    table(
        "7.3",
        json!({"type": "TextArea", "required": true}),
        vec![
            (json!("two\nlines"), Fine),
            (json!("x".repeat(600)), Fine),
            (json!("x".repeat(601)), No(TooLong(600))),
            (json!(""), But(Required)),
        ],
    );
    table(
        "7.3",
        json!({"type": "TextArea", "max-length": 5}),
        vec![(json!("12345"), Fine), (json!("123456"), No(TooLong(5)))],
    );
}

#[test]
fn one_of_several() {
    for kind in ["Dropdown", "RadioButtonsGroup"] {
        table(
            "7.3",
            json!({"type": kind, "required": true, "data-source": options()}),
            vec![
                (json!("a"), Fine),
                (json!("d"), No(NotOffered)),
                (json!("off"), No(OptionDisabled)),
                (json!(["a"]), No(Type("a string"))),
                (json!(null), But(Required)),
                (json!(""), But(Required)),
            ],
        );
    }
}

#[test]
fn several_of_many() {
    for kind in ["CheckboxGroup", "ChipsSelector"] {
        let bounds = json!({"type": kind, "min-selected-items": 2, "max-selected-items": 2, "required": true, "data-source": options()});
        table(
            "7.3",
            bounds,
            vec![
                (json!(["a", "b"]), Fine),
                (json!(["a"]), But(TooFew(2))),
                (json!(["a", "b", "c"]), No(TooMany(2))),
                (json!(["a", "a"]), No(ChosenTwice)),
                (json!(["a", "off"]), No(OptionDisabled)),
                (json!(["a", "d"]), No(NotOffered)),
                (json!("a"), No(Type("an array of strings"))),
                (json!([1, 2]), No(Type("an array of strings"))),
                (json!([]), But(Required)),
            ],
        );
        table(
            "7.3",
            json!({"type": kind, "data-source": options()}),
            vec![(json!(["c", "b", "a"]), Fine), (json!([]), Fine)],
        );
    }
}

#[test]
fn opt_in() {
    table(
        "7.3",
        json!({"type": "OptIn", "required": true}),
        vec![(json!(true), Fine), (json!(false), But(Required)), (json!("true"), No(Type("true or false")))],
    );
    table("7.3", json!({"type": "OptIn"}), vec![(json!(false), Fine)]);
}

#[test]
fn date_picker() {
    let picker = json!({
        "type": "DatePicker", "required": true, "min-date": "2025-01-10", "max-date": "2025-01-20",
        "unavailable-dates": ["2025-01-15"],
    });
    table(
        "7.3",
        picker,
        vec![
            (json!("2025-01-10"), Fine),
            (json!("2025-01-20"), Fine),
            (json!("2025-01-09"), No(Day(NoDay::OutOfRange))),
            (json!("2025-01-21"), No(Day(NoDay::OutOfRange))),
            (json!("2025-01-15"), No(Day(NoDay::Unavailable))),
            (json!("2025-02-30"), No(Day(NoDay::NoDate))),
            (json!("2025-1-12"), No(Day(NoDay::NoDate))),
            (json!("1736467200000"), No(Day(NoDay::NoDate))),
            (json!(""), But(Required)),
        ],
    );
    table("7.3", json!({"type": "DatePicker"}), vec![(json!("1850-02-28"), Fine), (json!("2028-02-29"), Fine)]);
    // 10 and 20 January 2025 in milliseconds.
    let early = json!({"type": "DatePicker", "min-date": "1736467200000", "max-date": "1737331200000"});
    table(
        "4.0",
        early,
        vec![
            (json!("1736467200000"), Fine),
            (json!("1736380800000"), No(Day(NoDay::OutOfRange))),
            (json!("2025-01-12"), No(Day(NoDay::NoDate))),
        ],
    );
    table(
        "4.0",
        json!({"type": "DatePicker"}),
        vec![(json!("4133894400000"), Fine), (json!("4133980800000"), No(Day(NoDay::OutOfRange)))],
    );
}

#[test]
fn calendar_picker() {
    let single = json!({"type": "CalendarPicker", "include-days": ["Mon", "Tue"], "required": true});
    table(
        "7.3",
        single,
        vec![
            // A Monday, and a Wednesday.
            (json!("2025-01-13"), Fine),
            (json!("2025-01-15"), No(Day(NoDay::Weekday))),
            (json!(null), But(Required)),
        ],
    );
    let range = json!({
        "type": "CalendarPicker", "mode": "range", "title": "Stay", "label": {"start-date": "From", "end-date": "To"},
        "required": {"start-date": true, "end-date": true}, "min-days": 2, "max-days": 4,
        "min-date": "2025-01-10", "max-date": "2025-01-20",
    });
    let days = |start: &str, end: &str| json!({"start-date": start, "end-date": end});
    table(
        "7.3",
        range,
        vec![
            (days("2025-01-10", "2025-01-11"), Fine),
            (days("2025-01-10", "2025-01-13"), Fine),
            (days("2025-01-10", "2025-01-10"), But(TooFewDays(2))),
            (days("2025-01-10", "2025-01-14"), But(TooManyDays(4))),
            (days("2025-01-12", "2025-01-11"), No(Backwards)),
            (days("2025-01-19", "2025-01-21"), No(Day(NoDay::OutOfRange))),
            (json!({"start-date": "2025-01-12"}), But(OpenRange)),
            (json!("2025-01-12"), No(Type("an object of `start-date` and `end-date`"))),
            (json!(null), But(Required)),
        ],
    );
}

#[test]
fn media_pickers() {
    let file = json!({
        "media_id": "1", "cdn_url": "https://mmg.whatsapp.net/x", "file_name": "a.jpg",
        "encryption_metadata": {"encrypted_hash": "", "iv": "", "encryption_key": "", "hmac_key": "", "plaintext_hash": ""},
    });
    let mut bare = file.clone();
    bare.as_object_mut().unwrap().remove("cdn_url");
    for (kind, what) in [("PhotoPicker", "photos"), ("DocumentPicker", "documents")] {
        let mut picker = json!({"type": kind});
        picker[format!("min-uploaded-{what}")] = 1.into();
        picker[format!("max-uploaded-{what}")] = 2.into();
        table(
            "7.3",
            picker,
            vec![
                (json!([file]), Fine),
                (json!([file, file]), Fine),
                (json!([file, file, file]), No(TooMany(2))),
                (json!([bare]), No(File("cdn_url"))),
                (json!([]), But(TooFewFiles(1))),
                (json!("a.jpg"), No(Type("an array of files"))),
            ],
        );
        table("7.3", json!({"type": kind}), vec![(json!([]), Fine)]);
    }
}

/// Whatever has a name takes nothing while it is disabled, and nothing that is hidden is in the way.
#[test]
fn disabled_and_hidden_fields() {
    let field = |more: Json| {
        let mut field = json!({"type": "TextInput", "name": "it", "label": "It", "required": true});
        field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        open(one_screen("7.3", json!({}), json!([field])))
    };
    let mut disabled = field(json!({"enabled": false}));
    assert_eq!(disabled.fill("it", value(json!("x"))), Err(Error::Disabled));
    let footer = disabled.screen().unwrap().footer().unwrap().id.clone();
    assert_eq!(disabled.tap(&footer, None), Err(Error::Fields(vec![("it".to_owned(), Required)])));
    let mut hidden = field(json!({"visible": false}));
    assert_eq!(hidden.fill("it", value(json!("x"))), Err(Error::NoComponent));
    let footer = hidden.screen().unwrap().footer().unwrap().id.clone();
    assert!(hidden.tap(&footer, None).is_ok());
}
