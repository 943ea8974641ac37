"""The cases of tests/vectors, each one call; README.md says how to run it, steps.py what a call does. What a case
expects is stated here, from the protocol, and never copied from what our reader says."""

import base64
import hashlib
import json
from functools import partial

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from steps import OPENSSL, PYTHON, SECRET, b64, case, inverted, openssl_sign, openssl_wrap, plain, public_key
from steps import seal, seeded, sign, wrap, write, write_cases

INIT = {"version": "3.0", "action": "INIT", "screen": "", "data": {}, "flow_token": "token-1"}
DETAILS = INIT | {"action": "data_exchange", "screen": "DETAILS"}
PING = b'{"version":"3.0","action":"ping"}'
SCREEN = {"screen": "NEXT", "data": {"greeting": "Grüße 👋", "items": [1, 2.5, None, True]}}
ACTIVE = {"data": {"status": "active"}}
ACKNOWLEDGED = {"data": {"acknowledged": True}}
OPENSSL_KEY = f"{OPENSSL} (key transport), {PYTHON} (the rest)"
NAMES = "encrypted_flow_data", "encrypted_aes_key", "initial_vector"


# What is read of a good message, in the words of vectors.rs: null stands for no token and for no data.


def exchange(action="INIT", screen="", flow_token="token-1", data=None, version="3.0"):
    read = {"kind": "data_exchange", "version": version, "action": action, "screen": screen}
    return read | {"flow_token": flow_token, "data": data}


def ping(version="3.0"):
    return {"kind": "ping", "version": version}


def error(action, error, error_message="", screen="DETAILS", flow_token="token-1", version="3.0"):
    read = {"kind": "error_notification", "version": version, "action": action, "screen": screen}
    return read | {"flow_token": flow_token, "error": error, "error_message": error_message}


def good(name, description, message, request, answer=SCREEN, **steps):
    case(f"good-{name}", description, message, "opened", request, answer, **steps)


def good_ping(name, description, message=PING, version="3.0", **steps):
    good(name, description, message, ping(version), ACTIVE, **steps)


def good_error(name, description, message, request, **steps):
    good(name, description, message, request, ACKNOWLEDGED, **steps)


def submitted(data, **fields):
    """A submitted screen, and how it is read."""
    return DETAILS | {"data": data} | fields, exchange("data_exchange", "DETAILS", data=data, **fields)


def filled(length):
    """A submitted screen of exactly `length` bytes, most of it outside ASCII."""
    size = length - len(plain(submitted({"text": ""})[0]))
    text = "Grüße 👋 "
    text *= size // len(text.encode())
    return submitted({"text": text + "x" * (size - len(text.encode()))})


def nested(opening, innermost, closing, levels):
    """A message whose data nests `levels` deep, data itself counted."""
    data = '{"x":' + opening * (levels - 1) + innermost + closing * (levels - 1) + "}"
    return b'{"action":"INIT","flow_token":"token-1","data":' + data.encode() + b"}"


