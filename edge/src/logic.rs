//! The FlowService behind an endpoint, called over gRPC.
//!
//! Each call is made once: whatever its outcome, logic may have acted on it. The text of a gRPC status never leaves this
//! module, since logic may quote a payload in it.

use std::future::Future;
use std::time::Duration;

use flow_proto::v1;
use flow_proto::v1::flow_service_client::FlowServiceClient;
use tokio::time::{Instant, timeout_at};
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const HEALTH_TIMEOUT: Duration = Duration::from_secs(1);

/// Which call: its identifier, and the end of its time.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) request_id: String,
    pub(crate) deadline: Instant,
}

/// A connection to a logic service, made when it is first needed and again when it was lost.
#[derive(Debug, Clone)]
pub(crate) struct Logic {
    channel: Channel,
}

impl Logic {
    /// `url` as the configuration checked it.
    pub(crate) fn new(url: &str) -> Result<Self, tonic::transport::Error> {
        let channel =
            Endpoint::from_shared(url.to_owned())?.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true).connect_lazy();
        Ok(Self { channel })
    }

    pub(crate) async fn data_exchange(
        &self,
        message: v1::HandleDataExchangeRequest,
        call: &Call,
    ) -> Result<v1::HandleDataExchangeResponse, Error> {
        within(call, message, |request| async move { self.client().handle_data_exchange(request).await }).await
    }

    pub(crate) async fn error(&self, message: v1::HandleErrorRequest, call: &Call) -> Result<(), Error> {
        within(call, message, |request| async move { self.client().handle_error(request).await }).await.map(|_| ())
    }

    pub(crate) async fn ping(&self, message: v1::PingRequest, call: &Call) -> Result<(), Error> {
        within(call, message, |request| async move { self.client().ping(request).await }).await.map(|_| ())
    }

    /// Whether logic is there: it says that it is serving, or answers at all where it has no health service.
    pub(crate) async fn is_reachable(&self) -> bool {
        let mut health = HealthClient::new(self.channel.clone());
        let check = health.check(HealthCheckRequest { service: String::new() });
        match tokio::time::timeout(HEALTH_TIMEOUT, check).await {
            Ok(Ok(answer)) => answer.into_inner().status() == ServingStatus::Serving,
            Ok(Err(status)) => matches!(status.code(), Code::Unimplemented | Code::NotFound),
            Err(_) => false,
        }
    }

    fn client(&self) -> FlowServiceClient<Channel> {
        FlowServiceClient::new(self.channel.clone())
    }
}

/// Why logic gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("logic did not answer before the deadline")]
    DeadlineExceeded,
    #[error("logic cannot be reached, or says UNAVAILABLE")]
    Unavailable,
    #[error("logic says RESOURCE_EXHAUSTED")]
    ResourceExhausted,
    #[error("logic failed with {0:?}")]
    Failed(Code),
}

/// Makes one call that ends at the deadline on either side: logic is told by `grpc-timeout`, and is not waited for longer.
async fn within<M, A, F>(call: &Call, message: M, send: impl FnOnce(Request<M>) -> F) -> Result<A, Error>
where
    F: Future<Output = Result<Response<A>, Status>>,
{
    let mut request = Request::new(message);
    request.set_timeout(call.deadline.saturating_duration_since(Instant::now()));
    if let Ok(request_id) = AsciiMetadataValue::try_from(call.request_id.as_str()) {
        request.metadata_mut().insert("x-request-id", request_id);
    }
    match timeout_at(call.deadline, send(request)).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        // The channel keeps `grpc-timeout` as well and then says CANCELLED.
        Ok(Err(status)) if status.code() == Code::Cancelled && Instant::now() >= call.deadline => {
            Err(Error::DeadlineExceeded)
        }
        Ok(Err(status)) => Err(match status.code() {
            Code::DeadlineExceeded => Error::DeadlineExceeded,
            Code::Unavailable => Error::Unavailable,
            Code::ResourceExhausted => Error::ResourceExhausted,
            other => Error::Failed(other),
        }),
        Err(_) => Err(Error::DeadlineExceeded),
    }
}
