"""What people have in front of an edge does not get in its way. `ingress` runs it, in a network of its own."""
import asyncio
import concurrent.futures
import http.client
import json
import os
import pathlib
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
import unittest

import manifests
import postgres
import proxies
import yaml
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from volumes import Volume

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests"), str(ROOT / "tests/clients/python")]
from client import Session, sign
from process import make_certificate

FOLDER, BIN = pathlib.Path(os.environ["FOLDER"]), pathlib.Path(os.environ["BIN"])
# The network is ours alone, so the ports are free.
FRONTS = {"nginx": 1443, "nginx passing through": 1444, "Envoy": 2443, "Envoy passing through": 2444}
TERMINATING = ["nginx", "Envoy"]
PLAIN_EDGE, TLS_EDGE, BREAKING = 8080, 8443, (8090, 8091)
PATH, SECRET = "/flows/appointments", b"an app secret"
# The edge's defaults, as docs/configuration.md has them.
MAX_BODY, DEADLINE_SECONDS = 2 * 1024 * 1024, 8


def run(*command, **options):
    return subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)


def start(*command, **variables):
    with open(FOLDER / "log", "ab") as log:
        process = subprocess.Popen([*map(str, command)], stdout=log, stderr=log, env={**os.environ, **variables})
    unittest.addModuleCleanup(process.wait)
    unittest.addModuleCleanup(process.kill)
    return process


def wait_for(port):
    end = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def start_edge(port, admin_port, has_tls):
    configuration = manifests.edge_configuration(ROOT / "deploy/kubernetes/base", FOLDER / "volumes", 1)
    configuration["listen"]["address"], configuration["admin"]["address"] = f"127.0.0.1:{port}", f"127.0.0.1:{admin_port}"
    configuration["endpoints"][0]["logic"]["url"] = "http://127.0.0.1:50051"
    if not has_tls:
        del configuration["listen"]["tls"]
    file = FOLDER / f"edge-{port}.yaml"
    file.write_text(yaml.dump(configuration))
    start(BIN / "flow-edge", "serve", "--config", file)
    wait_for(port)
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", admin_port)
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
        connection.close()
        if status == 200:
            return
        time.sleep(0.05)


def setUpModule():
    run("ip", "link", "set", "lo", "up")
    start(*postgres.initialise(FOLDER / "postgres"))
    asyncio.run(postgres.wait_until_ready("127.0.0.1"))
    start(BIN / "rust-appointment", DATABASE_URL="postgres://flow@127.0.0.1/postgres")

    run(BIN / "flowctl", "keys", "generate", "--out", FOLDER)
    (FOLDER / "app-secret").write_bytes(SECRET)
    make_certificate(FOLDER, "DNS:localhost")
    Volume(FOLDER / "volumes/keys", {"current.pem": (FOLDER / "private-key.pem").read_bytes()})
    Volume(FOLDER / "volumes/app-secrets", {"app-secret": SECRET})
    Volume(FOLDER / "volumes/tls", {name: (FOLDER / name).read_bytes() for name in ("tls.crt", "tls.key")})
    start_edge(PLAIN_EDGE, 9464, has_tls=False)
    start_edge(TLS_EDGE, 9465, has_tls=True)

    behind = (PLAIN_EDGE, TLS_EDGE, BREAKING)
    nginx, envoy = FOLDER / "nginx.conf", FOLDER / "envoy.json"
    nginx.write_text(proxies.nginx(FOLDER, FRONTS["nginx"], FRONTS["nginx passing through"], *behind))
    envoy.write_text(json.dumps(proxies.envoy(FOLDER, FRONTS["Envoy"], FRONTS["Envoy passing through"], *behind)))
    start("nginx", "-c", nginx)
    start(pathlib.Path(sys.executable).with_name("envoy"), "-c", envoy, "--concurrency", "1", "--log-level", "warn",
          "--disable-hot-restart")
    for port in FRONTS.values():
        wait_for(port)


def seal(message):
    session = Session()
    public_key = load_pem_public_key((FOLDER / "public-key.pem").read_bytes())
    return session, session.seal(json.dumps({"version": "3.0"} | message).encode(), public_key)


def post(front, body, path=PATH, chunks=None):
    trust = ssl.create_default_context(cafile=FOLDER / "tls.crt")
    connection = http.client.HTTPSConnection("localhost", FRONTS[front], timeout=30, context=trust)
    try:
        fields = {"Content-Type": "application/json", "X-Hub-Signature-256": sign(body, SECRET)}
        connection.request("POST", path, chunks or body, fields, encode_chunked=chunks is not None)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