def token_signature():
    """An HS256 JWT under the app secret."""
    parts = [b'{"alg":"HS256","typ":"JWT"}', b'{"flow_token":"token-1"}']
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = bytes.fromhex(sign(text, SECRET).removeprefix("sha256="))
    return (text + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def good_messages():
    nulls = dict.fromkeys(("version", "screen", "data", "flow_token", "flow_token_signature"))
    empties = dict.fromkeys(("version", "screen", "flow_token", "flow_token_signature"), "")
    tokenless = {name: value for name, value in DETAILS.items() if name != "flow_token"}
    good("init", "A flow is opened.", INIT, exchange(data={}))
    good("init-bare", "Screen, data, token and version are absent.", {"action": "INIT"},
         exchange(flow_token=None, version=""))
    good("null-fields", "Null counts as absent.", nulls | {"action": "INIT"}, exchange(flow_token=None, version=""))
    good("empty-strings", "Empty strings count as absent.", empties | {"action": "BACK"},
         exchange("BACK", flow_token=None, version=""))
    good("back", "The user goes back.", INIT | {"action": "BACK", "screen": "SUMMARY"},
         exchange("BACK", "SUMMARY", data={}))
    good("data-exchange", "A screen is submitted.", *submitted({"name": "Ada", "age": 36, "agrees": True}))
    good("token-unused", "The literal that stands for no token.", *submitted({"a": 1}, flow_token="unused"))
    good("token-missing", "Seen on some iOS devices.", tokenless,
         exchange("data_exchange", "DETAILS", flow_token=None, data={}))
    good("token-4-kilobytes", "A token is opaque, and may be long.",
         *submitted({"a": 1}, flow_token="0123456789abcdef" * 256))
    good("unknown-fields", "Unknown fields are ignored.", INIT | {"later": {"action": []}, "Action": 7},
         exchange(data={}))
    good("version-300", "A number of hundredths.", INIT | {"version": 300}, exchange(data={}))
    good("version-4", "Data API 4.0 without a token signature.", *submitted({"a": "b"}, version="4.0"))
    for name, description, signature in (
        ("", "Data API 4.0: an HS256 JWT under the app secret carries the token.", token_signature()),
        ("-empty", "An empty token signature counts as absent.", ""),
    ):
        message, request = submitted({"a": "b"}, version="4.0")
        good(f"token-signature{name}", description, message | {"flow_token_signature": signature}, request)

    good_ping("ping", "The plain ping of the guide: one byte more than two blocks of AES.")
    good_ping("ping-with-token", "A ping that carries a token.", INIT | {"action": "ping"})
    good_ping("ping-17-bytes", "The shortest request that there is.", b'{"action":"ping"}', version="")
    good_ping("ping-32-bytes", "Two whole blocks of AES.", b'{"action":"ping"}'.ljust(32), version="")
    good_ping("ping-with-error", "A ping is no error notification, whatever its data.",
              {"version": "4.0", "action": "ping", "data": {"error": "x"}}, version="4.0")

    for given, read in (300, "3.0"), ("300", "3.0"), (400, "4.0"), ("400", "4.0"):
        kind = "number" if isinstance(given, int) else "string"
        for spelling in "error", "error_key":
            data = {spelling: "invalid-screen-transition", "error_message": "No such edge."}
            good_error(f"{spelling.replace('_', '-')}-version-{given}-{kind}",
                       f"An error notification under {spelling}, its version a {kind} of hundredths.",
                       DETAILS | {"version": given, "data": data},
                       error("data_exchange", "invalid-screen-transition", "No such edge.", version=read))
    for action in "INIT", "BACK", "navigate":
        data = {"error": "payload-schema-error", "error_message": "Größe fehlt"}
        good_error(f"error-{action.lower()}", f"An error notification on {action}.",
                   DETAILS | {"action": action, "data": data}, error(action, "payload-schema-error", "Größe fehlt"))
    good_error("error-alone", "An error notification without text, screen and token.",
               {"version": "3.0", "action": "INIT", "data": {"error_key": "response-decryption-error"}},
               error("INIT", "response-decryption-error", screen="", flow_token=None))
    good_error("error-both-spellings", "Of error and error_key, error counts.",
               DETAILS | {"data": {"error_key": "of-two", "error": "of-one"}}, error("data_exchange", "of-one"))
    good("form-of-one-field-error", "A form whose one field is called error: its text looks like no key of Meta's.",
         *submitted({"error": "the printer is jammed"}))
    good("form-of-one-word-error", "One word is no key of Meta's, which are several joined by hyphens.",
         *submitted({"error_key": "jammed"}))
    good("error-among-other-data", "A field beside the error's own makes it a data exchange.",
         *submitted({"error": "x", "error_message": "y", "name": "z"}))
    good("error-message-alone", "error_message alone makes no error notification.", *submitted({"error_message": "y"}))


def good_values():
    good("unicode", "Scripts, combining marks and emoji with joiners.",
         *submitted({"Straße": "e\u0301 東京 مرحبا", "emoji": "😀 👩‍👩‍👧‍👦 🇩🇪", "": "\u2028\u00a0"}, flow_token="жетон-🔑"))
    good("unicode-escapes", "Escapes, surrogate pairs among them, mean the same as the characters.",
         rb'{"version":"3.0","act\u0069on":"INIT","screen":"\u0041",'
         rb'"data":{"text":"\ud83d\ude00 \u00e9 \u20AC \" \\ \/ \b\f\n\r\t\u0000"},"flow_token":"token\u002d1"}',
         exchange(screen="A", data={"text": '😀 é € " \\ / \b\f\n\r\t\0'}))
    good("numbers", "Whole numbers at both ends of what a double holds, and fractions.",
         *submitted({"most": 2**53, "least": -(2**53), "fraction": 0.1, "none": 0, "negative": -1.5}))
    good("number-spellings", "Exponents in either case.",
         b'{"version":"3.0","action":"INIT","data":{"a":1e2,"b":25E-1,"c":-1.5E+1},"flow_token":"token-1"}',
         exchange(data={"a": 100.0, "b": 2.5, "c": -15.0}))
    good("white-space", "White space of every kind that JSON has.",
         b' \r\n\t{ "version" :\n"3.0" , "action"\t: "INIT",\r\n"data": { } , "flow_token" : "token-1" } \n',
         exchange(data={}))
    good("empty-values", "Empty object, list and string, null and false.",
         *submitted({"o": {}, "a": [], "s": "", "n": None, "f": False}))
    for kind, brackets in ("lists", ("[", "1", "]")), ("objects", ('{"x":', "1", "}")):
        message = nested(*brackets, 30)
        good(f"30-nested-{kind}", "Data nests 30 levels, itself counted.", message,
             exchange(data=json.loads(message)["data"], version=""))
    good("1-kilobyte", "A plaintext of 1,024 bytes.", *filled(1024))
    large = filled(65_536)[0]
    good("64-kilobytes", "A plaintext of 65,536 bytes, and an answer of as many.", large, None, answer=large, by="node")
    good("1-megabyte", "A plaintext of 1,000,000 bytes.", filled(1_000_000)[0], None)


def good_envelopes():
    def slashes(escape):
        def written(fields):
            assert b"/" in write(fields)
            return write(fields).replace(b"/", escape)

        return written

    def leading_zero(aes_key):
        while (wrapped := wrap(aes_key))[0] != 0:
            pass
        return wrapped

    one = partial(good, message=INIT, request=exchange(data={}))
    one("escaped-slashes", r"Slashes come as \/, as PHP writes them.", write=slashes(rb"\/"))
    one("escaped-slashes-u002f", r"Slashes come as \u002f.", write=slashes(rb"\u002f"))
    one("escaped-field-names", "Escapes in the names of the fields.",
        write=lambda fields: write(fields).replace(b'"encrypted_', rb'"\u0065ncrypted\u005F'))
    one("envelope-white-space", "Line ends and white space in and around the envelope.",
        write=lambda fields: b"\r\n\t " + json.dumps(fields, indent=4).encode() + b" \n")
    one("envelope-unknown-fields", "Unknown fields of the envelope are ignored.",
        edit=lambda fields: {"version": 1, **fields, "more": {"initial_vector": [None]}})
    one("envelope-other-order", "The fields may come in any order.",
        edit=lambda fields: dict(reversed(fields.items())))
    one("iv-zeros", "An IV of zeros: the answer's is all ones.", iv=bytes(16))
    one("iv-ones", "An IV of ones: the answer's is all zeros.", iv=b"\xff" * 16)
    one("aes-key-zeros", "An AES key of zeros.", aes_key=bytes(16))
    one("key-ciphertext-leading-zero", "The AES key's ciphertext begins with a zero byte, and is whole all the same.",
        wrap=leading_zero)
    for name, what, iv in (
        ("counter-wraps", "request", bytes.fromhex("79ad981e4c10eb0ad6b2a04db2bae700")),
        ("answer-counter-wraps", "answer", bytes.fromhex("2108ee8c12bccea7cee65726b7359c2a")),
    ):
        # The IVs were solved for; the tag of an empty plaintext is the encryption of GCM's first counter block.
        key, nonce = seeded(f"good-{name}", "AES key"), iv if what == "request" else inverted(iv)
        first = Cipher(algorithms.AES(key), modes.ECB()).decryptor().update(seal(key, nonce, b""))
        assert first == b"\xff" * 16
        one(name, f"The 32-bit block counter of the {what} wraps at the first block.", iv=iv)

    two = partial(one, ring=("current", "previous"))
    two("ring-current-key", "Two keys in the ring, sealed under the first.")
    two("ring-previous-key", "Two keys in the ring, sealed under the second.", wrap=partial(wrap, key="previous"))
    two("ring-openssl-previous-key", "The same, its key transport by the command line.", made_by=OPENSSL_KEY,
        wrap=partial(openssl_wrap, key="previous"))
    one("secret-unicode", "An app secret outside ASCII, signed as UTF-8.", secret="geheim-ß-🔑")
    one("secret-100-bytes", "An app secret longer than a block of SHA-256, which HMAC hashes first.",
        secret="0123456789" * 10)


def good_elsewhere():
    made_by = f"{OPENSSL} (key transport, signature), {PYTHON} (payload)"
    for name, steps in (
        ("node", {"by": "node"}),
        ("java", {"by": "java"}),
        ("openssl", {"made_by": made_by, "wrap": openssl_wrap, "sign": openssl_sign}),
    ):
        good_ping(f"{name}-ping", "A ping by another implementation.", **steps)
        good(f"{name}-data-exchange", "A submitted screen by another implementation.",
             *submitted({"name": 'Zoë / "quoted" 😀', "n": 7}), **steps)
        good_error(f"{name}-error", "An error notification by another implementation.",
                   INIT | {"data": {"error": "components-validation-error"}},
                   error("INIT", "components-validation-error", screen=""), **steps)


def message_faults():
    def fault(name, description, message):
        case(f"message-{name}", description, message, "message")

    fault("empty", "An empty plaintext: the flow data is the tag alone.", b"")
    fault("not-json", "Not JSON.", b"hello")
    fault("16-bytes", "One whole block of AES; no request is that short.", b'{"action":"pin"}')
    fault("array", "A list, not an object.", b'["INIT"]')
    fault("null", "null, not an object.", b"null")
    fault("string", "An object inside a string.", json.dumps(json.dumps(INIT)).encode())
    fault("empty-object", "No field at all.", {})
    fault("truncated", "The last brace is missing.", plain(INIT)[:-1])
    fault("trailing-text", "Text after the object.", plain(INIT) + b" x")
    fault("trailing-zeros", "Zero bytes after the object, as block padding leaves them.", plain(INIT) + bytes(3))
    fault("trailing-comma", "A comma before the closing brace.", b'{"action":"INIT",}')
    fault("single-quotes", "Single quotes.", b"{'action':'INIT'}")
    fault("nan", "NaN, which Python writes and JSON lacks.", plain(INIT | {"data": {"x": float("nan")}}))
    fault("control-character", "A line end inside a string.", b'{"action":"INIT","screen":"A\nB"}')
    fault("invalid-utf8", "A byte that UTF-8 does not have.", b'{"action":"INIT","screen":"\xff"}')
    fault("surrogate-in-utf8", "Half a surrogate pair as three bytes, which UTF-8 forbids.",
          b'{"action":"INIT","screen":"\xed\xa0\xbd"}')
    fault("utf-16", "UTF-16, not UTF-8.", '{"action":"INIT"}'.encode("utf-16-le"))
    fault("31-nested-lists", "Data nests 31 levels, itself counted.", nested("[", "1", "]", 31))
    fault("31-nested-objects", "Data nests 31 levels, itself counted.", nested('{"x":', "1", "}", 31))
    fault("10000-nested-lists", "Data nests 10,000 levels.", nested("[", "", "]", 10_000))

    fault("no-action", "There is no action.", {"version": "3.0", "screen": "A", "data": {}})
    for name, action in (
        ("lower-case", "init"), ("upper-case", "PING"), ("mixed-case", "Data_Exchange"), ("with-space", " ping"),
        ("empty", ""), ("update-data", "update_data"), ("complete", "complete"), ("navigate", "navigate"),
    ):
        fault(f"action-{name}", f'"{action}" is no action of a request.', DETAILS | {"action": action})
    fault("navigate-other-data", "navigate with more than an error's data.",
          DETAILS | {"action": "navigate", "data": {"error": "x", "name": "y"}})

    for field, kinds in {
        "version": {"boolean": True, "list": [3]},
        "action": {"null": None, "number": 1, "list": ["INIT"]},
        "screen": {"number": 1, "object": {"name": "A"}},
        "data": {"string": "{}", "list": [], "number": 1},
        "flow_token": {"number": 1, "object": {"token": "t"}},
        "flow_token_signature": {"number": 1, "list": ["a.b.c"]},
    }.items():
        for kind, value in kinds.items():
            fault(f"{field.replace('_', '-')}-is-{kind}", f"The {field} is a {kind}.", INIT | {field: value})
    fault("ping-screen-is-number", "A ping whose screen has the wrong type.", {"action": "ping", "screen": 1})
    fault("error-is-number", "An error notification's error is a number.",
          INIT | {"data": {"error": 7, "error_message": "y"}})
    fault("error-key-is-object", "An error notification's error_key is an object.",
          INIT | {"data": {"error_key": {}, "error_message": "y"}})
    fault("error-message-is-list", "An error notification's error_message is a list.",
          INIT | {"data": {"error": "x", "error_message": ["y"]}})


def envelope_faults():
    def fault(name, description, **steps):
        case(f"envelope-{name}", description, INIT, "envelope", **steps)

    def changed(field, name, description, value):
        """A case for a field that has another value; `value` may compute it from what the field should be."""
        def edit(fields):
            return fields | {field: value(fields[field]) if callable(value) else value}

        fault(f"{field.replace('_', '-')}-{name}", description, edit=edit)

    for field in NAMES:
        fault(f"{field.replace('_', '-')}-missing", f"{field} is missing.",
              edit=lambda fields: {name: value for name, value in fields.items() if name != field})
        changed(field, "is-null", f"{field} is null.", None)
        changed(field, "is-number", f"{field} is a number.", 7)
        changed(field, "empty", f"{field} is empty.", "")
        changed(field, "not-base64", f"{field} holds what base64 lacks.", lambda text: "!" + text[1:])
        fault(f"{field.replace('_', '-')}-twice", f"{field} stands there twice.",
              write=lambda fields: write(fields)[:-1] + b"," + write({field: fields[field]})[1:])
    changed("initial_vector", "is-list", "The IV as a list of bytes.", [7] * 16)
    changed("initial_vector", "hex", "The IV in hex: base64 of 24 bytes.", lambda text: base64.b64decode(text).hex())
    changed("initial_vector", "unpadded", "The IV lacks its padding.", lambda text: text.rstrip("="))
    changed("encrypted_aes_key", "unpadded", "The key's ciphertext lacks its padding.", lambda text: text.rstrip("="))
    changed("encrypted_aes_key", "space", "A space within.", lambda text: text[:64] + " " + text[64:])
    changed("encrypted_aes_key", "padding-inside", "Padding before the end.", lambda text: "AA==" + text)
    fault("base64-url", "The url-safe alphabet, unpadded, as Node's base64url writes it.", by="node", slip="base64url")
    fault("base64-url-padded", "The url-safe alphabet, padded, in the IV alone.", iv=b"\xfb\xff" * 8,
          edit=lambda fields: fields | {"initial_vector": base64.urlsafe_b64encode(b"\xfb\xff" * 8).decode()})
    fault("base64-mime", "Wrapped at 76 characters by CRLF, as Java's MIME encoder does.", by="java", slip="mime")
    fault("base64-line-end", "A line end behind each field, as Python's base64.encodebytes has it.",
          edit=lambda fields: {name: value + "\n" for name, value in fields.items()})

    for length in 0, 12, 15, 17, 32:
        fault(f"iv-{length}-bytes", f"An IV of {length} bytes, and sealed under it where that can be.",
              iv=hashlib.sha256(b"IV").digest()[:length], seal=lambda key, iv, text: seal(key, iv or bytes(16), text))
    fault("key-ciphertext-255-bytes", "The last byte of the AES key's ciphertext is missing.",
          wrap=lambda aes_key: wrap(aes_key)[:-1])
    fault("key-ciphertext-257-bytes", "A zero byte before the AES key's ciphertext, as signed big integers have it.",
          wrap=lambda aes_key: b"\0" + wrap(aes_key))
    for bits in 1024, 4096:
        other = rsa.generate_private_key(65537, bits).public_key()
        fault(f"key-ciphertext-{bits // 8}-bytes", f"The AES key under RSA-{bits}.", wrap=partial(wrap, key=other))
    fault("flow-data-15-bytes", "Flow data one byte shorter than the tag.", seal=lambda *steps: seal(*steps)[-15:])

    for name, description, body in (
        ("empty", "No body.", b""),
        ("empty-object", "No field at all.", b"{}"),
        ("null", "null, not an object.", b"null"),
        ("empty-array", "A list, not an object.", b"[]"),
        ("form", "A form, not JSON.", b"encrypted_flow_data=AAAA&encrypted_aes_key=AAAA&initial_vector=AAAA"),
        ("10000-nested-lists", "Lists 10,000 deep.", b"[" * 10_000 + b"]" * 10_000),
    ):
        fault(f"body-{name}", description, write=lambda _: body)
    for name, description, change in (
        ("array", "The three fields as a list.", lambda fields: write(list(fields.values()))),
        ("array-of-envelope", "The envelope inside a list.", lambda fields: write([fields])),
        ("string", "The envelope inside a string.", lambda fields: write(write(fields).decode())),
        ("truncated", "The body ends in the middle.", lambda fields: write(fields)[:-20]),
        ("trailing-text", "Text after the envelope.", lambda fields: write(fields) + b"x"),
        ("not-utf8", "A byte that UTF-8 does not have, in the IV.", lambda fields: write(fields)[:-2] + b'\xff"}'),
        ("not-utf8-in-unknown-field", "The same in a field that is ignored.",
         lambda fields: write(fields)[:-1] + b',"more":"\xff"}'),
        ("utf-16", "UTF-16, not UTF-8.", lambda fields: write(fields).decode().encode("utf-16-le")),
    ):
        fault(f"body-{name}", description, write=change)


def signature_faults():
    def fault(name, description, change=lambda header: header, **steps):
        steps = {"sign": lambda body, secret: change(sign(body, secret))} | steps
        case(f"signature-{name}", description, INIT, "signature", **steps)

    fault("missing", "There is no signature.", lambda _: None)
    fault("empty", "The signature is empty.", lambda _: "")
    fault("prefix-alone", "The prefix without digits.", lambda _: "sha256=")
    fault("no-prefix", "The digits without the prefix.", lambda header: header[7:])
    fault("prefix-upper-case", "The prefix is lower-case.", lambda header: "SHA256=" + header[7:])
    fault("prefix-sha1", "HMAC-SHA256 under the name of SHA-1.", lambda header: "sha1=" + header[7:])
    fault("sha1", "HMAC-SHA1, as the older X-Hub-Signature has it.", sign=partial(sign, digest="sha1"))
    fault("upper-case", "The digits are lower-case.", lambda header: "sha256=" + header[7:].upper())
    fault("63-digits", "The last digit is missing.", lambda header: header[:-1])
    fault("65-digits", "A digit too many.", lambda header: header + "0")
    fault("not-hex", "A letter that hex does not have.", lambda header: header[:-1] + "g")
    fault("not-ascii", "Bytes outside ASCII.", lambda header: header[:-2].encode() + b"\xe9\xff")
    fault("base64", "Base64 in place of hex.", lambda header: "sha256=" + b64(bytes.fromhex(header[7:])))
    fault("twice", "Two signatures in one header.", lambda header: f"{header},{header}")
    fault("digit-changed", "The last digit is another.", lambda header: header[:-1] + "01"[header[-1] == "0"])
    fault("wrong-secret", "Signed under another secret.", sign=lambda body, _: sign(body, "another secret"))
    fault("openssl-wrong-secret", "The same by the command line.", sign=lambda body, _: openssl_sign(body, "another"),
          made_by=f"{OPENSSL} (signature), {PYTHON} (the rest)")
    fault("over-plaintext", "Signed over the plaintext.", sign=lambda _, secret: sign(plain(INIT), secret))
    fault("over-rewritten-json", "Signed over the envelope as another program would write it.",
          sign=lambda body, secret: sign(json.dumps(json.loads(body)).encode(), secret))
    fault("before-line-end", "A line end was added after signing.", write=lambda fields: write(fields) + b"\n",
          sign=lambda body, secret: sign(body[:-1], secret))
    fault("before-envelope", "No signature and no envelope either: the signature is checked first.",
          lambda _: None, write=lambda _: b"{")


def decryption_faults():
    def fault(name, description, **steps):
        case(name, description, INIT, "decryption", **steps)

    def flipped(data, at):
        return bytes(byte ^ (index == at % len(data)) for index, byte in enumerate(data))

    def tampered(name, description, change):
        fault(name, description, seal=lambda *steps: change(seal(*steps)))

    other, modulus = rsa.generate_private_key(65537, 2048).public_key(), public_key("current").public_numbers().n
    label = ("rsa_oaep_md:sha256", "rsa_mgf1_md:sha256", "rsa_oaep_label:00")
    fault("key-wrong", "Wrapped under a key that the ring lacks.", wrap=partial(wrap, key="previous"))
    fault("key-wrong-for-ring", "Wrapped under a key that is neither of the ring's two.", ring=("current", "previous"),
          wrap=partial(wrap, key=other))
    fault("key-15-bytes", "15 bytes are wrapped where 16 should be.", wrap=lambda aes_key: wrap(aes_key[:15]))
    for length in 24, 32:
        aes_key = hashlib.sha256(b"AES key").digest()[:length]
        fault(f"key-{length}-bytes", f"AES-{length * 8} from end to end.", aes_key=aes_key)
    fault("key-in-base64", "The AES key is wrapped in base64.", wrap=lambda aes_key: wrap(b64(aes_key).encode()))
    fault("key-other", "Another AES key is wrapped than sealed.", wrap=lambda aes_key: wrap(flipped(aes_key, 0)))
    fault("padding-pkcs1", "PKCS#1 v1.5 padding in place of OAEP.", made_by=OPENSSL_KEY,
          wrap=partial(openssl_wrap, mode="pkcs1", more=()))
    fault("padding-none", "RSA without padding.", made_by=OPENSSL_KEY,
          wrap=lambda aes_key: openssl_wrap(aes_key.rjust(256, b"\0"), mode="none", more=()))
    fault("oaep-label", "A label that is not empty.", made_by=OPENSSL_KEY, wrap=partial(openssl_wrap, more=label))
    fault("oaep-sha1", "SHA-1 for hash and mask, Node's default.", by="node", slip="oaep-sha1")
    fault("oaep-sha1-mgf1-sha256", "SHA-1 for the hash alone.", wrap=partial(wrap, digest=hashes.SHA1))
    fault("mgf1-sha1", "SHA-1 for the mask alone, Java's default.", by="java", slip="mgf1-sha1")
    fault("key-ciphertext-zeros", "The AES key's ciphertext is all zeros.", wrap=lambda _: bytes(256))
    fault("key-ciphertext-ones", "The AES key's ciphertext is all ones, more than the modulus.",
          wrap=lambda _: b"\xff" * 256)
    fault("key-ciphertext-is-modulus", "The AES key's ciphertext is the modulus.",
          wrap=lambda _: modulus.to_bytes(256, "big"))
    fault("key-ciphertext-flipped", "One bit of the AES key's ciphertext is another.",
          wrap=lambda aes_key: flipped(wrap(aes_key), 128))

    tampered("tag-flipped", "One bit of the tag is another.", lambda data: flipped(data, -1))
    tampered("tag-truncated", "A tag of 12 bytes.", lambda data: data[:-4])
    tampered("tag-missing", "Ciphertext without a tag.", lambda data: data[:-16])
    tampered("tag-in-front", "The tag before the ciphertext.", lambda data: data[-16:] + data[:-16])
    tampered("tag-alone", "The ciphertext is lost, the tag is there.", lambda data: data[-16:])
    tampered("ciphertext-flipped", "One bit of the ciphertext is another.", lambda data: flipped(data, 0))
    for name, description, change in (
        ("iv-flipped", "One bit of the IV is another.", lambda iv: flipped(iv, 15)),
        ("iv-inverted", "Sealed under the answer's IV.", inverted),
        ("iv-first-12-bytes", "Sealed under the first 12 bytes of the IV, the usual length.", lambda iv: iv[:12]),
    ):
        fault(name, description, seal=lambda key, iv, text: seal(key, change(iv), text))
    fault("iv-in-front", "The IV stands before the ciphertext too.", seal=lambda *steps: steps[1] + seal(*steps))
    fault("additional-data", "Sealed with additional data.", seal=partial(seal, additional=b"flow"))


if __name__ == "__main__":
    for group in good_messages, good_values, good_envelopes, good_elsewhere:
        group()
    for group in message_faults, envelope_faults, signature_faults, decryption_faults:
        group()
    write_cases()
