"""What `run` runs: the phases, and their table."""
import argparse
import asyncio
import contextlib
import hashlib
import os
import pathlib
import re
import ssl
import subprocess
import sys
import time

import postgres
from cluster import NAME, Cluster
from cryptography.hazmat.primitives import serialization
from load import Load

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))
from process import make_certificate

# After a kill, who had been sent something already may not have heard of it for as long.
NEWS_SECONDS = 0.05
LONGEST_PHASE_SECONDS = 600
MOST_FAULTS = 20
HEADS = ["phase", "seconds", "requests", "lost", "in its hands at most", "connects failed", "longest gap ms", "p99 ms"]


def row(cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


class Rehearsal:
    def __init__(self, options):
        self.folder, self.factor = pathlib.Path(options.folder), 5 if options.short else 1
        # CI has debug builds on few processors, and an edge that is short of them sheds requests.
        self.rate = 50 if options.short else 200
        self.cluster = Cluster(self.folder, pathlib.Path(os.environ["BIN"]), pathlib.Path(options.manifests), self.factor)
        self.faults = self.cluster.faults
        self.calm, self.counted = 20 / self.factor, 0

    async def run(self):
        (key, self.public_key), self.new_key = self.make_key("current"), self.make_key("new")
        certificate, self.new_certificate = self.make_certificate("current"), self.make_certificate("new")
        self.secret, self.trusted = b"the current app secret", certificate["tls.crt"].decode()
        await self.cluster.start({"current.pem": key}, {"app-secret": self.secret}, certificate)
        path = self.cluster.configuration["endpoints"][0]["path"]
        self.url = f"https://{NAME}{path}"
        self.load = Load(self.cluster.balancer.address, NAME, path, self.trusted, self.public_key, self.secret, self.rate)
        await self.converse()
        if self.faults:
            return
        await self.load.prepare()
        running = asyncio.create_task(self.load.run())
        self.say_timings()
        row(HEADS)
        row(["---"] * len(HEADS))
        await self.phase("nothing happens", asyncio.sleep(self.calm))
        await self.phase("edges roll", self.cluster.edges.roll())
        await self.phase("logics roll", self.cluster.logics.roll())
        await self.phase("an edge stops, logic is slow", self.stop(self.cluster.edges))
        await self.phase("a logic stops, and is slow", self.stop(self.cluster.logics))
        await self.phase("an edge is killed", self.kill_edge())
        await self.phase("a logic is killed", self.kill_logic())
        await self.phase("private key rotates", self.rotate_key())
        await self.phase("app secret rotates", self.rotate_secret())
        await self.phase("certificate rotates", self.rotate_certificate())
        await self.phase("edges scale 3 to 6 to 2", self.scale())
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await self.converse()
        await self.cluster.stop()

    def say_timings(self):
        for name, timing in (("edge", self.cluster.edge_timing), ("logic", self.cluster.logic_timing)):
            print(f"{name}: a probe every {timing.probe_period:g} s, an old one goes when the new one was ready for "
                  f"{timing.min_ready:g} s, preStop {timing.pre_stop:g} s, grace {timing.grace:g} s")
        print(f"{self.rate} requests a second; the balancer hears of a change after {self.cluster.edges.lag:g} s, "
              f"logic's name after {self.cluster.logics.lag:g} s\n")

    async def phase(self, name, what):
        """Does it under load, prints its row, and holds it against what may be lost: what `what` returns."""
        began = time.monotonic()
        async with asyncio.timeout(LONGEST_PHASE_SECONDS):
            in_hands = await what
        # From the end of the phase before, so that each request is in one.
        requests, self.counted = self.load.requests[self.counted:], len(self.load.requests)
        while not all(request.done for request in requests):
            await asyncio.sleep(0.1)
        ended = time.monotonic()
        lost = [request for request in requests if request.fault]
        failed = sum(began <= at <= ended for at in self.load.connects_failed)
        done = [began, *sorted(request.done for request in requests if not request.fault)]
        gap = max(after - before for before, after in zip(done, done[1:]))
        times = sorted(request.done - request.due for request in requests if not request.fault)
        p99 = times[len(times) * 99 // 100]
        hands = "" if in_hands is None else len(in_hands)
        row([name, f"{ended - began:.0f}", len(requests), len(lost), hands, failed, f"{1000 * gap:.0f}", f"{1000 * p99:.0f}"])
        allowed = {id(request) for request in in_hands or ()}
        for request in lost:
            if id(request) not in allowed:
                self.faults.append(f"{name}: lost at {request.done - began:.1f} s: {request.fault}")
        if in_hands is None and failed:
            self.faults.append(f"{name}: {failed} connections could not be made")
        if in_hands is not None and not in_hands:
            self.faults.append(f"{name}: it had nothing in its hands, so nothing was shown")

    async def kill(self, pod):
        """While the bookings are locked, so that it has much in its hands. Returns what was in anybody's, and when."""
        locking = await self.make_slow(1)
        pod.kill()
        killed = time.monotonic()
        await asyncio.sleep(NEWS_SECONDS)
        in_flight = [request for request in self.load.requests if request.sent and (not request.done or request.done > killed)]
        await locking.wait()
        return in_flight, killed

    async def make_slow(self, seconds):
        """For as long, whoever asks for bookings waits. Returns when many do."""
        command = postgres.lock_bookings(self.cluster.database_host.address, seconds)
        locking = await asyncio.create_subprocess_exec(*command)
        while len(self.load.in_flight()) < self.rate / 4:
            await asyncio.sleep(0.01)
        return locking

    async def stop(self, deployment):
        """Deletes a pod, as a drained node does, with much in its hands when the signal comes."""
        deployment.members()[0].delete(before_signal=lambda: self.make_slow(2))
        # The one that takes its place is started a moment later.
        await asyncio.sleep(1)
        await deployment.settled()

    async def kill_edge(self):
        pod = self.cluster.edges.members()[0]
        before = len(self.load.requests)
        _, killed = await self.kill(pod)
        await self.cluster.edges.settled()
        leads_to = self.cluster.edge_of_connection()
        return [
            request
            for request in self.load.requests[before:]
            if leads_to.get(request.port) == pod.host.address
            and request.sent < killed + NEWS_SECONDS
            and request.done > killed
        ]

    async def kill_logic(self):
        """Which of the requests in flight are in whose hands is not seen from here, so these are those of both."""
        in_flight, _ = await self.kill(self.cluster.logics.members()[0])
        await self.cluster.logics.ready()
        return in_flight

    async def rotate_key(self):
        """As docs/rotation.md says: the new one beside the old, its public half uploaded, the old one taken out."""
        cluster, edges = self.cluster, self.cluster.edges.members()
        new, public_key = self.new_key
        old = (cluster.keys.folder / "current.pem").read_bytes()
        cluster.keys.replace({"current.pem": old, "new.pem": new})
        await self.taken_over(lambda: cluster.list_in_configuration("private_keys", cluster.keys, ["new.pem", "current.pem"]))
        self.load.use_key(public_key)
        self.public_key = public_key
        await asyncio.sleep(self.calm)
        for pod in edges:
            name = f'flow_private_key="{self.fingerprint(public_key)}"'
            uses = [value for metric, value in (await cluster.metrics(pod)).items() if "key_uses" in metric and name in metric]
            if not sum(uses):
                self.faults.append(f"{pod.host.name}: the new private key was not used")
        await self.taken_over(lambda: cluster.list_in_configuration("private_keys", cluster.keys, ["new.pem"]))
        cluster.keys.replace({"new.pem": new})
        await asyncio.sleep(self.calm)

    async def rotate_secret(self):
        cluster, new = self.cluster, b"the new app secret"
        cluster.secrets.replace({"app-secret": self.secret, "new-app-secret": new})
        both = ["new-app-secret", "app-secret"]
        await self.taken_over(lambda: cluster.list_in_configuration("app_secrets", cluster.secrets, both))
        self.load.app_secret = self.secret = new
        await asyncio.sleep(self.calm)
        await self.taken_over(lambda: cluster.list_in_configuration("app_secrets", cluster.secrets, ["new-app-secret"]))
        cluster.secrets.replace({"new-app-secret": new})
        await asyncio.sleep(self.calm)

    async def rotate_certificate(self):
        self.trusted = self.new_certificate["tls.crt"].decode()
        self.load.trust_also(self.trusted)
        await self.taken_over(lambda: self.cluster.tls.replace(self.new_certificate))
        # A handshake may have begun before.
        replaced = time.monotonic() + 1
        await asyncio.sleep(self.calm)
        new = ssl.PEM_cert_to_DER_cert(self.trusted)
        is_new = [certificate == new for at, certificate in self.load.certificates if at > replaced]
        if not all(is_new) or not is_new:
            self.faults.append(f"of {len(is_new)} later connections {sum(is_new)} had the new certificate")

    async def scale(self):
        await self.cluster.edges.scale(6)
        await asyncio.sleep(self.calm)
        await self.cluster.edges.scale(2)

    async def taken_over(self, change):
        """Until every edge has applied the change, by its own metrics."""
        async def applied():
            metrics = [await self.cluster.metrics(pod) for pod in self.cluster.edges.members()]
            return [of_edge.get('flow_reloads_total{flow_outcome="applied"}', 0) for of_edge in metrics]

        before = await applied()
        change()
        async with asyncio.timeout(60):
            while not all(now > then for now, then in zip(await applied(), before)):
                await asyncio.sleep(0.2)

    async def converse(self):
        """A whole conversation, bookings included, as the messaging client."""
        files = {"public.pem": self.public_key, "app-secret": self.secret, "ca.pem": self.trusted.encode()}
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        command = [self.cluster.binaries / "flowctl", "simulate", "--url", self.url]
        command += ["--public-key", self.folder / "public.pem", "--app-secret-file", self.folder / "app-secret"]
        command += ["--ca", self.folder / "ca.pem", "--script", ROOT / "examples/flows/appointment.conversation.yaml"]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = await process.communicate()
        if process.returncode:
            self.faults.append("the conversation failed:\n" + output.decode())

    def make_key(self, name):
        private, public = self.folder / f"{name}.key", self.folder / f"{name}.pub"
        command = [self.cluster.binaries / "flowctl", "keys", "generate", "--private", private, "--public", public]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return private.read_bytes(), public.read_bytes()

    def make_certificate(self, name):
        folder = self.folder / f"{name}-tls"
        folder.mkdir()
        make_certificate(folder, f"DNS:{NAME}")
        return {file: (folder / file).read_bytes() for file in ("tls.crt", "tls.key")}

    @staticmethod
    def fingerprint(public_key):
        """What the edge's metrics call a key."""
        key = serialization.load_pem_public_key(public_key)
        der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(der).hexdigest()[:8]


def say_logs(folder):
    """What the processes complained of last."""
    for log in sorted(folder.iterdir()):
        lines = [line for line in log.read_text().splitlines() if re.search(r"\b(WARN|ERROR|panic)", line)]
        for line in [line for line in lines if "slow statement" not in line][-5:]:
            print(f"{log.name}: {line[:400]}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--manifests", default=ROOT / "deploy/kubernetes/base")
    rehearsal = Rehearsal(parser.parse_args())
    asyncio.run(rehearsal.run())
    for fault in rehearsal.faults[:MOST_FAULTS]:
        print(fault, file=sys.stderr)
    if rehearsal.faults:
        say_logs(rehearsal.cluster.logs)
    print(f"{len(rehearsal.faults)} faults")
    sys.exit(bool(rehearsal.faults))


main()
