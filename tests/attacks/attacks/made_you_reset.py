"""Streams that the edge itself resets because their peer breaks the protocol (CVE-2025-8671). No secret is needed.

Sends: thousands of requests, each followed by what is an error of its stream alone: `zero`, a window opened by nothing;
`overflow`, a window opened too far; `closed`, data after the end of the stream; `priority`, a stream that depends on itself.
A right edge ends the connection after some of these.
Measured: after how many it did, and how many it reset.
"""

import struct

import frames

STREAMS = 2000
ERRORS = {
    "zero": lambda stream: frames.window_update(stream, 0),
    "overflow": lambda stream: frames.window_update(stream, frames.MAX_WINDOW),
    "closed": lambda stream: frames.frame(frames.DATA, 0, stream, b"more"),
    "priority": lambda stream: frames.frame(frames.PRIORITY, 0, stream, struct.pack(">IB", stream, 1)),
}


def make(target, error):
    fields = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", target.path)]
    block = frames.block([*fields, ("x-hub-signature-256", "sha256=" + "0" * 64)])
    is_closed = error is ERRORS["closed"]
    # In parts, so that the edge begins with requests before they are wrong.
    numbers = range(1, 2 * STREAMS, 2)
    parts = [frames.headers(stream, block, end_stream=is_closed) + error(stream) for stream in numbers]
    ended, resets, codes = 0, 0, set()
    for connections in range(1, target.pick(10, 100) + 1):
        target.edge.must_live()
        connection = target.connect_http2()
        for at in range(0, STREAMS, 50):
            if not connection.send(b"".join(parts[at : at + 50]), 5):
                break
        ended += connection.is_ended(5)
        resets += len(connection.resets)
        codes.add(connection.goaway)
        connection.close()
    each = resets / connections
    target.note(f"{ended} of {connections} connections were ended, {each:.0f} streams of {STREAMS} reset, GOAWAY {codes}")
    target.expect(ended == connections, f"{connections - ended} of {connections} connections went on after {STREAMS} streams")


CASES = {name: (lambda target, error=error: make(target, error)) for name, error in ERRORS.items()}
