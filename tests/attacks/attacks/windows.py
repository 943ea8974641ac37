"""Answers that a client asks for and does not take (CVE-2019-9511, 9517, and what is like them).

Sends: `zero`: requests whose answers have no window; `tiny`: a window of one byte, opened by a byte at a time; `overflow`: a
window of the connection opened too far; `shrinking`: windows that change with every frame; `unread`: in HTTP/1.1, requests one
after the other whose answers stay in the socket; `signed`: large answers of logic without a window, which a signer can ask for.
A right edge bounds what waits for each connection, and ends one that breaks the protocol.
Measured: what a connection holds.
"""

import collections
import json

import frames
from envelope import data_exchange
from place import until


def requests(target, numbers):
    fields = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/nothing")]
    block = frames.block(fields)
    return b"".join(frames.headers(stream, block, end_stream=True) for stream in numbers)


def held(target, connections, one, settings):
    before = target.memory()
    for _ in range(connections):
        target.edge.must_live()
        one(target.connect_http2(settings))
    target.hold(1)
    target.note(f"{connections} connections hold {(target.memory() - before) * 1024 / connections:.0f} KiB each")


def zero(target):
    data = requests(target, range(1, 401, 2))
    held(target, target.pick(1200, 1900), lambda connection: connection.send(data), {frames.INITIAL_WINDOW_SIZE: 0})


def tiny(target):
    data = requests(target, range(1, 201, 2))
    more = b"".join(frames.window_update(stream, 1) for stream in range(1, 201, 2)) * 5
    held(target, target.pick(50, 1900), lambda connection: connection.send(data + more), {frames.INITIAL_WINDOW_SIZE: 1})


def overflow(target):
    ended = 0
    for _ in range(20):
        connection = target.connect_http2()
        connection.send(frames.window_update(0, frames.MAX_WINDOW))
        ended += connection.is_ended(5)
        connection.close()
    target.expect(ended == 20, f"{20 - ended} of 20 connections went on with a window beyond 2^31-1")


def shrinking(target):
    change = b"".join(frames.settings({frames.INITIAL_WINDOW_SIZE: window}) for window in (0, 1, 65_535, 0, 16))
    data = requests(target, range(1, 201, 2)) + change * 1000
    held(target, target.pick(20, 1900), lambda connection: connection.send(data, 1), {frames.INITIAL_WINDOW_SIZE: 0})


def unread(target):
    before, count, taken = target.memory(), target.pick(10, 300), 0
    data = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000
    for _ in range(count):
        target.edge.must_live()
        connection = target.connect(reads=False)
        for _ in range(5):
            if not connection.send(data, 0.05):
                break
            taken += 1
    each = (target.memory() - before) * 1024 / count
    target.note(f"{count} connections hold {each:.0f} KiB each, after {taken * 1000 / count:.0f} requests each")


def signed(target):
    """As many as may be at a time on a connection, of 200 KB each."""

    statuses = collections.Counter()

    def ask(connection):
        fields = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", target.path)]
        for stream in range(1, 41, 2):
            sealed = target.platform.seal(json.dumps(data_exchange("SIZE-200000")).encode())
            block = frames.block([*fields, ("x-hub-signature-256", sealed.signature)])
            body = frames.frame(frames.DATA, frames.END_STREAM, stream, sealed.body)
            connection.send(frames.headers(stream, block) + body)
        # Answered, but for the bodies: so many at once are no load, but what waits is more and more.
        connection.take_until(lambda: len(connection.statuses) == 20)
        statuses.update(connection.statuses.values())

    held(target, target.pick(100, 200), ask, {frames.INITIAL_WINDOW_SIZE: 0})
    target.note(f"answered {dict(statuses)}")
    # Those that take nothing go as soon as memory is short, and then there is room.
    ours = target.connect()
    until(lambda: target.exchange(target.platform.seal(data_exchange()), ours)[0] == 200, "room again", 5)


CASES = {"zero": zero, "tiny": tiny, "overflow": overflow, "shrinking": shrinking, "unread": unread, "signed": signed}
# Whoever signs is the platform itself: it may get in its own way for a moment, and no longer.
MAY_BE_REFUSED = {"signed"}
