"""A logic service that does anything but answer, beside a good one. It is the business's own, broken or taken over.

Sends: signed requests, several at a time, to an endpoint before each of the behaviours of `hostile.py`, which see; in
`many-values` only to that one, whose answers are small until they are read.
A right edge answers each with the status that the contract has for it, within its deadline, and holds no more than it may.
Measured: the statuses, and the slowest of each.
"""

import collections
import concurrent.futures
import time

from envelope import data_exchange
from hostile import BEHAVIOURS

DEADLINE_SECONDS = 10
PAUSE_SECONDS = 0.03
# Its answer takes most of the memory, so it is looked at by itself.
LARGE = "many-values"


def ask(target, name):
    began = time.monotonic()
    answer = target.exchange(target.platform.seal(data_exchange()), path=f"/flows/{name}")
    return name, answer[0] if answer else "closed", time.monotonic() - began


def hostile(target, names, times):
    found, slowest = collections.defaultdict(collections.Counter), collections.defaultdict(float)
    asked = [name for name in names for _ in range(times)]
    with concurrent.futures.ThreadPoolExecutor(len(asked)) as threads:
        waiting = []
        for name in asked:
            waiting.append(threads.submit(ask, target, name))
            # Logic is what attacks here, not a crowd of clients.
            time.sleep(PAUSE_SECONDS)
        for name, status, seconds in (one.result() for one in waiting):
            found[name][status] += 1
            slowest[name] = max(slowest[name], seconds)
    for name in names:
        right = BEHAVIOURS[name].statuses
        target.expect(set(found[name]) <= right, f"{name}: {dict(found[name])}, not {right}")
        target.expect(slowest[name] < DEADLINE_SECONDS, f"{name}: answered after {slowest[name]:.1f} s")
    target.note(", ".join(f"{name} {'/'.join(map(str, found[name]))}" for name in names))


CASES = {
    "": lambda target: hostile(target, [name for name in BEHAVIOURS if name != LARGE], target.pick(3, 12)),
    LARGE: lambda target: hostile(target, [LARGE], target.pick(100, 200)),
}


def edge(place, case):
    return {"configuration": place.configuration(is_hostile=True)}
