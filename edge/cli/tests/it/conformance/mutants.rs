//! Services that each do one thing wrong, and the case that is meant for it.

use std::time::Duration;

use flow_proto::json::from_struct;
use flow_proto::v1::{Action, HandleDataExchangeRequest, HandleErrorRequest};
use prost::bytes::Bytes;
use serde_json::{Map, Value, json};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

/// What a service does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutation {
    None,
    NoMode,
    NoReflection,
    NoHealth,
    HealthNotServing,
    ReflectionWithoutFlow,
    PingFails,
    UnknownMethodIsInternal,
    RefusesConcurrentCalls,
    RefusesUnknownFields,
    HandleErrorFails,
    KnownErrorKeysOnly,
    ResetsWithoutData,
    ResetsOnEmptyData,
    ResetsWithoutToken,
    ResetsOnDeepData,
    CutsLargeMessages,
    CutsMalformed,
    QuotesData,
    QuotesDataInDetails,
    QuotesTokenInTrailer,
    QuotesErrorMessage,
    SlowToOpen,
    NeverOpens,
    SlowWithoutDeadline,
    DiesOfCancelledCalls,
    EmptyObjectIsNull,
    DropsNull,
    BooleansAsNumbers,
    IntegersAsText,
    SinglePrecision,
    Integers32,
    Latin1,
    BasicPlaneOnly,
    TrimsText,
    GuessesKinds,
    SortsLists,
    CutsDepth,
    CamelCaseKeys,
    CutsLongText,
    LosesParams,
    EmptyTokenInParams,
    LosesTokenText,
    TokenTextOfItsOwn,
    LosesErrorMessage,
    AlwaysInternal,
    NoReason,
    AnswersUnknownCommands,
    QuotesPanic,
    PanicIsUnavailable,
    DoesNotSleep,
    OneAtATime,
    IgnoresDeadline,
    NoticesNothing,
    LosesTraceparent,
    LosesRequestId,
    LosesDeadline,
}

use Mutation::*;

/// Each wrong service, and the case that must fail for it.
pub(super) const TABLE: &[(Mutation, &str)] = &[
    (NoHealth, "health"),
    (HealthNotServing, "health"),
    (ReflectionWithoutFlow, "reflection"),
    (PingFails, "ping"),
    (UnknownMethodIsInternal, "unknown-method"),
    (UnknownMethodIsInternal, "unknown-service"),
    (RefusesConcurrentCalls, "concurrent-calls"),
    (RefusesUnknownFields, "unknown-fields"),
    (HandleErrorFails, "handle-error-known"),
    (KnownErrorKeysOnly, "handle-error-unknown"),
    (ResetsWithoutData, "no-data"),
    (ResetsOnEmptyData, "empty-data"),
    (ResetsWithoutToken, "no-flow-token"),
    (ResetsOnDeepData, "deep-data"),
    (CutsLargeMessages, "large-data"),
    (CutsMalformed, "malformed-message"),
    (QuotesData, "data-not-quoted"),
    (QuotesDataInDetails, "data-not-quoted"),
    (QuotesTokenInTrailer, "token-not-quoted"),
    (QuotesErrorMessage, "error-not-quoted"),
    (SlowToOpen, "within-a-second"),
    (SlowWithoutDeadline, "short-deadline"),
    (DiesOfCancelledCalls, "after-cancelled-calls"),
    (EmptyObjectIsNull, "empty-object"),
    (DropsNull, "null-values"),
    (BooleansAsNumbers, "booleans"),
    (IntegersAsText, "numbers"),
    (SinglePrecision, "numbers"),
    (Integers32, "large-integers"),
    (Latin1, "text"),
    (BasicPlaneOnly, "astral-text"),
    (TrimsText, "control-characters"),
    (GuessesKinds, "text-like-other-kinds"),
    (SortsLists, "lists"),
    (CutsDepth, "nested-objects"),
    (CamelCaseKeys, "keys"),
    (CutsLongText, "large-echo"),
    (LosesParams, "completion"),
    (EmptyTokenInParams, "completion-without-params"),
    (LosesTokenText, "invalid-flow-token"),
    (TokenTextOfItsOwn, "invalid-flow-token-without-text"),
    (LosesErrorMessage, "error-message"),
    (AlwaysInternal, "status-codes"),
    (NoReason, "status-reason"),
    (AnswersUnknownCommands, "unknown-command"),
    (QuotesPanic, "unhandled-exception"),
    (PanicIsUnavailable, "unhandled-exception"),
    (DoesNotSleep, "sleep"),
    (OneAtATime, "sleep-together"),
    (IgnoresDeadline, "deadline-exceeded"),
    (NoticesNothing, "deadline-exceeded"),
    (NoticesNothing, "cancellation-noticed"),
    (LosesTraceparent, "metadata-seen"),
    (LosesRequestId, "metadata-seen"),
    (LosesDeadline, "metadata-seen"),
];

