"""Frames that ask for a frame in return, from a client that reads none. No secret is needed.

Sends: `ping`, `settings`: megabytes of them, one connection after the other, as long as the edge takes them; `unknown`: frames of
kinds that nobody knows; `priority`: of streams that there are not; `empty-data`: of a body that does not grow. All of it at a
rate that a line to the Internet has, which is some 300,000 frames a second.
A right edge takes no more than it can answer, or ends the connection, and holds no more for it than for another.
Measured: how much it took.
"""

import struct
import time

import frames

BYTES_A_SECOND = 4 << 20


def flood(target, frame, before=b""):
    part, parts = frame * (65_536 // len(frame)), target.pick(32, 128)
    taken, waiting = 0, []
    for _ in range(target.pick(6, 12)):
        target.edge.must_live()
        connection = target.connect_http2(reads=False)
        connection.send(before)
        began = time.monotonic()
        for number in range(parts):
            time.sleep(max(0, began + number * len(part) / BYTES_A_SECOND - time.monotonic()))
            if not connection.send(part, 0.3):
                break
            taken += len(part)
        # Still open, with what waits for it.
        waiting.append(connection)
    target.hold(0.5)
    target.note(f"{taken / len(waiting) / 1024:.0f} KiB were taken of each connection, of {parts * len(part) / 1024:.0f}")


def empty_data(target):
    fields = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", target.path)]
    head = frames.headers(1, frames.block([*fields, ("x-hub-signature-256", "sha256=" + "0" * 64)]))
    flood(target, frames.frame(frames.DATA, 0, 1), head)


CASES = {
    "ping": lambda target: flood(target, frames.frame(frames.PING, payload=bytes(8))),
    "settings": lambda target: flood(target, frames.settings()),
    "unknown": lambda target: flood(target, frames.frame(0xBE, 0, 0, bytes(100))),
    "priority": lambda target: flood(target, frames.frame(frames.PRIORITY, 0, 3, struct.pack(">IB", 1, 1))),
    "empty-data": empty_data,
}
