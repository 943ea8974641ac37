"""An endpoint by pywa as its documentation shows it: the keys given to the client, a function for each kind of request, and an
application of FastAPI that serves them. What it leaves out, such as the signature, is left out here.

usage: python endpoint.py PRIVATE-KEY APP-SECRET ANSWER [PORT]
"""

import json
import pathlib
import sys

import uvicorn
from fastapi import FastAPI
from pywa import WhatsApp, types

private_key, app_secret, answer = (pathlib.Path(file).read_text().strip() for file in sys.argv[1:4])
ANSWER = json.loads(answer)
PORT = int(sys.argv[4]) if len(sys.argv) > 4 else 0

app = FastAPI()
wa = WhatsApp(
    phone_id="1234567890",
    token="the token of a system user",
    server=app,
    webhook_endpoint="/webhook",
    verify_token="a verify token",
    app_secret=app_secret,
    business_private_key=private_key,
)


@wa.on_flow_request("/flow")
def flow(_: WhatsApp, request: types.FlowRequest):
    return request.respond(screen=ANSWER["screen"], data=ANSWER["data"])


@flow.on_data_exchange(screen="SUMMARY")
def summary(_: WhatsApp, request: types.FlowRequest):
    return request.respond(close_flow=True)


class Server(uvicorn.Server):
    """One that says which port it got."""

    async def startup(self, sockets=None):
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()
        print(json.dumps({"message": "listening", "address": f"{host}:{port}"}), file=sys.stderr, flush=True)


Server(uvicorn.Config(app, port=PORT, log_level="warning", access_log=False)).run()
