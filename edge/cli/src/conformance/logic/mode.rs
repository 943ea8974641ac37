//! Checks that need a certain answer: by the conformance mode, in which a service does what a request tells it.
//!
//! `proto/CONFORMANCE.md` says how a service gets the mode.

use std::time::{Duration, Instant};

use flow_proto::json::{from_struct, to_struct};
use flow_proto::v1;
use flow_proto::v1::handle_data_exchange_response::Outcome as Answered;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tonic::{Code, Request, Response};
use tonic_types::StatusExt as _;

use super::checks::{milliseconds, object, refuse_quotes, still_serves};
use super::service::Service;
use crate::call::{CallError, Connection, DEADLINE, fresh_request_id, name, with_metadata};
use crate::client::{complete, fresh_flow_token};
use crate::conformance::outcome::Failure;
use crate::script::expect::{Mismatch, Pattern};
use crate::script::template::Variables;

/// The endpoint under which a service does as it is told.
const ENDPOINT: &str = "conformance";
/// The screen of its answers.
const SCREEN: &str = "CONFORMANCE";
/// The domain of the reason in a status.
const DOMAIN: &str = "flow.v1";
/// How long a call sleeps that is not meant to wake up.
const LONG_SLEEP: Duration = Duration::from_secs(3);
/// By when a service knows that nobody waits for a call any more, or that its time is over.
const NOTICED: Duration = Duration::from_secs(2);
/// Until a call has surely reached the handler.
const UNDER_WAY: Duration = Duration::from_millis(300);

/// Whether the service has the mode, and what came in place of its answer.
pub(super) async fn is_there(service: &Service) -> Result<(), Failure> {
    let connection = service.connect().await?;
    screen(tell(&connection, json!({ "echo": {} }), DEADLINE).await?.into_inner()).map(drop)
}

/// The object comes back as it was sent.
pub(super) async fn echo(service: &Service, sent: &Value) -> Result<(), Failure> {
    let connection = service.connect().await?;
    let data = screen(tell(&connection, json!({ "echo": sent }), DEADLINE).await?.into_inner())?;
    let back = Value::Object(data).get("echo").cloned();
    match difference(sent, back.as_ref(), "/echo") {
        None => Ok(()),
        Some((place, expected, came)) => Err(Failure::new(format!("{place}: {came}"), format!("{place}: {expected}"))),
    }
}

pub(super) async fn echo_large(service: &Service, with: &Value) -> Result<(), Failure> {
    let bytes = usize::try_from(with["bytes"].as_u64().unwrap_or_default()).unwrap_or_default();
    echo(service, &json!({ "text": "ä€🐢".repeat(bytes / 9) })).await
}

/// A command has this answer, as the client would see it.
pub(super) async fn command(
    service: &Service,
    command: Value,
    status: u16,
    expect: &Pattern,
    variables: &Variables,
) -> Result<(), Failure> {
    let message = json!({ "action": "data_exchange", "screen": SCREEN, "data": { "conformance": command } });
    let message = complete(object(message), &variables.text(crate::script::FLOW_TOKEN), |_| String::new());
    let answer = service.connect().await?.exchange(ENDPOINT, &message).await?;
    if answer.status != status {
        return Err(Failure::new(
            format!("what the edge answers with HTTP status {}", answer.status),
            format!("what the edge answers with HTTP status {status}"),
        ));
    }
    let body = Value::Object(answer.body.unwrap_or_default());
    match expect.mismatches(&body, variables).into_iter().next() {
        None => Ok(()),
        Some(Mismatch { pointer, expected, found }) => {
            Err(Failure::new(format!("{pointer}: {found}"), format!("{pointer}: {expected}")))
        }
    }
}

