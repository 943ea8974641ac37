"""HTTP/2 frames (RFC 9113), written without asking whether they make sense.

A library would refuse to send most of what is sent here. It refuses to know what a frame is for.
"""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = range(1, 6)
PROTOCOL_ERROR, CANCEL, ENHANCE_YOUR_CALM = 0x1, 0x8, 0xB
MAX_WINDOW = 2**31 - 1
DEFAULT_WINDOW = 65_535


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(values=()):
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *value) for value in dict(values).items()))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def goaway(last, code=0):
    return frame(GOAWAY, payload=struct.pack(">II", last, code))


def headers(stream, block, end_stream=False, end_headers=True):
    return frame(HEADERS, END_STREAM * end_stream | END_HEADERS * end_headers, stream, block)


def literal(name, value):
    """A field in HPACK without an index and without Huffman's code, so that its size is what it says (RFC 7541, 6.2.2)."""
    return b"\x00" + _string(name) + _string(value)


def indexing(name, value):
    """A field that is added to the table, as 62 from then on (RFC 7541, 6.2.1)."""
    return b"\x40" + _string(name) + _string(value)


def _string(text):
    length = len(text)
    if length < 127:
        return bytes([length]) + text
    more, head = length - 127, b"\x7f"
    while more >= 128:
        head, more = head + bytes([more % 128 + 128]), more // 128
    return head + bytes([more]) + text


def block(fields):
    return b"".join(literal(name.encode(), value.encode()) for name, value in fields)


class Parser:
    """Frames out of bytes, in whatever parts they come."""

    def __init__(self):
        self.waiting = bytearray()

    def feed(self, data):
        """The frames that are whole by now, as (kind, flags, stream, payload)."""
        self.waiting += data
        found, at = [], 0
        while len(self.waiting) - at >= 9:
            length = int.from_bytes(self.waiting[at : at + 3])
            if len(self.waiting) - at < 9 + length:
                break
            kind, flags, stream = struct.unpack_from(">BBI", self.waiting, at + 3)
            found.append((kind, flags, stream & MAX_WINDOW, bytes(self.waiting[at + 9 : at + 9 + length])))
            at += 9 + length
        del self.waiting[:at]
        return found
