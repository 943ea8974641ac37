"""What a user sees, in conversations with the logic in this process."""

import datetime as dt
from typing import Any

import pytest

from appointment.bookings import Booking, BookingsUnavailableError, Memory, Outcome
from appointment.errors import LogicError
from appointment.flow import Appointments
from flow.v1.flow_service_pb2 import ACTION_NAVIGATE, ACTION_UNSPECIFIED, HandleDataExchangeRequest
from tests.conversation import User, with_details


@pytest.fixture
def shop() -> Appointments:
    return Appointments(Memory())


def user(shop: Appointments, flow_token: str) -> User:
    return User(shop.data_exchange, flow_token)


async def test_a_time_that_was_taken_is_offered_no_more_and_refused_kindly(shop: Appointments) -> None:
    ada, bob = user(shop, "ada"), user(shop, "bob")
    chosen = await ada.choose()
    assert await bob.choose() == chosen
    booked = await ada.submit("SUMMARY", with_details(chosen, "Ada"))
    assert {**booked.params, "reference": None} == {**chosen, "reference": None}
    assert len(booked.params["reference"]) == 8

    refused = await bob.submit("SUMMARY", with_details(chosen, "Bob"))
    refused.asks_again("APPOINTMENT", "taken")
    assert await bob.choose() != chosen


async def test_the_same_form_again_is_the_same_booking(shop: Appointments) -> None:
    ada = user(shop, "ada")
    form = with_details(await ada.choose(), "Ada")
    first = await ada.submit("SUMMARY", form)
    # What goes missing or comes along on the way does not count.
    without_remarks = {key: value for key, value in form.items() if key != "more_details"}
    for again in [form, {**form, "name": " Ada "}, {**form, "unknown": 1}, without_remarks]:
        assert (await ada.submit("SUMMARY", again)).params == first.params


async def test_a_finished_token_is_told_its_reference_whatever_it_does(shop: Appointments) -> None:
    ada = user(shop, "ada")
    form = with_details(await ada.choose(), "Ada")
    reference = (await ada.submit("SUMMARY", form)).params["reference"]
    answers = [
        await ada.init(),
        await ada.back("DETAILS"),
        await ada.submit("APPOINTMENT", {"trigger": "department_selected", "department": "home"}),
        await ada.submit("DETAILS", form),
        await ada.submit("SUMMARY", {**form, "name": "Somebody else"}),
    ]
    for answer in answers:
        assert answer.outcome == "invalid_flow_token"
        assert answer.error_message == (
            f"Your appointment is booked already, under {reference}. To change it, write to us."
        )
    # Another message is another conversation.
    assert (await user(shop, "bob").init()).screen == "APPOINTMENT"


@pytest.mark.parametrize("flow_token", ["unused", ""])
async def test_without_a_token_of_ones_own_every_conversation_can_book(shop: Appointments, flow_token: str) -> None:
    references = set()
    for name in ["Ada", "Bob"]:
        somebody = user(shop, flow_token)
        form = with_details(await somebody.choose(), name)
        booked = await somebody.submit("SUMMARY", form)
        assert (await somebody.submit("SUMMARY", form)).params == booked.params
        references.add(booked.params["reference"])
        assert (await somebody.init()).screen == "APPOINTMENT"
    assert len(references) == 2


@pytest.mark.parametrize("screen", ["DETAILS", "SUMMARY"])
@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("name", " ", "name"),
        ("name", "a" * 81, "name"),
        ("email", "ada@example", "email"),
        ("phone", "call me", "phone"),
        ("more_details", "a" * 501, "500"),
    ],
)
async def test_details_are_checked_on_both_screens(
    shop: Appointments, screen: str, field: str, value: str, text: str
) -> None:
    ada = user(shop, "ada")
    form = with_details(await ada.choose(), "Ada")
    answer = await ada.submit(screen, {**form, field: value})
    answer.asks_again("DETAILS", text)
    assert answer.data["time"] == form["time"]


async def test_nothing_is_booked_before_the_terms_are_accepted(shop: Appointments) -> None:
    ada = user(shop, "ada")
    form = with_details(await ada.choose(), "Ada")
    (await ada.submit("SUMMARY", {**form, "terms": False})).asks_again("SUMMARY", "terms")
    summary = await ada.submit("DETAILS", form)
    assert summary.screen == "SUMMARY"
    assert summary.data["appointment"].startswith("Home & Garden at King's Cross\n")
    assert summary.data["details"] == "Name: Ada\nEmail: ada@example.com\nPhone: +44 20 7946 0000"


