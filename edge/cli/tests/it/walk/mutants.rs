//! Logics that do one thing wrong, and the case that must say so.

use flow_proto::v1::Action::{Back, DataExchange, Init};
use serde_json::json;
use tonic::Code;

use super::proxy::{Answer, Asked, Mutate};

pub(super) struct Mutant {
    pub(super) name: &'static str,
    pub(super) case: &'static str,
    /// A script has a matcher for what would be right.
    pub(super) can_be_said: bool,
    pub(super) mutate: Mutate,
}

const fn mutant(case: &'static str, name: &'static str, mutate: Mutate) -> Mutant {
    Mutant { name, case, can_be_said: true, mutate }
}

/// What is right cannot be written in a script: there is no matcher for a boolean, a number, or an answer's whole form.
const fn unsaid(case: &'static str, name: &'static str, mutate: Mutate) -> Mutant {
    Mutant { name, case, can_be_said: false, mutate }
}

fn when(is: bool, change: impl FnOnce()) {
    if is {
        change();
    }
}

const INIT: &str = "walk/INIT";
const APPOINTMENT: &str = "walk/APPOINTMENT";
const DETAILS: &str = "walk/DETAILS";
const SUMMARY: &str = "walk/SUMMARY";

fn details(asked: &Asked) -> bool {
    asked.is(DataExchange, "DETAILS")
}

fn summary(asked: &Asked) -> bool {
    asked.is(DataExchange, "SUMMARY")
}

fn fails(is: bool, answer: &mut Answer, code: Code) {
    when(is, || *answer = Answer::Error(code));
}

