"""Writes seeds/ from the vectors, from the documented configuration and, for key files, with openssl; README.md says how."""

import base64
import hmac
import json
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
VECTORS = HERE.parent / "vectors"
KEY = VECTORS / "keys/current.pem"
PASSPHRASE = "pass:test-only"  # as in the pem target
LARGEST = 2048

CONFIGURATION = (HERE.parents[1] / "docs/configuration.md").read_text()
DOCUMENTED = re.search(r"```yaml\n(.*?)```", CONFIGURATION, re.S)[1]
SHORT = """\
listen: { address: "127.0.0.1:0" }
endpoints:
  - { name: a, path: /a, logic: { url: "unix:///run/logic" },
      private_keys: [ file: keys/current.pem ], app_secrets: [ file: secrets/app-secret ] }
"""


def write(target, name, seed):
    seed = seed.encode() if isinstance(seed, str) else seed
    if len(seed) <= LARGEST:
        folder = HERE / "seeds" / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(seed)


def vectors():
    for file in sorted(VECTORS.glob("*.json")):
        case = json.loads(file.read_text())
        # The targets know this secret and this key only.
        if case["app_secret"] == "test-only-5f0c1e27a9d84b36" and case["private_keys"] == ["keys/current.pem"]:
            yield file.stem, case, case["expect"]["outcome"]


def from_vectors():
    plaintexts = set()
    for name, case, outcome in vectors():
        part = lambda key: case[key].encode() if key in case else base64.b64decode(case.get(key + "_base64", ""))
        body, plaintext = part("body"), case["expect"].get("plaintext")
        if outcome == "signature" or name == "good-ping":
            write("signature", name, part("signature") + b"\n" + body)
        if outcome == "envelope" or name.startswith(("good-envelope", "good-escaped", "good-java")):
            write("envelope", name, body)
        if outcome == "decryption" or name.startswith(("good-java", "good-openssl")):
            write("request", name, body)
        if plaintext is not None and plaintext not in plaintexts:
            plaintexts.add(plaintext)
            write("message", name, plaintext)
            if outcome == "opened":
                write("request", name + "-plaintext", plaintext)


def messages():
    # The nearest double to what is written here is found by exact arithmetic only.
    write("message", "number-of-17-digits", '{"action":"INIT","data":{"a":0.9856906946328695,"b":-1.2E51}}')


def tokens():
    part = lambda text: base64.urlsafe_b64encode(text).rstrip(b"=")
    text = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(b'{"flow_token":"token-1"}')
    mac = hmac.new(b"test-only-5f0c1e27a9d84b36", text, "sha256").digest()
    write("token", "good", text + b"." + part(mac))
    write("token", "flow-token", "token-1")
    write("token", "none", part(b'{"alg":"none"}') + b"." + part(b'{"flow_token":"token-1"}') + b".")


def openssl(*arguments, stdin=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=stdin, check=True, capture_output=True).stdout


