//! What the phone sends and what comes back, before it is sealed and after it was opened.

use flow_json::verdict::{Severity, Verdict};
use flow_json::{Action, Answer, Judge, Request};
use flow_proto::json::{from_struct, to_struct};
use prost_types::Struct;
use serde_json::{Map, Value, json};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// A request to the endpoint.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outgoing {
    pub(crate) action: Action,
    pub(crate) screen: String,
    pub(crate) data: Struct,
}

/// What the driver brings back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arrival<'a> {
    /// A status, and the opened body where there is one.
    Answer { status: u16, body: Option<&'a Object> },
    /// Nothing for ten seconds.
    TimedOut,
    /// No connection, or an answer that does not open.
    Broken,
}

/// Why the user sees that something went wrong, and may try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Status(u16),
    TimedOut,
    Broken,
}

/// An answer that was understood.
#[derive(Debug)]
pub(super) enum Read {
    Screen {
        screen: String,
        data: Struct,
        message: Option<String>,
        verdicts: Vec<Verdict>,
    },
    /// The client cannot use it.
    Refused {
        verdicts: Vec<Verdict>,
        error: &'static str,
        message: String,
    },
    /// The end, with what the business gets; without parameters the flow only closes.
    Success(Option<Struct>),
    DeadToken(Option<String>),
    KeyChanged,
    Failed(Failure),
}

impl Outgoing {
    /// As it is sealed; whoever sends it adds version and token.
    pub(crate) fn to_message(&self) -> Object {
        let action = match self.action {
            Action::Init => "INIT",
            Action::Back => "BACK",
            Action::DataExchange => "data_exchange",
        };
        let mut message = Object::from_iter([("action".to_owned(), Value::from(action))]);
        if !self.screen.is_empty() {
            message.insert("screen".to_owned(), self.screen.clone().into());
        }
        if self.action == Action::DataExchange {
            message.insert("data".to_owned(), from_struct(self.data.clone()).into());
        }
        message
    }

    /// What a client tells the endpoint whose answer it could not use.
    pub(crate) fn notification(&self, error: &str, message: &str) -> Object {
        let mut notification = Object::new();
        notification.insert("action".to_owned(), "data_exchange".into());
        notification.insert("screen".to_owned(), self.screen.clone().into());
        notification.insert("data".to_owned(), json!({"error": error, "error_message": message}));
        notification
    }
}

impl Read {
    pub(super) fn new(asked: &Outgoing, arrival: Arrival<'_>, judge: &Judge) -> Self {
        let (status, body) = match arrival {
            Arrival::Answer { status, body } => (status, body),
            Arrival::TimedOut => return Self::Failed(Failure::TimedOut),
            Arrival::Broken => return Self::Failed(Failure::Broken),
        };
        match status {
            200 => Self::body(asked, body, judge),
            427 => {
                let text = body.and_then(|body| body.get("error_msg")).and_then(Value::as_str);
                Self::DeadToken(text.map(str::to_owned))
            }
            421 => Self::KeyChanged,
            504 => Self::Failed(Failure::TimedOut),
            status => Self::Failed(Failure::Status(status)),
        }
    }

    fn body(asked: &Outgoing, body: Option<&Object>, judge: &Judge) -> Self {
        let refused = |message: &str| Self::Refused {
            verdicts: Vec::new(),
            error: "payload-schema-error",
            message: message.to_owned(),
        };
        let Some(screen) = body.and_then(|body| body.get("screen")).and_then(Value::as_str) else {
            return refused("the answer has no `screen`, or one that is no string");
        };
        let Some(data) = body.and_then(|body| body.get("data")).and_then(Value::as_object) else {
            return refused("the answer has no `data`, or one that is no object");
        };
        if screen == "SUCCESS" {
            let params = data.get("extension_message_response").and_then(|it| it.get("params"));
            return Self::Success(params.and_then(Value::as_object).cloned().map(to_struct));
        }
        let mut data = to_struct(data.clone());
        let request = Request { action: asked.action, screen: &asked.screen };
        let verdicts = judge.judge(&request, &Answer { screen, data: &data });
        if let Some(verdict) = verdicts.iter().find(|verdict| verdict.severity == Severity::Refused) {
            let (error, message) = (verdict.code.as_str(), format!("{}: {}", verdict.pointer, verdict.message));
            return Self::Refused { error, message, verdicts };
        }
        let message = data.fields.remove("error_message");
        let message = message.as_ref().and_then(super::value::text).map(str::to_owned);
        Self::Screen { screen: screen.to_owned(), data, message, verdicts }
    }
}
