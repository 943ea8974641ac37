"""A key file that several endpoints name, and that changes again while it is being loaded. No attacker: an operator's mishap.

Sends: to 100 endpoints with one key file, requests for the key that the file holds in the end, after it was changed twice within
the time that a load takes.
A right edge reads each path once a load and looks again at what it read: soon all endpoints have the last key.
Measured: rounds until one stayed behind.
"""

import random
import time

from envelope import Platform

ENDPOINTS = 100
INTERVAL_SECONDS = 0.2
KEYS = ("first", "second")


def opens(target, connection, platform, number):
    message = {"version": "3.0", "action": "data_exchange", "screen": "A", "data": {}}
    return target.exchange(platform.seal(message), connection, f"/flows/twin-{number}")[0] == 200


def all_open(target, connection, platform, numbers):
    """Those of the endpoints that do not have the key within some rounds of looking."""
    end = time.monotonic() + 2 + 15 * INTERVAL_SECONDS
    left = list(numbers)
    while left and time.monotonic() < end:
        left = [number for number in left if not opens(target, connection, platform, number)]
    return left


def twice(target):
    place, connection = target.place, target.connect()
    platforms = {name: Platform((place.folder / f"{name}.pub").read_bytes(), place.secret.encode()) for name in KEYS}
    texts = {name: (place.folder / f"{name}.pem").read_text() for name in KEYS}
    sample = [0, 1, ENDPOINTS // 2, ENDPOINTS - 1]
    began = time.monotonic()
    target.edge.reload(target.edge.configuration)
    load = time.monotonic() - began
    rounds = target.pick(40, 200)
    for number in range(1, rounds + 1):
        place.write("twin.pem", texts["second"])
        target.edge.hang_up()
        # At some time within the load that has just begun.
        time.sleep(random.uniform(0, load))
        place.write("twin.pem", texts["first"])
        left = all_open(target, connection, platforms["first"], sample)
        if left:
            return target.expect(False, f"in round {number} endpoints {left} of {sample} kept the key before the last one")
    target.note(f"{rounds} rounds, each within a load of {load * 1000:.0f} ms")


CASES = {"": twice}
# A hundred endpoints more.
ALONE = {""}


def edge(place, case):
    for name in KEYS:
        if not (place.folder / f"{name}.pem").exists():
            place.make_key(name)
    place.write("twin.pem", (place.folder / "first.pem").read_text())
    key = {"private_keys": [{"file": str(place.folder / "twin.pem")}]}
    configuration = place.configuration(more=[(f"twin-{number}", key) for number in range(ENDPOINTS)])
    return {"configuration": configuration | {"reload_interval": f"{INTERVAL_SECONDS * 1000:.0f}ms"}}
