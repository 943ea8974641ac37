//! What a walk can find wrong.

use flow_json::Action;
use flow_json::verdict::{Severity, Verdict};

use crate::phone::Outgoing;

/// One thing that a user would run into.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) action: Action,
    /// The screen that the user was on; empty where the flow was opened.
    pub(super) screen: String,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// The client refuses the answer.
    Refused {
        verdicts: Vec<Verdict>,
        why: String,
    },
    /// The client sees an error.
    Status {
        status: u16,
        said: Option<String>,
    },
    NoAnswer(String),
    /// A completion names another conversation.
    ForeignToken,
    /// Nothing leads on.
    DeadEnd(Vec<Blocked>),
}

/// A field that is in the way, and that the user cannot fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blocked {
    pub(super) field: String,
    pub(super) why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Disabled,
    NothingOffered,
}

/// What is shown, but not as it was meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Warning {
    /// The screen that the user was on.
    pub(super) screen: String,
    pub(super) text: String,
}

impl Fault {
    pub(super) fn new(asked: &Outgoing, kind: Kind) -> Self {
        Self { action: asked.action, screen: asked.screen.clone(), kind }
    }

    /// What was asked, and from where.
    fn asked(&self) -> String {
        match (self.action, self.screen.as_str()) {
            (Action::Init, _) => "INIT".to_owned(),
            (Action::Back, screen) => format!("BACK from {screen}"),
            (Action::DataExchange, screen) => format!("data_exchange on {screen}"),
        }
    }

    /// Two faults with one key are the same.
    pub(super) fn key(&self) -> String {
        let kind = match &self.kind {
            Kind::Refused { verdicts, why } => match verdicts.iter().find(|it| it.severity == Severity::Refused) {
                Some(verdict) => format!("{} {}", verdict.code.as_str(), general(&verdict.pointer)),
                None => why.clone(),
            },
            Kind::Status { status, .. } => format!("status {status}"),
            Kind::NoAnswer(_) => "no answer".to_owned(),
            Kind::ForeignToken => "foreign token".to_owned(),
            Kind::DeadEnd(_) => "dead end".to_owned(),
        };
        format!("{}: {kind}", self.asked())
    }

    /// As the report says it.
    pub(super) fn came(&self) -> String {
        let asked = self.asked();
        match &self.kind {
            Kind::Refused { verdicts, why } => {
                let refused: Vec<_> = verdicts
                    .iter()
                    .filter(|verdict| verdict.severity == Severity::Refused)
                    .take(3)
                    .map(|verdict| format!("{} ({}): {}", verdict.pointer, verdict.code.as_str(), verdict.message))
                    .collect();
                let what = if refused.is_empty() { why.clone() } else { refused.join("; ") };
                format!("an answer to {asked} that the client refuses: {what}")
            }
            Kind::Status { status, said } => {
                let said = said.as_ref().map(|said| format!(" ({said})")).unwrap_or_default();
                format!("{status} to {asked}{said}")
            }
            Kind::NoAnswer(why) => format!("no answer to {asked}: {why}"),
            Kind::ForeignToken => format!("a completion to {asked} with another conversation's flow_token"),
            Kind::DeadEnd(blocked) => {
                let blocked: Vec<_> = blocked
                    .iter()
                    .map(|Blocked { field, why }| match why {
                        Why::Disabled => format!("`{field}` is required and disabled"),
                        Why::NothingOffered => format!("`{field}` is required and offers nothing"),
                    })
                    .collect();
                let why = if blocked.is_empty() { "nothing on it can be used".to_owned() } else { blocked.join(", ") };
                format!("a dead end on {}: no walk went on from there; {why}", self.screen)
            }
        }
    }
}

/// A pointer in which every place of a list is the same.
pub(super) fn general(pointer: &str) -> String {
    let step = |step: &str| {
        if !step.is_empty() && step.bytes().all(|it| it.is_ascii_digit()) { "*".to_owned() } else { step.to_owned() }
    };
    pointer.split('/').map(step).collect::<Vec<_>>().join("/")
}
