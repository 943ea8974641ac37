//! An endpoint, by whoever made it, against the platform's protocol: the messaging client's side, honest and not.
//!
//! It refuses to know any flow, and what is behind the endpoint.

mod checks;
mod exchange;
mod forge;

use std::cell::RefCell;

use flow_wire::keys::PublicKey;
use flow_wire::signature::AppSecret;
use flow_wire::token;
use serde_json::Value;

use self::exchange::{Opened, Reply, Wire};
pub(super) use self::forge::Forge;
use self::forge::{Forger, Post};
use super::cases::{self, Case, Expected, Question, Suite};
use super::report::Entry;
use super::script;
use super::{Error, Failure, Outcome, play};
use crate::client::{self, Answer, Object, complete, completion, has_foreign_token};
use crate::endpoint::Access;
use crate::http;
use crate::script::Script;
use crate::script::template::Variables;

pub(super) const SUITE: Suite = Suite {
    files: &[
        ("ping.yaml", include_str!("cases/edge/ping.yaml")),
        ("signature.yaml", include_str!("cases/edge/signature.yaml")),
        ("key.yaml", include_str!("cases/edge/key.yaml")),
        ("envelope.yaml", include_str!("cases/edge/envelope.yaml")),
        ("messages.yaml", include_str!("cases/edge/messages.yaml")),
        ("notifications.yaml", include_str!("cases/edge/notifications.yaml")),
        ("load.yaml", include_str!("cases/edge/load.yaml")),
        ("afterwards.yaml", include_str!("cases/edge/afterwards.yaml")),
    ],
    checks: &[
        "indistinguishable",
        "repeat-under-new-key",
        "replay",
        "form-with-error-field",
        "oversized-message",
        "latency",
        "sealed-427",
        "completion-token",
        "refusals-say-little",
        "still-there",
    ],
};

/// The topic whose cases look back at all the others, and at the script.
const AFTERWARDS: &str = "afterwards";

/// The endpoint that is held against the suite.
#[derive(Debug)]
pub(super) struct Edge {
    wire: Wire,
    forger: Forger,
    record: RefCell<Record>,
}

/// What later cases look back at.
#[derive(Debug, Default)]
struct Record {
    invalid_tokens: Vec<Reply>,
    /// Whether each completion carried another flow token than its request.
    completions: Vec<bool>,
    /// The bodies of 4xx and 5xx that nothing was sealed in.
    refusals: Vec<String>,
    /// The case in which something came back last, and whether nothing listens any more.
    last_reached: String,
    is_gone: bool,
}

impl Edge {
    pub(super) fn new(
        access: Access,
        old_app_secret: Option<AppSecret>,
        old_public_key: Option<PublicKey>,
    ) -> Result<Self, client::Error> {
        let Access { url, trusted, public_key, app_secret } = access;
        // A connection for each request: one that the endpoint breaks is no other's.
        let http = http::client(&url, trusted.as_deref()).and_then(|client| client.pool_max_idle_per_host(0).build());
        Ok(Self {
            wire: Wire { http: http.map_err(client::Error::Start)?, url },
            forger: Forger::new(public_key, app_secret, old_app_secret, old_public_key)?,
            record: RefCell::default(),
        })
    }

    /// Every case, and the script step by step before those that look back.
    pub(super) async fn hold(&self, cases: Vec<Case>, script: Option<&Script>) -> Result<Vec<Entry>, Error> {
        let hello = self
            .forger
            .post(checks::ping(), &Forge::default())
            .map_err(|failure| Error::EdgeNotReached(failure.came))?;
        // Whatever else there is to say, a case says it.
        if let Err(error @ client::Error::Connect(_)) = self.wire.send(&hello).await {
            return Err(Error::EdgeNotReached(error.to_string()));
        }
        let (afterwards, cases): (Vec<_>, Vec<_>) = cases.into_iter().partition(|case| case.topic == AFTERWARDS);
        let mut entries = play(cases, async |case| self.ask(case).await).await;
        if let Some(script) = script {
            let mend = "Answer as the script says, or mend the script.";
            let exchange = async |send, flow_token: &str| {
                let message = self.complete(send, flow_token);
                let reply = self.send(message.into(), &Forge::default()).await.map_err(|failure| failure.came)?;
                answer(reply)
            };
            entries.extend(script::play(script, mend, exchange).await);
        }
        entries.extend(play(afterwards, async |case| self.ask(case).await).await);
        Ok(entries)
    }

    /// Asks a case, and says of an endpoint that is gone in which case it went.
    async fn ask(&self, case: &Case) -> Result<Outcome, Failure> {
        let was_gone = std::mem::take(&mut self.record.borrow_mut().is_gone);
        let outcome = self.put(case).await;
        let mut record = self.record.borrow_mut();
        if !record.is_gone {
            record.last_reached.clone_from(&case.name);
            return match outcome {
                Err(failure) if case.warns => Ok(Outcome::Warned(failure.came)),
                outcome => outcome,
            };
        }
        let went =
            format!("nothing listens any more; the endpoint was there last in the case `{}`", record.last_reached);
        if was_gone && case.topic != AFTERWARDS { Ok(Outcome::Skipped(went)) } else { Err(Failure::came(went)) }
    }

