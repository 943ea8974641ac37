n a smaller memory, for 30,000 of them are needed otherwise./
"""Repeats of an envelope once the memory for answers is full. Whoever can see the platform's requests can repeat them.
n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./
Sends: signed requests with large answers until the memory has long been full, then some hundreds more, of which the first are
n a smaller memory, for 30,000 of them are needed otherwise./
repeated; in `reload`, repeats after a change of `replay` in the configuration.
n a smaller memory, for 30,000 of them are needed otherwise./
A right edge gives up what was not asked for longest: a repeat some hundreds of answers later gets the same bytes, and logic,
n a smaller memory, for 30,000 of them are needed otherwise./
which numbers its answers, is not called again.
n a smaller memory, for 30,000 of them are needed otherwise./
Measured: how many of the repeats were answered from memory.
n a smaller memory, for 30,000 of them are needed otherwise./
"""
n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./
from place import size
n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./
ANSWER = 16 << 10
n a smaller memory, for 30,000 of them are needed otherwise./
# As docs/configuration.md says.
n a smaller memory, for 30,000 of them are needed otherwise./
DEFAULT = "32MiB"
n a smaller memory, for 30,000 of them are needed otherwise./
LATER, REPEATED = 250, 50
n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./
def exchange(target, connection, characters):
n a smaller memory, for 30,000 of them are needed otherwise./
    message = {"version": "3.0", "action": "data_exchange", "screen": f"SIZE-{characters}", "data": {}}
n a smaller memory, for 30,000 of them are needed otherwise./
    sealed = target.platform.seal(message)
n a smaller memory, for 30,000 of them are needed otherwise./
    return sealed, target.exchange(sealed, connection)
n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./
def repeats(target, connection, answered, later):
n a smaller memory, for 30,000 of them are needed otherwise./
    """How many got the same bytes."""
n a smaller memory, for 30,000 of them are needed otherwise./
    same = 0
n a smaller memory, for 30,000 of them are needed otherwise./
    for sealed, (status, body) in answered:
n a smaller memory, for 30,000 of them are needed otherwise./
        again = target.exchange(sealed, connection)
n a smaller memory, for 30,000 of them are needed otherwise./
        same += again == (status, body)
n a smaller memory, for 30,000 of them are needed otherwise./
        if again != (status, body) and again[0] == 200 and not target.misses:
n a smaller memory, for 30,000 of them are needed otherwise./
            numbers = [sealed.open(one)["data"]["number"] for one in (body, again[1])]
n a smaller memory, for 30,000 of them are needed otherwise./
            target.note(f"one envelope, two answers under one key and vector: numbers {' and '.join(numbers)}")
n a smaller memory, for 30,000 of them are needed otherwise./
    target.note(f"{same} of {len(answered)} repeats {later} were answered from memory")
n a smaller memory, for 30,000 of them are needed otherwise./
    target.expect(same == len(answered), f"{len(answered) - same} of {len(answered)} repeats {later} were calls to logic")
n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./
def full(target, characters, rounds):
n a smaller memory, for 30,000 of them are needed otherwise./
    connection = target.connect()
n a smaller memory, for 30,000 of them are needed otherwise./
    memory = size(target.edge.configuration.get("replay", {}).get("max_bytes", DEFAULT))
n a smaller memory, for 30,000 of them are needed otherwise./
    # An answer is base64, and takes something beside its text.
n a smaller memory, for 30,000 of them are needed otherwise./
    count = memory * 3 // 4 // characters if characters else memory // 1024
n a smaller memory, for 30,000 of them are needed otherwise./
    for _ in range(int(count * 1.3)):
n a smaller memory, for 30,000 of them are needed otherwise./
        exchange(target, connection, characters)
n a smaller memory, for 30,000 of them are needed otherwise./
    for _ in range(rounds):
n a smaller memory, for 30,000 of them are needed otherwise./
        answered = [exchange(target, connection, characters) for _ in range(LATER)]
n a smaller memory, for 30,000 of them are needed otherwise./
        repeats(target, connection, answered[:REPEATED], f"some {LATER - REPEATED // 2} answers later")
n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./
def large(target):
n a smaller memory, for 30,000 of them are needed otherwise./
    full(target, ANSWER, 1)
n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./
def small(target):
n a smaller memory, for 30,000 of them are needed otherwise./
    """Of the size that answers have; in a smaller memory, for 30,000 would be needed to fill the usual one."""
n a smaller memory, for 30,000 of them are needed otherwise./
    full(target, 500, target.pick(1, 5))
n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./
def reload(target):
n a smaller memory, for 30,000 of them are needed otherwise./
    connection = target.connect()
n a smaller memory, for 30,000 of them are needed otherwise./
    answered = [exchange(target, connection, 100) for _ in range(REPEATED)]
n a smaller memory, for 30,000 of them are needed otherwise./
    configuration = target.edge.configuration
n a smaller memory, for 30,000 of them are needed otherwise./
    target.edge.reload(configuration | {"replay": {"ttl": "9m"}})
n a smaller memory, for 30,000 of them are needed otherwise./
    repeats(target, connection, answered, "after a reload that changed `replay`")
n a smaller memory, for 30,000 of them are needed otherwise./
    target.edge.reload(configuration)
n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./
CASES = {"large": large, "small": small, "reload": reload}
n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./

n a smaller memory, for 30,000 of them are needed otherwise./
def edge(place, case):
n a smaller memory, for 30,000 of them are needed otherwise./
    configuration = place.configuration()
n a smaller memory, for 30,000 of them are needed otherwise./
    if case == "small":
n a smaller memory, for 30,000 of them are needed otherwise./
        configuration["replay"] = {"max_bytes": "4MiB"}
n a smaller memory, for 30,000 of them are needed otherwise./
    return {"configuration": configuration}
