"""The service as the edge meets it: over gRPC, in this process."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from grpc_status.rpc_status import aio as rpc_status
from opentelemetry.instrumentation.grpc import aio_server_interceptor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from appointment.bookings import Bookings, BookingsUnavailableError, Memory
from appointment.errors import StartError
from appointment.server import Server
from appointment.telemetry import LineFormatter
from flow.v1.flow_service_pb2 import (
    ACTION_DATA_EXCHANGE,
    ACTION_INIT,
    HandleDataExchangeRequest,
    HandleErrorRequest,
    PingRequest,
)
from flow.v1.flow_service_pb2_grpc import FlowServiceStub
from tests.conversation import User, struct, with_details

ANY_PORT = "127.0.0.1:0"
INIT = HandleDataExchangeRequest(action=ACTION_INIT, flow_token="token")  # noqa: S106


class Scripted(Memory):
    """Bookings that fail, or wait, when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: Exception | None = None
        self.called = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.release = asyncio.Event()
        self.release.set()

    async def find(self, flow_token: str) -> str | None:
        if self.failure:
            raise self.failure
        self.called.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return await super().find(flow_token)


@asynccontextmanager
async def served(
    bookings: Bookings, interceptors: Sequence[grpc.aio.ServerInterceptor] = ()
) -> AsyncIterator[tuple[Server, grpc.aio.Channel]]:
    server = Server(bookings, ANY_PORT, interceptors)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(server.address) as channel:
            yield server, channel
    finally:
        await server.stop()


async def test_a_conversation_over_grpc() -> None:
    async with served(Memory()) as (_, channel):
        user = User(FlowServiceStub(channel).HandleDataExchange, "token")
        assert (await user.init()).screen == "APPOINTMENT"
        form = with_details(await user.choose(), "Ada")
        reference = (await user.submit("SUMMARY", form)).params["reference"]
        assert reference in (await user.init()).error_message
        await FlowServiceStub(channel).Ping(PingRequest())


# The types of these two packages do not know of asyncio.
health_stub: Any = HealthStub
reflection_stub: Any = ServerReflectionStub


async def test_health_serves_the_server_and_the_service_by_name() -> None:
    async with served(Memory()) as (_, channel):
        health = health_stub(channel)
        for service in ["", "flow.v1.FlowService"]:
            answer = await health.Check(HealthCheckRequest(service=service))
            assert answer.status == HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await health.Check(HealthCheckRequest(service="flow.v1.Other"))
        assert raised.value.code() == grpc.StatusCode.NOT_FOUND


async def test_reflection_lists_the_services_and_describes_them() -> None:
    requests = [
        ServerReflectionRequest(list_services=""),
        ServerReflectionRequest(file_containing_symbol="flow.v1.FlowService"),
        ServerReflectionRequest(file_by_filename="google/protobuf/struct.proto"),
    ]
    async with served(Memory()) as (_, channel):
        call = reflection_stub(channel).ServerReflectionInfo(iter(requests))
        listed, service, imported = [answer async for answer in call]
    names = {service.name for service in listed.list_services_response.service}
    assert {"flow.v1.FlowService", "grpc.health.v1.Health"} <= names
    assert service.file_descriptor_response.file_descriptor_proto
    assert imported.file_descriptor_response.file_descriptor_proto


async def failure(channel: grpc.aio.Channel, request: HandleDataExchangeRequest) -> tuple[grpc.StatusCode, str, str]:
    """Code, text and reason of the status of a call that fails."""
    call = FlowServiceStub(channel).HandleDataExchange(request)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    info = ErrorInfo()
    status = await rpc_status.from_call(call)
    assert status
    assert status.details[0].Unpack(info)
    assert info.domain == "flow.v1"
    return raised.value.code(), raised.value.details() or "", info.reason