class IngressTests(unittest.TestCase):
    def for_each_front(self, check):
        for front in FRONTS:
            with self.subTest(front):
                check(front)

    def is_answered(self, front, session, body, **options):
        answer, content = post(front, body, **options)
        self.assertEqual(answer.status, 200)
        return json.loads(session.open(content))

    def test_a_conversation_passes(self):
        def check(front):
            played = subprocess.run(
                [BIN / "flowctl", "simulate", "--url", f"https://localhost:{FRONTS[front]}{PATH}",
                 "--public-key", FOLDER / "public-key.pem", "--app-secret-file", FOLDER / "app-secret",
                 "--ca", FOLDER / "tls.crt", "--script", ROOT / "examples/flows/appointment.conversation.yaml"],
                capture_output=True, text=True,
            )
            self.assertIn("passed: 24 of 24 steps", played.stdout, played.stderr)

        self.for_each_front(check)

    def test_the_largest_body_passes(self):
        def check(front):
            session, body = seal({"action": "INIT"})
            self.is_answered(front, session, body[:-1] + b" " * (MAX_BODY - len(body)) + body[-1:])

        self.for_each_front(check)

    def test_a_body_that_is_too_large_is_refused_by_the_edge(self):
        def check(front):
            _, body = seal({"action": "INIT"})
            answer, _ = post(front, body[:-1] + b" " * (MAX_BODY - len(body) + 1) + body[-1:])
            self.assertEqual(answer.status, 413)
            self.assertIsNotNone(answer.getheader("x-request-id"), "that is not the edge's answer")

        self.for_each_front(check)

    def test_the_bytes_of_a_body_are_untouched(self):
        def check(front):
            session, body = seal({"action": "INIT"})
            body = body.replace(b"/", b"\\/").replace(b"encrypted_flow", b"\\u0065ncrypted_flow").replace(b", ", b"\r\n\t ,  ")
            body = b" \n" + body[:-1] + ', "unknown": "\u00e9\U0001f5d3 \\u00e9 %2F &amp; <b>"}\r\n\r\n'.encode()
            self.is_answered(front, session, body)
            session, body = seal({"action": "INIT"})
            self.is_answered(front, session, body, chunks=iter([body[:1], body[1:500], body[500:]]))

        self.for_each_front(check)

    def test_logic_may_take_as_long_as_the_edge_lets_it(self):
        """What takes 7 s is answered, and what takes longer than 8 s gets the edge's own 504."""
        def late(front):
            began = time.monotonic()
            answer, _ = post(front, seal({"action": "INIT", "flow_token": f"late {front}"})[1])
            return answer, time.monotonic() - began

        def slow(front):
            time.sleep(2)
            session, body = seal({"action": "INIT", "flow_token": f"slow {front}"})
            began = time.monotonic()
            return self.is_answered(front, session, body), time.monotonic() - began

        self.lock_bookings(DEADLINE_SECONDS + 1)
        with concurrent.futures.ThreadPoolExecutor(2 * len(FRONTS)) as pool:
            waiting = {front: (pool.submit(late, front), pool.submit(slow, front)) for front in FRONTS}
        for front, (late_one, slow_one) in waiting.items():
            with self.subTest(front):
                answer, seconds = late_one.result()
                self.assertEqual((answer.status, answer.getheader("x-request-id") is None), (504, False))
                self.assertGreater(seconds, DEADLINE_SECONDS - 0.5)
                _, seconds = slow_one.result()
                self.assertGreater(seconds, DEADLINE_SECONDS - 2)

    def lock_bookings(self, seconds):
        """Returns when it holds."""
        self.addCleanup(start(*postgres.lock_bookings("127.0.0.1", seconds)).wait)
        locked = f"SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = '{postgres.TABLE}'::regclass"
        psql = ["psql", "-h", "127.0.0.1", "-U", "flow", "-d", "postgres", "-tAc", locked]
        while subprocess.run(psql, capture_output=True, text=True).stdout.strip() == "0":
            time.sleep(0.05)

    def test_a_request_is_not_repeated_where_an_edge_may_have_acted(self):
        """Two servers that take a request and break the connection: one of them gets it, once."""
        seen = []

        class Breaking(socketserver.StreamRequestHandler):
            def handle(self):
                fields = http.client.parse_headers(self.rfile) if self.rfile.readline() else {}
                self.rfile.read(int(fields.get("Content-Length", 0)))
                seen.append(self.server.server_address)

        servers = [socketserver.ThreadingTCPServer(("127.0.0.1", port), Breaking) for port in BREAKING]
        for server in servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.addCleanup(server.server_close)
            self.addCleanup(server.shutdown)
        for front in TERMINATING:
            with self.subTest(front):
                seen.clear()
                answer, _ = post(front, b"{}", path="/breaks")
                self.assertIn(answer.status, (502, 503))
                self.assertEqual(len(seen), 1)


if __name__ == "__main__":
    unittest.main()
