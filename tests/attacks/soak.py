"""Attacks one edge with everything in turns, under a load that goes on, and says whether its memory grows and what was lost."""

import argparse
import collections
import pathlib
import signal
import statistics
import sys
import time

from main import HERE, afterwards, cases
from place import MIB, Died, Edge, NormalClient, Place, memory_limit
from target import Target

# A normal client's requests are taken together so often, so that they are not all kept.
REPORT_SECONDS = 60
# The first round of attacks makes what stays: threads, tables, caches.
SETTLED_MINUTES = 10
MOST_GROWTH = 0.05
# So many rests at the beginning and at the end are what the memory is then.
RESTS = 5


class Load:
    """The normal client, anew again and again, with the sum of all of them."""

    def __init__(self, edge, rate):
        self.edge, self.rate, self.answered, self.faults, self.latencies = edge, rate, 0, [], []
        self.client, self.since = NormalClient(edge, rate), time.monotonic()

    def collect(self):
        records = self.client.stop()
        self.answered += sum(not fault for _, _, fault in records)
        lost = [fault for _, _, fault in records if fault]
        self.faults += lost
        for fault, count in collections.Counter(lost).items():
            print(f"    lost {count} times: {fault}", flush=True)
        self.latencies += [latency for _, latency, fault in records if not fault]

    def go_on(self):
        if time.monotonic() - self.since > REPORT_SECONDS:
            self.collect()
            self.client, self.since = NormalClient(self.edge, self.rate), time.monotonic()


def turn(edge, name, function, known):
    """One attack. What it misses is said the first time."""
    target = Target(edge, is_long=False)
    try:
        function(target)
        edge.must_live()
    except Died:
        raise
    except Exception as error:
        edge.must_live()
        target.misses.append(f"broke: {error!r}")
    finally:
        target.close()
    afterwards(target)
    target.close()
    for miss in target.misses:
        if (name, miss) not in known:
            known.add((name, miss))
            print(f"    {miss}", flush=True)


def soak(edge, load, minutes, names):
    """MiB that were resident in each rest between two attacks, with the time of it."""
    began, rests, known = time.monotonic(), [], set()
    # Not those that need an edge of their own, nor those by whoever signs.
    is_left_out = lambda module, case: case in {*getattr(module, "ALONE", ()), *getattr(module, "MAY_BE_REFUSED", ())}
    turns = [(name, module.CASES[case]) for name, module, case in cases(names) if not is_left_out(module, case)]
    while True:
        for name, function in turns:
            if time.monotonic() - began > minutes * 60:
                return rests
            turn(edge, name, function, known)
            load.go_on()
            resident = edge.status("VmRSS") / MIB
            rests.append((time.monotonic() - began, resident))
            most, lost = edge.most_resident / MIB, len(load.faults)
            print(f"{rests[-1][0] / 60:6.1f} min {resident:6.1f} MiB, most {most:.0f}, lost {lost}  {name}", flush=True)
            with open(edge.log_file, "r+b") as log:
                log.truncate()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=60)
    parser.add_argument("names", nargs="*", metavar="NAME", help="attacks; all unless given")
    parser.add_argument("--edge", type=pathlib.Path, default=HERE.parents[1] / "target/release/flow-edge")
    rate = "requests a second of the normal client: half of what the machine can do"
    parser.add_argument("--rate", type=int, default=400, help=rate)
    # Whatever was started is stopped then.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parser.parse_intermixed_args()
    settled = min(SETTLED_MINUTES, options.minutes / 2) * 60
    with Place(options.edge) as place:
        edge = Edge(place, place.configuration(is_hostile=True), memory_limit())
        try:
            load = Load(edge, options.rate)
            rests = soak(edge, load, options.minutes, options.names)
            load.collect()
        except Died as died:
            sys.exit(f"the edge {died}")
        finally:
            edge.stop()
    before = statistics.median([resident for at, resident in rests if at <= settled][-RESTS:] or [rests[0][1]])
    after = statistics.median([resident for _, resident in rests][-RESTS:])
    growth = after / before - 1
    most = edge.most_resident / MIB
    print(f"after {settled / 60:.0f} minutes {before:.1f} MiB, at the end {after:.1f} MiB: {growth:+.1%}; most {most:.0f} MiB")
    p99 = sorted(load.latencies)[int(len(load.latencies) * 0.99)] * 1000
    print(f"the normal client: {load.answered} answered, p99 {p99:.0f} ms, {len(load.faults)} lost")
    sys.exit(growth > MOST_GROWTH or bool(load.faults))


if __name__ == "__main__":
    main()
