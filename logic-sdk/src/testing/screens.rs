//! Answers held against a Flow JSON, as the client would before it shows them.
//!
//! It refuses to know the logic, and panics nowhere: what becomes of a refusal is for whoever asks.

use flow_json::verdict::Severity;
use flow_json::{Action, Answer, Finding, Judge, Request, Verdict};
use flow_proto::v1::NextScreen;
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

/// More findings than anybody mends at once.
const MAX_FINDINGS: usize = 20;

/// The screens of a Flow JSON.
#[derive(Debug)]
pub(super) struct Screens(Judge);

/// What is doubtful in an answer that the client takes: some phones cut it off, leave a part out or do not show the screen, or it
/// may not be what was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The screen that the logic answered with.
    pub screen: String,
    /// What it is about. `flowctl flow check --explain CODE` has a page on it.
    pub code: &'static str,
    /// JSON pointer into the answer's `{"screen": …, "data": …}`.
    pub pointer: String,
    /// What is wrong. It holds no value of the data.
    pub message: String,
}

impl Screens {
    pub(super) fn read(flow_json: &str) -> Result<Self, Unusable> {
        let checked = flow_json::check(flow_json);
        let is_usable = !checked.has_errors();
        match checked.flow {
            Some(flow) if is_usable => Ok(Self(Judge::new([&flow]))),
            _ => Err(Unusable(checked.findings)),
        }
    }

    /// What is doubtful in an answer, or why the client would refuse it.
    pub(super) fn hold(&self, action: Action, from: &str, next: &NextScreen) -> Result<Vec<Warning>, Refused> {
        // As the edge makes one of the two.
        let mut data = next.data.clone().unwrap_or_default();
        if !next.error_message.is_empty() {
            data.fields.insert("error_message".to_owned(), next.error_message.as_str().into());
        }
        let answer = Answer { screen: &next.screen, data: &data };
        let (refused, doubtful): (Vec<_>, Vec<_>) = self
            .0
            .judge(&Request { action, screen: from }, &answer)
            .into_iter()
            .partition(|verdict| verdict.severity == Severity::Refused);
        if refused.is_empty() {
            let warning = |Verdict { code, pointer, message, .. }| Warning {
                screen: next.screen.clone(),
                code: code.as_str(),
                pointer,
                message,
            };
            return Ok(doubtful.into_iter().map(warning).collect());
        }
        Err(Refused { action, from: from.to_owned(), screen: next.screen.clone(), verdicts: refused })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { screen, code, pointer, message } = self;
        write!(f, "`{screen}`: {code} at {pointer}: {message}")
    }
}

/// A Flow JSON against which nothing can be held.
#[derive(Debug)]
pub(super) struct Unusable(Vec<Finding>);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the platform would refuse the Flow JSON:")?;
        let errors = self.0.iter().filter(|finding| finding.severity == flow_json::Severity::Error);
        for Finding { code, start, pointer, message, help, .. } in errors.clone().take(MAX_FINDINGS) {
            write!(f, "\n  {}:{}: {} at {pointer}: {message}", start.line, start.column, code.as_str())?;
            if !help.is_empty() {
                write!(f, "\n      {help}")?;
            }
        }
        match errors.count().checked_sub(MAX_FINDINGS) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, "\n  and {more} more; `flowctl flow check` shows them all"),
        }
    }
}

/// An answer that the client would not show.
#[derive(Debug)]
pub(super) struct Refused {
    action: Action,
    from: String,
    screen: String,
    verdicts: Vec<Verdict>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, from, screen, verdicts } = self;
        write!(f, "the client would refuse the screen `{screen}`, answered to ")?;
        match action {
            Action::Init => f.write_str("INIT:")?,
            Action::Back => write!(f, "BACK from `{from}`:")?,
            Action::DataExchange => write!(f, "data_exchange on `{from}`:")?,
        }
        for Verdict { code, pointer, message, .. } in verdicts {
            write!(f, "\n  {} at {pointer}: {message}", code.as_str())?;
        }
        let codes: BTreeSet<_> = verdicts.iter().map(|verdict| verdict.code).collect();
        for code in codes {
            write!(f, "\n{}: {}", code.as_str(), about(code.page()))?;
        }
        Ok(())
    }
}

