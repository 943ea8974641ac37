"""No attack: what the normal client gets when it is alone, to compare with.

Measured: its latencies on this machine at this time.
"""

CASES = {"": lambda target: target.hold(target.pick(3, 30))}