/// The service fails as it is told, with each code.
pub(super) async fn status_codes(service: &Service, with: &Value) -> Result<(), Failure> {
    let connection = service.connect().await?;
    for number in with["codes"].as_array().into_iter().flatten().filter_map(Value::as_i64) {
        let expected = Code::from(i32::try_from(number).unwrap_or_default());
        let answer =
            tell(&connection, json!({ "status": { "code": number, "reason": "CONFORMANCE" } }), DEADLINE).await;
        let came = match answer {
            Err(CallError::Status(status)) if status.code() == expected => continue,
            Ok(_) => "status OK".to_owned(),
            Err(error) => error.to_string(),
        };
        return Err(Failure::new(came, format!("status {}", name(expected))));
    }
    Ok(())
}

pub(super) async fn status_reason(service: &Service) -> Result<(), Failure> {
    let connection = service.connect().await?;
    let reason = "CONFORMANCE_REASON";
    let status = match tell(&connection, json!({ "status": { "code": 9, "reason": reason } }), DEADLINE).await {
        Err(CallError::Status(status)) => status,
        Ok(_) => return Err(Failure::came("status OK")),
        Err(error) => return Err(error.into()),
    };
    match status.get_details_error_info() {
        Some(info) if info.reason == reason && info.domain == DOMAIN => Ok(()),
        Some(info) => Err(Failure::came(format!("the reason {:?} of the domain {:?}", info.reason, info.domain))),
        None => Err(Failure::came("a status without a google.rpc.ErrorInfo among its details")),
    }
}

/// What the mode does not know is refused, and as the caller's fault.
pub(super) async fn unknown_command(service: &Service) -> Result<(), Failure> {
    let connection = service.connect().await?;
    match tell(&connection, json!({ "of_a_later_edition": {} }), DEADLINE).await {
        Err(CallError::Status(status)) if status.code() == Code::InvalidArgument => Ok(()),
        Ok(_) => Err(Failure::came("status OK")),
        Err(error) => Err(error.into()),
    }
}

/// An exception that nobody expected ends its call, says nothing of what was in it, and nothing else ends.
pub(super) async fn panic(service: &Service, canary: &str) -> Result<(), Failure> {
    let connection = service.connect().await?;
    match tell(&connection, json!({ "panic": canary }), DEADLINE).await {
        Err(CallError::Status(status)) if matches!(status.code(), Code::Internal | Code::Unknown) => {
            refuse_quotes(&status, canary)?;
        }
        Ok(_) => return Err(Failure::came("status OK")),
        Err(error) => return Err(Failure::came(error.to_string().replace(canary, "CANARY"))),
    }
    still_serves(&connection, service).await
}

pub(super) async fn sleep(service: &Service, with: &Value) -> Result<(), Failure> {
    let connection = service.connect().await?;
    let started = Instant::now();
    screen(tell(&connection, json!({ "sleep_ms": with["sleep_ms"] }), DEADLINE).await?.into_inner())?;
    let (took, told) = (started.elapsed(), milliseconds(&with["sleep_ms"]));
    if took < told {
        return Err(Failure::came(format!("an answer after {} ms", took.as_millis())));
    }
    Ok(())
}

/// Calls that wait do not wait for each other.
pub(super) async fn sleep_together(service: &Service, with: &Value) -> Result<(), Failure> {
    let connection = service.connect().await?;
    let (calls, told) = (with["calls"].as_u64().unwrap_or_default(), milliseconds(&with["sleep_ms"]));
    let started = Instant::now();
    let answers = (0..calls).map(|_| tell(&connection, json!({ "sleep_ms": with["sleep_ms"] }), DEADLINE));
    for answer in join_all(answers).await {
        screen(answer?.into_inner())?;
    }
    let (took, limit) = (started.elapsed(), told * u32::try_from(calls).unwrap_or(u32::MAX) / 2);
    if took < limit {
        return Ok(());
    }
    let limit = format!("all {calls} answers within {} ms", limit.as_millis());
    Err(Failure::new(format!("the last answer after {} ms", took.as_millis()), limit))
}

