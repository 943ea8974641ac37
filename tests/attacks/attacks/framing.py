"""HTTP/1.1 that two readers may understand differently, or that one may not survive (RFC 9112). No secret is needed.

Sends: each of the requests below on a connection of its own, all at once. What was taken for a whole request with a body is
answered 432, since nobody signed it; one that was smuggled would be answered as well, with 404.
A right edge gives one of the outcomes named beside each, nothing after it, and never waits longer than for a body.
Measured: the outcomes.
"""

import concurrent.futures
import time

QUIET_SECONDS = 1
# Beyond the 10 s for a head.
PATIENCE = 13

SIGNED = "Host: localhost\r\nX-Hub-Signature-256: sha256=" + "0" * 64 + "\r\n"
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
TAKEN, REFUSED = (432,), (400,)
TOO_LARGE = [(431,), (414,), (400,)]


def post(fields, body="", version="1.1"):
    return f"POST PATH HTTP/{version}\r\n{SIGNED}{fields}\r\n{body}"


def length(value, body="{}"):
    return post(f"Content-Length: {value}\r\n", body)


def chunked(body, fields="Transfer-Encoding: chunked\r\n", version="1.1"):
    return post(fields, body, version)


LAST = "0\r\n\r\n" + SMUGGLED
WHOLE = "2\r\n{}\r\n0\r\n\r\n"
REQUESTS = {
    "an honest one": (length(2), TAKEN),
    "an honest one in chunks": (chunked(WHOLE), TAKEN),
    # How long the body is
    "a length beside chunks": (chunked(LAST, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), REFUSED, TAKEN),
    "chunks beside a length": (chunked(LAST, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), REFUSED, TAKEN),
    "two lengths that differ": (post("Content-Length: 2\r\nContent-Length: 50\r\n", "{}" + SMUGGLED), REFUSED),
    "one length twice": (post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"), REFUSED, TAKEN),
    "a list of lengths": (length("2, 2"), REFUSED, TAKEN),
    "a length with a sign": (length("+2"), REFUSED),
    "a length below nothing": (length("-2"), REFUSED),
    "a length in hexadecimal": (length("0x2"), REFUSED),
    "a length of two words": (length("2 2"), REFUSED),
    "a length with leading zeros": (length("0000000002"), TAKEN, REFUSED),
    "a length beyond 64 bits": (length("18446744073709551618"), REFUSED, (413,)),
    "a length beyond max_body": (length(3 << 20), (413,), (408,)),
    "a length beyond what comes": (length(100), (408,)),
    "an empty length": (length(""), REFUSED),
    # Chunks
    "chunk extensions": (chunked('2;a="b;\\"c"\r\n{}\r\n0\r\n\r\n'), TAKEN, REFUSED),
    "endless chunk extensions": (chunked("2;" + "a" * 200_000 + "\r\n{}\r\n0\r\n\r\n"), REFUSED),
    "a chunk size that is none": (chunked("xy\r\n{}\r\n0\r\n\r\n"), REFUSED),
    "a chunk size with a prefix": (chunked("0x2\r\n{}\r\n0\r\n\r\n"), REFUSED),
    "a chunk size beyond 64 bits": (chunked("10000000000000002\r\n{}\r\n0\r\n\r\n"), REFUSED, (413,)),
    "a huge chunk size": (chunked("fffffffffffffff0\r\n{}"), REFUSED, (413,), (408,)),
    "a chunk size with leading zeros": (chunked("00000002\r\n{}\r\n0\r\n\r\n"), TAKEN, REFUSED),
    "a bare LF behind a chunk size": (chunked("2\n{}\r\n0\r\n\r\n"), REFUSED),
    "no line end behind a chunk": (chunked("2\r\n{}0\r\n\r\n"), REFUSED),
    "a chunk longer than it says": (chunked("2\r\n{}{}\r\n0\r\n\r\n"), REFUSED),
    "a thousand trailers": (chunked("2\r\n{}\r\n0\r\n" + "a: b\r\n" * 1000 + "\r\n"), REFUSED, TAKEN, (431,)),
    "a coding that is none": (chunked(WHOLE, "Transfer-Encoding: xchunked\r\n"), REFUSED, (501,)),
    "identity": (chunked(WHOLE, "Transfer-Encoding: identity\r\n"), REFUSED, (501,)),
    "chunked is not the last": (chunked(WHOLE, "Transfer-Encoding: chunked, identity\r\n"), REFUSED, (501,)),
    "chunked behind a vertical tab": (chunked(WHOLE, "Transfer-Encoding: \x0bchunked\r\n"), REFUSED, (501,)),
    "chunked in HTTP/1.0": (chunked(WHOLE, version="1.0"), REFUSED, TAKEN),
    # The head
    "a folded field": (post("X-A: b\r\n c\r\nContent-Length: 2\r\n", "{}"), REFUSED),
    "a space before the colon": (post("Content-Length : 2\r\n", "{}"), REFUSED),
    "a field without a name": (post(": b\r\nContent-Length: 2\r\n", "{}"), REFUSED),
    "a field without a colon": (post("X-A\r\nContent-Length: 2\r\n", "{}"), REFUSED),
    "a NUL in a name": (post("X-\0A: b\r\nContent-Length: 2\r\n", "{}"), REFUSED),
    "a NUL in a value": (post("X-A: \0b\r\nContent-Length: 2\r\n", "{}"), REFUSED),
    "a bare CR in a value": (post("X-A: b\rContent-Length: 5\r\nContent-Length: 2\r\n", "{}"), REFUSED),
    "bare LFs for line ends": (length(2).replace("\r\n", "\n"), TAKEN, REFUSED),
    "a long request line": (f"GET /{'a' * 65_536} HTTP/1.1\r\nHost: localhost\r\n\r\n", *TOO_LARGE),
    "a long field": (post(f"X-A: {'b' * 65_536}\r\nContent-Length: 2\r\n", "{}"), *TOO_LARGE),
    "a thousand fields": (post("X-A: b\r\n" * 1000 + "Content-Length: 2\r\n", "{}"), *TOO_LARGE),
    "a megabyte of empty lines": ("\r\n" * 524_288 + length(2), REFUSED, (431,), TAKEN, ()),
    "an empty line before it": ("\r\n" + length(2), TAKEN),
    "the absolute form": (length(2).replace("PATH", "https://localhostPATH"), TAKEN),
    "no host": (length(2).replace("Host: localhost\r\n", ""), REFUSED, TAKEN),
    "two hosts": (post("Host: elsewhere\r\nContent-Length: 2\r\n", "{}"), REFUSED, TAKEN),
    "CONNECT": ("CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", REFUSED, (404,), (405,)),
    "HTTP/0.9": ("GET /\r\n\r\n", REFUSED, (505,), ()),
    "a version that there is not": ("GET / HTTP/1.7\r\nHost: localhost\r\n\r\n", REFUSED, (505,)),
    "a method in small letters": (length(2).replace("POST", "post"), REFUSED, (405,)),
    "tabs in the request line": ("GET\t/\tHTTP/1.1\r\nHost: localhost\r\n\r\n", REFUSED),
    # What follows
    "a body for GET": ("GET PATH HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", (405,)),
    # With the eighth that is refused a stranger's connection ends.
    "a hundred at once": ("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100, (404,) * 8),
    "two bodies at once": (length(2) + length(2), TAKEN * 2),
    "100-continue": (post("Expect: 100-continue\r\nContent-Length: 2\r\n", "{}"), TAKEN, (100, 432)),
    "another expectation": (post("Expect: a miracle\r\nContent-Length: 2\r\n", "{}"), TAKEN, (417,)),
    "an upgrade to HTTP/2": (
        post("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: 2\r\n", "{}"),
        TAKEN,
    ),
    "an upgrade to a socket": (
        "GET PATH HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        (405,),
    ),
}


def outcome(target, request):
    """The statuses of all answers until the end, or until it is quiet."""
    connection = target.connect()
    connection.send(request.replace("PATH", target.path).encode("latin-1"))
    statuses, end = [], time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            answer = connection.answer(QUIET_SECONDS if statuses else end - time.monotonic())
        except TimeoutError:
            return tuple(statuses)
        if answer is None:
            break
        statuses.append(answer[0])
    return tuple(statuses)


def frame(target):
    def attempt(case):
        name, (request, *right) = case
        return name, outcome(target, request), right

    with concurrent.futures.ThreadPoolExecutor(len(REQUESTS)) as threads:
        found = list(threads.map(attempt, REQUESTS.items()))
    for name, statuses, right in found:
        target.expect(statuses in right, f"{name}: {summary(statuses)}, not {' or '.join(map(summary, right))}")
    target.note(f"{len(found)} requests")


def summary(statuses):
    if not statuses:
        return "no answer"
    return " ".join(map(str, statuses[:3])) + (f" and {len(statuses) - 3} more" if len(statuses) > 3 else "")


CASES = {"": frame}
