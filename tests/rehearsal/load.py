"""The platform: steady load, each request at its time, whatever became of those before it. It repeats no request.

It keeps connections open and uses them in turn, as HTTP clients do: one that is seen to be closed is not used, and one that
cannot be made is tried again elsewhere, since nothing was sent on it. Every answer is opened and looked at.
"""
import asyncio
import collections
import dataclasses
import itertools
import json
import pathlib
import random
import secrets
import ssl
import sys
import time

from cryptography.hazmat.primitives.serialization import load_pem_public_key

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "clients/python"))
from client import TIMEOUT_SECONDS, Session, sign

# So many when it is calm. More are made where answers take long, and closed after that.
CONNECTIONS = 24
# Then the client closes it: new connections are made all the time.
MOST_REQUESTS_OF_A_CONNECTION = 60
MOST_ATTEMPTS_TO_CONNECT = 5


@dataclasses.dataclass(slots=True)
class Request:
    due: float
    port: int = 0  # the client's, of its connection
    sent: float = None
    done: float = None
    fault: str = None


class Connection:
    def __init__(self, reader, writer):
        self.reader, self.writer, self.made = reader, writer, time.monotonic()
        self.port = writer.get_extra_info("sockname")[1]
        self.certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        self.left = random.randint(MOST_REQUESTS_OF_A_CONNECTION // 3, MOST_REQUESTS_OF_A_CONNECTION)

    def is_usable(self):
        return self.left > 0 and not self.reader.at_eof() and not self.writer.is_closing()

    async def answer(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(fields.get("content-length", 0)))
        self.left = 0 if fields.get("connection") == "close" else self.left - 1
        return int(head[0].split()[1]), body


class Load:
    def __init__(self, address, name, path, trust, public_key, app_secret, rate):
        self.address, self.name, self.rate = address, name, rate
        self.head = f"POST {path} HTTP/1.1\r\nHost: {name}\r\nContent-Type: application/json\r\n"
        self.trust = ssl.create_default_context(cadata=trust)
        self.trust.set_alpn_protocols(["http/1.1"])
        self.use_key(public_key)
        self.app_secret = app_secret
        self.idle, self.open = collections.deque(), set()
        self.requests = []
        self.connects_failed = []
        self.certificates = []
        self.messages = None

    def use_key(self, pem):
        self.public_key = load_pem_public_key(pem)

    def trust_also(self, pem):
        self.trust.load_verify_locations(cadata=pem)

    async def prepare(self):
        """Asks for a date that can be chosen, as a user would."""
        place = {"department": "beauty", "location": "kings_cross"}
        chosen = {"action": "data_exchange", "screen": "APPOINTMENT"}
        location = chosen | {"data": place | {"trigger": "location_selected"}}
        screen = await self._exchange(Request(time.monotonic()), location)
        date = chosen | {"data": place | {"trigger": "date_selected", "date": screen["data"]["date"][0]["id"]}}
        self.messages = itertools.cycle([{"action": "INIT"}, location, date, {"action": "ping"}, date])

    async def run(self):
        """Until cancelled."""
        began = time.monotonic()
        running = set()
        for number in itertools.count():
            due = began + number / self.rate
            await asyncio.sleep(max(0, due - time.monotonic()))
            task = asyncio.create_task(self._request(due))
            running.add(task)
            task.add_done_callback(running.discard)

    def in_flight(self):
        return [request for request in self.requests[-5000:] if request.sent and not request.done]

    async def _request(self, due):
        request = Request(due)
        self.requests.append(request)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._exchange(request, next(self.messages))
        except Exception as error:  # Whatever it is, the request is lost.
            request.fault = repr(error)
        request.done = time.monotonic()

    async def _exchange(self, request, message):
        message = {"version": "3.0", "flow_token": secrets.token_hex(16)} | message
        session = Session()
        body = session.seal(json.dumps(message).encode(), self.public_key)
        fields = f"X-Hub-Signature-256: {sign(body, self.app_secret)}\r\nContent-Length: {len(body)}\r\n\r\n"
        connection = await self._connection()
        request.port, request.sent = connection.port, time.monotonic()
        try:
            connection.writer.write(f"{self.head}{fields}".encode() + body)
            status, answer = await connection.answer()
        except BaseException:
            self._close(connection)
            raise
        if connection.is_usable() and len(self.open) <= CONNECTIONS:
            self.idle.append(connection)
        else:
            self._close(connection)
        if status != 200:
            raise ValueError(f"status {status}")
        answer = json.loads(session.open(answer))
        is_ping = message["action"] == "ping"
        if not is_ping and answer["screen"] != "APPOINTMENT" or is_ping and answer["data"]["status"] != "active":
            raise ValueError("another answer than expected")
        return answer

    async def _connection(self):
        while self.idle and len(self.open) >= CONNECTIONS:
            connection = self.idle.popleft()
            if connection.is_usable():
                return connection
            self._close(connection)
        return await self._connect()

    async def _connect(self):
        for attempt in range(MOST_ATTEMPTS_TO_CONNECT):
            try:
                opened = await asyncio.open_connection(self.address, 443, ssl=self.trust, server_hostname=self.name)
                connection = Connection(*opened)
                self.certificates.append((connection.made, connection.certificate))
                self.open.add(connection)
                return connection
            except OSError:
                self.connects_failed.append(time.monotonic())
                if attempt + 1 == MOST_ATTEMPTS_TO_CONNECT:
                    raise

    def _close(self, connection):
        self.open.discard(connection)
        connection.writer.transport.abort()