/// A call whose time is over ends by itself, and the handler hears of it.
pub(super) async fn deadline(service: &Service, with: &Value) -> Result<(), Failure> {
    let connection = service.connect().await?;
    let before = cancelled(&connection).await?;
    let deadline = milliseconds(&with["timeout_ms"]);
    let started = Instant::now();
    let command = json!({ "sleep_ms": LONG_SLEEP.as_millis() as u64 });
    match tell(&connection, command, deadline).await {
        Ok(_) => return Err(Failure::came("status OK")),
        Err(CallError::Slow) => return Err(Failure::came("no end of the call")),
        // Some libraries reset the call in place of a status: the caller knows what time it is.
        Err(CallError::Broken(_)) => {}
        Err(CallError::Status(status)) if matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) => {}
        Err(error) => return Err(error.into()),
    }
    let took = started.elapsed();
    if took > deadline + NOTICED {
        return Err(Failure::came(format!("an end after {} ms", took.as_millis())));
    }
    noticed(&connection, before).await
}

/// A call that nobody waits for any more is cancelled in the handler.
pub(super) async fn cancellation(service: &Service) -> Result<(), Failure> {
    let connection = service.connect().await?;
    let before = cancelled(&connection).await?;
    let call = tell(&connection, json!({ "sleep_ms": LONG_SLEEP.as_millis() as u64 }), DEADLINE);
    if tokio::time::timeout(UNDER_WAY, call).await.is_ok() {
        return Err(Failure::came("an answer of a call that should sleep"));
    }
    noticed(&connection, before).await
}

/// The handler sees what the edge says beside the message.
pub(super) async fn metadata(service: &Service) -> Result<(), Failure> {
    const TRACE_PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let connection = service.connect().await?;
    let mut request = request(json!({ "metadata": true }), DEADLINE);
    request.metadata_mut().insert("traceparent", tonic::metadata::MetadataValue::from_static(TRACE_PARENT));
    let request_id = request.get_ref().request_id.clone();
    let data = screen(connection.data_exchange(request).await?.into_inner())?;
    let seen = &data.get("metadata").cloned().unwrap_or_default();
    for (key, expected) in [("traceparent", TRACE_PARENT), ("x-request-id", &request_id)] {
        if seen[key] != expected {
            return Err(Failure::new(format!("{key}: {}", seen[key]), format!("{key}: \"{expected}\"")));
        }
    }
    let limit = DEADLINE.as_millis() as f64;
    match seen["remaining_ms"].as_f64() {
        Some(remaining) if remaining > limit / 2.0 && remaining <= limit => Ok(()),
        _ => Err(Failure::new(
            format!("remaining_ms: {}", seen["remaining_ms"]),
            format!("remaining_ms: up to {limit}, as grpc-timeout says"),
        )),
    }
}

/// How many sleeping calls were cancelled since the service began.
async fn cancelled(connection: &Connection) -> Result<f64, Failure> {
    let data = screen(tell(connection, json!({ "cancelled": true }), DEADLINE).await?.into_inner())?;
    data.get("cancelled").and_then(Value::as_f64).ok_or_else(|| Failure::new("no number", "cancelled: a number"))
}

