"""Two replicas, as two processes on one database, race for the same slots: the table's constraints decide."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

from flow.v1.flow_service_pb2_grpc import FlowServiceStub
from tests.conversation import Answer, Form, User, with_details
from tests.process import run

# Users at each replica.
USERS = 8


async def free_slots(user: User) -> list[Form]:
    """Every free date and time of one place."""
    place = {"department": "home", "location": "kings_cross"}
    dates = await user.submit("APPOINTMENT", {"trigger": "location_selected", **place})
    slots = []
    for date in dates.data["date"]:
        chosen = {**place, "date": date["id"]}
        times = await user.submit("APPOINTMENT", {"trigger": "date_selected", **chosen})
        slots += [{**chosen, "time": time["id"]} for time in times.data["time"]]
    return slots


async def test_on_postgresql(database_url: str) -> None:
    async with AsyncExitStack() as stack:
        # Both at once, so that they race for the table too.
        started = [stack.enter_async_context(run(DATABASE_URL=database_url)) for _ in range(2)]
        replicas = [FlowServiceStub(channel) for _, channel in await asyncio.gather(*started)]

        async def book(replica: int, flow_token: str, slot: Form) -> Answer:
            user = User(replicas[replica].HandleDataExchange, flow_token)
            return await user.submit("SUMMARY", with_details(slot, flow_token))

        slots = await free_slots(User(replicas[0].HandleDataExchange, ""))
        everybody = [(replica, user) for user in range(USERS) for replica in range(2)]
        for slot in slots[:5]:
            # Everybody wants the same slot.
            attempts = [
                book(replica, f"{user} at {replica} for {slot['date']} {slot['time']}", slot)
                for replica, user in everybody
            ]
            outcomes = Counter(answer.outcome for answer in await asyncio.gather(*attempts))
            assert outcomes == {"completion": 1, "next_screen": 2 * USERS - 1}

        for pair in zip(slots[5:15:2], slots[6:15:2], strict=True):
            # One token, two forms, again and again, at both replicas.
            attempts = [
                book(replica, f"for {pair[0]['date']} {pair[0]['time']}", pair[user % 2]) for replica, user in everybody
            ]
            answers = await asyncio.gather(*attempts)
            references = {answer.params["reference"] for answer in answers if answer.outcome == "completion"}
            assert len(references) == 1
            assert {answer.outcome for answer in answers} == {"completion", "invalid_flow_token"}
