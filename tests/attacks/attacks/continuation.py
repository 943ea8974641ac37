"""A head that never ends, in CONTINUATION frames (VU#421644). No secret is needed.

Sends: a HEADERS frame and after it CONTINUATION frames: `fields`, megabytes full of fields; `empty`, thousands without any.
A right edge ends the connection long before it has taken all of it.
Measured: how much it took.
"""

import frames


def endless(target, part, count):
    whole = b"".join(frames.frame(frames.CONTINUATION, 0, 1, part) for _ in range(count))
    ended, codes = 0, set()
    for connections in range(1, target.pick(10, 100) + 1):
        target.edge.must_live()
        connection = target.connect_http2()
        head = frames.block([(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/")])
        connection.send(frames.headers(1, head, end_headers=False))
        # Where it is ended in the middle, less than all could be sent.
        was_sent = connection.send(whole, 5)
        ended += not was_sent or connection.is_ended(5)
        codes.add(connection.goaway)
        connection.close()
    target.note(f"{ended} of {connections} connections were ended, each within {len(whole) / 1024:.0f} KiB, GOAWAY {codes}")
    target.expect(ended == connections, f"{connections - ended} of {connections} connections went on")


def fields(target):
    endless(target, frames.block([("x", "y" * 1000)] * 15), 256)


def empty(target):
    endless(target, b"", 20_000)


CASES = {"fields": fields, "empty": empty}
