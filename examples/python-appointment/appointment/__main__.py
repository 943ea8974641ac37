"""Serves the flow on `FLOW_LOGIC_LISTEN`, with its bookings in memory or in the database that `DATABASE_URL` names."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from appointment.bookings import Bookings, Memory
from appointment.bookings.postgres import Database
from appointment.errors import StartError
from appointment.server import DEFAULT_ADDRESS, Server
from appointment.telemetry import log_to_stderr, tracing

_log = logging.getLogger(__name__)


def main() -> int:
    log_to_stderr()
    try:
        asyncio.run(run())
    except StartError as error:
        print(f"python-appointment: {error}", file=sys.stderr)
        return 1
    return 0


async def run() -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    with tracing() as interceptors:
        async with open_bookings() as bookings:
            address = os.environ.get("FLOW_LOGIC_LISTEN", DEFAULT_ADDRESS)
            conformance_mode = os.environ.get("FLOW_CONFORMANCE_MODE") == "1"
            server = Server(bookings, address, interceptors, conformance_mode=conformance_mode)
            await server.start()
            await stop.wait()
            await server.stop()


@asynccontextmanager
async def open_bookings() -> AsyncIterator[Bookings]:
    url = os.environ.get("DATABASE_URL")
    if url is None:
        _log.info("DATABASE_URL is not set: bookings are kept in memory, and gone with the process")
        yield Memory()
    else:
        async with Database.open(url) as database:
            yield database


if __name__ == "__main__":
    sys.exit(main())
