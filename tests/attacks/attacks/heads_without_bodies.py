"""HTTP/2 streams that wait for a body that never comes. No secret is needed.

Sends: connections with 200 heads each, of POST with a well-formed signature, and nothing after them. `plain` heads are as small
as they come; `indexed` ones name an empty field of the HPACK table hundreds of times, a byte each; `unknown-path` does the same
where there is no endpoint.
A right edge counts a head and its fields against its memory, lets large ones wait in no number, and stays within its limit.
`early-answers`: what needs no body is answered before it comes: 404, 405, and 432 for a signature that is missing or none.
Measured: what a connection holds, and for the early ones how long the answer took.
"""

import concurrent.futures
import time

import frames

SIGNATURE = "sha256=" + "0" * 64
STREAMS = 200
THREADS = 4
# As many as 16 KiB of fields allow: each counts 32 bytes beside its text.
FIELDS = 480
# Less than the body's time-out, which answers as well.
EARLY_SECONDS = 3


def head(path, method="POST", signature=SIGNATURE):
    fields = [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)]
    fields += [("x-hub-signature-256", signature)] if signature is not None else []
    return frames.block(fields)


def heads(path, is_indexed):
    """What one connection sends after its settings: the first head fills the table, the others name what is there."""
    fields = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", path.encode())]
    fields += [(b"x-hub-signature-256", SIGNATURE.encode()), *([(b"a", b"")] if is_indexed else [])]
    # 62 is what was put into the table last.
    *known, last = (bytes([0x80 | 62 + number]) for number in reversed(range(len(fields))))
    more = last * (FIELDS if is_indexed else 1)
    first = b"".join(frames.indexing(*field) for field in fields)
    streams = range(3, 2 * STREAMS, 2)
    return frames.headers(1, first) + b"".join(frames.headers(stream, b"".join(known) + more) for stream in streams)


def waiting(target, connections, data):
    """As many connections as the edge takes, within the time for which it waits for bodies."""
    before, began = target.memory(), time.monotonic()

    def send(_):
        target.edge.must_live()
        target.connect_http2().send(data)

    # One after the other would take longer than bodies are waited for.
    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(send, range(connections)))
    seconds = time.monotonic() - began
    most = target.memory() - before
    target.hold(1)
    most = max(most, target.memory() - before)
    each, sent = most * 1024 / connections, len(data) / 1024
    target.note(f"{connections} connections in {seconds:.1f} s: {each:.0f} KiB a connection for {sent:.1f} KiB sent")


def plain(target):
    waiting(target, target.pick(460, 800), heads(target.path, False))


def indexed(target):
    waiting(target, target.pick(120, 400), heads(target.path, True))


def unknown_path(target):
    waiting(target, target.pick(120, 400), heads("/nothing", True))


def early_answers(target):
    """None of these needs its body to be answered."""
    cases = {
        "a path that is not there": (404, head("/nothing")),
        "a method that is not allowed": (405, head(target.path, method="PUT")),
        "no signature": (432, head(target.path, signature=None)),
        "a signature that is none": (432, head(target.path, signature="sha256=abc")),
    }
    for name, (status, block) in cases.items():
        began = time.monotonic()
        connection = target.connect_http2()
        connection.send(frames.headers(1, block))
        connection.take_until(lambda: 1 in connection.statuses, EARLY_SECONDS)
        answered = connection.statuses.get(1)
        target.note(f"{name}: {answered} after {time.monotonic() - began:.1f} s")
        target.expect(answered == status, f"{name}: {answered} within {EARLY_SECONDS} s without the body, not {status}")


CASES = {"plain": plain, "indexed": indexed, "unknown-path": unknown_path, "early-answers": early_answers}
