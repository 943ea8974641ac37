//! An endpoint, by whoever made it, against the platform's protocol: the messaging client's side, honest and not.
//!
//! It refuses to know any flow, and what is behind the endpoint.

mod checks;
mod endpoint;
mod exchange;

use serde_json::Value;

pub(super) use self::endpoint::Endpoint;
use self::exchange::{Opened, Reply};
use super::cases::{self, Case, Expected, Question, Suite};
use super::forge::Forge;
use super::outcome::{Failure, Outcome};
use super::play;
use super::report::Entry;
use crate::client::{self, Answer, Object};
use crate::script::Script;
use crate::script::template::Variables;
use crate::tls::Words;

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

/// There is nothing to hold against the suite.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReached {
    #[error("the endpoint cannot be reached: {0}; see that --edge is its URL")]
    Nobody(String),
    #[error("the endpoint cannot be reached: {0}.")]
    Tls(Words),
    #[error("no endpoint answers at this URL: {0}")]
    NoEndpoint(String),
}

/// Whether there is somebody to ask. Whatever else there is to say, a case says it.
pub(super) async fn reach(endpoint: &Endpoint) -> Result<(), NotReached> {
    let hello = endpoint.forger.post(checks::ping(), &Forge::default());
    let hello = hello.map_err(|failure| NotReached::Nobody(failure.came))?;
    match endpoint.wire.send(&hello).await {
        Err(error @ client::Error::Connect { .. }) => Err(NotReached::Nobody(error.to_string())),
        Err(client::Error::Tls(words)) => Err(NotReached::Tls(words)),
        Ok(reply) if reply.status == 404 => Err(NotReached::NoEndpoint(reply.describe())),
        _ => Ok(()),
    }
}

/// Every case, and the script step by step before those that look back.
pub(super) async fn hold(endpoint: &Endpoint, cases: Vec<Case>, script: Option<&Script>) -> Vec<Entry> {
    let (afterwards, cases): (Vec<_>, Vec<_>) = cases.into_iter().partition(|case| case.topic == AFTERWARDS);
    let mut entries = play::cases(cases, async |case| ask(endpoint, case).await).await;
    if let Some(script) = script {
        let mend = "Answer as the script says, or mend the script.";
        let exchange = async |message: &Object| {
            let reply = endpoint.send(message.clone().into(), &Forge::default()).await?;
            answer(reply).map_err(Failure::came)
        };
        let complete = |send, flow_token: &str| endpoint.complete(send, flow_token);
        entries.extend(play::script(script, mend, complete, exchange).await);
    }
    entries.extend(play::cases(afterwards, async |case| ask(endpoint, case).await).await);
    entries
}

/// Asks a case, and says of an endpoint that is gone in which case it went.
async fn ask(endpoint: &Endpoint, case: &Case) -> Result<Outcome, Failure> {
    let was_gone = std::mem::take(&mut endpoint.record.borrow_mut().is_gone);
    let outcome = put(endpoint, case).await;
    let mut record = endpoint.record.borrow_mut();
    if !record.is_gone {
        record.last_reached.clone_from(&case.name);
        return match outcome {
            Err(failure) if case.warns => Ok(Outcome::Warned(failure.came)),
            outcome => outcome,
        };
    }
    let went = format!("nothing listens any more; the endpoint was there last in the case `{}`", record.last_reached);
    if was_gone && case.topic != AFTERWARDS { Ok(Outcome::Skipped(went)) } else { Err(Failure::came(went)) }
}

async fn put(endpoint: &Endpoint, case: &Case) -> Result<Outcome, Failure> {
    let variables = cases::variables();
    match &case.question {
        Question::Check { name, with } => check(endpoint, name, &with.resolve(&variables)).await,
        Question::Post { send, forge, expect } => {
            if let Some(why) = forge.lacks(&endpoint.forger) {
                return Ok(Outcome::Skipped(why.to_owned()));
            }
            let message = match send.resolve(&variables) {
                Value::Object(message) => endpoint.complete(message, &client::fresh_flow_token()).into(),
                other => other,
            };
            judge(&endpoint.send(message, forge).await?, expect, &variables)
        }
        Question::Command { .. } | Question::Echo(_) => Ok(Outcome::Skipped("an endpoint has no such mode".to_owned())),
    }
}

async fn check(endpoint: &Endpoint, name: &str, with: &Value) -> Result<Outcome, Failure> {
    match name {
        "indistinguishable" => checks::indistinguishable(endpoint, with).await,
        "repeat-under-new-key" => checks::repeat_under_new_key(endpoint).await,
        "replay" => checks::replay(endpoint).await,
        "form-with-error-field" => checks::form_with_error_field(endpoint, with).await,
        "oversized-message" => checks::oversized_message(endpoint, with).await,
        "latency" => checks::latency(endpoint, with).await,
        "sealed-427" => return checks::sealed_427(endpoint),
        "completion-token" => return checks::completion_token(endpoint),
        "refusals-say-little" => checks::refusals_say_little(endpoint),
        "still-there" => checks::still_there(endpoint).await,
        _ => return Ok(Outcome::Skipped(format!("this flowctl has no check `{name}`"))),
    }
    .map(|()| Outcome::Passed)
}

fn judge(reply: &Reply, expected: &Expected, variables: &Variables) -> Result<Outcome, Failure> {
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
    let request_id = client::request_id(&reply.headers);
    Ok(Answer { status: reply.status, body, time: reply.time, request_id, said: None })
}
