"""The same promises on every store: a slot is booked once, a token books once, the same form twice is one booking."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from appointment.bookings import Booked, Booking, Bookings, Memory, Outcome, SlotTaken, TokenUsed
from appointment.bookings.postgres import Database
from appointment.errors import StartError

DAY = dt.date(2031, 5, 5)
EXAMPLES = Path(__file__).parents[2]


async def test_in_memory() -> None:
    await promises_are_kept(Memory())


async def test_in_postgresql(database_url: str) -> None:
    async with Database.open(database_url) as database:
        await promises_are_kept(database)
    # And what was booked is there the next time.
    async with Database.open(database_url) as again:
        assert await again.find("token")


def test_the_table_is_that_of_the_rust_example() -> None:
    ours = EXAMPLES / "python-appointment" / "appointment" / "bookings" / "schema.sql"
    assert ours.read_text() == (EXAMPLES / "rust-appointment" / "schema.sql").read_text()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://host/name",
        "sqlite:bookings.db",
        "postgres://flow:hunter2@[host/name",
        "postgres://flow:hunter2@host/name?colour=red",
        "postgres://flow:hunter2@127.0.0.1:1/bookings",
    ],
)
async def test_a_database_that_cannot_be_used_is_an_error_without_its_password(url: str) -> None:
    with pytest.raises(StartError) as raised:
        async with Database.open(url):
            pass
    assert "database" in str(raised.value).lower()
    assert "hunter2" not in f"{raised.value} {raised.value!r}"


async def promises_are_kept(bookings: Bookings) -> None:
    ada = booking("Ada", "10:30")
    await bookings.check()
    assert await bookings.taken("home", "kings_cross", DAY) == set()
    assert await bookings.find("token") is None

    reference = booked(await bookings.book("token", ada))
    assert len(reference) == 8
    assert booked(await bookings.book("token", ada)) == reference
    assert await bookings.find("token") == reference

    # The token again, for anything else.
    assert await bookings.book("token", replace(ada, email="other@example.com")) == TokenUsed(reference)
    assert await bookings.book("token", booking("Ada", "12:00")) == TokenUsed(reference)

    # The slot again, for anybody else, even in the same words.
    assert await bookings.book("other", ada) == SlotTaken()
    assert await bookings.book(None, ada) == SlotTaken()
    assert await bookings.find("other") is None

    # Without a token two different bookings are two, and equal ones are one.
    bob = booking("Bob", "14:00")
    of_bob = booked(await bookings.book(None, bob))
    assert booked(await bookings.book(None, bob)) == of_bob
    assert booked(await bookings.book(None, booking("Eve", "15:30"))) != of_bob
    assert await bookings.book(None, booking("Eve", "14:00")) == SlotTaken()

    # Another place has the same hours, and may be booked at them.
    booked(await bookings.book("third", replace(ada, location="covent_garden")))

    assert await bookings.taken("home", "kings_cross", DAY) == {(DAY, "10:30"), (DAY, "14:00"), (DAY, "15:30")}
    assert await bookings.taken("home", "kings_cross", DAY + dt.timedelta(days=1)) == set()


def booked(outcome: Outcome) -> str:
    assert isinstance(outcome, Booked)
    return outcome.reference


def booking(name: str, time: str) -> Booking:
    return Booking(
        department="home",
        location="kings_cross",
        date=DAY,
        time=time,
        name=name,
        email="somebody@example.com",
        phone="1234567",
        more_details="",
    )
