"""Logs and traces. Neither holds a payload, a token, or the text of an exception, which may quote one."""

import logging
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType

from grpc.aio import ServerInterceptor
from opentelemetry import trace
from opentelemetry.distro import OpenTelemetryConfigurator
from opentelemetry.environment_variables import OTEL_TRACES_EXPORTER
from opentelemetry.instrumentation.grpc import aio_server_interceptor, filters
from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_ENDPOINT,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    OTEL_RESOURCE_ATTRIBUTES,
    OTEL_SDK_DISABLED,
    OTEL_SERVICE_NAME,
)
from opentelemetry.sdk.trace import TracerProvider
from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter

from appointment.errors import StartError
from flow.v1.flow_service_pb2 import DESCRIPTOR

SERVICE_NAME = "python-appointment"

# The edge's name for the call that is being answered, for the log lines about it.
current_request_id: ContextVar[str] = ContextVar("current_request_id")

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class LineFormatter(JsonFormatter):
    """One JSON object for each line: what happened, its facts, and the request and span that it belongs to."""

    def __init__(self) -> None:
        names = {"levelname": "level", "name": "logger"}
        super().__init__(["levelname", "name", "message"], rename_fields=names, timestamp=True)

    def add_fields(self, log_data: LogData, record: logging.LogRecord, message_dict: LogData) -> None:
        super().add_fields(log_data, record, message_dict)
        if request_id := current_request_id.get(""):
            log_data["request_id"] = request_id
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            log_data["trace_id"] = trace.format_trace_id(span.trace_id)
            log_data["span_id"] = trace.format_span_id(span.span_id)

    def formatException(self, ei: _ExcInfo) -> str:
        """Where it was raised and of which type, without its text."""
        kind = ei[0].__name__ if ei[0] else ""
        return "".join([*traceback.format_tb(ei[2]), kind])


def log_to_stderr() -> None:
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[lines])


def is_tracing(environment: Mapping[str, str]) -> bool:
    """Whether the standard variables ask for traces: without any there are none."""
    if environment.get(OTEL_SDK_DISABLED, "").strip().lower() == "true":
        return False
    if exporter := environment.get(OTEL_TRACES_EXPORTER, "").strip():
        return exporter.lower() != "none"
    return any(environment.get(name) for name in (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT))


@contextmanager
def tracing() -> Iterator[list[ServerInterceptor]]:
    """The server's interceptors, none where tracing is off. At the end the last spans are exported."""
    if not is_tracing(os.environ):
        yield []
        return
    if not os.environ.get(OTEL_TRACES_EXPORTER):
        os.environ[OTEL_TRACES_EXPORTER] = "otlp"
    is_named = OTEL_SERVICE_NAME in os.environ or "service.name=" in os.environ.get(OTEL_RESOURCE_ATTRIBUTES, "")
    try:
        OpenTelemetryConfigurator().configure(resource_attributes={} if is_named else {"service.name": SERVICE_NAME})
    except RuntimeError as error:
        # Such as an exporter that is not installed.
        raise StartError(f"OpenTelemetry cannot be configured: {error}") from error
    # Health is asked every few seconds, and nobody looks for it in a trace.
    service = DESCRIPTOR.services_by_name["FlowService"].full_name
    try:
        yield [aio_server_interceptor(filter_=filters.service_name(service))]
    finally:
        provider = trace.get_tracer_provider()
        if isinstance(provider, TracerProvider):
            provider.shutdown()
