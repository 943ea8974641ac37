"""More sockets than a process may usually have open. No secret is needed.

Sends: 1,100 connections that say nothing, to an edge with a soft limit of 1,024 file descriptors; in `hard-limit` the hard one is
as low.
A right edge raises its soft limit to the hard one at the start, and where that is still fewer than `max_connections` and a
reserve, refuses to start or says so and keeps the reserve: /livez answers, a reload works.
Measured: descriptors at most.
"""

import contextlib

SOCKETS = 1100
SOFT = 1024


def silent(target):
    for _ in range(SOCKETS):
        with contextlib.suppress(OSError):
            target.connect_plain(seconds=1)
    status, _ = target.edge.probe("/livez", 2)
    target.expect(status == 200, f"/livez is answered {status or 'not at all'} within 2 s")
    changed = target.edge.configuration | {"shutdown": {"drain": "19s"}}
    try:
        target.edge.reload(changed)
        target.edge.reload(target.edge.configuration)
    except TimeoutError as error:
        target.expect(False, str(error))


def hard_limit(target):
    warned = [line for line in target.edge.lines() if line.get("level") == "WARN" and "descriptor" in str(line)]
    target.expect(warned, "no warning in the log says that descriptors are fewer than connections")
    silent(target)


CASES = {"soft-limit": silent, "hard-limit": hard_limit}
ALONE = set(CASES)


def edge(place, case):
    return {"files": f"{SOFT}:{8192 if case == 'soft-limit' else SOFT}"}
