//! A Flow JSON to hold answers against, as a phone does.
//!
//! It refuses to know how an answer came, and what becomes of a verdict.

use std::path::{Path, PathBuf};

use flow_json::verdict::Severity;
use flow_json::{Action, Judge, Verdict, check};
use flow_proto::json::to_struct;
use flow_wire::message::SUCCESS;
use serde_json::{Value, json};

use crate::client::{Answer, Object};
use crate::files;

/// The screens of a flow.
#[derive(Debug)]
pub(crate) struct Screens(Judge);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    File(#[from] files::Error),
    #[error("{}: {what}; `flowctl flow check` shows the place and a remedy", file.display())]
    NoFlow { file: PathBuf, what: String },
}

impl Screens {
    pub(crate) fn load(file: &Path) -> Result<Self, Error> {
        Self::read(&files::read_text(file)?).map_err(|what| Error::NoFlow { file: file.to_owned(), what })
    }

    /// What the platform would not publish can be judged by all the same; an error says why the text is no flow at all.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let checked = check(text);
        let first = checked.findings.first().map(|finding| format!("{}: {}", finding.code, finding.message));
        match checked.flow {
            Some(flow) => Ok(Self(Judge::new([&flow]))),
            None => Err(first.unwrap_or_else(|| "no Flow JSON".to_owned())),
        }
    }

    /// What a phone would say of the answer to this request.
    pub(crate) fn judge(&self, request: &Object, answer: &Answer) -> Vec<Verdict> {
        match &answer.body {
            Some(body) if answer.status == 200 => judge(&self.0, request, body),
            _ => Vec::new(),
        }
    }
}

/// What a phone would say of an opened answer.
pub(crate) fn judge(judge: &Judge, request: &Object, body: &Object) -> Vec<Verdict> {
    let text = |object: &Object, key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let action = match &*text(request, "action") {
        "INIT" => Action::Init,
        "BACK" => Action::Back,
        "data_exchange" => Action::DataExchange,
        _ => return Vec::new(),
    };
    let next = text(body, "screen");
    if next == SUCCESS || !body.contains_key("screen") {
        return Vec::new();
    }
    let data = body.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
    let request = flow_json::Request { action, screen: &text(request, "screen") };
    judge.judge(&request, &flow_json::Answer { screen: &next, data: &to_struct(data) })
}

/// A verdict as a sentence.
pub(crate) fn sentence(verdict: &Verdict) -> String {
    let Verdict { code, severity, pointer, message } = verdict;
    match severity {
        Severity::Refused => format!("{pointer}: {message}; the client refuses the answer ({code})"),
        Severity::ShownWrongly => format!("{pointer}: {message} ({code})"),
        Severity::Note => format!("{pointer}: {message}; the client passes it over ({code})"),
    }
}

/// A verdict for programs.
pub(crate) fn to_json(verdict: &Verdict) -> Value {
    json!({
        "code": verdict.code.as_str(),
        "severity": verdict.severity.to_string(),
        "pointer": verdict.pointer,
        "message": verdict.message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn verdicts(request: Value, status: u16, body: Value) -> Vec<String> {
        let screens = Screens::read(include_str!("../../../examples/flows/appointment.json")).unwrap();
        let object = |value: Value| value.as_object().unwrap().clone();
        let answer = Answer { status, body: Some(object(body)), time: Duration::ZERO, request_id: None, said: None };
        screens.judge(&object(request), &answer).iter().map(sentence).collect()
    }

    #[test]
    fn an_answer_is_held_against_the_screens() {
        let init = json!({ "action": "INIT" });
        let wrong = verdicts(init.clone(), 200, json!({ "screen": "CONTAKT", "data": {} }));
        assert_eq!(
            wrong,
            ["/screen: the flow has no such screen; the client refuses the answer (invalid-screen-transition)"]
        );
        let submitted = json!({ "action": "data_exchange", "screen": "APPOINTMENT", "data": {} });
        let number = json!({ "department": "a", "location": "b", "date": "c", "time": 7 });
        let wrong = verdicts(submitted.clone(), 200, json!({ "screen": "DETAILS", "data": number }));
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].starts_with("/data/time: declared as string, and this is a number"), "{wrong:?}");
        let end = json!({ "screen": "SUCCESS", "data": { "extension_message_response": { "params": {} } } });
        assert_eq!(verdicts(submitted.clone(), 200, end), [""; 0]);
        assert_eq!(verdicts(submitted, 427, json!({ "error_msg": "over" })), [""; 0]);
        assert_eq!(verdicts(json!({ "action": "ping" }), 200, json!({ "data": { "status": "active" } })), [""; 0]);
    }
}
