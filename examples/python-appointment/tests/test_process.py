"""The service as a process: its traces, its log, its end."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from appointment.telemetry import is_tracing
from flow.v1.flow_service_pb2 import (
    ACTION_DATA_EXCHANGE,
    HandleDataExchangeRequest,
    HandleErrorRequest,
    PingRequest,
)
from flow.v1.flow_service_pb2_grpc import FlowServiceStub
from tests.conversation import struct
from tests.process import run
from tests.test_server import health_stub

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"
METADATA = (("traceparent", f"00-{TRACE_ID}-{PARENT_ID}-01"),)

Exports = list[ExportTraceServiceRequest]


@asynccontextmanager
async def collector_over_grpc(exports: Exports) -> AsyncIterator[dict[str, str]]:
    """A collector that keeps what it gets; brings the variables that name it."""

    class Collector(TraceServiceServicer):
        async def Export(self, request: ExportTraceServiceRequest, _: Any) -> ExportTraceServiceResponse:
            exports.append(request)
            return ExportTraceServiceResponse()

    server = grpc.aio.server()
    add_TraceServiceServicer_to_server(Collector(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
    await server.stop(None)


@asynccontextmanager
async def collector_over_http(exports: Exports) -> AsyncIterator[dict[str, str]]:
    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["content-length"]))
            exports.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server, serving(server):
        endpoint = f"http://127.0.0.1:{server.server_port}"
        yield {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}


@contextmanager
def serving(server: HTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    thread.join()


@pytest.mark.parametrize("collector", [collector_over_grpc, collector_over_http])
async def test_a_call_is_a_span_below_the_edges_and_its_log_lines_name_it(collector: Any) -> None:
    exports: Exports = []
    form = HandleDataExchangeRequest(
        action=ACTION_DATA_EXCHANGE,
        screen="DETAILS",
        flow_token="secret-token",  # noqa: S106
        data=struct({"department": ["Lovelace"]}),
    )
    async with collector(exports) as variables, run(**variables) as (process, channel):
        stub = FlowServiceStub(channel)
        await stub.HandleError(HandleErrorRequest(error="payload-schema-error"), metadata=METADATA)
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.HandleDataExchange(form, metadata=METADATA)
        await health_stub(channel).Check(HealthCheckRequest())
        assert await process.stop() == 0

    spans = [
        span
        for export in exports
        for resource in export.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    names = [span.name for span in spans]
    assert names == ["/flow.v1.FlowService/HandleError", "/flow.v1.FlowService/HandleDataExchange"]
    for span in spans:
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE_ID, PARENT_ID)
        assert span.kind == Span.SPAN_KIND_SERVER
    resource = {attribute.key: attribute.value for attribute in exports[0].resource_spans[0].resource.attributes}
    assert resource["service.name"].string_value == "python-appointment"

    of_spans = [(line["trace_id"], line["span_id"]) for line in process.lines if "span_id" in line]
    assert of_spans == [(TRACE_ID, span.span_id.hex()) for span in spans]
    for private in ["Lovelace", "secret-token"]:
        assert private not in f"{exports} {process.lines}"


@pytest.mark.parametrize(
    "variables", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}]
)
async def test_without_tracing_a_process_serves_and_ends_on_sigterm(variables: dict[str, str]) -> None:
    async with run(**variables) as (process, channel):
        await FlowServiceStub(channel).HandleError(HandleErrorRequest(), metadata=METADATA)
        assert await process.stop() == 0
    assert process.lines[-1]["message"] == "stopped"
    assert not any("trace_id" in line for line in process.lines)


async def test_a_collector_that_is_gone_holds_up_neither_calls_nor_the_end() -> None:
    async with run(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1") as (process, channel):
        await FlowServiceStub(channel).Ping(PingRequest(), timeout=5)
        assert await asyncio.wait_for(process.stop(), 20) == 0


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4317"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "TRUE"}, False),
    ],
)
def test_traces_are_off_unless_a_standard_variable_asks_for_them(variables: dict[str, str], expected: bool) -> None:
    assert is_tracing(variables) == expected
