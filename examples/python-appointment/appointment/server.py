"""The server around the flow: address, health, reflection, the age of connections, and a stop that lets calls finish.

It refuses to know TLS: flow-edge and its logic share a private network, or a service mesh encrypts between them.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Sequence
from typing import Any

import grpc
from grpc.aio import ServerInterceptor, ServicerContext
from grpc_health.v1 import health, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha import reflection

from appointment.bookings import Bookings
from appointment.conformance import ConformanceMode
from appointment.errors import StartError
from appointment.flow import Appointments
from appointment.service import FlowService
from flow.v1.flow_service_pb2 import DESCRIPTOR
from flow.v1.flow_service_pb2_grpc import add_FlowServiceServicer_to_server

DEFAULT_ADDRESS = "127.0.0.1:50051"

# The platform gives up on a call after 10 seconds, so no answer is worth a longer wait.
DRAIN_SECONDS = 10

_FLOW_SERVICE = DESCRIPTOR.services_by_name["FlowService"].full_name

# What may be asked after: the server as a whole, and the service by name.
_HEALTH_NAMES = ("", _FLOW_SERVICE)

# A client keeps its connection for as long as it can, so behind an address that balances connections, such as a plain
# Kubernetes Service, a replica that came later would never be called. gRPC spreads the age by a tenth.
MAX_CONNECTION_AGE_SECONDS = 5 * 60

_log = logging.getLogger(__name__)


class Health(health.aio.HealthServicer):
    """The stock service, but its watches end with the server: a stream that stays open would hold up the stop."""

    def __init__(self) -> None:
        super().__init__()
        self._stopping = asyncio.Event()

    async def Watch(self, request: HealthCheckRequest, context: ServicerContext[Any, Any]) -> None:
        is_known = request.service in _HEALTH_NAMES
        status = HealthCheckResponse.SERVING if is_known else HealthCheckResponse.SERVICE_UNKNOWN
        await context.write(HealthCheckResponse(status=status))
        await self._stopping.wait()
        if is_known:
            await context.write(HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING))

    async def enter_graceful_shutdown(self) -> None:
        await super().enter_graceful_shutdown()
        self._stopping.set()


class Server:
    """The flow, health and reflection on one address."""

    def __init__(
        self,
        bookings: Bookings,
        address: str,
        interceptors: Sequence[ServerInterceptor] = (),
        *,
        conformance_mode: bool = False,
    ) -> None:
        host = _host(address)
        self._health = Health()
        options = [
            ("grpc.max_connection_age_ms", MAX_CONNECTION_AGE_SECONDS * 1000),
            ("grpc.max_connection_age_grace_ms", DRAIN_SECONDS * 1000),
            # By default two processes could listen on one port, each getting some of the calls.
            ("grpc.so_reuseport", 0),
        ]
        self._server = grpc.aio.server(interceptors=list(interceptors), options=options)
        service = ConformanceMode if conformance_mode else FlowService
        add_FlowServiceServicer_to_server(service(Appointments(bookings)), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (_FLOW_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise StartError(f"cannot listen on {address}; FLOW_LOGIC_LISTEN chooses another address") from error
        self.address = f"{host}:{port}"

    async def start(self) -> None:
        for name in _HEALTH_NAMES:
            await self._health.set(name, HealthCheckResponse.SERVING)
        await self._server.start()
        _log.info("listening", extra={"address": self.address})

    async def stop(self) -> None:
        """Tells those who watch health, takes no more calls, and returns when those in flight are done."""
        _log.info("stopping, calls in flight may finish")
        await self._health.enter_graceful_shutdown()
        await self._server.stop(DRAIN_SECONDS)
        _log.info("stopped")


def _host(address: str) -> str:
    """The part before the port, of an address that is one."""
    host, _, port = address.rpartition(":")
    try:
        ip = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        is_address = host == (f"[{ip}]" if ip.version == 6 else str(ip)) and 0 <= int(port) <= 65535
    except ValueError:
        is_address = False
    if not is_address:
        raise StartError(
            f"FLOW_LOGIC_LISTEN is `{address}`; it must be an IP address and a port, "
            f"such as {DEFAULT_ADDRESS}, 0.0.0.0:50051 or [::]:50051"
        )
    return host
