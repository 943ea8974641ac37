"""Requests that are refused, each of which could be a line, while whoever reads the log stands still.

Sends: tens of thousands of requests, pipelined on few connections: `unknown-path` 404s, which anybody can cause; `signed` ones
whose envelope is none, which only the platform can.
A right edge samples what anybody can cause (the log is no larger than what was sent), and of what it cannot write the number is
in a metric and, once the reader goes on, in a line.
Measured: bytes of log for one that was sent, and lines lost.
"""

import concurrent.futures
import re
import signal
import time

from envelope import post
from place import until

THREADS, PIPELINED, UNSIGNED = 4, 250, 8
# Of all threads together. It is the log that is flooded, not the processors.
REQUESTS_A_SECOND = 10_000
# Each eight of these take a handshake.
UNSIGNED_A_SECOND = 2_000
LOST_METRIC = re.compile(r"flow_log\w*(lost|dropped)\w*")


def lost(target):
    return sum(value for name, value in target.edge.metrics().items() if LOST_METRIC.match(name))


def flood(target, request, status, count):
    """How many were answered as they should. A connection with nothing but unsigned requests ends with the eighth."""
    pipelined, a_second = (UNSIGNED, UNSIGNED_A_SECOND) if status == 404 else (PIPELINED, REQUESTS_A_SECOND)

    def work(_):
        answered, connection, began = 0, target.connect(), time.monotonic()
        for number in range(count // THREADS // pipelined):
            due = began + number * pipelined * THREADS / a_second
            time.sleep(max(0, due - time.monotonic()))
            connection.send(request * pipelined)
            for _ in range(pipelined):
                answer = connection.answer()
                answered += bool(answer) and answer[0] == status
            if pipelined < PIPELINED:
                connection.close()
                connection = target.connect()
        return answered

    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(work, range(THREADS)))


def against_a_still_reader(target, request, status, count):
    """The log's bytes and lines, and how many lines were lost by the edge's count."""
    pipelined = UNSIGNED if status == 404 else PIPELINED
    edge, rounds = target.edge, count // (THREADS * pipelined) * THREADS * pipelined
    size, before, missing = edge.log_file.stat().st_size, len(edge.lines()), lost(target)
    edge.reader.send_signal(signal.SIGSTOP)
    try:
        answered = flood(target, request, status, count)
        target.expect(answered == rounds, f"{rounds - answered} of {rounds} were not answered {status} meanwhile")
        target.edge.must_live()
    finally:
        edge.reader.send_signal(signal.SIGCONT)
    stood = -1

    def is_still():
        nonlocal stood
        stood, last = edge.log_file.stat().st_size, stood
        return stood == last

    until(is_still, "the rest of the log")
    lines = len(edge.lines()) - before
    missing = lost(target) - missing
    written, sent = stood - size, rounds * len(request)
    target.note(f"{rounds} requests of {sent} bytes, {lines} lines of {written}, {missing:.0f} lost by the edge's count")
    return written / sent, rounds, lines, missing


def unknown_path(target):
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    times, rounds, lines, missing = against_a_still_reader(target, request, 404, target.pick(8_000, 40_000))
    target.note(f"the log is {times:.1f} times what was sent")
    target.expect(times < 1, f"anybody can make {times:.1f} times as much log as is sent")


def signed(target):
    request = post(target.path, b"{}", target.platform.sign(b"{}"))
    _, rounds, lines, missing = against_a_still_reader(target, request, 400, target.pick(44_000, 120_000))
    target.expect(lines + missing >= rounds, f"{rounds - lines - missing:.0f} lines are neither there nor counted as lost")
    if missing:
        until(lambda: any("lost" in str(line.get("message", "")) for line in target.edge.lines()), "a line that says so")


CASES = {"unknown-path": unknown_path, "signed": signed}
