"""Idle connections and slow heads on the admin port, by whoever reaches it.

Sends: as many connections as the public port takes, a third of them silent, a third in the middle of a head, a third idle after a
request; in `public-full` as many to the public port.
A right edge has small limits and seconds of patience there, and answers every probe of the kubelet's: within 5 s for /livez, 2 s
for /readyz, whatever is full. Unless the file says otherwise that port is this machine's alone.
Measured: the slowest probe.
"""

import contextlib
import json
import subprocess
import time

SECONDS = 4


def crowd(target, address):
    connections = []
    for number in range(int(target.limits["max_connections"]) + 50):
        with contextlib.suppress(OSError):
            connection = target.connect_plain(address, 0.2)
            if number % 3:
                connection.send(b"GET /livez HTTP/1.1\r\nHost: edge\r\n" + b"\r\n" * (number % 3 - 1))
            connections.append(connection)
    return connections


def probes(target):
    end, slowest = time.monotonic() + target.pick(SECONDS, 30), 0
    while time.monotonic() < end:
        target.edge.must_live()
        for path, patience in (("/livez", 5), ("/readyz", 2)):
            began = time.monotonic()
            status, _ = target.edge.probe(path, patience)
            slowest = max(slowest, time.monotonic() - began)
            if status != 200:
                target.expect(False, f"{path} was answered {status or 'not at all'} within {patience} s")
                return
    target.note(f"the slowest probe took {slowest * 1000:.0f} ms")


def idle(target):
    crowd(target, target.edge.admin)
    probes(target)


def public_full(target):
    crowd(target, target.address)
    probes(target)


def default_address(target):
    schema = json.loads(subprocess.run([target.place.binary, "schema"], check=True, capture_output=True).stdout)
    address = schema["properties"]["admin"]["properties"]["address"].get("default", "")
    target.expect(address.startswith("127.0.0.1:"), f"admin.address is {address} unless the file says otherwise")


CASES = {"idle": idle, "public-full": public_full, "default-address": default_address}
