"""FlowServices as a process, each on a port of its own.

usage: logic.py BEHAVIOUR…, each `good` or of `hostile.py`; prints the ports as JSON and runs until standard input ends.

A good one does as the screen of the request says: SLOW answers after some seconds, SIZE-N with N characters, INVALID_ARGUMENT
with that status. Every answer carries a number of its own, by which a second call for one envelope is seen, and the flow token,
by which an answer to somebody else is. It refuses to know anything of cryptography.
"""

import asyncio
import itertools
import json
import sys

import hostile
from service import Connection, entry, next_screen, text, texts

# Within the deadline of the base's, and long enough for all requests of an attack to wait together.
SLOW_SECONDS = 5
NUMBERS = itertools.count(1)


async def good(call):
    token, screen = texts(call.body[5:], 7, 5)
    if screen == "SLOW":
        await asyncio.sleep(SLOW_SECONDS)
    if screen == "INVALID_ARGUMENT":
        call.head()
        return call.end(3)
    size = int(screen.removeprefix("SIZE-")) if screen.startswith("SIZE-") else 0
    data = {"number": str(next(NUMBERS)), "token": token, "text": "x" * size}
    await call.answer(next_screen(b"".join(entry(name, text(value)) for name, value in data.items())))


async def main(behaviours):
    async def listen(behaviour, connection):
        server = await asyncio.start_server(
            lambda *opened: connection(behaviour, *opened).serve(), "127.0.0.1", 0, backlog=1024
        )
        return server.sockets[0].getsockname()[1]

    ports = {}
    for name in behaviours:
        one = hostile.BEHAVIOURS.get(name)
        ports[name] = await (listen(one.behaviour, one.connection) if one else listen(good, Connection))
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
