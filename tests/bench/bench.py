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
import threading

SECRET = "the secret of an app"
ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = ROOT / "target/release"

CONFIG = """
listen:
  address: 127.0.0.1:0
  tls: { certificate_file: tls.crt, private_key_file: tls.key }
admin: { address: 127.0.0.1:0 }
limits: { max_in_flight: 4096 }
endpoints:
"""


class Service:
    """A running process, once its log has had lines with all these texts."""

    def __init__(self, processor, command, *ready, **variables):
        self.process = subprocess.Popen(
            ["taskset", "-c", processor, *map(str, command)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **variables},
        )
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if all(any(text in line for line in lines) for text in ready):
                break
        else:
            sys.exit(f"{command[0]} ended without saying {ready}\n{''.join(lines)}")
        self.lines = [json.loads(line) for line in lines if line.startswith("{")]
        # Read on, so that it never waits for a full pipe.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

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

    def stop(self):
        self.process.terminate()
        self.process.wait()


@contextlib.contextmanager
def workplace():
    """A folder with keys, certificate and configuration, and a logic; gives a function that starts an edge.

    Its `configure` writes the configuration of those that start later: endpoints as (name, path, files of private keys).
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as services:
        os.chdir(folder)
        pathlib.Path("app-secret").write_text(f"{SECRET}\n")
        subprocess.run([BINARIES / "flowctl", "keys", "generate", "--out", "."], check=True, capture_output=True)
        subprocess.run(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.crt -days 2"
            " -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=CA:FALSE".split(),
            check=True,
            capture_output=True,
        )

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
                    "logic": {"url": f"http://{logic.lines[-1]['address']}"},
                }
                for name, path, files in endpoints
            ]
            # JSON is YAML.
            lines = "".join(f"  - {json.dumps(endpoint)}\n" for endpoint in described)
            pathlib.Path("flow-edge.yaml").write_text(CONFIG + lines)

        def edge(watch=(), **variables):
            command = [*watch, BINARIES / "flow-edge", "serve", "--config", "flow-edge.yaml"]
            edge = start("0", command, '"listening"', "logic serves", **variables)
            listening = next(line for line in edge.lines if line["message"] == "listening")
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
    running = start("1", command, "Everything is ready", OTLP_FILE="otlp.jsonl")
    endpoint = next(line["endpoint"] for line in running.lines if line.get("msg") == "Starting GRPC server")
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{endpoint}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.01",
    }
