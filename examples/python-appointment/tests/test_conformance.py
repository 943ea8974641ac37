"""Whether the conformance mode is on, as the process has it. `flowctl conformance` asks for every command."""

import grpc
import pytest

from flow.v1.flow_service_pb2 import ACTION_INIT, HandleDataExchangeRequest
from flow.v1.flow_service_pb2_grpc import FlowServiceStub
from tests.conversation import Answer, struct
from tests.process import run

ECHO = {"text": "żółw", "nothing": None}


async def send(channel: grpc.aio.Channel, endpoint: str = "conformance") -> Answer:
    data = struct({"conformance": {"echo": ECHO}})
    request = HandleDataExchangeRequest(endpoint=endpoint, action=ACTION_INIT, data=data)
    return Answer(await FlowServiceStub(channel).HandleDataExchange(request))


async def test_a_command_is_obeyed_where_the_mode_is_on_and_only_under_its_endpoint() -> None:
    async with run(FLOW_CONFORMANCE_MODE="1") as (_, channel):
        answer = await send(channel)
        assert (answer.screen, answer.data) == ("CONFORMANCE", {"echo": ECHO})
        assert (await send(channel, endpoint="appointments")).screen == "APPOINTMENT"


@pytest.mark.parametrize("variables", [{}, {"FLOW_CONFORMANCE_MODE": "true"}])
async def test_by_default_a_command_is_a_request_to_the_flow(variables: dict[str, str]) -> None:
    async with run(**variables) as (_, channel):
        assert (await send(channel)).screen == "APPOINTMENT"
