//! Between the contract and a [`FlowLogic`]: converts, keeps a call's name on every log line that it writes, and lets a panic
//! end no more than its call.

use crate::{DataExchange, Error, FlowLogic};
use flow_proto::v1::flow_service_server::{FlowService, FlowServiceServer};
use flow_proto::v1::{self, HandleDataExchangeRequest, HandleDataExchangeResponse};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use tonic::{Request, Response, Status};
use tracing::{Instrument, error, info_span, warn};

/// The logic as a tonic service, for a server of your own: with TLS, layers, or other services beside it. Everyone else calls
/// [`serve`](crate::serve), which adds health and reflection.
pub fn service<L: FlowLogic>(logic: L) -> FlowServiceServer<impl FlowService> {
    FlowServiceServer::new(Service { logic })
}

/// One data exchange from message to message, as the service and the tests both do it.
pub(crate) async fn exchange<L: FlowLogic>(
    logic: &L,
    request: HandleDataExchangeRequest,
) -> Result<HandleDataExchangeResponse, Error> {
    let reply = logic.data_exchange(DataExchange::try_from(request)?).await?;
    Ok(HandleDataExchangeResponse { outcome: Some(reply.into_outcome()?) })
}

struct Service<L> {
    logic: L,
}

#[tonic::async_trait]
impl<L: FlowLogic> FlowService for Service<L> {
    async fn handle_data_exchange(
        &self,
        request: Request<HandleDataExchangeRequest>,
    ) -> Result<Response<HandleDataExchangeResponse>, Status> {
        let request = request.into_inner();
        let span = info_span!("data_exchange", endpoint = request.endpoint, request_id = request.request_id);
        answer(exchange(&self.logic, request)).instrument(span).await
    }

    async fn handle_error(
        &self,
        request: Request<v1::HandleErrorRequest>,
    ) -> Result<Response<v1::HandleErrorResponse>, Status> {
        let request = request.into_inner();
        let span = info_span!("error", endpoint = request.endpoint, request_id = request.request_id);
        let acknowledged = async {
            self.logic.error(request.into()).await?;
            Ok(v1::HandleErrorResponse {})
        };
        answer(acknowledged).instrument(span).await
    }

    async fn ping(&self, request: Request<v1::PingRequest>) -> Result<Response<v1::PingResponse>, Status> {
        let request = request.into_inner();
        let span = info_span!("ping", endpoint = request.endpoint, request_id = request.request_id);
        let active = async {
            self.logic.ping(request.into()).await?;
            Ok(v1::PingResponse {})
        };
        answer(active).instrument(span).await
    }
}

async fn answer<T>(outcome: impl Future<Output = Result<T, Error>>) -> Result<Response<T>, Status> {
    // Unwind safe as a panic in a task or thread is: the call's own state goes with it, and what the logic shares between
    // calls is behind locks that tell of a panic, or must bear one anyway.
    match AssertUnwindSafe(outcome).catch_unwind().await {
        Ok(Ok(response)) => Ok(Response::new(response)),
        Ok(Err(error)) => {
            warn!(%error, "the call failed");
            Err(error.into())
        }
        Err(_) => {
            error!("the logic panicked");
            Err(Error::panic().into())
        }
    }
}
