//! The conformance mode of `proto/CONFORMANCE.md`: as `flowctl conformance` says, the service answers, fails and sleeps.
//!
//! For tests alone: whoever can reach the service can make it do so. It refuses to know the logic.

use flow_proto::json::{from_struct, to_struct};
use flow_proto::v1::handle_data_exchange_response::Outcome;
use flow_proto::v1::{Completion, HandleDataExchangeRequest, HandleDataExchangeResponse, InvalidFlowToken, NextScreen};
use prost_types::value::Kind;
use serde_json::{Map, Value, json};
use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tracing::warn;

/// Environment variable that switches the mode on, where it is `1`.
const VARIABLE: &str = "FLOW_CONFORMANCE_MODE";

const SCREEN: &str = "CONFORMANCE";

/// The mode, and what it counts.
#[derive(Debug, Default)]
pub(crate) struct Mode {
    /// Calls that slept and were cancelled.
    cancelled: AtomicU64,
}

/// One thing to do.
pub(crate) struct Command {
    name: String,
    told: Value,
    /// What the call came with.
    seen: Value,
}

/// Counts a call that sleeps, unless it wakes.
struct Sleeping<'a>(Option<&'a AtomicU64>);

impl Mode {
    /// `None` where the variable does not switch it on.
    pub(crate) fn from_environment() -> Option<Self> {
        (env::var_os(VARIABLE)? == "1").then(|| {
            warn!("{VARIABLE} is 1: whoever reaches this service can make it fail and sleep");
            Self::default()
        })
    }

    /// What the request says is to be done; `None` where it is the logic's own.
    pub(crate) fn command(
        request: &HandleDataExchangeRequest,
        metadata: &MetadataMap,
        deadline: Option<Instant>,
    ) -> Option<Command> {
        let command = request.data.as_ref().filter(|_| request.endpoint == "conformance")?.fields.get("conformance")?;
        let Some(Kind::StructValue(command)) = &command.kind else { return None };
        let (name, told) = from_struct(command.clone()).into_iter().next().filter(|_| command.fields.len() == 1)?;
        let text = |name: &str| metadata.get(name).and_then(|value| value.to_str().ok());
        let remaining = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()).as_millis());
        let seen = json!({
            "traceparent": text("traceparent"),
            "x-request-id": text("x-request-id"),
            "remaining_ms": remaining.map(|time| u64::try_from(time).unwrap_or(u64::MAX)),
        });
        Some(Command { name, told, seen })
    }

    pub(crate) async fn obey(&self, command: Command) -> Result<HandleDataExchangeResponse, Status> {
        let Command { name, told, seen } = command;
        let text = || told.as_str().unwrap_or_default().to_owned();
        let data = match name.as_str() {
            "echo" => told,
            "cancelled" => self.cancelled.load(Ordering::Relaxed).into(),
            "metadata" => seen,
            "sleep_ms" => {
                let mut sleeping = Sleeping(Some(&self.cancelled));
                tokio::time::sleep(Duration::from_millis(told.as_u64().unwrap_or_default())).await;
                sleeping.0 = None;
                told
            }
            "complete" => {
                let params = told.as_object().cloned().map(to_struct);
                return answer(Outcome::Completion(Completion { params }));
            }
            "invalid_flow_token" => {
                return answer(Outcome::InvalidFlowToken(InvalidFlowToken { error_message: text() }));
            }
            "error_message" => {
                let screen = SCREEN.to_owned();
                return answer(Outcome::NextScreen(NextScreen { screen, data: None, error_message: text() }));
            }
            "status" => {
                let code =
                    told["code"].as_i64().and_then(|code| i32::try_from(code).ok()).map_or(Code::Unknown, Code::from);
                let reason = told["reason"].as_str().unwrap_or_default();
                let details = ErrorDetails::with_error_info(reason, "flow.v1", []);
                return Err(Status::with_error_details(code, "as told", details));
            }
            "panic" => panic!("{}", text()),
            _ => return Err(Status::invalid_argument("an unknown command")),
        };
        let data = Some(to_struct(Map::from_iter([(name, data)])));
        answer(Outcome::NextScreen(NextScreen { screen: SCREEN.to_owned(), data, error_message: String::new() }))
    }
}

fn answer(outcome: Outcome) -> Result<HandleDataExchangeResponse, Status> {
    Ok(HandleDataExchangeResponse { outcome: Some(outcome) })
}

impl Drop for Sleeping<'_> {
    fn drop(&mut self) {
        if let Some(cancelled) = self.0 {
            cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }
}