@pytest.mark.parametrize("screen", ["DETAILS", "SUMMARY"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("department", "garage"),
        ("location", "oxford_street"),
        ("date", "2001-01-01"),
        ("date", "9999-12-31"),
        ("date", "tomorrow"),
        ("time", "03:00"),
        ("time", ""),
    ],
)
async def test_what_is_not_offered_is_not_booked(shop: Appointments, screen: str, field: str, value: str) -> None:
    ada = user(shop, "ada")
    form = with_details(await ada.choose(), "Ada")
    (await ada.submit(screen, {**form, field: value})).asks_again("APPOINTMENT", "no longer offered")


@pytest.mark.parametrize(
    "choice",
    [
        {"trigger": "department_selected", "department": "garage"},
        {"trigger": "location_selected", "department": "home", "location": "garage"},
        {"trigger": "date_selected", "department": "home", "location": "kings_cross", "date": "2001-01-01"},
    ],
)
async def test_what_is_not_offered_cannot_be_chosen(shop: Appointments, choice: dict[str, str]) -> None:
    (await user(shop, "ada").submit("APPOINTMENT", choice)).asks_again("APPOINTMENT", "no longer offered")


async def test_a_place_without_free_times_says_so(shop: Appointments) -> None:
    place = {"department": "tailoring", "location": "oxford_street"}
    booked = 0
    while True:
        somebody = user(shop, f"user {booked}")
        dates = await somebody.submit("APPOINTMENT", {"trigger": "location_selected", **place})
        if not dates.data["date"]:
            break
        chosen = {**place, "date": dates.data["date"][0]["id"]}
        times = await somebody.submit("APPOINTMENT", {"trigger": "date_selected", **chosen})
        form = with_details({**chosen, "time": times.data["time"][0]["id"]}, "Ada")
        assert (await somebody.submit("SUMMARY", form)).params
        booked += 1
    dates.asks_again("APPOINTMENT", "booked")
    assert dates.data["is_date_enabled"] is False
    # Ten days of four times.
    assert booked == 40


@pytest.mark.parametrize(
    ("screen", "form", "text"),
    [
        ("APPOINTMENT", {"trigger": "Lovelace"}, "form data: union_tag_invalid"),
        ("APPOINTMENT", {"department": "Lovelace"}, "form data: union_tag_not_found"),
        ("APPOINTMENT", {"trigger": "department_selected"}, "form data, field `department`: missing"),
        ("DETAILS", {"name": "Lovelace"}, "form data, field `department`: missing"),
        ("SUMMARY", {"department": ["Lovelace"]}, "form data, field `department`: string_type"),
        ("TERMS", {"name": "Lovelace"}, "the flow has no such screen that submits"),
    ],
)
async def test_a_form_that_does_not_fit_the_code_is_an_error_that_quotes_nothing(
    shop: Appointments, screen: str, form: dict[str, Any], text: str
) -> None:
    with pytest.raises(LogicError) as raised:
        await user(shop, "ada").submit(screen, form)
    assert str(raised.value) == text


@pytest.mark.parametrize("action", [ACTION_UNSPECIFIED, ACTION_NAVIGATE, 99])
async def test_an_action_that_no_screen_sends_is_refused(shop: Appointments, action: Any) -> None:
    with pytest.raises(LogicError) as raised:
        await shop.data_exchange(HandleDataExchangeRequest(action=action))
    assert raised.value.reason == "INVALID_REQUEST"


class OutOfReach:
    """Bookings that are out of reach."""

    async def taken(self, department: str, location: str, since: dt.date) -> set[tuple[dt.date, str]]:
        raise BookingsUnavailableError

    async def book(self, flow_token: str | None, booking: Booking) -> Outcome:
        raise BookingsUnavailableError

    async def find(self, flow_token: str) -> str | None:
        raise BookingsUnavailableError

    async def check(self) -> None:
        raise BookingsUnavailableError


async def test_bookings_out_of_reach_are_an_error_and_fail_the_ping() -> None:
    shop = Appointments(OutOfReach())
    with pytest.raises(LogicError, match="the bookings cannot be reached"):
        await user(shop, "ada").init()
    with pytest.raises(BookingsUnavailableError):
        await shop.ping()
