"""Where bookings are kept.

A slot is booked once, and a flow token books once: whoever keeps the bookings guarantees both, also against callers
that run at the same moment. `Memory` is for trying things out; `postgres.Database` keeps them, and lets replicas share.
"""

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Protocol

from appointment.errors import UnavailableError

# For people to read out: no character is taken for another.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True, repr=False)
class Booking:
    """What is kept of an appointment; its `repr` shows none of it. The time is `HH:MM`, `more_details` may be empty."""

    department: str
    location: str
    date: dt.date
    time: str
    name: str
    email: str
    phone: str
    more_details: str

    @property
    def slot(self) -> tuple[str, str, dt.date, str]:
        return (self.department, self.location, self.date, self.time)


@dataclass(frozen=True)
class Booked:
    """The slot belongs to this booking, now or since an earlier attempt that was the same in everything."""

    reference: str


@dataclass(frozen=True)
class SlotTaken:
    """The slot belongs to somebody else."""


@dataclass(frozen=True)
class TokenUsed:
    """The token has booked already, something else."""

    reference: str


Outcome = Booked | SlotTaken | TokenUsed


class BookingsUnavailableError(UnavailableError):
    """The bookings cannot be read or written just now."""

    def __init__(self) -> None:
        super().__init__("the bookings cannot be reached")


class Bookings(Protocol):
    """The bookings. A token is the key of a conversation; without one, equal bookings are the same booking.

    Each method raises `BookingsUnavailableError` where it cannot do its work.
    """

    async def taken(self, department: str, location: str, since: dt.date) -> set[tuple[dt.date, str]]:
        """Date and time of each booking of a department at a location, from a day on."""

    async def book(self, flow_token: str | None, booking: Booking) -> Outcome:
        """Books the slot, once for each slot and once for each token."""

    async def find(self, flow_token: str) -> str | None:
        """Reference of the booking that a token has made."""

    async def check(self) -> None:
        """Returns when the bookings can be reached."""


@dataclass(frozen=True, repr=False)
class Entry:
    """A booking as it is kept."""

    reference: str
    flow_token: str | None
    booking: Booking

    def against(self, flow_token: str | None, booking: Booking) -> Outcome:
        """What this entry, which stands in the way of a booking, means for it."""
        is_same_token = self.flow_token == flow_token
        if is_same_token and self.booking == booking:
            return Booked(self.reference)
        if is_same_token and flow_token is not None:
            return TokenUsed(self.reference)
        return SlotTaken()


class Memory:
    """Bookings in memory, gone with the process. No method awaits, so each is done before another begins."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    async def taken(self, department: str, location: str, since: dt.date) -> set[tuple[dt.date, str]]:
        bookings = (entry.booking for entry in self._entries)
        return {
            (booking.date, booking.time)
            for booking in bookings
            if (booking.department, booking.location) == (department, location) and booking.date >= since
        }

    async def book(self, flow_token: str | None, booking: Booking) -> Outcome:
        of_token = (entry for entry in self._entries if flow_token is not None and entry.flow_token == flow_token)
        of_slot = (entry for entry in self._entries if entry.booking.slot == booking.slot)
        obstacle = next(of_token, None) or next(of_slot, None)
        if obstacle:
            return obstacle.against(flow_token, booking)
        entry = Entry(new_reference(), flow_token, booking)
        self._entries.append(entry)
        return Booked(entry.reference)

    async def find(self, flow_token: str) -> str | None:
        return next((entry.reference for entry in self._entries if entry.flow_token == flow_token), None)

    async def check(self) -> None:
        return


def new_reference() -> str:
    """A short name for people to read out."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))
