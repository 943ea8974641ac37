"""The checks of what was typed, and the dates that are offered."""

import datetime as dt

import pytest

from appointment import catalogue
from appointment.catalogue import Place
from appointment.form import is_email, is_phone, read_booking_form
from tests.conversation import struct


@pytest.mark.parametrize("text", ["ada@example.com", "a.b+c@mail.example.co.uk", "zoë@exämple.de"])
def test_an_email_address_that_could_be_reached(text: str) -> None:
    assert is_email(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "a b@example.com",
        "a@b@example.com",
        "a@b..c",
        "a\0@b.c",
        "a" * 250 + "@example.com",
    ],
)
def test_an_email_address_that_could_not(text: str) -> None:
    assert not is_email(text)


@pytest.mark.parametrize("text", ["02079460000", "+44 20 7946 0000", "(020) 7946-0000", "1234567", "+123456789012345"])
def test_a_phone_number(text: str) -> None:
    assert is_phone(text)


@pytest.mark.parametrize(
    "text", ["", "123456", "1234567890123456", "+44 20 7946 000O", "44+2079460000", "call me", "١٢٣٤٥٦٧"]
)
def test_no_phone_number(text: str) -> None:
    assert not is_phone(text)


def test_dates_are_the_next_ten_working_days() -> None:
    # A Friday.
    dates = [day.isoformat() for day in catalogue.dates(dt.date(2025, 1, 31))]
    assert (dates[0], dates[-1], len(dates)) == ("2025-02-03", "2025-02-14", 10)


def test_a_date_has_an_id_for_the_code_and_a_title_for_people() -> None:
    assert catalogue.date_choice(dt.date(2025, 2, 3)) == {"id": "2025-02-03", "title": "Mon 3 Feb 2025"}


def test_a_place_is_a_department_at_one_of_its_own_locations() -> None:
    place = Place.find("home", "kings_cross")
    assert place
    assert place.location.title == "King's Cross"
    assert Place.find("tailoring", "kings_cross") is None
    assert Place.find("kings_cross", "home") is None


def test_no_repr_shows_what_was_typed() -> None:
    typed = dict.fromkeys(["department", "location", "date", "time", "email", "phone"], "Lovelace")
    form = read_booking_form(struct({**typed, "name": "Lovelace"}))
    assert "Lovelace" not in f"{form!r} {form} {form.details()!r}"
