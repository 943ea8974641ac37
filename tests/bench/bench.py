"""What the measurements share: an edge on one processor, its load and logic on another, and flowctl bench between them.

Needs the release build of flow-edge, flowctl and rust-appointment, openssl and taskset.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))
from process import Process, make_certificate  # noqa: E402

SECRET = "the secret of an app"
BINARIES = ROOT / "target/release"

CONFIG = """
listen:
  address: 127.0.0.1:0
  tls: { certificate_file: tls.crt, private_key_file: tls.key }
admin: { address: 127.0.0.1:0 }
limits: { max_in_flight: 4096 }
endpoints:
"""


class Service(Process):
    """A process on one processor, once its log has had all these texts."""

    def __init__(self, processor, command, *ready, **variables):
        super().__init__(["taskset", "-c", processor, *command], env={**os.environ, **variables})
        for text in ready:
            self.wait_for(text)
        self.read_on()

    def said(self, message):
        """The fields of a line that it was ready with."""
        return json.loads(self.wait_for(f'"{message}"'))

    def most_memory(self):
        """MiB that were resident at most."""
        return self._memory("VmHWM")

    def memory(self):
        """MiB that are resident now."""
        return self._memory("VmRSS")

    def _memory(self, name):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) / 1024

    def cpu(self):
        """Seconds of processor time so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def workplace():
    """A folder with keys, certificate and configuration, and a logic; gives a function that starts an edge.

    Its `configure` writes the configuration of those that start later: endpoints as (name, path, files of private keys).
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as services:
        os.chdir(folder)
        pathlib.Path("app-secret").write_text(f"{SECRET}\n")
        subprocess.run([BINARIES / "flowctl", "keys", "generate", "--out", "."], check=True, capture_output=True)
        make_certificate(".")

        def start(*service, **variables):
            started = Service(*service, **variables)
            services.callback(started.stop)
            return started

        logic = start("1", [BINARIES / "rust-appointment"], '"listening"', FLOW_LOGIC_LISTEN="127.0.0.1:0")

        def configure(endpoints=(("load", "/flow", ["private-key.pem"]),), ping="logic", logic=logic):
            described = [
                {
                    "name": name,
                    "path": path,
                    "private_keys": [{"file": file} for file in files],
                    "app_secrets": [{"file": "app-secret"}],
                    "ping": ping,
                    "logic": {"url": f"http://{logic.said('listening')['address']}"},
                }
                for name, path, files in endpoints
            ]
            # JSON is YAML.
            lines = "".join(f"  - {json.dumps(endpoint)}\n" for endpoint in described)
            pathlib.Path("flow-edge.yaml").write_text(CONFIG + lines)

        def edge(watch=(), **variables):
            command = [*watch, BINARIES / "flow-edge", "serve", "--config", "flow-edge.yaml"]
            edge = start("0", command, '"listening"', "logic serves", **variables)
            listening = edge.said("listening")
            edge.url, edge.admin = f"https://{listening['address']}/flow", listening["admin_address"]
            return edge

        edge.start, edge.configure = start, configure
        configure()
        yield edge


def sent(requests):
    """How many are sent where so many count: a tenth more, to warm up."""
    return requests + requests // 10


def command(url, requests, connections, rate=None, *more):
    return [
        *("taskset", "-c", "1", BINARIES / "flowctl", "bench", "--url", url, "--public-key", "public-key.pem"),
        *("--app-secret-file", "app-secret", "--ca", "tls.crt", "--connections", str(connections)),
        *("--requests", str(requests), "--warm-up", str(sent(requests) - requests), "--json"),
        *(["--rate", str(rate)] if rate else []),
        *more,
    ]


def bench(*load):
    # Under overload its verdict is no: the exit code is not what is asked here.
    return json.loads(subprocess.run(command(*load), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)


def cost(edge, requests=5000, connections=32):
    """Microseconds of processor time for one request."""
    before = edge.cpu()
    report = bench(edge.url, requests, connections)
    assert report["statuses"]["200"]["count"] == requests, report
    return (edge.cpu() - before) / sent(requests) * 1e6


def collector(start):
    """Starts the collector of tests/collector; the variables of an edge that sends it 1 % of its traces and all of its metrics."""
    built = subprocess.run([ROOT / "tests/collector/build"], check=True, capture_output=True, text=True).stdout.strip()
    command = [built, "--config", ROOT / "tests/collector/collector.yaml"]
    running = start("1", command, '"Starting GRPC server"', "Everything is ready", OTLP_FILE="otlp.jsonl")
    endpoint = running.said("Starting GRPC server")["endpoint"]
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{endpoint}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.01",
    }
