"""What is attacked: a folder with keys and a configuration made from the base manifest, logics, an edge, and a normal client.

It refuses to know what an attack does.
"""

import contextlib
import json
import os
import pathlib
import re
import resource
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import yaml

from envelope import Platform
from hostile import BEHAVIOURS

HERE = pathlib.Path(__file__).resolve().parent
BASE = HERE.parents[1] / "deploy/kubernetes/base"
MIB = 1 << 20
SIZES = {"": 1, "KiB": 1 << 10, "MiB": MIB, "Mi": MIB, "GiB": 1 << 30, "Gi": 1 << 30}
# How long anything may take that takes a moment.
PATIENCE = 20
# The attacker of a real edge has processors of its own. Here it shares them, so edge, logic and normal client come first.
FIRST, SECOND = -15, -10
# A process of Python's answers so many requests a second without being the slow one.
CLIENT_RATE = 200


def size(text):
    """Bytes of a size as the manifests write it."""
    number, unit = re.fullmatch(r"(\d+)(\w*)", str(text)).groups()
    return int(number) * SIZES[unit]


def come_first(process=None):
    """The attacker, which is this process, comes second, so that it is as fast on a busy machine."""
    # Without the right to it, it is a little less true.
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, process.pid if process else 0, FIRST if process else SECOND)


