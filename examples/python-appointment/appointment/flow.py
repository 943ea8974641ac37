"""The decisions of the flow: which screen comes next, and with what on it."""

import datetime as dt
from dataclasses import asdict, dataclass, field
from typing import Any

from google.protobuf.struct_pb2 import Struct

from appointment import catalogue
from appointment.bookings import Booked, Booking, Bookings, SlotTaken, TokenUsed
from appointment.catalogue import Choice, Department, Place
from appointment.errors import InvalidRequestError, LogicError
from appointment.form import (
    BookingForm,
    Chosen,
    DateSelected,
    DepartmentSelected,
    Details,
    Mend,
    Slot,
    offered_date,
    read_booking_form,
    read_chosen,
)
from flow.v1.flow_service_pb2 import (
    ACTION_BACK,
    ACTION_DATA_EXCHANGE,
    ACTION_INIT,
    Completion,
    HandleDataExchangeRequest,
    HandleDataExchangeResponse,
    InvalidFlowToken,
    NextScreen,
)

NOT_OFFERED = "This is no longer offered. Please choose again."
FULLY_BOOKED = "Everything is booked here. Please choose another location."
TAKEN = "Somebody was faster: this time has just been taken. Please choose another."
TERMS = "Please accept the terms to book."

# What a message has for a token whose sender set none. Many conversations share it, so it is the key of none.
UNUSED_TOKEN = "unused"  # noqa: S105


@dataclass(frozen=True)
class FreeDay:
    """A day and the times that are still free."""

    date: dt.date
    times: list[str]


@dataclass
class AppointmentScreen:
    """The data of APPOINTMENT. A dropdown is enabled once there is something in it."""

    department: list[Choice] = field(default_factory=catalogue.department_choices)
    location: list[Choice] = field(default_factory=list)
    is_location_enabled: bool = False
    date: list[Choice] = field(default_factory=list)
    is_date_enabled: bool = False
    time: list[Choice] = field(default_factory=list)
    is_time_enabled: bool = False

    def set_locations(self, department: Department) -> None:
        self.location = department.location_choices()
        self.is_location_enabled = True

    def set_dates(self, free: list[FreeDay]) -> None:
        self.date = [catalogue.date_choice(day.date) for day in free]
        self.is_date_enabled = bool(free)

    def set_times(self, day: FreeDay) -> None:
        self.time = [catalogue.time_choice(time) for time in day.times]
        self.is_time_enabled = True

    def answer(self, error_message: str = "") -> HandleDataExchangeResponse:
        return _screen("APPOINTMENT", asdict(self), error_message)