    async fn put(&self, case: &Case) -> Result<Outcome, Failure> {
        let variables = cases::variables();
        match &case.question {
            Question::Check { name, with } => self.check(name, &with.resolve(&variables)).await,
            Question::Post { send, forge, expect } => {
                if let Some(why) = forge.lacks(&self.forger) {
                    return Ok(Outcome::Skipped(why.to_owned()));
                }
                let message = match send.resolve(&variables) {
                    Value::Object(message) => self.complete(message, &client::fresh_flow_token()).into(),
                    other => other,
                };
                hold(&self.send(message, forge).await?, expect, &variables)
            }
            Question::Command { .. } | Question::Echo(_) => {
                Ok(Outcome::Skipped("an endpoint has no such mode".to_owned()))
            }
        }
    }

    async fn check(&self, name: &str, with: &Value) -> Result<Outcome, Failure> {
        match name {
            "indistinguishable" => checks::indistinguishable(self, with).await,
            "repeat-under-new-key" => checks::repeat_under_new_key(self).await,
            "replay" => checks::replay(self).await,
            "form-with-error-field" => checks::form_with_error_field(self, with).await,
            "oversized-message" => checks::oversized_message(self, with).await,
            "latency" => checks::latency(self, with).await,
            "sealed-427" => return checks::sealed_427(self),
            "completion-token" => return checks::completion_token(self),
            "refusals-say-little" => checks::refusals_say_little(self),
            "still-there" => checks::still_there(self).await,
            _ => return Ok(Outcome::Skipped(format!("this flowctl has no check `{name}`"))),
        }
        .map(|()| Outcome::Passed)
    }

    fn complete(&self, message: Object, flow_token: &str) -> Object {
        complete(message, flow_token, |flow_token| token::sign(flow_token, &self.forger.app_secret))
    }

    async fn send(&self, message: Value, forge: &Forge) -> Result<Reply, Failure> {
        let flow_token = message.get("flow_token").and_then(Value::as_str).unwrap_or_default().to_owned();
        let reply = self.send_post(&self.forger.post(message, forge)?).await?;
        if let Some(params) = reply.object().and_then(completion) {
            let is_foreign = has_foreign_token(params, &flow_token);
            self.record.borrow_mut().completions.push(is_foreign);
        }
        Ok(reply)
    }

    async fn send_post(&self, post: &Post) -> Result<Reply, Failure> {
        let reply = self.wire.send(post).await.map_err(|error| {
            self.record.borrow_mut().is_gone |= matches!(error, client::Error::Connect(_));
            Failure::came(error.to_string())
        })?;
        let mut record = self.record.borrow_mut();
        if reply.status == 427 {
            record.invalid_tokens.push(reply.clone());
        } else if reply.status >= 400 && !matches!(reply.opened, Opened::Object(_)) {
            record.refusals.push(String::from_utf8_lossy(&reply.body).into_owned());
        }
        Ok(reply)
    }
}

fn hold(reply: &Reply, expected: &Expected, variables: &Variables) -> Result<Outcome, Failure> {
    let wrong = || Err(Failure::came(reply.describe()));
    match expected {
        Expected::Refusal if (400..500).contains(&reply.status) => Ok(Outcome::Passed),
        Expected::Refusal => wrong(),
        Expected::Opened if reply.is_answer() => Ok(Outcome::Passed),
        Expected::Opened => wrong(),
        Expected::Screen => match (reply.status, reply.object()) {
            (200, Some(object)) if object.get("screen").is_some_and(Value::is_string) => match object.get("data") {
                Some(Value::Object(_)) => Ok(Outcome::Passed),
                _ => wrong(),
            },
            // The flow does not know this token, which is an answer as well.
            (427, _) => Ok(Outcome::Passed),
            _ => wrong(),
        },
        Expected::Answer(status, _) if reply.status != *status => wrong(),
        Expected::Answer(200, expect) => {
            let Some(object) = reply.object() else { return wrong() };
            let mismatches = expect.mismatches(&Value::Object(object.clone()), variables);
            if mismatches.is_empty() { Ok(Outcome::Passed) } else { wrong() }
        }
        Expected::Answer(..) => Ok(Outcome::Passed),
    }
}

/// What a step of a script is held against.
fn answer(reply: Reply) -> Result<Answer, String> {
    let body = match &reply.opened {
        Opened::Unreadable(_) if reply.should_be_sealed() => return Err(reply.describe()),
        Opened::Object(object) if reply.should_be_sealed() => Some(object.clone()),
        _ => None,
    };
    Ok(Answer { status: reply.status, body, time: reply.time, request_id: client::request_id(&reply.headers) })
}
