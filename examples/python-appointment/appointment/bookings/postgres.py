"""Bookings in PostgreSQL.

The table's constraints keep the promises of `Bookings`, whatever replicas do at the same time; no promise hangs on this
code. The Rust example has the same table, so replicas of both can share one database.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from importlib.resources import files
from typing import Self

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from appointment.bookings import Booked, Booking, BookingsUnavailableError, Entry, Outcome, new_reference
from appointment.errors import StartError

_SCHEMA = files(__package__).joinpath("schema.sql").read_bytes()

# Two replicas that start at the same moment create the table one after the other. The number is the Rust example's.
_SCHEMA_LOCK = 0x666C_6F77

# How long a call waits for a connection: a user who is told at once that it failed can press "retry".
_CONNECT_SECONDS = 3

_MAX_CONNECTIONS = 10

# Why an attempt to book is tried again: a reference that came up twice, or a booking that was deleted meanwhile.
_MAX_ATTEMPTS = 3

_log = logging.getLogger(__name__)

_Connection = AsyncConnection[DictRow]


class Database:
    """Bookings in a database."""

    def __init__(self, pool: AsyncConnectionPool[_Connection]) -> None:
        self._pool = pool

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """Opens the database and creates the table where it is missing."""
        conninfo = _conninfo(url)
        try:
            async with await AsyncConnection.connect(conninfo) as connection:
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEMA_LOCK])
                await connection.execute(_SCHEMA)
        except psycopg.Error as error:
            # Says where and why, never the password.
            problem = str(error)
        else:
            problem = ""
        if problem:
            raise StartError(f"the database cannot be opened: {problem}")
        pool = AsyncConnectionPool(
            conninfo,
            connection_class=_Connection,
            kwargs={"autocommit": True, "row_factory": dict_row},
            min_size=1,
            max_size=_MAX_CONNECTIONS,
            timeout=_CONNECT_SECONDS,
            check=AsyncConnectionPool.check_connection,
            open=False,
        )
        async with pool:
            yield cls(pool)

    async def taken(self, department: str, location: str, since: date) -> set[tuple[date, str]]:
        async with self._connection() as connection:
            rows = await connection.execute(
                "SELECT date, time FROM appointment_bookings WHERE department = %s AND location = %s AND date >= %s",
                [department, location, since.isoformat()],
            )
            return {(date.fromisoformat(row["date"]), row["time"]) async for row in rows}

    async def book(self, flow_token: str | None, booking: Booking) -> Outcome:
        async with self._connection() as connection:
            for _ in range(_MAX_ATTEMPTS):
                entry = Entry(new_reference(), flow_token, booking)
                if await _insert(connection, entry):
                    return Booked(entry.reference)
                obstacle = await _obstacle(connection, flow_token, booking)
                if obstacle:
                    return obstacle.against(flow_token, booking)
        raise BookingsUnavailableError

    async def find(self, flow_token: str) -> str | None:
        async with self._connection() as connection:
            rows = await connection.execute(
                "SELECT reference FROM appointment_bookings WHERE flow_token = %s", [flow_token]
            )
            row = await rows.fetchone()
            return row["reference"] if row else None

    async def check(self) -> None:
        async with self._connection() as connection:
            await connection.execute("SELECT 1")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[_Connection]:
        try:
            async with self._pool.connection() as connection:
                yield connection
                return
        except psycopg.Error as error:
            # A database's own message may quote what it is about, so only its code is logged.
            _log.error("the database cannot be used", extra={"code": error.sqlstate, "error": type(error).__name__})
        raise BookingsUnavailableError


def _conninfo(url: str) -> str:
    """The URL, with what it leaves open. libpq's message about a malformed one quotes it, so it is not passed on."""
    if not url.startswith(("postgres:", "postgresql:")):
        raise StartError("DATABASE_URL should begin with postgres:, such as postgres://user@host/name")
    try:
        return make_conninfo(url, connect_timeout=conninfo_to_dict(url).get("connect_timeout") or _CONNECT_SECONDS)
    except psycopg.Error:
        raise StartError("DATABASE_URL is malformed; it should look like postgres://user@host/name") from None


async def _insert(connection: _Connection, entry: Entry) -> bool:
    """Whether the constraints let the booking in."""
    booking = entry.booking
    inserted = await connection.execute(
        """
        INSERT INTO appointment_bookings
            (reference, flow_token, department, location, date, time, name, email, phone, more_details)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        [
            entry.reference,
            entry.flow_token,
            booking.department,
            booking.location,
            booking.date.isoformat(),
            booking.time,
            booking.name,
            booking.email,
            booking.phone,
            booking.more_details,
        ],
    )
    return inserted.rowcount == 1


async def _obstacle(connection: _Connection, flow_token: str | None, booking: Booking) -> Entry | None:
    """The booking that stands in the way: that of the token, or else that of the slot."""
    rows = await connection.execute("SELECT * FROM appointment_bookings WHERE flow_token = %s", [flow_token])
    row = await rows.fetchone()
    if row is None:
        rows = await connection.execute(
            """
            SELECT * FROM appointment_bookings
            WHERE department = %s AND location = %s AND date = %s AND time = %s
            """,
            [booking.department, booking.location, booking.date.isoformat(), booking.time],
        )
        row = await rows.fetchone()
    return _entry(row) if row else None


def _entry(row: DictRow) -> Entry:
    booking = Booking(
        department=row["department"],
        location=row["location"],
        date=date.fromisoformat(row["date"]),
        time=row["time"],
        name=row["name"],
        email=row["email"],
        phone=row["phone"],
        more_details=row["more_details"],
    )
    return Entry(row["reference"], row["flow_token"], booking)