async fn noticed(connection: &Connection, before: f64) -> Result<(), Failure> {
    let started = Instant::now();
    while started.elapsed() < NOTICED {
        if cancelled(connection).await? > before {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(Failure::came(format!("the handler still slept {} ms after the call had ended", NOTICED.as_millis())))
}

async fn tell(
    connection: &Connection,
    command: Value,
    deadline: Duration,
) -> Result<Response<v1::HandleDataExchangeResponse>, CallError> {
    connection.data_exchange(request(command, deadline)).await
}

fn request(command: Value, deadline: Duration) -> Request<v1::HandleDataExchangeRequest> {
    let request_id = fresh_request_id();
    let message = v1::HandleDataExchangeRequest {
        endpoint: ENDPOINT.to_owned(),
        request_id: request_id.clone(),
        version: "4.0".to_owned(),
        action: v1::Action::DataExchange.into(),
        screen: SCREEN.to_owned(),
        data: Some(to_struct(object(json!({ "conformance": command })))),
        flow_token: fresh_flow_token(),
        flow_token_verified: true,
    };
    with_metadata(message, &request_id, deadline)
}

/// The data of the mode's screen.
fn screen(answer: v1::HandleDataExchangeResponse) -> Result<crate::client::Object, Failure> {
    match answer.outcome {
        Some(Answered::NextScreen(next)) if next.screen == SCREEN => Ok(next.data.map(from_struct).unwrap_or_default()),
        Some(Answered::NextScreen(_)) => Err(Failure::new("next_screen with another screen", "the screen CONFORMANCE")),
        Some(_) => Err(Failure::new("another outcome", "next_screen with the screen CONFORMANCE")),
        None => Err(Failure::new("no outcome", "next_screen with the screen CONFORMANCE")),
    }
}

/// Where two values differ first, what is there in one, and what in the other.
fn difference(sent: &Value, back: Option<&Value>, place: &str) -> Option<(String, String, String)> {
    match (sent, back) {
        (Value::Object(sent), Some(Value::Object(back))) => {
            let lost = sent.iter().find_map(|(key, value)| difference(value, back.get(key), &format!("{place}/{key}")));
            let added = || back.iter().find(|(key, _)| !sent.contains_key(*key));
            lost.or_else(|| added().map(|(key, value)| (format!("{place}/{key}"), "nothing".to_owned(), show(value))))
        }
        (Value::Array(sent), Some(Value::Array(back))) if sent.len() == back.len() => {
            let mut pairs = sent.iter().zip(back).enumerate();
            pairs.find_map(|(index, (sent, back))| difference(sent, Some(back), &format!("{place}/{index}")))
        }
        (Value::Number(sent), Some(Value::Number(back))) if sent.as_f64() == back.as_f64() => None,
        (sent, Some(back)) if sent == back => None,
        (sent, back) => Some((place.to_owned(), show(sent), back.map_or("nothing".to_owned(), show))),
    }
}

/// With escapes, so that characters that look alike are told apart.
fn show(value: &Value) -> String {
    const LONGEST: usize = 120;
    let text = value.to_string();
    let mut shown = String::new();
    for letter in text.chars().take(LONGEST) {
        if letter.is_ascii() { shown.push(letter) } else { shown.extend(letter.escape_unicode()) }
    }
    if text.chars().count() > LONGEST { shown + "…" } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(sent: Value, back: Value) -> Option<String> {
        difference(&sent, Some(&back), "").map(|(place, expected, came)| format!("{place}: {expected}, {came}"))
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_nothing_else_is() {
        assert_eq!(compare(json!({"a": 7, "b": [1.5]}), json!({"b": [1.5], "a": 7.0})), None);
        assert_eq!(compare(json!({"a": 7}), json!({"a": "7"})).unwrap(), r#"/a: 7, "7""#);
        assert_eq!(compare(json!({"a": true}), json!({"a": 1})).unwrap(), "/a: true, 1");
    }

    #[test]
    fn what_is_lost_or_added_is_named_with_its_place() {
        assert_eq!(compare(json!({"a": {"b": null}}), json!({"a": {}})).unwrap(), "/a/b: null, nothing");
        assert_eq!(compare(json!({"a": {}}), json!({"a": {"b": null}})).unwrap(), "/a/b: nothing, null");
        assert_eq!(compare(json!([1, null]), json!([1])).unwrap(), ": [1,null], [1]");
        assert_eq!(compare(json!(["ä"]), json!(["a\u{308}"])).unwrap(), r#"/0: "\u{e4}", "a\u{308}""#);
    }
}
