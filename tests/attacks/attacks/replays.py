"""Repeats of an envelope once the memory for answers is full. Whoever can see the platform's requests can repeat them.

Sends: signed requests with large answers until the memory has long been full, then some hundreds more, of which the first are
repeated; in `reload`, repeats after a change of `replay` in the configuration.
A right edge gives up what was not asked for longest: a repeat some hundreds of answers later gets the same bytes, and logic,
which numbers its answers, is not called again.
Measured: how many of the repeats were answered from memory.
"""

from place import size

ANSWER = 16 << 10
# As docs/configuration.md says.
DEFAULT = "32MiB"
LATER, REPEATED = 250, 50


def exchange(target, connection, characters):
    message = {"version": "3.0", "action": "data_exchange", "screen": f"SIZE-{characters}", "data": {}}
    sealed = target.platform.seal(message)
    return sealed, target.exchange(sealed, connection)


def repeats(target, connection, answered, later):
    """How many got the same bytes."""
    same, different = 0, None
    for sealed, first in answered:
        again = target.exchange(sealed, connection)
        same += again == first
        if again != first and again[0] == 200:
            different = [sealed.open(body)["data"]["number"] for _, body in (first, again)]
    if different:
        target.note(f"one envelope, two answers under one key and vector: logic's {' and '.join(different)}")
    target.note(f"{same} of {len(answered)} repeats {later} were answered from memory")
    target.expect(same == len(answered), f"{len(answered) - same} of {len(answered)} repeats {later} were calls to logic")


def full(target, characters, rounds):
    connection = target.connect()
    memory = size(target.edge.configuration.get("replay", {}).get("max_bytes", DEFAULT))
    # An answer is base64, and takes something beside its text.
    count = memory * 3 // 4 // characters if characters else memory // 1024
    for _ in range(int(count * 1.3)):
        exchange(target, connection, characters)
    for _ in range(rounds):
        answered = [exchange(target, connection, characters) for _ in range(LATER)]
        repeats(target, connection, answered[:REPEATED], f"some {LATER - REPEATED // 2} answers later")


def large(target):
    full(target, ANSWER, 1)


def small(target):
    """Of the size that answers have; in a smaller memory, for 30,000 would be needed to fill the usual one."""
    full(target, 500, target.pick(1, 5))


def reload(target):
    connection = target.connect()
    answered = [exchange(target, connection, 100) for _ in range(REPEATED)]
    configuration = target.edge.configuration
    target.edge.reload(configuration | {"replay": {"ttl": "9m"}})
    repeats(target, connection, answered, "after a reload that changed `replay`")
    target.edge.reload(configuration)


CASES = {"large": large, "small": small, "reload": reload}
# A smaller memory.
ALONE = {"small"}


def edge(place, case):
    configuration = place.configuration()
    if case == "small":
        configuration["replay"] = {"max_bytes": "2MiB"}
    return {"configuration": configuration}
