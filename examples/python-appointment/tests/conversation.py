"""A user, for tests: talks to the logic in this process, or by a stub over gRPC."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from flow.v1.flow_service_pb2 import (
    ACTION_BACK,
    ACTION_DATA_EXCHANGE,
    ACTION_INIT,
    Action,
    HandleDataExchangeRequest,
    HandleDataExchangeResponse,
)

Form = dict[str, Any]
Exchange = Callable[[HandleDataExchangeRequest], Awaitable[HandleDataExchangeResponse]]


class Answer:
    """What the user gets, with its data as JSON has it."""

    def __init__(self, response: HandleDataExchangeResponse) -> None:
        self.outcome = response.WhichOneof("outcome")
        self.screen = response.next_screen.screen
        self.data = MessageToDict(response.next_screen.data)
        self.error_message = response.next_screen.error_message or response.invalid_flow_token.error_message
        self.params = MessageToDict(response.completion.params)

    def asks_again(self, screen: str, text: str) -> None:
        assert self.screen == screen
        assert text in self.error_message


class User:
    def __init__(self, exchange: Exchange, flow_token: str) -> None:
        self._exchange = exchange
        self._flow_token = flow_token

    async def init(self) -> Answer:
        return await self._send(ACTION_INIT)

    async def back(self, screen: str) -> Answer:
        return await self._send(ACTION_BACK, screen)

    async def submit(self, screen: str, form: Form) -> Answer:
        return await self._send(ACTION_DATA_EXCHANGE, screen, form)

    async def choose(self) -> Form:
        """Chooses up to the first free time, like a user without a preference: the payload of the next screens."""
        place = {"department": "home", "location": "kings_cross"}
        dates = await self.submit("APPOINTMENT", {"trigger": "location_selected", **place})
        chosen = {**place, "date": dates.data["date"][0]["id"]}
        times = await self.submit("APPOINTMENT", {"trigger": "date_selected", **chosen})
        return {**chosen, "time": times.data["time"][0]["id"]}

    async def _send(self, action: Action.ValueType, screen: str = "", form: Form | None = None) -> Answer:
        request = HandleDataExchangeRequest(
            endpoint="appointments", request_id="request-1", action=action, screen=screen, flow_token=self._flow_token
        )
        if form is not None:
            request.data.CopyFrom(struct(form))
        return Answer(await self._exchange(request))


def with_details(chosen: Form, name: str) -> Form:
    details = {"email": "ada@example.com", "phone": "+44 20 7946 0000", "more_details": "", "terms": True}
    return {**chosen, "name": name, **details}


def struct(fields: Form) -> Struct:
    message = Struct()
    message.update(fields)
    return message
