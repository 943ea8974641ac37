//! Between the contract and a [`FlowLogic`]: converts, keeps a call's name on every log line that it writes, and lets a panic
//! end no more than its call.

use crate::conformance::Mode;
use crate::error::Error;
use crate::logic::{FlowLogic, MAX_LOGGED};
use crate::request::DataExchange;
use crate::trace::{ended, span};
use flow_proto::v1::flow_service_server::{FlowService, FlowServiceServer};
use flow_proto::v1::{self, HandleDataExchangeRequest, HandleDataExchangeResponse};
use flow_telemetry::Shortened;
use futures_util::FutureExt;
use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};
use tracing::{Instrument, Span, error, warn};

/// The logic as a tonic service, for a server of your own: with layers, or other services beside it. Everyone else calls
/// [`serve`](crate::serve), which adds health and reflection.
pub fn service<L: FlowLogic>(logic: L) -> FlowServiceServer<impl FlowService> {
    FlowServiceServer::new(Service { logic, conformance: Mode::from_environment() })
}

/// One data exchange from message to message, as the service and the tests both do it.
pub(crate) async fn exchange<L: FlowLogic>(
    logic: &L,
    request: HandleDataExchangeRequest,
    deadline: Option<Instant>,
) -> Result<HandleDataExchangeResponse, Error> {
    let mut request = DataExchange::try_from(request)?;
    request.deadline = deadline;
    let reply = logic.data_exchange(request).await?;
    Ok(HandleDataExchangeResponse { outcome: Some(reply.into_outcome()?) })
}

struct Service<L> {
    logic: L,
    conformance: Option<Mode>,
}

#[tonic::async_trait]
impl<L: FlowLogic> FlowService for Service<L> {
    async fn handle_data_exchange(
        &self,
        request: Request<HandleDataExchangeRequest>,
    ) -> Result<Response<HandleDataExchangeResponse>, Status> {
        let deadline = timeout(request.metadata()).and_then(|timeout| Instant::now().checked_add(timeout));
        let (metadata, _, request) = request.into_parts();
        let span = span("flow.v1.FlowService/HandleDataExchange", &metadata, &request.endpoint, &request.request_id);
        if let Some(mode) = &self.conformance
            && let Some(command) = Mode::command(&request, &metadata, deadline)
        {
            return answer(mode.obey(command), span).await;
        }
        answer(exchange(&self.logic, request, deadline), span).await
    }

    async fn handle_error(
        &self,
        request: Request<v1::HandleErrorRequest>,
    ) -> Result<Response<v1::HandleErrorResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let span = span("flow.v1.FlowService/HandleError", &metadata, &request.endpoint, &request.request_id);
        let acknowledged = async {
            self.logic.error(request.into()).await?;
            Ok::<_, Error>(v1::HandleErrorResponse {})
        };
        answer(acknowledged, span).await
    }

    async fn ping(&self, request: Request<v1::PingRequest>) -> Result<Response<v1::PingResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let span = span("flow.v1.FlowService/Ping", &metadata, &request.endpoint, &request.request_id);
        let active = async {
            self.logic.ping(request.into()).await?;
            Ok::<_, Error>(v1::PingResponse {})
        };
        answer(active, span).await
    }
}

async fn answer<T, E>(outcome: impl Future<Output = Result<T, E>>, span: Span) -> Result<Response<T>, Status>
where
    E: Display + Into<Status>,
{
    let answer = async {
        // Unwind safe as a panic in a task or thread is: the call's own state goes with it, and what the logic shares between
        // calls is behind locks that tell of a panic, or must bear one anyway.
        match AssertUnwindSafe(outcome).catch_unwind().await {
            Ok(Ok(response)) => Ok(Response::new(response)),
            Ok(Err(error)) => {
                // It may quote what a client wrote.
                let text = error.to_string();
                warn!(error = %Shortened(&text, MAX_LOGGED), "the call failed");
                Err(error.into())
            }
            Err(_) => {
                error!("the logic panicked");
                Err(Error::panic().into())
            }
        }
    };
    let answer = answer.instrument(span.clone()).await;
    ended(&span, &answer);
    answer
}

/// `grpc-timeout` as the gRPC specification writes it: at most eight digits and a unit. tonic reads and enforces it, but keeps
/// it to itself; like tonic, this takes one that cannot be read for none.
fn timeout(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 60 * 60)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Duration> {
        let mut metadata = MetadataMap::new();
        metadata.insert("grpc-timeout", text.parse().unwrap());
        timeout(&metadata)
    }

    #[test]
    fn a_timeout_has_at_most_eight_digits_and_one_of_six_units() {
        assert_eq!(read("3H"), Some(Duration::from_secs(10_800)));
        assert_eq!(read("2M"), Some(Duration::from_secs(120)));
        assert_eq!(read("7S"), Some(Duration::from_secs(7)));
        assert_eq!(read("82m"), Some(Duration::from_millis(82)));
        assert_eq!(read("99999999u"), Some(Duration::from_micros(99_999_999)));
        assert_eq!(read("0n"), Some(Duration::ZERO));
        assert_eq!(timeout(&MetadataMap::new()), None);
        for bad in ["", "S", "7", "7s", "+7S", "-7S", "7 S", "1.5S", "123456789S", "7SS"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
