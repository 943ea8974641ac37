"""Runs attacks, each on an edge of its own with a normal client beside it, and prints a line for each."""

import argparse
import collections
import contextlib
import importlib
import pathlib
import re
import signal
import sys
import time
import traceback

from envelope import data_exchange
from place import HERE, MIB, Died, Edge, NormalClient, Place, memory_limit
from target import Target

HEADS = ["attack", "sent KiB", "connections", "RSS before", "RSS most", "data most", "files"]
HEADS += ["answered", "lost", "p50 ms", "p99 ms", "seconds", "verdict"]
RATE = 50
# Requests after the attack that show that it is over.
AFTERWARDS = 20
# The platform asks for answers within a second.
MOST_P99_MS = 1000
REQUESTS = "http_server_request_duration_seconds_count"


def attacks():
    """By name, in the order of the files."""
    names = sorted(file.stem for file in (HERE / "attacks").glob("*.py"))
    return {name.replace("_", "-"): importlib.import_module(f"attacks.{name}") for name in names}


def cases(names):
    """As (name, module, case), of all attacks or those that are named, with or without the case."""
    found = []
    for name, module in attacks().items():
        for case in module.CASES:
            whole = f"{name}/{case}" if case else name
            if not names or name in names or whole in names:
                found.append((whole, module, case))
    unknown = set(names) - {part for whole, _, _ in found for part in (whole, whole.split("/")[0])}
    if unknown:
        sys.exit(f"no such attack: {', '.join(sorted(unknown))}; there are {', '.join(attacks())}")
    return found


def afterwards(target):
    """Somebody who comes now is answered, while what the attack sent is still there."""
    try:
        connection = target.connect()
        answers = [target.exchange(target.platform.seal(data_exchange()), connection) for _ in range(AFTERWARDS)]
        statuses = collections.Counter(answer[0] if answer else "closed" for answer in answers)
        target.expect(set(statuses) == {200}, f"afterwards: {dict(statuses)}")
    except OSError as error:
        target.misses.append(f"afterwards: {error!r}")


def refusals(edge):
    """What the edge itself says of the normal client's endpoint."""
    found = collections.Counter()
    endpoint = edge.configuration["endpoints"][0]["name"]
    for name, value in edge.metrics().items():
        kind = re.search('error_type="([^"]+)"', name)
        is_its = name.startswith(f"{REQUESTS}{{") and f'flow_endpoint="{endpoint}"' in name
        if is_its and kind and 'flow_fault="client"' not in name:
            found[kind[1]] += int(value)
    return dict(found)


def attempt(target, function):
    """What the attack found amiss, beside what it says itself."""
    try:
        function(target)
        target.edge.must_live()
        afterwards(target)
    except Died as died:
        target.misses.append(f"the edge {died}")
    except Exception as error:
        # What an attacker's end says of an edge that is gone comes first, and explains nothing.
        try:
            time.sleep(0.2)
            target.edge.must_live()
            target.misses.append(f"the attack broke: {error!r}")
            traceback.print_exc()
        except Died as died:
            target.misses.append(f"the edge {died}")
    finally:
        target.close()


def percentile(latencies, share):
    ordered = sorted(latencies) or [float("nan")]
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


def row(cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def report(name, target, records, before, seconds, memory, may_be_refused):
    """A line of the table, and what was missed under it; whether all is well."""
    edge = target.edge
    lost = [fault for _, _, fault in records if fault]
    latencies = [latency for _, latency, fault in records if not fault]
    if lost:
        often = max(lost, key=lost.count)
        if not (may_be_refused and all("503" in fault for fault in lost)):
            target.misses.append(f"the normal client lost {len(lost)} of {len(records)} requests, such as {often}")
        target.note(f"refused by the edge's count: {refusals(edge)}")
    if latencies and percentile(latencies, 0.99) > MOST_P99_MS:
        target.misses.append(f"the normal client waited {percentile(latencies, 0.99):.0f} ms")
    most = max(edge.status("VmHWM"), edge.most_resident)
    if most > memory:
        target.misses.append(f"{most / MIB:.0f} MiB are more than the limit")
    good = not target.misses
    figures = [f"{target.bytes / 1024:.0f}", target.opened, f"{before / MIB:.0f}", f"{most / MIB:.0f}"]
    figures += [f"{edge.most_data / MIB:.0f}", edge.most_files, len(latencies), len(lost)]
    figures += [f"{percentile(latencies, share):.0f}" for share in (0.5, 0.99)]
    row([name, *figures, f"{seconds:.0f}", "good" if good else "BAD"])
    for note in target.notes:
        print(f"    {note}")
    for miss in target.misses:
        print(f"    BAD: {miss}")
    sys.stdout.flush()
    return good


def run(place, name, module, case, is_long, rate, memory):
    started = time.monotonic()
    # An attack that needs another edge than the manifest's says so, and in `ALONE` for which cases a soak is none.
    options = module.edge(place, case) if hasattr(module, "edge") else {}
    with contextlib.ExitStack() as closing:
        edge = Edge(place, options.pop("configuration", None) or place.configuration(), memory, **options)
        closing.callback(edge.stop)
        client = NormalClient(edge, rate)
        before = edge.status("VmRSS")
        target = Target(edge, is_long)
        attempt(target, module.CASES[case])
        records = client.stop()
        may_be_refused = case in getattr(module, "MAY_BE_REFUSED", ())
        return report(name, target, records, before, time.monotonic() - started, memory, may_be_refused)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="more of everything; --short is what it is otherwise")
    parser.add_argument("--short", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--edge", type=pathlib.Path, default=HERE.parents[1] / "target/release/flow-edge")
    parser.add_argument("--rate", type=int, default=RATE, help="requests a second of the normal client")
    parser.add_argument("names", nargs="*", metavar="NAME", help="an attack, or one case of it as NAME/CASE")
    # Whatever was started is stopped then.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parser.parse_intermixed_args()
    chosen, memory, began, good = cases(options.names), memory_limit(), time.monotonic(), 0
    row(HEADS)
    row(["---"] * len(HEADS))
    with Place(options.edge) as place:
        for name, module, case in chosen:
            good += run(place, name, module, case, options.long, options.rate, memory)
    print(f"\n{good} of {len(chosen)} good, in {time.monotonic() - began:.0f} s")
    sys.exit(good < len(chosen))


if __name__ == "__main__":
    main()