impl Mutation {
    /// What happens before the mode or the flow comes in. A panic here resets the call, as a crash does.
    pub(super) async fn before(self, request: &HandleDataExchangeRequest) -> Result<(), Status> {
        let data = request.data.clone().map(from_struct);
        let text = || Value::Object(data.clone().unwrap_or_default()).to_string();
        let depth = || text().matches('{').count();
        match self {
            ResetsWithoutData if data.is_none() => panic!("no data"),
            ResetsOnEmptyData if data.as_ref().is_some_and(Map::is_empty) => panic!("empty data"),
            ResetsWithoutToken if request.flow_token.is_empty() => panic!("no token"),
            ResetsOnDeepData if depth() > 20 => panic!("too deep"),
            QuotesData if text().contains("canary") => Err(Status::invalid_argument(format!("bad data: {}", text()))),
            QuotesDataInDetails if text().contains("canary") => {
                Err(Status::with_details(Code::InvalidArgument, "bad data", Bytes::from(text())))
            }
            QuotesTokenInTrailer if request.flow_token.starts_with("canary") => {
                let mut metadata = MetadataMap::new();
                metadata.insert("x-token", request.flow_token.parse().unwrap());
                Err(Status::with_metadata(Code::NotFound, "no such token", metadata))
            }
            SlowToOpen if request.action() == Action::Init => {
                tokio::time::sleep(Duration::from_millis(1050)).await;
                Ok(())
            }
            NeverOpens if request.action() == Action::Init => std::future::pending().await,
            SlowWithoutDeadline if request.action() == Action::Init => {
                tokio::time::sleep(Duration::from_millis(1100)).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn of_error(self, request: &HandleErrorRequest) -> Result<(), Status> {
        match self {
            HandleErrorFails => Err(Status::internal("what now?")),
            KnownErrorKeysOnly if request.error.contains("unknown") => Err(Status::invalid_argument("unknown key")),
            QuotesErrorMessage if request.error_message.contains("canary") => {
                Err(Status::internal(request.error_message.clone()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn of_echo(self, value: Value) -> Value {
        match (self, value) {
            (EmptyObjectIsNull, Value::Object(fields)) if fields.is_empty() => Value::Null,
            (CutsDepth, value) => cut(value, 5),
            (_, value) => self.each(value),
        }
    }

    /// Does its wrong to every value inside a value.
    fn each(self, value: Value) -> Value {
        match value {
            Value::Object(fields) => {
                let kept = fields.into_iter().filter(|(_, value)| !(self == DropsNull && value.is_null()));
                Value::Object(kept.map(|(key, value)| (self.key(key), self.each(value))).collect())
            }
            Value::Array(mut values) => {
                if self == SortsLists {
                    values.sort_by_key(Value::to_string);
                }
                values.into_iter().map(|value| self.each(value)).collect()
            }
            Value::Bool(flag) if self == BooleansAsNumbers => u8::from(flag).into(),
            Value::Number(number) => match self {
                IntegersAsText if number.is_i64() => number.to_string().into(),
                SinglePrecision => f64::from(number.as_f64().unwrap() as f32).into(),
                Integers32 if number.is_i64() => (number.as_i64().unwrap() as i32).into(),
                _ => number.into(),
            },
            Value::String(text) => self.text(text),
            other => other,
        }
    }

    fn text(self, text: String) -> Value {
        match self {
            Latin1 => text.bytes().map(char::from).collect::<String>().into(),
            BasicPlaneOnly => text.replace(|letter| letter > '\u{ffff}', "\u{fffd}").into(),
            TrimsText => text.trim().into(),
            GuessesKinds => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            CutsLongText => text.chars().take(1000).collect::<String>().into(),
            _ => text.into(),
        }
    }

    fn key(self, key: String) -> String {
        match (self, key.split_once('_')) {
            (CamelCaseKeys, Some((head, tail))) => format!("{head}{}{}", tail[..1].to_uppercase(), &tail[1..]),
            _ => key,
        }
    }

    pub(super) fn of_params(self, mut params: Map<String, Value>) -> Map<String, Value> {
        match self {
            LosesParams => return Map::new(),
            EmptyTokenInParams => drop(params.insert("flow_token".to_owned(), "".into())),
            _ => {}
        }
        params
    }

    pub(super) fn of_token_text(self, text: String) -> String {
        match self {
            LosesTokenText => String::new(),
            TokenTextOfItsOwn if text.is_empty() => "This cannot be used any more.".to_owned(),
            _ => text,
        }
    }

    pub(super) fn of_error_message(self, text: String) -> String {
        if self == LosesErrorMessage { String::new() } else { text }
    }

    pub(super) fn of_code(self, code: Code) -> Code {
        if self == AlwaysInternal { Code::Internal } else { code }
    }

    pub(super) fn of_panic(self, text: &str) -> Status {
        match self {
            QuotesPanic => Status::internal(format!("panicked: {text}")),
            PanicIsUnavailable => Status::unavailable("something panicked"),
            _ => Status::internal("something panicked"),
        }
    }

    pub(super) fn of_metadata(self, mut seen: Value) -> Value {
        let lost = match self {
            LosesTraceparent => "traceparent",
            LosesRequestId => "x-request-id",
            LosesDeadline => "remaining_ms",
            _ => return seen,
        };
        seen[lost] = Value::Null;
        seen
    }
}

/// Replaces what is deeper than so many levels.
fn cut(value: Value, levels: usize) -> Value {
    match value {
        Value::Object(_) if levels == 0 => json!({}),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, cut(value, levels - 1))).collect(),
        other => other,
    }
}
