//! Checks of an endpoint that take more than one request.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::HeaderMap;
use serde_json::{Value, json};

use super::endpoint::Endpoint;
use super::exchange::{Opened, Reply};
use crate::client::{Error, Object, fresh_flow_token};
use crate::conformance::forge::{Forge, Session};
use crate::conformance::outcome::{Failure, Outcome};

/// Headers that differ from answer to answer whatever was asked.
const VARYING: &[&str] = &["date", "x-request-id", "etag", "server-timing", "traceparent", "cf-ray", "age"];

/// Answers to the same message must not tell why it could not be opened.
pub(super) async fn indistinguishable(endpoint: &Endpoint, with: &Value) -> Result<(), Failure> {
    let mut first: Option<(String, Shape)> = None;
    for forge in with["forges"].as_array().into_iter().flatten() {
        let name = forge.to_string();
        let forge: Forge = serde_json::from_value(forge.clone()).map_err(|error| Failure::came(error.to_string()))?;
        let shape = Shape::of(&endpoint.send(ping(), &forge).await?);
        match &first {
            None => first = Some((name, shape)),
            Some((other, expected)) if *expected != shape => {
                return Err(Failure::came(format!("{other} gets {expected}, {name} gets {shape}")));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// What whoever asks could tell two answers apart by.
#[derive(PartialEq, Eq)]
struct Shape {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Shape {
    fn of(reply: &Reply) -> Self {
        Self { status: reply.status, headers: steady(&reply.headers), body: reply.body.to_vec() }
    }
}

fn steady(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let steady = headers.iter().filter(|(name, _)| !VARYING.contains(&name.as_str()));
    let mut steady: Vec<_> = steady.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    steady.sort();
    steady
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = String::from_utf8_lossy(&self.body).chars().take(60).collect();
        write!(f, "status {} \"{}\"", self.status, text.escape_debug())?;
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        write!(f, " with {}", names.join(", "))
    }
}

/// Android repeats a request that got 421 with the same AES key, vector and ciphertext under the new public key.
pub(super) async fn repeat_under_new_key(endpoint: &Endpoint) -> Result<(), Failure> {
    let session = Session::fresh()?;
    let other: Forge = serde_json::from_value(json!({ "key": "of-another" })).unwrap_or_default();
    endpoint.send_post(&endpoint.forger.post_in(session, ping(), &other)?).await?;
    let reply = endpoint.send_post(&endpoint.forger.post_in(session, ping(), &Forge::default())?).await?;
    if reply.is_answer() { Ok(()) } else { Err(Failure::came(reply.describe())) }
}

/// A request that comes twice, byte by byte, gets the same answer or none: another one under the same key and vector would
/// give both away.
pub(super) async fn replay(endpoint: &Endpoint) -> Result<(), Failure> {
    let init = Object::from_iter([("action".to_owned(), "INIT".into())]);
    let message = endpoint.complete(init, &fresh_flow_token());
    let post = endpoint.forger.post(message.into(), &Forge::default())?;
    let (first, second) = (endpoint.send_post(&post).await?, endpoint.send_post(&post).await?);
    match (&first.opened, &second.opened) {
        (Opened::Object(_), Opened::Object(_)) if first.body != second.body => {
            Err(Failure::came("two different answers, sealed under one key and vector"))
        }
        (_, Opened::Empty | Opened::Unreadable(_)) if second.status >= 500 => Err(Failure::came(second.describe())),
        _ => Ok(()),
    }
}

/// An endpoint may break the connection off rather than read on.
pub(super) async fn oversized_message(endpoint: &Endpoint, with: &Value) -> Result<(), Failure> {
    let forge: Forge = serde_json::from_value(json!({ "filler": with["bytes"] })).unwrap_or_default();
    match endpoint.wire.send(&endpoint.forger.post(ping(), &forge)?).await {
        Ok(reply) if (400..500).contains(&reply.status) => Ok(()),
        Ok(reply) => Err(Failure::came(reply.describe())),
        Err(Error::Broken(_)) => Ok(()),
        Err(error) => Err(Failure::came(error.to_string())),
    }
}

/// Pings one after another, or all at once, and the time of nine in ten of them.
pub(super) async fn latency(endpoint: &Endpoint, with: &Value) -> Result<(), Failure> {
    let pings = with["pings"].as_u64().unwrap_or(1);
    let limit = Duration::from_millis(with["p90_ms"].as_u64().unwrap_or_default());
    let replies: Vec<_> = if with["together"] == true {
        join_all((0..pings).map(|_| timed_ping(endpoint))).await
    } else {
        let mut replies = Vec::new();
        for _ in 0..pings {
            replies.push(timed_ping(endpoint).await);
        }
        replies
    };
    let mut times = replies.into_iter().collect::<Result<Vec<_>, _>>()?;
    times.sort();
    let p90 = times.get(times.len() * 9 / 10).copied().unwrap_or_default();
    if p90 <= limit { Ok(()) } else { Err(Failure::came(format!("nine in ten of {pings} took up to {p90:.1?}"))) }
}

async fn timed_ping(endpoint: &Endpoint) -> Result<Duration, Failure> {
    let post = endpoint.forger.post(ping(), &Forge::default())?;
    // Several at once wait for each other, wherever that is.
    let started = Instant::now();
    let reply = endpoint.send_post(&post).await?;
    if reply.is_answer() { Ok(started.elapsed()) } else { Err(Failure::came(reply.describe())) }
}

/// Every 427 so far, from whatever case or step.
pub(super) fn sealed_427(endpoint: &Endpoint) -> Result<Outcome, Failure> {
    let record = endpoint.record.borrow();
    match record.invalid_tokens.iter().find(|reply| !is_sealed_427(reply)) {
        Some(reply) => Err(Failure::came(reply.describe())),
        None if record.invalid_tokens.is_empty() => {
            let why = "no answer was 427; a --script that goes on after the end of a flow may show one";
            Ok(Outcome::Skipped(why.to_owned()))
        }
        None => Ok(Outcome::Passed),
    }
}

/// Every completion so far. One without a token is none of this case's business.
pub(super) fn completion_token(endpoint: &Endpoint) -> Result<Outcome, Failure> {
    match endpoint.record.borrow().completions.as_slice() {
        [] => Ok(Outcome::Skipped("no answer ended a flow; a --script that plays one to its end shows one".to_owned())),
        completions if completions.contains(&true) => Err(Failure::came("a flow_token that is not the request's")),
        _ => Ok(Outcome::Passed),
    }
}

fn is_sealed_427(reply: &Reply) -> bool {
    match &reply.opened {
        Opened::Empty => true,
        Opened::Object(object) => object.get("error_msg").is_some_and(Value::is_string),
        Opened::Unreadable(_) => false,
    }
}

/// What no refusal should hold: the insides of a program.
const INSIDES: &[&str] = &["Traceback", "node_modules", "    at ", "\tat ", ".py\"", "panicked", "Exception", "<pre>"];

/// Every refusal so far.
pub(super) fn refusals_say_little(endpoint: &Endpoint) -> Result<(), Failure> {
    let record = endpoint.record.borrow();
    let talks = |text: &&String| INSIDES.iter().any(|inside| text.contains(inside)) || text.chars().count() > 1000;
    match record.refusals.iter().find(talks) {
        None => Ok(()),
        Some(text) => {
            let start: String = text.chars().take(200).collect();
            Err(Failure::came(format!("a refusal of {} characters: {}", text.chars().count(), start.escape_debug())))
        }
    }
}

pub(super) async fn still_there(endpoint: &Endpoint) -> Result<(), Failure> {
    let reply = endpoint.send(ping(), &Forge::default()).await?;
    if reply.is_answer() { Ok(()) } else { Err(Failure::came(reply.describe())) }
}

/// Form data in which a field of the flow's own is called `error` is no notification.
pub(super) async fn form_with_error_field(endpoint: &Endpoint, with: &Value) -> Result<(), Failure> {
    let data = &with["data"];
    let form =
        json!({ "version": "3.0", "action": "data_exchange", "screen": "ANY", "flow_token": "unused", "data": data });
    let reply = endpoint.send(form, &Forge::default()).await?;
    let acknowledged = |object: &Object| object.get("data").is_some_and(|data| data["acknowledged"] == true);
    if reply.object().is_some_and(acknowledged) { Err(Failure::came(reply.describe())) } else { Ok(()) }
}

/// The platform's own.
pub(super) fn ping() -> Value {
    json!({ "version": "3.0", "action": "ping" })
}
