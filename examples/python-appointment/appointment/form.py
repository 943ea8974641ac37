"""What the screens submit, and the check that makes a booking of it.

Everything here was typed or chosen by a user. What a user can get wrong comes back as a text for the same user; what
only a Flow JSON that disagrees with this code can send is an error. No `repr` shows any of it.
"""

import datetime as dt
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from google.protobuf.struct_pb2 import Struct
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from appointment import catalogue
from appointment.catalogue import Place
from appointment.errors import InvalidFormDataError

MAX_NAME = 80
MAX_MORE_DETAILS = 500
MAX_EMAIL_BYTES = 254
DIGITS = frozenset("0123456789")

T = TypeVar("T")


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return ()


class DepartmentSelected(_Form):
    trigger: Literal["department_selected"]
    department: str


class LocationSelected(_Form):
    trigger: Literal["location_selected"]
    department: str
    location: str


class DateSelected(_Form):
    trigger: Literal["date_selected"]
    department: str
    location: str
    date: str


# The dropdowns of APPOINTMENT: each choice asks for the content of the next.
Chosen = DepartmentSelected | LocationSelected | DateSelected


@dataclass(frozen=True)
class Slot:
    """An appointment that the catalogue offers."""

    place: Place
    date: dt.date
    time: str


@dataclass(frozen=True, repr=False)
class Details:
    """Who comes, in the form in which it is kept: without white space around."""

    name: str
    email: str
    phone: str
    more_details: str


@dataclass(frozen=True)
class Mend:
    """What the user should mend, in words for the user."""

    text: str


class BookingForm(_Form):
    """The form of DETAILS, and again that of SUMMARY, which adds the terms."""

    department: str
    location: str
    date: str
    time: str
    name: str
    email: str
    phone: str
    more_details: str | None = None
    terms: bool = False

    def slot(self, today: dt.date) -> Slot | None:
        """The chosen slot; `None` where the catalogue does not offer it, or no longer."""
        place = Place.find(self.department, self.location)
        day = offered_date(self.date, today)
        if place is None or day is None or self.time not in place.location.times:
            return None
        return Slot(place, day, self.time)

    def details(self) -> Details | Mend:
        details = Details(
            name=self.name.strip(),
            email=self.email.strip(),
            phone=self.phone.strip(),
            more_details=(self.more_details or "").strip(),
        )
        if not 1 <= len(details.name) <= MAX_NAME:
            return Mend("Please tell us your name, in up to 80 letters.")
        if not is_email(details.email):
            return Mend("This is no complete email address. It should look like name@example.com.")
        if not is_phone(details.phone):
            return Mend("This is no phone number. Please give 7 to 15 digits, such as +44 20 7946 0000.")
        if len(details.more_details) > MAX_MORE_DETAILS:
            return Mend("Please shorten your remarks to 500 letters.")
        return details


_CHOSEN: TypeAdapter[Chosen] = TypeAdapter(Annotated[Chosen, Field(discriminator="trigger")])
_BOOKING_FORM = TypeAdapter(BookingForm)


def read_chosen(data: Struct) -> Chosen:
    return _read(_CHOSEN, data)


def read_booking_form(data: Struct) -> BookingForm:
    return _read(_BOOKING_FORM, data)


def _read(form: TypeAdapter[T], data: Struct) -> T:
    try:
        return form.validate_python({key: data[key] for key in data})
    except ValidationError as invalid:
        # pydantic's own text quotes the value, and so does its message for a trigger; its type of error does not.
        error = invalid.errors(include_url=False, include_context=False, include_input=False)[0]
    field = f", field `{error['loc'][-1]}`" if error["loc"] else ""
    raise InvalidFormDataError(f"form data{field}: {error['type']}")


def offered_date(text: str, today: dt.date) -> dt.date | None:
    return next((day for day in catalogue.dates(today) if day.isoformat() == text), None)


def is_email(text: str) -> bool:
    """Whether mail could be sent there. Whether it arrives only mail can tell."""
    local, _, domain = text.rpartition("@")
    is_domain = "." in domain and all(domain.split("."))
    is_plain = not any(char.isspace() or unicodedata.category(char) == "Cc" or char == "@" for char in local + domain)
    return bool(local) and is_domain and is_plain and len(text.encode()) <= MAX_EMAIL_BYTES


def is_phone(text: str) -> bool:
    """E.164 has at most 15 digits; people group them as they like."""
    number = text.removeprefix("+")
    return 7 <= sum(char in DIGITS for char in number) <= 15 and all(
        char in DIGITS or char in " -()." for char in number
    )
