"""Streams that are opened and reset at once (CVE-2023-44487). No secret is needed.

Sends: thousands of heads, each followed by its RST_STREAM, on connection after connection.
A right edge ends such a connection (GOAWAY) and works on none of it for long.
Measured: after how many it did.
"""

import frames

PAIRS = 2000
SIGNATURE = "sha256=" + "0" * 64


def reset(target):
    fields = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", target.path)]
    block = frames.block([*fields, ("x-hub-signature-256", SIGNATURE)])
    pairs = b"".join(frames.headers(stream, block) + frames.reset(stream) for stream in range(1, 2 * PAIRS, 2))
    ended, codes = 0, set()
    for connections in range(1, target.pick(30, 300) + 1):
        target.edge.must_live()
        connection = target.connect_http2()
        connection.send(pairs)
        ended += connection.is_ended(5)
        codes.add(connection.goaway)
        connection.close()
    target.note(f"{ended} of {connections} connections were ended, each with {PAIRS} streams, GOAWAY {codes}")
    target.expect(ended == connections, f"{connections - ended} of {connections} connections went on after {PAIRS} resets")


CASES = {"": reset}