pub(super) const TABLE: &[Mutant] = &[
    // The screen
    mutant(INIT, "a screen that the flow does not have", |it, answer| {
        when(it.action == Init, || answer.go_to("APPOINTMENTS"));
    }),
    mutant(INIT, "INIT leads to an inner screen", |it, answer| {
        when(it.action == Init, || {
            answer.go_to("DETAILS");
            ["department", "location", "date", "time"].into_iter().for_each(|key| answer.set(key, json!("x")));
        });
    }),
    mutant(INIT, "INIT leads to a screen without data", |it, answer| {
        when(it.action == Init, || {
            *answer =
                Answer::Screen { screen: "TERMS".to_owned(), data: Default::default(), error_message: String::new() };
        });
    }),
    mutant(INIT, "an empty screen", |it, answer| when(it.action == Init, || answer.go_to(""))),
    mutant(INIT, "no outcome", |it, answer| when(it.action == Init, || *answer = Answer::Nothing)),
    mutant(SUMMARY, "SUCCESS as a screen", |it, answer| {
        when(summary(it), || {
            *answer =
                Answer::Screen { screen: "SUCCESS".to_owned(), data: Default::default(), error_message: String::new() };
        });
    }),
    mutant(APPOINTMENT, "a select action is answered with another screen", |it, answer| {
        when(it.chose("date_selected"), || answer.go_to("DETAILS"));
    }),
    mutant(APPOINTMENT, "a select action is answered with a screen that no route leads to", |it, answer| {
        when(it.chose("department_selected"), || {
            *answer =
                Answer::Screen { screen: "TERMS".to_owned(), data: Default::default(), error_message: String::new() };
        });
    }),
    mutant(DETAILS, "a screen in small letters", |it, answer| when(details(it), || answer.go_to("summary"))),
    // The data
    mutant(INIT, "a key is missing", |it, answer| when(it.action == Init, || answer.remove("is_date_enabled"))),
    mutant(APPOINTMENT, "a key is missing after a choice", |it, answer| {
        when(it.chose("location_selected"), || answer.remove("time"));
    }),
    mutant(DETAILS, "an optional text is missing where it is empty", |it, answer| {
        when(details(it) && it.text("more_details").is_empty(), || answer.remove("more_details"));
    }),
    mutant(INIT, "an option without a title", |it, answer| {
        when(it.action == Init, || answer.entry("department", |entry| drop(entry.remove("title"))));
    }),
    mutant(APPOINTMENT, "a later option without an id", |it, answer| {
        when(it.chose("date_selected"), || answer.entry("time", |entry| drop(entry.remove("id"))));
    }),
    mutant(APPOINTMENT, "a number as an option's id", |it, answer| {
        when(it.chose("department_selected"), || {
            answer.entry("location", |entry| drop(entry.insert("id".to_owned(), json!(7))));
        });
    }),
    unsaid(INIT, "a boolean as a string", |it, answer| {
        when(it.action == Init, || answer.set("is_location_enabled", json!("false")));
    }),
    unsaid(APPOINTMENT, "a boolean as a number", |it, answer| {
        when(it.chose("department_selected"), || answer.set("is_location_enabled", json!(1)));
    }),
    unsaid(APPOINTMENT, "null in place of a list", |it, answer| {
        when(it.chose("department_selected"), || answer.set("date", json!(null)));
    }),
    mutant(INIT, "an object in place of a list", |it, answer| {
        when(it.action == Init, || answer.set("department", json!({"beauty": "Beauty"})));
    }),
    mutant(INIT, "texts in place of options", |it, answer| {
        when(it.action == Init, || answer.set("department", json!(["beauty", "home", "tailoring"])));
    }),
    mutant(DETAILS, "a number in place of a text", |it, answer| when(details(it), || answer.set("phone", json!(4420)))),
    mutant(DETAILS, "null in place of a text", |it, answer| {
        when(details(it), || answer.set("appointment", json!(null)));
    }),
    mutant(DETAILS, "what is shown again after a mistake lacks its data", |it, answer| {
        if let Answer::Screen { screen, data, error_message } = answer {
            when(details(it) && screen == "DETAILS" && !error_message.is_empty(), || data.clear());
        }
    }),
    // Ways that end
    mutant(INIT, "no department", |it, answer| when(it.action == Init, || answer.set("department", json!("none")))),
    mutant(APPOINTMENT, "an empty list of options", |it, answer| {
        when(it.action != DataExchange || it.screen == "APPOINTMENT", || answer.set("department", json!([])));
    }),
    mutant(APPOINTMENT, "no location anywhere", |it, answer| {
        when(it.screen == "APPOINTMENT", || answer.set("location", json!([])));
    }),
    mutant(APPOINTMENT, "the locations are never enabled", |it, answer| {
        when(it.screen == "APPOINTMENT", || answer.set("is_location_enabled", json!(false)));
    }),
    mutant(APPOINTMENT, "the times are never enabled", |it, answer| {
        when(it.screen == "APPOINTMENT", || answer.set("is_time_enabled", json!(false)));
    }),
    // Errors
    mutant(DETAILS, "BACK is not known", |it, answer| fails(it.action == Back, answer, Code::Unimplemented)),
    mutant(DETAILS, "BACK has no outcome", |it, answer| when(it.action == Back, || *answer = Answer::Nothing)),
    mutant(DETAILS, "BACK leads to a screen that is no way back", |it, answer| {
        when(it.action == Back, || {
            *answer =
                Answer::Screen { screen: "TERMS".to_owned(), data: Default::default(), error_message: String::new() };
        });
    }),
    mutant(DETAILS, "an optional field that is left out", |it, answer| {
        fails(details(it) && !it.data.contains_key("more_details"), answer, Code::InvalidArgument);
    }),
    mutant(DETAILS, "an optional field that is empty", |it, answer| {
        let is_empty = it.data.get("more_details").is_some_and(|text| text == "");
        fails(details(it) && is_empty, answer, Code::Internal);
    }),
    mutant(DETAILS, "the longest text", |it, answer| {
        fails(details(it) && it.text("more_details").chars().count() >= 500, answer, Code::Internal);
    }),
    mutant(DETAILS, "a text that is not ASCII", |it, answer| {
        fails(details(it) && !it.text("name").is_ascii(), answer, Code::Internal);
    }),
    mutant(DETAILS, "a name of one letter", |it, answer| {
        fails(details(it) && it.text("name").chars().count() == 1, answer, Code::OutOfRange);
    }),
    mutant(DETAILS, "a phone number with blanks", |it, answer| {
        fails(details(it) && it.text("phone").contains(' '), answer, Code::Internal);
    }),
    mutant(APPOINTMENT, "the last of the departments", |it, answer| {
        fails(it.chose("department_selected") && it.text("department") == "home", answer, Code::NotFound);
    }),
    mutant(DETAILS, "the same form again", |it, answer| {
        fails(details(it) && it.before > 0, answer, Code::AlreadyExists)
    }),
    mutant(INIT, "the message opened again", |it, answer| {
        fails(it.action == Init && it.before > 0, answer, Code::Internal)
    }),
    mutant(APPOINTMENT, "two conversations at once", |it, answer| {
        fails(it.screen == "APPOINTMENT" && it.is_overtaken, answer, Code::FailedPrecondition);
    }),
    // The end
    mutant(SUMMARY, "a completion with another conversation's token", |it, answer| {
        if let Answer::End(params) = answer {
            when(summary(it), || drop(params.insert("flow_token".to_owned(), json!("somebody else's"))));
        }
    }),
    mutant(SUMMARY, "no way to the end", |it, answer| {
        let _: &Asked = it;
        if let Answer::End(_) = answer {
            *answer = Answer::Error(Code::Unavailable);
        }
    }),
];
