"""The normal client as a process: the platform, at a steady rate, on a few connections that it keeps, whatever goes on beside it.

Each request is sent at its time, whatever became of those before it; every tenth is on a connection of its own. Every answer is
opened and looked at. A connection that is seen to be closed is not used; nothing is repeated.

Its arguments are one JSON object. It prints a line once some requests were answered, and after the end of standard input one
with every request: when it was due, how long it took, and what went wrong. It refuses to know of attacks.
"""

import asyncio
import collections
import contextlib
import json
import pathlib
import ssl
import sys
import time

from envelope import Platform, data_exchange, post

# The platform gives up after as long.
TIMEOUT_SECONDS = 10
CONNECTIONS = 4
# One of so many is on a connection of its own.
FRESH = 10
# So many are answered before it says that it runs.
WARM_UP = 20


class Client:
    def __init__(self, address, path, certificate, public_key, app_secret, rate):
        self.address, self.path, self.rate = address, path, rate
        self.trust = ssl.create_default_context(cafile=certificate)
        self.trust.check_hostname = False
        self.trust.set_alpn_protocols(["http/1.1"])
        self.platform = Platform(pathlib.Path(public_key).read_bytes(), app_secret.encode())
        self.idle, self.records, self.running = collections.deque(), [], set()

    async def run(self, stop):
        began = time.monotonic()
        number = 0
        while not stop.is_set():
            due = began + number / self.rate
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0, due - time.monotonic()))
            number += 1
            task = asyncio.create_task(self._request(due, number % FRESH == 0))
            self.running.add(task)
            task.add_done_callback(self.running.discard)
        await asyncio.gather(*self.running)

    async def _request(self, due, fresh):
        fault = None
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._exchange(fresh)
        except Exception as error:  # Whatever it is, the request is lost.
            fault = repr(error)
        self.records.append((due, time.monotonic() - due, fault))
        if len(self.records) == WARM_UP:
            print("{}", flush=True)

    async def _exchange(self, fresh):
        message = data_exchange()
        sealed = self.platform.seal(message)
        reader, writer = await self._connection(fresh)
        try:
            writer.write(post(self.path, sealed.body, sealed.signature))
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            fields = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(fields["content-length"]))
        except BaseException:
            writer.transport.abort()
            raise
        if fresh or fields.get("connection") == "close" or len(self.idle) >= CONNECTIONS:
            writer.transport.abort()
        else:
            self.idle.append((reader, writer))
        if " 200 " not in head[0]:
            raise ValueError(head[0])
        if sealed.open(body)["data"]["token"] != message["flow_token"]:
            raise ValueError("an answer to another request")

    async def _connection(self, fresh):
        while self.idle and not fresh:
            reader, writer = self.idle.popleft()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.transport.abort()
        return await asyncio.open_connection(*self.address, ssl=self.trust, server_hostname="localhost")


async def main():
    client, stop = Client(**json.loads(sys.argv[1])), asyncio.Event()
    running = asyncio.create_task(client.run(stop))
    await asyncio.to_thread(sys.stdin.read)
    stop.set()
    await running
    print(json.dumps(client.records), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