class Appointments:
    """The logic of the flow over its bookings."""

    def __init__(self, bookings: Bookings) -> None:
        self._bookings = bookings

    async def data_exchange(self, request: HandleDataExchangeRequest) -> HandleDataExchangeResponse:
        """One step of a conversation."""
        if request.action not in (ACTION_INIT, ACTION_DATA_EXCHANGE, ACTION_BACK):
            raise InvalidRequestError("a data exchange is one of INIT, data_exchange and BACK")
        flow_token = request.flow_token if request.flow_token not in ("", UNUSED_TOKEN) else None
        submitted = request.screen if request.action == ACTION_DATA_EXCHANGE else None
        if submitted == "SUMMARY":
            return await self._book(flow_token, read_booking_form(request.data))
        if flow_token is not None:
            reference = await self._bookings.find(flow_token)
            if reference is not None:
                return _booked_already(reference)
        match submitted:
            case None:
                # Back leads to APPOINTMENT only: DETAILS alone has refresh_on_back.
                return AppointmentScreen().answer()
            case "APPOINTMENT":
                return await self._choose(read_chosen(request.data))
            case "DETAILS":
                return _check_details(read_booking_form(request.data))
            case _:
                raise LogicError("the flow has no such screen that submits")

    async def ping(self) -> None:
        """Returns when a user could be served."""
        await self._bookings.check()

    async def _choose(self, chosen: Chosen) -> HandleDataExchangeResponse:
        """One of the dropdowns of APPOINTMENT was used: brings the content of the next."""
        screen = AppointmentScreen()
        if isinstance(chosen, DepartmentSelected):
            department = catalogue.find_department(chosen.department)
            if department is None:
                return screen.answer(NOT_OFFERED)
            screen.set_locations(department)
            return screen.answer()
        place = Place.find(chosen.department, chosen.location)
        if place is None:
            return screen.answer(NOT_OFFERED)
        free = await self._free(place)
        screen.set_locations(place.department)
        screen.set_dates(free)
        if not isinstance(chosen, DateSelected):
            return screen.answer("" if free else FULLY_BOOKED)
        offered = offered_date(chosen.date, dt.date.today())
        day = next((day for day in free if day.date == offered), None)
        if day is None:
            return screen.answer(NOT_OFFERED)
        screen.set_times(day)
        return screen.answer()

    async def _book(self, flow_token: str | None, form: BookingForm) -> HandleDataExchangeResponse:
        """SUMMARY was submitted. Everything is checked again, for all of it came back from the client."""
        slot = form.slot(dt.date.today())
        if slot is None:
            return AppointmentScreen().answer(NOT_OFFERED)
        details = form.details()
        if isinstance(details, Mend):
            return _screen("DETAILS", _slot_data(slot), details.text)
        if not form.terms:
            return _screen("SUMMARY", _summary(slot, details), TERMS)
        match await self._bookings.book(flow_token, _booking(slot, details)):
            case Booked(reference):
                return _complete({"reference": reference, **_slot_data(slot)})
            case TokenUsed(reference):
                return _booked_already(reference)
            case SlotTaken():
                screen = AppointmentScreen()
                screen.set_locations(slot.place.department)
                screen.set_dates(await self._free(slot.place))
                return screen.answer(TAKEN)

    async def _free(self, place: Place) -> list[FreeDay]:
        """The days with free times at a place, in their order."""
        today = dt.date.today()
        taken = await self._bookings.taken(place.department.id, place.location.id, today)
        days = (
            FreeDay(day, [time for time in place.location.times if (day, time) not in taken])
            for day in catalogue.dates(today)
        )
        return [day for day in days if day.times]


def _check_details(form: BookingForm) -> HandleDataExchangeResponse:
    """DETAILS was submitted."""
    slot = form.slot(dt.date.today())
    if slot is None:
        return AppointmentScreen().answer(NOT_OFFERED)
    details = form.details()
    if isinstance(details, Mend):
        return _screen("DETAILS", _slot_data(slot), details.text)
    return _screen("SUMMARY", _summary(slot, details))


def _slot_data(slot: Slot) -> dict[str, str]:
    """The data of DETAILS: the slot, for the client to hand back."""
    return {
        "department": slot.place.department.id,
        "location": slot.place.location.id,
        "date": slot.date.isoformat(),
        "time": slot.time,
    }


def _summary(slot: Slot, details: Details) -> dict[str, str]:
    """The data of SUMMARY: two texts to read, and everything for the client to hand back."""
    department, location = slot.place.department.title, slot.place.location.title
    return {
        "appointment": f"{department} at {location}\n{catalogue.in_words(slot.date)} at {slot.time}",
        "details": f"Name: {details.name}\nEmail: {details.email}\nPhone: {details.phone}",
        **_slot_data(slot),
        **asdict(details),
    }


def _booking(slot: Slot, details: Details) -> Booking:
    return Booking(
        department=slot.place.department.id,
        location=slot.place.location.id,
        date=slot.date,
        time=slot.time,
        **asdict(details),
    )


def _screen(name: str, data: dict[str, Any], error_message: str = "") -> HandleDataExchangeResponse:
    next_screen = NextScreen(screen=name, data=_struct(data), error_message=error_message)
    return HandleDataExchangeResponse(next_screen=next_screen)


def _complete(params: dict[str, Any]) -> HandleDataExchangeResponse:
    return HandleDataExchangeResponse(completion=Completion(params=_struct(params)))


def _booked_already(reference: str) -> HandleDataExchangeResponse:
    text = f"Your appointment is booked already, under {reference}. To change it, write to us."
    return HandleDataExchangeResponse(invalid_flow_token=InvalidFlowToken(error_message=text))


def _struct(fields: dict[str, Any]) -> Struct:
    struct = Struct()
    struct.update(fields)
    return struct
