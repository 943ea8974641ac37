"""What can be booked: departments, their locations, and the times that they offer.

A business reads this from its own systems. Here it is fixed, apart from the dates: the next ten working days.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count, islice
from typing import Self, TypedDict

# How many working days ahead can be booked.
DAYS_AHEAD = 10

SATURDAY = 5


class Choice(TypedDict):
    """An item of a dropdown, as the Flow JSON declares it."""

    id: str
    title: str


@dataclass(frozen=True)
class Location:
    """A place where a department receives its customers."""

    id: str
    title: str
    times: tuple[str, ...]


@dataclass(frozen=True)
class Department:
    """A department of the shop."""

    id: str
    title: str
    locations: tuple[Location, ...]

    def location_choices(self) -> list[Choice]:
        return [Choice(id=location.id, title=location.title) for location in self.locations]


@dataclass(frozen=True)
class Place:
    """A department at one of its locations."""

    department: Department
    location: Location

    @classmethod
    def find(cls, department_id: str, location_id: str) -> Self | None:
        department = find_department(department_id)
        if department is None:
            return None
        location = next((offered for offered in department.locations if offered.id == location_id), None)
        return cls(department, location) if location else None


KINGS_CROSS = Location("kings_cross", "King's Cross", ("09:00", "10:30", "12:00", "14:00", "15:30"))
OXFORD_STREET = Location("oxford_street", "Oxford Street", ("10:00", "11:00", "13:00", "16:30"))
COVENT_GARDEN = Location("covent_garden", "Covent Garden", ("11:30", "14:30", "17:00"))

DEPARTMENTS = (
    Department("beauty", "Beauty & Personal Care", (KINGS_CROSS, OXFORD_STREET, COVENT_GARDEN)),
    Department("home", "Home & Garden", (KINGS_CROSS, COVENT_GARDEN)),
    Department("tailoring", "Tailoring", (OXFORD_STREET,)),
)


def find_department(department_id: str) -> Department | None:
    return next((department for department in DEPARTMENTS if department.id == department_id), None)


def department_choices() -> list[Choice]:
    return [Choice(id=department.id, title=department.title) for department in DEPARTMENTS]


def date_choice(day: date) -> Choice:
    return Choice(id=day.isoformat(), title=in_words(day))


def time_choice(time: str) -> Choice:
    return Choice(id=time, title=time)


def in_words(day: date) -> str:
    """A date as people read it: `Mon 3 Feb 2025`."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def dates(today: date) -> Iterator[date]:
    """The dates that can be booked on a day: working days, beginning with the next."""
    days = (today + timedelta(days) for days in count(1))
    return islice((day for day in days if day.weekday() < SATURDAY), DAYS_AHEAD)
