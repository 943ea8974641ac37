"""What a phone can put into an envelope, and whose fault it is called. Whoever fills in a form can send it.

Sends: sealed and signed messages that are no JSON, or none that logic could be given, and such as logic refuses.
A right edge answers each 400 (a message that is too large may be 413), and counts it as the client's fault: an alert on the
platform or on logic would be one that a stranger can ring.
Measured: the faults by the edge's own count.
"""

import json

from envelope import data_exchange


def around(data):
    head, tail = json.dumps(data_exchange(data={"a": "HERE"})).encode().split(b'"HERE"')
    return head + data + tail


MESSAGES = {
    "NaN": around(b"NaN"),
    "Infinity": around(b"-Infinity"),
    "1e999": around(b"1e999"),
    "a lone high surrogate": around(rb'"\ud800"'),
    "a lone low surrogate": around(rb'"\udc00x"'),
    "a surrogate pair the wrong way round": around(rb'"\udc00\ud800"'),
    "depth 31": around(b"[" * 30 + b"]" * 30),
    "depth 10,000": around(b"[" * 10_000 + b"]" * 10_000),
    "half a message": json.dumps(data_exchange()).encode()[:-5],
    "a message and more": json.dumps(data_exchange()).encode() + b"{}",
    "no object": b"[]",
    "nothing": b"",
    "no action": b'{"version":"3.0"}',
    "an action that is none": b'{"version":"3.0","action":"delete"}',
    "data that is a text": b'{"version":"3.0","action":"INIT","data":"text"}',
    "a version that is an object": b'{"version":{},"action":"INIT"}',
    "not UTF-8": around(b'"\xff"'),
    "a NUL": around(b'"\0"'),
    "logic's INVALID_ARGUMENT": json.dumps(data_exchange("INVALID_ARGUMENT")).encode(),
    "more values than logic takes": around(b"[" + b"0," * 480_000 + b"0]"),
}
METRIC = "http_server_request_duration_seconds_count"


def faults(target):
    return {fault: target.count(METRIC, flow_fault=fault) for fault in ("client", "platform", "edge", "logic")}


def blame(target):
    connection = target.connect()
    for name, message in MESSAGES.items():
        before = faults(target)
        status, _ = target.exchange(target.platform.seal(message), connection)
        after = faults(target)
        blamed = [fault for fault in after if after[fault] > before[fault]]
        whose = " ".join(blamed) or "nobody's"
        # What logic refuses is a 500 to the platform, whoever is to blame.
        right = (500,) if name.startswith("logic's") else (400, 413)
        target.expect(status in right and blamed == ["client"], f"{name}: {status}, whose fault: {whose}")


CASES = {"": blame}
