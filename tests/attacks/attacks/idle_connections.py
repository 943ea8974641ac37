"""As many connections as the edge takes, that do nothing. No secret is needed.

Sends: `max_connections` connections and some hundreds more, each of which is idle in its own way: after one request that was
answered 404, in HTTP/1.1 or HTTP/2; before a TLS handshake; in the middle of a head.
A right edge ends the one that has been idle longest and never had a verified request, so that there is always room for the normal
client, which opens connections all the time, and says in its log from 80 % on that they become few.
Measured: what a connection takes.
"""

import concurrent.futures
import threading

import frames

# One handshake after the other would take too long.
THREADS = 4
HOLD_SECONDS = 3


def after_404(target):
    connection = target.connect()
    connection.send(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
    connection.answer()


def http2_after_404(target):
    connection = target.connect_http2()
    fields = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/nothing")]
    connection.send(frames.headers(1, frames.block(fields), end_stream=True))
    connection.take_until(lambda: 1 in connection.statuses)


def silent(target):
    target.connect_plain()


def half_a_head(target):
    target.connect().send(b"GET /nothing HTTP/1.1\r\nHost: local")


def fill(target, one):
    count = int(target.limits["max_connections"])
    before, lock = target.memory(), threading.Lock()
    more = target.pick(200, 2000)
    full = threading.Event()
    numbers = iter(range(count + more))

    def work():
        # An edge that lets nobody in any more is full; that this harms nobody is what is looked at.
        while not full.is_set():
            with lock:
                if next(numbers, None) is None:
                    return
            try:
                one(target)
            except TimeoutError:
                full.set()

    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
        for done in [threads.submit(work) for _ in range(THREADS)]:
            done.result()
    target.edge.must_live()
    target.hold(HOLD_SECONDS)
    held = target.count("flow_connections")
    target.note(f"{held:.0f} connections of {count}: {(target.memory() - before) * 1024 / max(1, held):.0f} KiB each")
    target.expect(held <= count, f"{held:.0f} connections are more than max_connections")
    warned = [line for line in target.edge.lines() if line.get("level") == "WARN" and "connections" in str(line)]
    target.expect(warned, "no warning in the log says that connections become few")


CASES = {
    "after-404": lambda target: fill(target, after_404),
    "http2-after-404": lambda target: fill(target, http2_after_404),
    "silent": lambda target: fill(target, silent),
    "half-a-head": lambda target: fill(target, half_a_head),
}
