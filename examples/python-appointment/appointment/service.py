"""Between the contract and the flow: an exception becomes a status, and each log line has the call's name."""

import logging
from collections.abc import Awaitable
from typing import Any, NoReturn, Protocol, TypeVar

from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc.aio import ServicerContext
from grpc_status import rpc_status

from appointment.errors import LogicError, UnexpectedError
from appointment.flow import Appointments
from appointment.telemetry import current_request_id
from flow.v1.flow_service_pb2 import (
    HandleDataExchangeRequest,
    HandleDataExchangeResponse,
    HandleErrorRequest,
    HandleErrorResponse,
    PingRequest,
    PingResponse,
)
from flow.v1.flow_service_pb2_grpc import FlowServiceServicer

# Where the reasons have their meaning: the package of the contract.
DOMAIN = "flow.v1"

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Request(Protocol):
    """What every request of the contract has."""

    @property
    def request_id(self) -> str: ...


class FlowService(FlowServiceServicer):
    """The flow as a gRPC service."""

    def __init__(self, flow: Appointments) -> None:
        self._flow = flow

    async def HandleDataExchange(
        self, request: HandleDataExchangeRequest, context: ServicerContext[Any, Any]
    ) -> HandleDataExchangeResponse:
        return await answer(request, context, self._flow.data_exchange(request))

    async def HandleError(self, request: HandleErrorRequest, context: ServicerContext[Any, Any]) -> HandleErrorResponse:
        return await answer(request, context, _note(request))

    async def Ping(self, request: PingRequest, context: ServicerContext[Any, Any]) -> PingResponse:
        await answer(request, context, self._flow.ping())
        return PingResponse()


async def _note(request: HandleErrorRequest) -> HandleErrorResponse:
    # Its error_message may quote the answer, so it is left out.
    facts = {"endpoint": request.endpoint, "screen": request.screen, "error": request.error}
    _log.warning("the client refused an answer", extra=facts)
    return HandleErrorResponse()


async def answer(request: Request, context: ServicerContext[Any, Any], outcome: Awaitable[T]) -> T:
    current_request_id.set(request.request_id)
    failure: LogicError
    try:
        return await outcome
    except LogicError as error:
        failure = error
        _log.warning("the call failed", extra={"error": str(error)})
    except Exception:
        failure = UnexpectedError("the logic raised an exception")
        _log.exception("the logic raised an exception")
    # Out here the exception is forgotten: inside, a span would record it as the context of the abort, with its text.
    await _abort(context, failure)


async def _abort(context: ServicerContext[Any, Any], failure: LogicError) -> NoReturn:
    details = AnyMessage()
    details.Pack(ErrorInfo(reason=failure.reason, domain=DOMAIN))
    code: int = failure.code.value[0]
    status = rpc_status.to_status(Status(code=code, message=str(failure), details=[details]))
    await context.abort(status.code, status.details, status.trailing_metadata)
