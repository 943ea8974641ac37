"""Signed data that is small as text and large once it is read. Whoever fills in a form on a phone can send it.

Sends: some dozens of requests at a time, each of 0.98 MB of plaintext, of a shape that grows: zeros in a list, short keys, empty
texts, empty objects, depth, escapes, and the same in a field that nobody knows. Logic takes seconds to answer what reaches it.
A right edge keeps nothing of them while it waits for logic that the call does not need, counts what it holds, and refuses what
has too many values (400) or is too much at a time (503). None is answered 500.
Measured: memory for one while logic has all of them.
"""

import collections
import json
import time

from envelope import data_exchange, post

BYTES = 980_000
PAUSE_SECONDS = 0.08
SHAPES = {
    "zeros": lambda: [0] * (BYTES // 2),
    "short-keys": lambda: {f"{number:x}": 0 for number in range(BYTES // 10)},
    "empty-texts": lambda: [""] * (BYTES // 3),
    "empty-objects": lambda: [{}] * (BYTES // 3),
    "depth": lambda: [nested(26)] * (BYTES // 54),
    "escapes": lambda: "\n" * (BYTES // 2),
}


def nested(depth):
    return [] if depth == 0 else [nested(depth - 1)]


def message(shape):
    return json.dumps(data_exchange("SLOW", {"a": SHAPES[shape]()}), separators=(",", ":")).encode()


def unknown_field():
    """Beside `data`, in a message that logic never sees."""
    zeros = SHAPES["zeros"]()
    return json.dumps(data_exchange("SLOW") | {"unknown": zeros}, separators=(",", ":")).encode()


def many(target, plaintext):
    requests = [target.platform.seal(plaintext) for _ in range(target.pick(40, 120))]
    connections = [target.connect() for _ in requests]
    before = target.memory()

    for connection, sealed in zip(connections, requests):
        target.edge.must_live()
        connection.send(post(target.path, sealed.body, sealed.signature), 20)
        # All at once they would be too many to be let in.
        time.sleep(PAUSE_SECONDS)
    target.hold(1)
    most = target.memory() - before
    statuses = collections.Counter()
    for connection in connections:
        answer = connection.answer(12)
        statuses[answer[0] if answer else "closed"] += 1
        connection.close()
    target.edge.must_live()
    target.note(f"{len(plaintext) / 1e6:.2f} MB each: {most / len(requests):.1f} MiB for one; {dict(statuses)}")
    wrong = set(statuses) - {200, 400, 413, 503, 504}
    target.expect(not wrong, f"answered {dict(statuses)}")


CASES = {shape: (lambda target, shape=shape: many(target, message(shape))) for shape in SHAPES}
CASES["unknown-field"] = lambda target: many(target, unknown_field())