/// What a page says of its rule, before the examples.
fn about(page: &str) -> String {
    let mut text = String::new();
    for line in page.lines().skip(1).take_while(|line| *line != "Finds:").filter(|line| !line.is_empty()) {
        // A String takes everything.
        let _ = write!(text, "{}{line}", if text.is_empty() { "" } else { " " });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_proto::json;
    use serde_json::{Value, json};

    fn flow() -> Value {
        json!({
            "version": "7.3", "data_api_version": "4.0",
            "routing_model": {"TABLE": ["CONTACT"], "CONTACT": ["DONE"], "DONE": []},
            "screens": [
                screen("TABLE", json!({"hint": {"type": "string", "__example__": "Up to 8 guests"}})),
                screen("CONTACT", json!({})),
                screen("DONE", json!({})),
            ],
        })
    }

    fn screen(id: &str, data: Value) -> Value {
        let action = match id {
            "DONE" => json!({"name": "complete", "payload": {}}),
            _ => json!({"name": "data_exchange", "payload": {}}),
        };
        let mut children = vec![json!({"type": "Footer", "label": "Next", "on-click-action": action})];
        if data["hint"].is_object() {
            children.insert(0, json!({"type": "TextHeading", "text": "${data.hint}"}));
        }
        let mut screen =
            json!({"id": id, "title": "Title", "layout": {"type": "SingleColumnLayout", "children": children}});
        if data["hint"].is_object() {
            screen["data"] = data;
        }
        if id == "DONE" {
            screen["terminal"] = true.into();
        }
        screen
    }

    fn next(screen: &str, data: &Value, error_message: &str) -> NextScreen {
        NextScreen {
            screen: screen.to_owned(),
            data: Some(json::to_struct(data.as_object().unwrap().clone())),
            error_message: error_message.to_owned(),
        }
    }

    #[test]
    fn an_answer_that_the_client_shows_passes_with_or_without_an_error_message() {
        let screens = Screens::read(&flow().to_string()).unwrap_or_else(|error| panic!("{error}"));
        let table = next("TABLE", &json!({"hint": "Up to 8"}), "");
        assert_eq!(screens.hold(Action::Init, "", &table).unwrap(), []);
        let contact = next("CONTACT", &json!({}), "This is no email address.");
        assert_eq!(screens.hold(Action::DataExchange, "CONTACT", &contact).unwrap(), []);
    }

    #[test]
    fn a_refusal_names_screen_place_and_rule_and_no_value() {
        let screens = Screens::read(&flow().to_string()).unwrap();
        let refused = |action, from, answer| screens.hold(action, from, &answer).unwrap_err().to_string();
        let text = refused(Action::DataExchange, "TABLE", next("TABLE", &json!({"hint": 5150}), ""));
        assert!(text.contains("the screen `TABLE`, answered to data_exchange on `TABLE`:"), "{text}");
        assert!(
            text.contains("payload-schema-error at /data/hint: declared as string, and this is a number"),
            "{text}"
        );
        assert!(text.contains("payload-schema-error: The data does not fit the model of its screen"), "{text}");
        assert!(!text.contains("5150") && !text.contains("Finds:"), "{text}");

        let text = refused(Action::Init, "", next("DONE", &json!({}), ""));
        assert!(text.contains("the screen `DONE`, answered to INIT:\n"), "{text}");
        let text = refused(Action::Back, "CONTACT", next("TABEL", &json!({}), ""));
        assert!(text.contains("the screen `TABEL`, answered to BACK from `CONTACT`:\n"), "{text}");
        assert!(text.contains("the flow has no such screen"), "{text}");
    }

    #[test]
    fn what_a_phone_may_show_otherwise_is_a_warning() {
        let screens = Screens::read(&flow().to_string()).unwrap();
        let table = next("TABLE", &json!({"hint": "Up to 8", "hnt": ""}), "");
        let warnings = screens.hold(Action::DataExchange, "CONTACT", &table).unwrap();
        let texts: Vec<_> = warnings.iter().map(Warning::to_string).collect();
        assert!(texts.iter().any(|text| text.starts_with("`TABLE`: ") && text.contains("a way back")), "{texts:?}");
        assert!(texts.iter().any(|text| text.contains("at /data/hnt: not declared by the screen")), "{texts:?}");
    }

    #[test]
    fn a_flow_that_the_platform_would_refuse_is_told_with_places() {
        let mut wrong = flow();
        wrong["routing_modle"] = json!({});
        let text = Screens::read(&wrong.to_string()).unwrap_err().to_string();
        assert!(text.starts_with("the platform would refuse the Flow JSON:\n  1:"), "{text}");
        assert!(text.contains("did you mean `routing_model`?"), "{text}");
        for no_flow in ["", "{", "[]", "{}", r#"{"version": "99.0", "screens": []}"#] {
            let text = Screens::read(no_flow).unwrap_err().to_string();
            assert!(text.contains("\n  1:"), "{no_flow}: {text}");
        }
    }
}