def key_files():
    plain = KEY.read_bytes()
    for cipher in "des3", "aes128", "aes256":
        encrypted = openssl("rsa", "-in", KEY, "-traditional", f"-{cipher}", "-passout", PASSPHRASE)
        write("pem", f"pkcs1-{cipher}", encrypted)
    for name, options in {
        "aes256": ["-v2", "aes-256-cbc", "-iter", "1"],
        "aes128-sha512": ["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512", "-iter", "1"],
        "des3-sha1": ["-v2", "des3", "-v2prf", "hmacWithSHA1", "-iter", "1"],
        "scrypt": ["-scrypt", "-scrypt_N", "2", "-scrypt_r", "1", "-scrypt_p", "1"],
        "pbes1": ["-v1", "PBE-SHA1-3DES"],
    }.items():
        encrypt = ["pkcs8", "-topk8", "-in", KEY, "-passout", PASSPHRASE, *options]
        write("pem", f"pkcs8-{name}", openssl(*encrypt))
        write("pem", f"pkcs8-{name}-der", openssl(*encrypt, "-outform", "DER"))
    for name, options in {
        "pkcs8": ["pkcs8", "-topk8", "-nocrypt"],
        "pkcs1": ["rsa", "-traditional"],
        "spki": ["rsa", "-pubout"],
        "pkcs1-public": ["rsa", "-RSAPublicKey_out"],
    }.items():
        write("pem", name, openssl(*options, "-in", KEY))
        write("pem", name + "-der", openssl(*options, "-in", KEY, "-outform", "DER"))
    for name, options in {
        "rsa-512": ["RSA", "-pkeyopt", "rsa_keygen_bits:512"],
        "rsa-2056": ["RSA", "-pkeyopt", "rsa_keygen_bits:2056"],
        "rsa-three-primes": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_primes:3"],
        "ec": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "ed25519": ["ED25519"],
    }.items():
        other = openssl("genpkey", "-algorithm", *options)
        write("pem", name, other)
        write("pem", name + "-der", openssl("pkey", "-outform", "DER", stdin=other))
    write("pem", "one-line", plain.replace(b"\n", rb"\n"))
    write("pem", "crlf", plain.replace(b"\n", b"\r\n"))
    write("pem", "text-around", b"Bag Attributes: <none>\n" + plain + b"the end\n")
    write("pem", "truncated", plain[: len(plain) // 2])
    write("pem", "certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def configurations():
    write("config", "documented", DOCUMENTED)
    write("config", "documented-bare", re.sub(r"\s+#.*", "", DOCUMENTED))
    write("config", "short", SHORT)
    for name, old, new in [
        ("unknown-key", "listen", "listn"),
        ("null", "127.0.0.1:0", "~"),
        ("same-twice", "endpoints:\n", "endpoints:\n  - { name: a, path: /a }\n"),
        ("no-endpoint", SHORT[SHORT.index("endpoints") :], "endpoints: []\n"),
        ("item-is-text", "file: keys/current.pem", "keys/current.pem"),
        ("missing-file", "current.pem", "no.pem"),
        ("two-documents", "endpoints", "---\nendpoints"),
        ("list", "listen", "- listen"),
        ("tab", "endpoints:", "endpoints:\n\t"),
        ("alias", "name: a, path: /a", "name: &a a, path: *a"),
        ("merge", "name: a", "<<: { name: a }"),
        ("tag", "name: a", "name: !!str a"),
        ("block-scalar", "/a,", '"/a\\\n\\u0061",'),
        ("directive", "listen", "%YAML 1.2\n---\nlisten"),
        ("huge-number", "name: a", "name: 99999999999999999999"),
        ("float", "name: a", "name: .inf"),
        ("key-is-list", "name: a", "[name]: a"),
    ]:
        assert old in SHORT, name
        write("config", name, SHORT.replace(old, new, 1))
    write("config", "crlf", SHORT.replace("\n", "\r\n"))
    write("config", "byte-order-mark", "\ufeff" + SHORT)


def frame(kind, flags, stream, payload=b""):
    return bytes([kind, flags, stream, len(payload)]) + payload


def connections():
    signature = b"x-hub-signature-256: sha256=" + b"0" * 64
    head = b"POST /a HTTP/1.1\r\nhost: a\r\n"
    for name, text in {
        "get": b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n",
        "unsigned": head + b"content-length: 2\r\n\r\n{}",
        "signed": head + signature + b"\r\ncontent-length: 2\r\n\r\n{}",
        "half": head + signature + b"\r\ncontent-length: 9\r\n\r\n{}",
        "chunked": head + signature + b"\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\0\r\n1\r\n}\r\n0\r\n\r\n",
        "both-lengths": head + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "expect": head + signature + b"\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n\0{}",
        "upgrade": b"GET /a HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        "pipelined": b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n" * 3,
        "broken": b"GET /a HTTP/1.1\nhost a\r\n\0\r\n",
    }.items():
        write("connection", name, b"\0" + text)
    # POST, http, /a, a: HPACK's static table, and two literals.
    fields = b"\x83\x86\x04\x02/a\x41\x01a"
    signed = fields + b"\x00\x13x-hub-signature-256\x47sha256=" + b"0" * 64
    for name, wire in {
        "h2-unsigned": frame(1, 4, 1, fields) + frame(0, 1, 1, b"{}"),
        "h2-signed": frame(1, 4, 1, signed) + frame(0, 1, 1, b"{}"),
        "h2-waits": frame(1, 4, 1, signed) + frame(0, 0, 1, b"{"),
        "h2-continuation": frame(1, 0, 1, fields[:3]) + frame(9, 4, 1, fields[3:]),
        "h2-reset": frame(1, 4, 1, signed) + frame(3, 0, 1, b"\0\0\0\x08"),
        "h2-window": frame(1, 4, 1, signed) + frame(8, 0, 1, b"\x7f\xff\xff\xff") + frame(8, 0, 0, b"\0\0\0\0"),
        "h2-ping": frame(6, 0, 0, b"01234567") * 4 + frame(4, 1, 0) + frame(7, 0, 0, b"\0" * 8),
        "h2-settings": frame(4, 0, 0, b"\0\x04\0\0\0\0\0\x05\0\0\x40\0") + frame(1, 5, 1, fields),
        "h2-priority": frame(2, 0, 3, b"\0\0\0\x03\x10") + frame(1, 5, 3, fields),
    }.items():
        write("connection", name, b"\1" + wire)


def screens():
    footer = lambda action: {"type": "Footer", "label": "Next", "on-click-action": {"name": action, "payload": {}}}
    screen = lambda id, *children, **more: {
        "id": id, "layout": {"type": "SingleColumnLayout", "children": list(children)}, **more}
    options = [{"id": "a", "title": "A"}, {"id": "b", "title": "B"}]
    model = {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}, "title": {"type": "string"}}},
             "__example__": options}
    for name, version, children, more in [
        ("form", "3.1", [{"type": "Form", "name": "f", "init-values": {"n": "x"}, "children": [
            {"type": "TextInput", "name": "n", "label": "Name", "input-type": "number", "max-chars": 9}, footer("data_exchange")]}], {}),
        ("options", "6.3", [{"type": "ChipsSelector", "name": "c", "label": "C", "data-source": "${data.o}"}, footer("data_exchange")],
         {"data": {"o": model}}),
        ("branches", "7.3", [{"type": "OptIn", "name": "o", "label": "I agree"},
                             {"type": "If", "condition": "${form.o} && !(1 > ${data.n})", "then": [footer("data_exchange")],
                              "else": [footer("data_exchange")]}], {"data": {"n": {"type": "number", "__example__": 1}}}),
        ("switch", "5.1", [{"type": "Switch", "value": "${data.k}", "cases": {"a": [{"type": "TextBody", "text": "A"}]}}],
         {"data": {"k": {"type": "string", "__example__": "a"}}, "terminal": True}),
        ("list", "7.0", [{"type": "NavigationList", "name": "l", "list-items": [{"id": "a", "main-content": {"title": "A"}, "badge": "B",
            "on-click-action": {"name": "navigate", "next": {"type": "screen", "name": "END"}, "payload": {}}}]}], {}),
        ("calendar", "6.1", [{"type": "CalendarPicker", "name": "c", "mode": "range", "label": {"start-date": "A", "end-date": "B"},
                              "min-date": "2026-01-01", "include-days": ["Mon"]}, footer("navigate")], {"sensitive": ["c"]}),
    ]:
        flow = {"version": version, "data_api_version": "3.0", "routing_model": {"START": ["END"], "END": []},
                "screens": [screen("START", *children, **more), screen("END", footer("complete"), terminal=True)]}
        write("flow_json", name, json.dumps(flow))
    write("flow_json", "twice", '{"version":"7.3","version":"7.4","screens":[{"id":"\\u0041","id":"B"}],}')
    for name, text in [
        ("and-or", "${form.a} && !${data.b.c} || (${screen.A.form.d} == 'x')"),
        ("join", "'It\\'s ' ${form.a} ' ' ${form.n} + 1 ' \\`'"),
        ("arithmetic", "(${form.n} - -1.5) * 2 / ${form.m} % 7 >= 036"),
        ("reference", "${data.a.b}"),
    ]:
        write("expression", name, text)


shutil.rmtree(HERE / "seeds", ignore_errors=True)
from_vectors()
messages()
tokens()
key_files()
configurations()
connections()
screens()
for target in sorted((HERE / "seeds").iterdir()):
    sizes = [seed.stat().st_size for seed in target.iterdir()]
    print(f"{target.name}: {len(sizes)} seeds, {sum(sizes)} bytes")
