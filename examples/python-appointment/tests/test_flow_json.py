"""`examples/flows/appointment.json` and the code agree: screens, their data, ways between them, what they submit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appointment.bookings import Memory
from appointment.flow import Appointments
from tests.conversation import Answer, User

FLOW = json.loads((Path(__file__).parents[2] / "flows" / "appointment.json").read_text())
SCREENS = {screen["id"]: screen for screen in FLOW["screens"]}
ROUTES = FLOW["routing_model"]


def submissions(node: Any) -> Iterator[dict[str, str]]:
    """The payloads of the actions that call the endpoint, with their placeholders."""
    if isinstance(node, list):
        for item in node:
            yield from submissions(item)
    elif isinstance(node, dict):
        if node.get("name") == "data_exchange":
            yield node["payload"]
        yield from submissions(list(node.values()))


def check(answer: Answer, came_from: str | None) -> None:
    """What the client checks of an answer before it shows it."""
    declared = SCREENS[answer.screen]["data"]
    assert answer.data.keys() == declared.keys()
    for key, model in declared.items():
        assert fits(model, answer.data[key]), f"{answer.screen}.{key}"
    if came_from is None:
        assert all(answer.screen not in targets for targets in ROUTES.values())
    elif came_from != answer.screen:
        assert answer.screen in ROUTES[came_from] or came_from in ROUTES[answer.screen]


def fits(model: dict[str, Any], value: Any) -> bool:
    match model["type"]:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list) and all(fits(model["items"], item) for item in value)
        case "object":
            properties = model["properties"]
            return value.keys() == properties.keys() and all(fits(properties[key], value[key]) for key in value)
    raise AssertionError("a type that the flow did not have")


def fill(payload: dict[str, str], known: dict[str, Any]) -> dict[str, Any]:
    """The payload as the client sends it."""
    names = {key: value[2:-1].split(".") if value.startswith("${") else None for key, value in payload.items()}
    return {key: known[name[1]] if name else payload[key] for key, name in names.items()}


async def test_every_payload_is_understood_and_every_answer_is_what_the_flow_declares() -> None:
    shop = Appointments(Memory())
    user = User(shop.data_exchange, "token")
    check(await user.init(), None)
    check(await user.back("DETAILS"), "DETAILS")

    # What the user chose or typed so far, by the names of the fields.
    known: dict[str, Any] = {
        "department": "home",
        "location": "kings_cross",
        "name": "Ada",
        "email": "ada@example.com",
        "phone": "1234567",
        "more_details": "Hello",
        "terms": True,
    }
    tried = []
    for screen in SCREENS.values():
        for payload in submissions(screen["layout"]):
            form = fill(payload, known)
            if "email" in form:
                check(await user.submit(screen["id"], {**form, "email": "no address"}), screen["id"])
            answer = await user.submit(screen["id"], form)
            if answer.outcome == "next_screen":
                check(answer, screen["id"])
            if screen["id"] == "APPOINTMENT":
                known.update({key: answer.data[key][0]["id"] for key in ["date", "time"] if answer.data[key]})
            tried.append((screen["id"], payload.get("trigger"), answer))
    assert [(screen, trigger) for screen, trigger, _ in tried] == [
        ("APPOINTMENT", "department_selected"),
        ("APPOINTMENT", "location_selected"),
        ("APPOINTMENT", "date_selected"),
        ("DETAILS", None),
        ("SUMMARY", None),
    ]
    assert tried[-1][2].params["reference"]

    # Somebody else wants the same time: from SUMMARY back to APPOINTMENT.
    late = await User(shop.data_exchange, "late").submit("SUMMARY", known)
    assert late.screen == "APPOINTMENT"
    check(late, "SUMMARY")
