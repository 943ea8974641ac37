"""What a logic stub needs of gRPC and protobuf, and one that may be told to do what no library would.

It refuses to know what is answered: that is its behaviour, good (`logic.py`) or hostile (`hostile.py`).
"""

import asyncio
import contextlib
import struct

import hpack

import frames

# A health check's SERVING, in protobuf.
SERVING = b"\x08\x01"


def varint(number):
    encoded = b""
    while number > 127:
        encoded, number = encoded + bytes([number % 128 + 128]), number // 128
    return encoded + bytes([number])


def field(number, value):
    """A length-delimited field of protobuf."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def texts(message, *wanted):
    """The length-delimited fields with these numbers. Others are stepped over."""
    found, at = dict.fromkeys(wanted, b""), 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(message):
        key = number()
        size = number()
        if key & 7 == 2:
            if key >> 3 in found:
                found[key >> 3] = message[at : at + size]
            at += size
    return [found[name].decode() for name in wanted]


def entry(name, value):
    """A field of a google.protobuf.Struct."""
    return field(1, field(1, name.encode()) + field(2, value))


def text(value):
    """A google.protobuf.Value."""
    return field(3, value.encode())


def next_screen(data):
    """A HandleDataExchangeResponse."""
    return field(1, field(1, b"NEXT") + field(2, data))


def envelope(message):
    """gRPC's five bytes before a message."""
    return struct.pack(">BI", 0, len(message)) + message


class Call:
    """One call of the edge: what it asked, and what may be answered on its stream."""

    def __init__(self, connection, stream, path):
        self.connection, self.stream, self.path, self.body = connection, stream, path, bytearray()
        self.window = connection.initial_window
        self.task = None

    def head(self, **fields):
        fields = {":status": "200", "content-type": "application/grpc"} | fields
        self.connection.write(frames.headers(self.stream, frames.block(fields.items())))

    def end(self, status=0, **fields):
        block = frames.block([("grpc-status", str(status)), *fields.items()])
        self.connection.write(frames.headers(self.stream, block, end_stream=True))

    async def data(self, payload):
        """As the edge's windows allow."""
        connection = self.connection
        while payload:
            async with connection.opened:
                await connection.opened.wait_for(lambda: min(self.window, connection.window) > 0)
            size = min(self.window, connection.window, connection.max_frame, len(payload))
            self.window, connection.window = self.window - size, connection.window - size
            connection.write(frames.frame(frames.DATA, 0, self.stream, payload[:size]))
            await connection.writer.drain()
            payload = payload[size:]

    async def answer(self, message):
        self.head()
        await self.data(envelope(message))
        self.end()


class Connection:
    """The edge's connection. `behaviour` answers calls; those that ask for health are answered here."""

    def __init__(self, behaviour, reader, writer):
        self.behaviour, self.reader, self.writer = behaviour, reader, writer
        self.initial_window, self.window, self.max_frame = frames.DEFAULT_WINDOW, frames.DEFAULT_WINDOW, 16_384
        self.opened, self.calls, self.decoder = asyncio.Condition(), {}, hpack.Decoder()
        # Set where a hostile one answers frames no more.
        self.is_silent = False

    def write(self, data):
        if self.writer.is_closing():
            raise ConnectionError("the edge has ended it")
        self.writer.write(data)

    async def serve(self):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._serve()
        for call in self.calls.values():
            if call.task:
                call.task.cancel()
        self.writer.transport.abort()

    async def _serve(self):
        self.write(frames.settings({frames.INITIAL_WINDOW_SIZE: frames.MAX_WINDOW, frames.MAX_FRAME_SIZE: 1 << 20}))
        self.write(frames.window_update(0, frames.MAX_WINDOW - frames.DEFAULT_WINDOW))
        await self.reader.readexactly(len(frames.PREFACE))
        parser = frames.Parser()
        while data := await self.reader.read(1 << 20):
            for frame in parser.feed(data):
                if not self.is_silent:
                    await self._take(*frame)

    async def _take(self, kind, flags, stream, payload):
        call = self.calls.get(stream)
        if kind == frames.SETTINGS and not flags & frames.ACK:
            await self._settings(dict(struct.iter_unpack(">HI", payload)))
            self.write(frames.frame(frames.SETTINGS, frames.ACK))
        elif kind == frames.PING and not flags & frames.ACK:
            self.write(frames.frame(frames.PING, frames.ACK, payload=payload))
        elif kind == frames.WINDOW_UPDATE:
            increment = int.from_bytes(payload)
            if stream == 0:
                self.window += increment
            elif call:
                call.window += increment
            async with self.opened:
                self.opened.notify_all()
        elif kind == frames.HEADERS:
            # The edge's heads fit into one frame, without padding or priority.
            path = dict(self.decoder.decode(payload))[":path"]
            self.calls[stream] = call = Call(self, stream, path)
        elif kind == frames.DATA and call:
            call.body += payload
            if payload:
                self.write(frames.window_update(0, len(payload)))
        elif kind == frames.RST_STREAM and call:
            if call.task:
                call.task.cancel()
            self.calls.pop(stream)
        if kind in (frames.HEADERS, frames.DATA) and flags & frames.END_STREAM and call:
            call.task = asyncio.create_task(self._answer(call))

    async def _settings(self, values):
        self.max_frame = values.get(frames.MAX_FRAME_SIZE, self.max_frame)
        if frames.INITIAL_WINDOW_SIZE in values:
            difference = values[frames.INITIAL_WINDOW_SIZE] - self.initial_window
            self.initial_window += difference
            for call in self.calls.values():
                call.window += difference
        async with self.opened:
            self.opened.notify_all()

    async def _answer(self, call):
        with contextlib.suppress(OSError):
            if call.path == "/grpc.health.v1.Health/Check":
                await call.answer(SERVING)
            elif call.path.endswith("/Ping"):
                await call.answer(b"")
            else:
                await self.behaviour(call)
        self.calls.pop(call.stream, None)