def memory_limit():
    """Bytes that the base gives an edge."""
    objects = yaml.safe_load_all((BASE / "edge.yaml").read_text())
    deployment = next(one for one in objects if one["kind"] == "Deployment")
    return size(deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"])


def until(condition, what, seconds=PATIENCE):
    """What the condition gives once that is something; an error when it takes too long."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)
    return found


class Died(Exception):
    """The edge is no more."""


class Place:
    """A folder with what an edge reads, and the logics behind it. To be closed."""

    def __init__(self, edge):
        self.binary = pathlib.Path(edge).resolve()
        self.closing = contextlib.ExitStack()
        self.folder = pathlib.Path(self.closing.enter_context(tempfile.TemporaryDirectory(prefix="attacks-")))
        self.folder.chmod(0o711)
        self.secret = secrets.token_hex(16)
        self.write("app-secret", self.secret)
        self.make_key("current")
        command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.crt -days 2"
        self.openssl(f"{command} -subj /CN=localhost -addext basicConstraints=CA:FALSE")
        self.platform = Platform((self.folder / "current.pub").read_bytes(), self.secret.encode())
        self.good = f"http://127.0.0.1:{self._start_logic('good')['good']}"
        self.hostile = {}
        come_first()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing.close()

    def write(self, name, text, mode=0o600):
        """In one step, as kubelet changes a file."""
        fresh = self.folder / f".{name}"
        fresh.write_text(text)
        fresh.chmod(mode)
        fresh.rename(self.folder / name)

    def openssl(self, arguments):
        subprocess.run(["openssl", *arguments.split()], cwd=self.folder, check=True, capture_output=True)

    def make_key(self, name):
        """A key pair, NAME.pem and NAME.pub."""
        self.openssl(f"genrsa -out {name}.pem 2048")
        self.openssl(f"rsa -in {name}.pem -pubout -out {name}.pub")

    def _start_logic(self, *behaviours):
        command = [sys.executable, HERE / "logic.py", *behaviours]
        process = self.closing.enter_context(subprocess.Popen(command, stdin=-1, stdout=-1, text=True))
        self.closing.callback(process.stdin.close)
        come_first(process)
        return json.loads(process.stdout.readline())

    def start_hostile(self):
        """In two processes: those that flood would keep the others from being as they should."""
        if not self.hostile:
            for floods in (False, True):
                self.hostile |= self._start_logic(*(name for name, one in BEHAVIOURS.items() if one.floods == floods))

    def configuration(self, is_hostile=False, more=()):
        """The base's own, but for where it listens and what its files are called; endpoints beyond the first where asked for."""
        text = (BASE / "flow-edge.yaml").read_text()
        configuration = yaml.safe_load(re.sub(r"/etc/flow-edge/\w[\w-]*/", f"{self.folder}/", text))
        configuration["listen"]["address"] = configuration["admin"]["address"] = "127.0.0.1:0"
        (first,) = configuration["endpoints"]
        first["logic"]["url"] = self.good
        endpoints = list(more)
        if is_hostile:
            self.start_hostile()
            endpoints += [(name, {"logic": {"url": f"http://127.0.0.1:{self.hostile[name]}"}}) for name in BEHAVIOURS]
        for name, changes in endpoints:
            configuration["endpoints"].append(first | {"name": name, "path": f"/flows/{name}"} | changes)
        return configuration

    def configure(self, configuration):
        # JSON is YAML.
        self.write("flow-edge.yaml", json.dumps(configuration), 0o644)


class Edge:
    """A running edge. Its log goes through a process that can be made to stand still."""

    def __init__(self, place, configuration, memory, files=None, command=(), binary=None):
        self.place, self.configuration = place, configuration
        place.configure(configuration)
        self.log_file = place.folder / "log"
        with open(self.log_file, "wb"):
            pass
        # It ends with this process, however that ends.
        limits = ["setpriv", "--pdeathsig", "KILL", "prlimit", f"--data={memory}"]
        limits += [*([f"--nofile={files}"] if files else []), *command]
        binary = [binary or place.binary, "serve", "--config", place.folder / "flow-edge.yaml"]
        self.process = subprocess.Popen([*limits, *binary], stderr=subprocess.PIPE)
        with open(self.log_file, "ab") as log:
            self.reader = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=log)
        self.process.stderr.close()
        come_first(self.process)
        self.pid, self.most_resident, self.most_data, self.most_files = self.process.pid, 0, 0, 0
        self.watching = threading.Event()
        try:
            listening = until(self._listening, "the edge's line `listening`")
            self.address, self.admin = (self._address(listening[name]) for name in ("address", "admin_address"))
            until(lambda: self.probe("/readyz")[0] == 200, "the edge's readiness")
        except BaseException:
            self.stop()
            raise
        self.path = configuration["endpoints"][0]["path"]
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()

    @staticmethod
    def _address(text):
        host, port = text.rsplit(":", 1)
        return host, int(port)

    def _listening(self):
        self.must_live()
        return next((line for line in self.lines() if line.get("message") == "listening"), None)

    def lines(self):
        """The lines of its log so far; one that is no JSON under `text`."""
        found = []
        for line in self.log_file.read_text(errors="replace").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                found.append({"text": line})
        return found

    def must_live(self):
        code = self.process.poll()
        if code is not None:
            self.reader.send_signal(signal.SIGCONT)
            self.reader.wait()
            # What is no line of the log is what the process said at its end.
            last = next((line["text"] for line in self.lines() if line.get("text")), "")
            raise Died(f"ended with {signal.Signals(-code).name if code < 0 else code}: {last[:120]}")

    def probe(self, path, seconds=5):
        """Status and text of a page of the admin listener; 0 where there is no answer."""
        try:
            with urllib.request.urlopen("http://{}:{}{}".format(*self.admin, path), timeout=seconds) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metrics(self):
        """By name and labels as Prometheus' text has them."""
        lines = (line.rsplit(" ", 1) for line in self.probe("/metrics")[1].splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    def reload(self, configuration):
        """Has a configuration taken over."""
        applied = 'flow_reloads_total{flow_outcome="applied"}'

        def count():
            return sum(value for name, value in self.metrics().items() if name.startswith(applied[:-1]))

        before = count()
        self.place.configure(configuration)
        self.hang_up()
        until(lambda: count() > before, "the reload", 10)

    def status(self, name):
        """Bytes of a line of /proc/PID/status."""
        try:
            text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return 0
        found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
        return int(found[1]) << 10 if found else 0

    def _watch(self):
        while not self.watching.wait(0.05):
            self.most_resident = max(self.most_resident, self.status("VmHWM"))
            self.most_data = max(self.most_data, self.status("VmData"))
            with contextlib.suppress(OSError):
                self.most_files = max(self.most_files, len(os.listdir(f"/proc/{self.pid}/fd")))

    def stop(self):
        """At once: what is in flight is an attacker's."""
        self.watching.set()
        self.reader.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        self.reader.wait()


class NormalClient:
    """The platform beside the attack, at a rate; several processes where that is more than one can do."""

    def __init__(self, edge, rate):
        place = edge.place
        count = -(-rate // CLIENT_RATE)
        options = {
            "address": edge.address,
            "path": edge.path,
            "certificate": str(place.folder / "tls.crt"),
            "public_key": str(place.folder / "current.pub"),
            "app_secret": place.secret,
            "rate": rate / count,
        }
        command = [sys.executable, HERE / "client.py", json.dumps(options)]
        self.processes = [subprocess.Popen(command, stdin=-1, stdout=-1, text=True) for _ in range(count)]
        for process in self.processes:
            come_first(process)
            process.stdout.readline()

    def stop(self):
        """Every request: when it was due, how long it took, and what went wrong."""
        for process in self.processes:
            process.stdin.close()
        records = []
        for process in self.processes:
            with process:
                process.stdin = None
                records += json.loads(process.stdout.read() or "[]")
        return sorted(records)
