"""The conformance mode of `proto/CONFORMANCE.md`: as `flowctl conformance` says, the service answers, fails and sleeps.

For tests alone: whoever can reach the service can make it do so. It refuses to know the flow.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value
from grpc import StatusCode
from grpc.aio import ServicerContext

from appointment.errors import InvalidRequestError, LogicError
from appointment.service import FlowService, answer
from flow.v1.flow_service_pb2 import (
    Completion,
    HandleDataExchangeRequest,
    HandleDataExchangeResponse,
    InvalidFlowToken,
    NextScreen,
)

SCREEN = "CONFORMANCE"

_Context = ServicerContext[Any, Any]


class ToldError(LogicError):
    """The failure that a command asks for."""

    def __init__(self, status: Mapping[str, Value]) -> None:
        super().__init__("as told")
        self.code = next(code for code in StatusCode if code.value[0] == status["code"].number_value)
        self.reason = status["reason"].string_value


class ConformanceMode(FlowService):
    """The flow, but for requests that hold a command."""

    _cancelled = 0

    async def HandleDataExchange(
        self, request: HandleDataExchangeRequest, context: _Context
    ) -> HandleDataExchangeResponse:
        command = request.data.fields.get("conformance", Value()).struct_value.fields
        if request.endpoint != "conformance" or len(command) != 1:
            return await super().HandleDataExchange(request, context)
        [(name, told)] = command.items()
        return await answer(request, context, self._obey(name, told, context))

    async def _obey(self, name: str, told: Value, context: _Context) -> HandleDataExchangeResponse:
        match name:
            case "echo":
                value = told
            case "complete":
                return HandleDataExchangeResponse(completion=Completion(params=told.struct_value))
            case "invalid_flow_token":
                refusal = InvalidFlowToken(error_message=told.string_value)
                return HandleDataExchangeResponse(invalid_flow_token=refusal)
            case "error_message":
                mend = NextScreen(screen=SCREEN, error_message=told.string_value)
                return HandleDataExchangeResponse(next_screen=mend)
            case "status":
                raise ToldError(told.struct_value.fields)
            case "panic":
                raise RuntimeError(told.string_value)
            case "sleep_ms":
                try:
                    await asyncio.sleep(told.number_value / 1000)
                except asyncio.CancelledError:
                    self._cancelled += 1
                    raise
                value = told
            case "cancelled":
                value = Value(number_value=self._cancelled)
            case "metadata":
                value = Value(struct_value=_metadata(context))
            case _:
                raise InvalidRequestError("an unknown command")
        return HandleDataExchangeResponse(next_screen=NextScreen(screen=SCREEN, data=Struct(fields={name: value})))


def _metadata(context: _Context) -> Struct:
    came = dict(context.invocation_metadata() or ())
    remaining = context.time_remaining()
    seen = Struct()
    seen.update({name: came.get(name) for name in ("traceparent", "x-request-id")})
    seen["remaining_ms"] = None if remaining is None else remaining * 1000
    return seen
