"""Calls that the database keeps waiting, by a lock on the table."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from appointment.bookings.postgres import Database
from flow.v1.flow_service_pb2 import ACTION_INIT, HandleDataExchangeRequest
from flow.v1.flow_service_pb2_grpc import FlowServiceStub
from tests.process import run
from tests.test_server import health_stub

Connection = psycopg.AsyncConnection[tuple[int]]


@asynccontextmanager
async def locked(database_url: str) -> AsyncIterator[Connection]:
    """Nobody else can read the table meanwhile."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("LOCK TABLE appointment_bookings IN ACCESS EXCLUSIVE MODE")
        yield connection


async def waiting(connection: Connection) -> int:
    """How many statements wait for the lock."""
    rows = await connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
    row = await rows.fetchone()
    return row[0] if row else 0


async def test_a_cancelled_call_leaves_no_statement_behind(database_url: str) -> None:
    async with Database.open(database_url) as database:
        async with locked(database_url) as connection:
            call = asyncio.create_task(database.find("token"))
            while not await waiting(connection):
                pass
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await waiting(connection) == 0
        assert await database.find("token") is None


async def test_connections_that_the_server_closed_are_replaced(database_url: str) -> None:
    async with Database.open(database_url) as database:
        await database.check()
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            others = (
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            )
            await connection.execute(f"{others} AND pid <> pg_backend_pid()")
        await database.check()


async def test_a_process_finishes_the_call_in_flight_on_sigterm(database_url: str) -> None:
    request = HandleDataExchangeRequest(action=ACTION_INIT, flow_token="token")  # noqa: S106
    async with run(DATABASE_URL=database_url) as (process, channel):
        watch = aiter(health_stub(channel).Watch(HealthCheckRequest()))
        assert (await anext(watch)).status == HealthCheckResponse.SERVING
        async with locked(database_url) as connection:
            call = FlowServiceStub(channel).HandleDataExchange(request)
            while not await waiting(connection):
                pass
            stopped = asyncio.create_task(process.stop())
            assert (await anext(watch)).status == HealthCheckResponse.NOT_SERVING
            assert not stopped.done()
        assert (await call).next_screen.screen == "APPOINTMENT"
        assert await stopped == 0