async def test_a_failure_is_a_status_with_a_reason_for_programs() -> None:
    bookings = Scripted()
    form = HandleDataExchangeRequest(
        action=ACTION_DATA_EXCHANGE, screen="SUMMARY", data=struct({"department": ["Lovelace"]})
    )
    async with served(bookings) as (_, channel):
        code, text, reason = await failure(channel, form)
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FORM_DATA")
        assert text == "form data, field `department`: string_type"

        _, _, reason = await failure(channel, HandleDataExchangeRequest())
        assert reason == "INVALID_REQUEST"

        form.screen = "CELLAR"
        code, _, reason = await failure(channel, form)
        assert (code, reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")

        bookings.failure = BookingsUnavailableError()
        code, text, reason = await failure(channel, INIT)
        assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
        assert text == "the bookings cannot be reached"


async def test_an_exception_fails_its_call_and_no_other_and_is_quoted_nowhere(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bookings = Scripted()
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    async with served(bookings, [aio_server_interceptor(provider)]) as (_, channel):
        bookings.failure = ValueError("Lovelace is not a number")
        code, text, reason = await failure(channel, INIT)
        assert (code, text, reason) == (grpc.StatusCode.INTERNAL, "the logic raised an exception", "PANIC")
        bookings.failure = None
        await FlowServiceStub(channel).HandleDataExchange(INIT)
    failed, succeeded = exporter.get_finished_spans()
    assert (failed.status.status_code, succeeded.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert "Lovelace" not in failed.to_json()
    lines = lines_of(caplog)
    assert "Lovelace" not in json.dumps(lines)
    assert any("in find" in line.get("exc_info", "") and "ValueError" in line["exc_info"] for line in lines)


async def test_an_error_notification_is_logged_without_what_it_quotes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    notification = HandleErrorRequest(
        request_id="request-7",
        flow_token="secret-token",  # noqa: S106
        error="payload-schema-error",
        error_message="Lovelace is not a number",
    )
    async with served(Memory()) as (_, channel):
        await FlowServiceStub(channel).HandleError(notification)
    lines = lines_of(caplog)
    assert any(line.get("error") == "payload-schema-error" for line in lines)
    assert "Lovelace" not in json.dumps(lines)
    assert "secret-token" not in json.dumps(lines)


def lines_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(LineFormatter().format(record)) for record in caplog.records]


async def test_a_call_past_its_deadline_is_cancelled() -> None:
    bookings = Scripted()
    bookings.release.clear()
    async with served(bookings) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await FlowServiceStub(channel).HandleDataExchange(INIT, timeout=0.2)
        assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        await asyncio.wait_for(bookings.cancelled.wait(), 10)


async def test_a_stop_tells_health_watchers_and_lets_a_call_in_flight_finish() -> None:
    bookings = Scripted()
    bookings.release.clear()
    async with served(bookings) as (server, channel):
        watches = [health_stub(channel).Watch(HealthCheckRequest(service=name)) for name in ["", "flow.v1.FlowService"]]
        for watch in watches:
            assert (await anext(aiter(watch))).status == HealthCheckResponse.SERVING
        call = FlowServiceStub(channel).HandleDataExchange(INIT)
        await bookings.called.wait()

        stopping = asyncio.create_task(server.stop())
        for watch in watches:
            # And then it ends, or it would hold up the stop.
            assert [answer.status async for answer in watch] == [HealthCheckResponse.NOT_SERVING]
        assert not stopping.done()
        bookings.release.set()
        assert (await call).next_screen.screen == "APPOINTMENT"
        await stopping
        host, port = server.address.split(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)))


async def test_a_connection_ends_at_its_age_and_the_next_call_takes_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appointment.server.MAX_CONNECTION_AGE_SECONDS", 1)
    bookings = Scripted()
    bookings.release.clear()
    async with served(bookings) as (_, channel):
        in_flight = FlowServiceStub(channel).HandleDataExchange(INIT)
        await bookings.called.wait()
        assert channel.get_state() == grpc.ChannelConnectivity.READY
        await asyncio.wait_for(channel.wait_for_state_change(grpc.ChannelConnectivity.READY), 30)
        bookings.release.set()
        assert (await in_flight).next_screen.screen == "APPOINTMENT"
        await FlowServiceStub(channel).HandleDataExchange(INIT, wait_for_ready=True)


async def test_two_servers_never_share_a_port() -> None:
    async with served(Memory()) as (server, _):
        with pytest.raises(StartError, match="FLOW_LOGIC_LISTEN"):
            Server(Memory(), server.address)


@pytest.mark.parametrize(
    "value", ["", "50051", ":50051", "localhost:50051", "http://127.0.0.1:50051", "127.0.0.1:99999", "::1:50051"]
)
async def test_a_bad_address_is_named_with_what_would_be_right(value: str) -> None:
    with pytest.raises(StartError) as raised:
        Server(Memory(), value)
    assert str(raised.value).startswith(f"FLOW_LOGIC_LISTEN is `{value}`; it must be")
