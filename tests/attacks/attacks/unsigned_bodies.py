"""Bodies that nobody signed, of which the last byte never comes, until `max_body_memory` is full. No secret is needed.

Sends: more than `max_body_memory`, each body under a well-formed signature that is wrong: `fast`, as large as a body may be on
many connections; `streams`, on many streams of few connections; `slow`, in small parts over seconds; `small`, in bodies of the
size that honest ones have; `again`, each answered one followed by another.
A right edge keeps a part for small bodies, and when that memory is full the largest unfinished body gives way: the normal client
gets no 503.
Measured: memory for bodies at most, by the edge's own count, and what was answered.
"""

import collections
import contextlib
import time

import frames
from place import MIB, size

SIGNATURE = "sha256=" + "0" * 64
LARGEST = 2 * MIB
HOLD_SECONDS = 3


def http1(target, length):
    head = f"POST {target.path} HTTP/1.1\r\nHost: localhost\r\nX-Hub-Signature-256: {SIGNATURE}\r\n"
    return f"{head}Content-Length: {length}\r\n\r\n".encode()


def budget(target):
    return size(target.limits["max_body_memory"])


def watch(target, seconds):
    """The edge's own count at most, while what was sent does its harm."""
    end, most = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        target.edge.must_live()
        most = max(most, target.count("flow_body_memory_bytes"))
    target.note(f"{most / MIB:.1f} MiB of bodies at most by the edge's count")


def fast(target):
    for _ in range(budget(target) // LARGEST + 4):
        target.connect().send(http1(target, LARGEST) + bytes(LARGEST - 1), 2)
    watch(target, HOLD_SECONDS)


def again(target):
    """Whoever is told to go comes again at once."""
    count, answered = budget(target) // LARGEST + 4, collections.Counter()
    end, waiting = time.monotonic() + target.pick(6, 30), collections.deque()
    while time.monotonic() < end:
        target.edge.must_live()
        connection = target.connect()
        connection.send(http1(target, LARGEST) + bytes(LARGEST - 1), 2)
        waiting.append(connection)
        if len(waiting) > count:
            connection = waiting.popleft()
            with contextlib.suppress(TimeoutError):
                answer = connection.answer(0.01)
                answered[answer[0] if answer else "closed"] += 1
            connection.close()
    target.note(f"answered {dict(answered)}")


def streams(target):
    """Each stream takes what its windows allow, and no more comes."""
    fields = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", target.path)]
    block = frames.block([*fields, ("x-hub-signature-256", SIGNATURE)])
    for _ in range(4):
        connection, sent = target.connect_http2(), 0
        # The edge's settings come first.
        connection.take()
        for stream in range(1, 2 * (budget(target) // LARGEST), 2):
            connection.send(frames.headers(stream, block))
            sent += connection.send_body(stream, LARGEST - 1)
        target.note(f"{sent / MIB:.0f} MiB on a connection")
    watch(target, HOLD_SECONDS)


def slow(target):
    connections, rounds = [target.connect() for _ in range(target.pick(200, 800))], 10
    # A fifth more than there is room for, within the time that a body has.
    part = budget(target) * 6 // 5 // len(connections) // rounds
    for connection in connections:
        connection.send(http1(target, LARGEST))
    began = time.monotonic()
    for number in range(rounds):
        time.sleep(max(0, began + number * 0.3 - time.monotonic()))
        target.edge.must_live()
        for connection in connections:
            connection.send(bytes(part), 0.5)
    watch(target, 0.5)


def small(target):
    length = 48 << 10
    for _ in range(min(budget(target) // length + 50, int(target.limits["max_connections"]) - 200)):
        target.connect().send(http1(target, length) + bytes(length - 1), 2)
    # What is left is less than one of these.
    for part, count in ((1000, 60), (100, 20)):
        for _ in range(count):
            target.connect().send(http1(target, length) + bytes(part), 2)
    watch(target, HOLD_SECONDS)


CASES = {"fast": fast, "again": again, "streams": streams, "slow": slow, "small": small}
