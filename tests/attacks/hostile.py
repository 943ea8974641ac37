"""What a logic service may do instead of answering, each under a name, with the statuses that are right for the edge to give.

A contract that is broken is 500, a service that cannot be used 503, one that is late 504. Whoever floods stops after a bounded
number of bytes. It refuses to know who asks.
"""

import asyncio
import dataclasses
import gzip
import struct
import time
from collections.abc import Callable

import frames
from service import Connection, entry, envelope, field, next_screen, text

# What a flood sends at most for one call, in what parts, and how fast: all of them together are as much as a line carries.
FLOOD, PART, BYTES_A_SECOND = 4 << 20, 16_384, 2 << 20


async def paced(part):
    """A part again and again, each at its time."""
    began = time.monotonic()
    for at in range(0, FLOOD, len(part)):
        await asyncio.sleep(max(0, began + at / BYTES_A_SECOND - time.monotonic()))
        yield part


async def flood(call, part):
    async for part in paced(part):
        await call.data(part)


async def endless_answer(call):
    call.head()
    await call.data(struct.pack(">BI", 0, 1 << 20))
    await flood(call, bytes(PART))


async def huge_answer(call):
    call.head()
    await call.data(struct.pack(">BI", 0, 2**32 - 1))
    await flood(call, bytes(PART))


async def many_messages(call):
    call.head()
    await flood(call, envelope(next_screen(entry("a", text("b")))) * 100)
    call.end()


async def no_trailers(call):
    call.head()
    await call.data(envelope(next_screen(b"")))
    call.connection.write(frames.frame(frames.DATA, frames.END_STREAM, call.stream))


async def wrong_content_type(call):
    call.head(**{"content-type": "text/html"})
    await call.data(b"<html>" * 1000)
    call.end()


async def garbage_frames(call):
    call.connection.write(bytes(range(256)) * 64)


async def goaway_at_once(call):
    call.connection.write(frames.goaway(0))
    call.connection.writer.close()


async def resets(call):
    call.connection.write(frames.reset(call.stream, frames.PROTOCOL_ERROR))


async def trickle(call):
    call.head()
    for byte in envelope(next_screen(entry("a", text("b" * 1000)))):
        await call.data(bytes([byte]))
        await asyncio.sleep(0.1)


def nested(levels):
    value = text("deep")
    for _ in range(levels):
        value = field(6, field(1, value))  # a list in a list
    return next_screen(entry("a", value))


DEEP = nested(1000)


async def deep_struct(call):
    await call.answer(DEEP)


async def zero_length(call):
    await call.answer(b"")


def in_parts(stream, block, end_stream):
    """A block of fields in as many frames as it takes."""
    parts = [block[at : at + PART] for at in range(0, len(block), PART)]
    last = len(parts) - 1
    yield frames.headers(stream, parts[0], end_stream, end_headers=last == 0)
    for number, part in enumerate(parts[1:], 1):
        yield frames.frame(frames.CONTINUATION, frames.END_HEADERS * (number == last), stream, part)


FIELDS = frames.block((f"x-{number}", "v" * 1000) for number in range(1000))


async def giant_headers(call):
    head = frames.block([(":status", "200"), ("content-type", "application/grpc")])
    for part in in_parts(call.stream, head + FIELDS, end_stream=False):
        call.connection.write(part)


async def giant_trailers(call):
    call.head()
    await call.data(envelope(next_screen(b"")))
    for part in in_parts(call.stream, frames.block([("grpc-status", "0")]) + FIELDS, end_stream=True):
        call.connection.write(part)


async def ping_flood(call):
    async for part in paced(frames.frame(frames.PING, payload=bytes(8)) * (PART // 17)):
        call.connection.write(part)
        await call.connection.writer.drain()


async def settings_flood(call):
    async for part in paced(frames.settings() * (PART // 9)):
        call.connection.write(part)
        await call.connection.writer.drain()


async def never_answers(call):
    await asyncio.Event().wait()


async def closes_mid_answer(call):
    call.head()
    await call.data(envelope(next_screen(entry("a", text("b" * 1000))))[:500])
    await call.connection.writer.drain()
    call.connection.writer.close()


BOMB = gzip.compress(next_screen(entry("a", text("b" * FLOOD))))


async def bomb(call):
    """Megabytes that gzip makes small."""
    call.head(**{"grpc-encoding": "gzip"})
    await call.data(struct.pack(">BI", 1, len(BOMB)) + BOMB)
    call.end()


MANY = next_screen(entry("a", field(6, field(1, b"\x08\x00") * 1_000_000)))


async def many_values(call):
    """A message below gRPC's usual limit of four megabytes, of values that are much larger once they are read."""
    await call.answer(MANY)


class ZeroWindow(Connection):
    """Nothing may be sent to it, not even the question for its health."""

    async def _serve(self):
        self.write(frames.settings({frames.INITIAL_WINDOW_SIZE: 0}))
        self.is_silent = True
        await super()._serve()

    def write(self, data):
        if not self.is_silent:
            super().write(data)


class Http1(Connection):
    """A web server where a gRPC server should be."""

    async def _serve(self):
        await self.reader.readuntil(b"\r\n\r\n")
        self.write(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nHello")
        await self.reader.read()


@dataclasses.dataclass(frozen=True)
class Hostile:
    statuses: set
    behaviour: Callable = never_answers
    connection: type = Connection
    floods: bool = False


BEHAVIOURS = {
    "endless-answer": Hostile({500}, endless_answer, floods=True),
    "huge-answer": Hostile({500}, huge_answer, floods=True),
    "many-messages": Hostile({500}, many_messages, floods=True),
    "no-trailers": Hostile({500}, no_trailers),
    "wrong-content-type": Hostile({500}, wrong_content_type),
    "garbage-frames": Hostile({500, 503}, garbage_frames),
    "goaway-at-once": Hostile({503}, goaway_at_once),
    "resets": Hostile({500, 503}, resets),
    "trickle": Hostile({504}, trickle),
    "deep-struct": Hostile({500}, deep_struct),
    "zero-length": Hostile({500}, zero_length),
    "giant-headers": Hostile({500, 503}, giant_headers),
    "giant-trailers": Hostile({500, 503}, giant_trailers),
    "zero-window": Hostile({503, 504}, connection=ZeroWindow),
    "ping-flood": Hostile({503, 504}, ping_flood, floods=True),
    "settings-flood": Hostile({503, 504}, settings_flood, floods=True),
    "never-answers": Hostile({504}, never_answers),
    "closes-mid-answer": Hostile({500, 503}, closes_mid_answer),
    "http1": Hostile({503}, connection=Http1),
    "bomb": Hostile({500}, bomb),
    "many-values": Hostile({200, 500, 503}, many_values, floods=True),
}
