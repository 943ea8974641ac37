"""All kinds of memory that can be held from outside, held at once: what the sum of `flow-edge check` promises.

Sends: signed answers until the memory for repeats is full; then connections in HTTP/2, idle after a request, until all places but
those of this attack are taken; signed requests of the most values there may be, which logic takes its time for; heads that wait;
and bodies that nobody signed, until the memory for requests is full too.
A right edge takes no more than the sum that `flow-edge check` prints for its configuration, and that sum is within the manifest's
limit.
Measured: memory at most, against the sum.
"""

import contextlib
import json
import re
import subprocess
import time

import frames
from attacks import idle_connections, replays, unsigned_bodies
from envelope import data_exchange, post
from place import MIB, memory_limit

# Room for this attack's other connections.
OTHERS = 250
REQUESTS = 40
# The most that is let through, brackets and commas of the message itself counted.
VALUES = 9_900


def promised(target):
    """MiB by the edge's own word."""
    check = [target.place.binary, "check", "--config", target.place.folder / "flow-edge.yaml"]
    text = subprocess.run(check, check=True, capture_output=True, text=True).stdout
    return int(re.search(r"at the most +(\d+) MiB", text)[1])


def waiting_heads(target):
    fields = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", target.path)]
    block = frames.block([*fields, ("x-hub-signature-256", unsigned_bodies.SIGNATURE)])
    for _ in range(20):
        connection = target.connect_http2()
        connection.send(b"".join(frames.headers(stream, block) for stream in range(1, 200, 2)))


def signed(target):
    plaintext = json.dumps(data_exchange("SLOW", {"a": [{"": 0}] * (VALUES // 2)}), separators=(",", ":")).encode()
    requests = [target.platform.seal(plaintext) for _ in range(REQUESTS)]
    connections = [target.connect() for _ in requests]
    for connection, sealed in zip(connections, requests):
        connection.send(post(target.path, sealed.body, sealed.signature))


def everything(target):
    sum_, limit = promised(target), memory_limit() // MIB
    target.expect(sum_ <= limit, f"the sum is {sum_} MiB, and the manifest's limit {limit}")
    replays.full(target, replays.ANSWER, 0)
    count = int(target.limits["max_connections"]) - OTHERS
    began = time.monotonic()
    for _ in range(count):
        with contextlib.suppress(TimeoutError):
            idle_connections.http2_after_404(target)
    target.note(f"{count} connections in {time.monotonic() - began:.0f} s")
    signed(target)
    waiting_heads(target)
    for _ in range(unsigned_bodies.budget(target) // unsigned_bodies.LARGEST + 4):
        part = unsigned_bodies.http1(target, unsigned_bodies.LARGEST) + bytes(unsigned_bodies.LARGEST - 1)
        target.connect().send(part, 2)
    unsigned_bodies.watch(target, 3)
    most = target.edge.most_data / MIB
    target.note(f"{most:.0f} MiB of data at most, of {sum_} that the sum allows")
    target.expect(most <= sum_, f"{most:.0f} MiB of data, the sum says {sum_}")


CASES = {"": everything}
