"""Edge and logic by mutual TLS, as the component mutual-tls renders it.

The edge runs with the rendered configuration under the rendered paths, the certificates are made of the rendered Certificates, and
logic is Python's gRPC server with the files of its own mount. Both are right first; then each is wrong in turn, and refused. What was
issued before and after a renewal of the authority works with each other.

Then logic is the Rust SDK's: the example, with the rendered variables under the rendered paths, and Python is its client.
"""
import concurrent.futures
import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

import authority
import grpc
import rendering
import yaml
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "rehearsal"))
import volumes  # noqa: E402

# Whatever waits longer than this waits in vain.
PATIENCE = 60
SERVES, AWAY = "logic serves", "logic cannot be reached"


def main():
    edge, flowctl, example = sys.argv[1:]
    objects = rendering.render("base", ("mutual-tls",))
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(pathlib.Path(scratch), objects, edge, flowctl, example)
        with bench.logic() as logic, bench.edge(logic) as edge:
            edge.wait_for(SERVES)
            right(edge, logic)
            wrong_clients(bench, edge, logic)
            renewal(bench, edge, logic)
        wrong_servers(bench)
        with bench.rust_logic() as logic, bench.edge(logic) as edge:
            edge.wait_for(SERVES)
            assert edge.ping() == 200
            print("the Rust SDK's logic: with the rendered variables it serves the edge")
            rust_refuses(bench, edge, logic)
            rust_follows(bench, edge, logic)


def right(edge, logic):
    assert edge.ping() == 200
    assert logic.callers() == {b"flow-edge"}, logic.callers()
    print("edge and logic: each knows the other, ping is answered 200, and logic sees that flow-edge calls")


def wrong_clients(bench, good, logic):
    others = bench.another_authority()
    ours = bench.secrets["flow-edge-mutual-tls"]
    wrong = {
        "no certificate": None,
        "one of another authority": others["flow-edge-mutual-tls"] | {"ca.crt": ours["ca.crt"]},
        "logic's own": bench.secrets["flow-logic-mutual-tls"],
    }
    assert call(logic.port, ours) == grpc.StatusCode.OK
    known = set(logic.seen)
    for name, secret in wrong.items():
        assert call(logic.port, secret or {"ca.crt": ours["ca.crt"]}) == grpc.StatusCode.UNAVAILABLE, name
        with bench.edge(logic, secret) as edge:
            edge.wait_for(AWAY)
            assert edge.ping() == 503, name
        assert logic.seen == known, name
        print(f"a client with {name}: refused by logic, whether it is Python's or the edge, which answers 503")
    assert call(logic.port, None) == grpc.StatusCode.UNAVAILABLE
    print("a client without TLS: refused by logic")
    assert good.ping() == 200


def wrong_servers(bench):
    others, ours = bench.another_authority(), bench.secrets["flow-logic-mutual-tls"]
    issuing = bench.secrets["flow-authority"]
    servers = {
        "a certificate of another authority": others["flow-logic-mutual-tls"] | {"ca.crt": ours["ca.crt"]},
        "a certificate for another name": authority.issue({"dnsNames": ["logic"], "usages": ["server auth"]}, issuing),
        "the edge's certificate": bench.secrets["flow-edge-mutual-tls"],
        "no TLS": {},
    }
    for name, secret in servers.items():
        with bench.logic(secret) as logic, bench.edge(logic) as edge:
            edge.wait_for(AWAY)
            assert edge.ping() == 503, name
            assert not logic.seen, name
        print(f"a logic with {name}: refused by the edge, which answers 503")


def renewal(bench, edge, logic):
    """The authority's certificate is renewed with the same key. Then logic's is issued anew, and last the edge's."""
    specs, old = bench.specs, bench.secrets["flow-authority"]
    renewed = authority.issue(specs["flow-authority"], key=old["tls.key"])
    assert renewed["tls.crt"] != old["tls.crt"]
    issued = {name: authority.issue(specs[name], renewed) for name in ("flow-logic-mutual-tls", "flow-edge-mutual-tls")}

    logic.renew(issued["flow-logic-mutual-tls"])
    with bench.edge(logic) as fresh:
        fresh.wait_for(SERVES)
        assert fresh.ping() == edge.ping() == 200
    print("logic's certificate is new: an edge with the old ones goes on, and so does one that connects for the first time")

    edge.renew(issued["flow-edge-mutual-tls"])
    edge.wait_for("configuration reloaded")
    assert edge.ping() == 200
    logic.wait_for_certificate(issued["flow-edge-mutual-tls"]["tls.crt"])
    assert edge.ping() == 200
    print("the edge's certificate is new: taken over without a restart, and logic has seen it")


def rust_refuses(bench, good, logic):
    others, ours = bench.another_authority(), bench.secrets["flow-edge-mutual-tls"]
    wrong = {
        "no certificate": {"ca.crt": ours["ca.crt"]},
        "one of another authority": others["flow-edge-mutual-tls"] | {"ca.crt": ours["ca.crt"]},
        "logic's own": bench.secrets["flow-logic-mutual-tls"],
        "no TLS": None,
    }
    # The kubelet asks whether the port is open, and nothing more. That is no news.
    socket.create_connection(("127.0.0.1", logic.port)).close()
    assert call(logic.port, ours) == grpc.StatusCode.OK
    assert not logic.has_warned(), logic.lines
    for name, secret in wrong.items():
        assert call(logic.port, secret) == grpc.StatusCode.UNAVAILABLE, name
    assert logic.wait_for("TLS handshake failed")["level"] == "WARN"
    for name in ("no certificate", "one of another authority", "logic's own"):
        with bench.edge(logic, wrong[name] if "tls.crt" in wrong[name] else None) as edge:
            edge.wait_for(AWAY)
            assert edge.ping() == 503, name
    assert good.ping() == 200
    print(f"a client with {', '.join(wrong)}: refused by the Rust SDK's logic, which says why; a probe's connection is no news")


def rust_follows(bench, edge, logic):
    """Its certificate is issued anew by the renewed authority. Before that comes one whose key is another's."""
    renewed = authority.issue(bench.specs["flow-authority"], key=bench.secrets["flow-authority"]["tls.key"])
    issued = authority.issue(bench.specs["flow-logic-mutual-tls"], renewed)
    old = logic.certificate(bench.secrets["flow-edge-mutual-tls"])
    logic.renew(issued | {"tls.key": authority.private_key()})
    logic.wait_for("TLS files refused, what was read before them stays")
    assert logic.certificate(bench.secrets["flow-edge-mutual-tls"]) == old
    logic.renew(issued)
    logic.wait_for("TLS files taken over, for connections from now on")
    assert logic.certificate(bench.secrets["flow-edge-mutual-tls"]) == ssl.PEM_cert_to_DER_cert(issued["tls.crt"].decode()) != old
    with bench.edge(logic) as fresh:
        fresh.wait_for(SERVES)
        assert fresh.ping() == edge.ping() == 200
    print("its certificate is new: taken over without a restart, a bad one before it is not, and the edge that was there goes on")


def call(port, secret):
    """The status of one call by Python's gRPC client, with what it has to show."""
    options = [("grpc.ssl_target_name_override", "flow-logic"), ("grpc.enable_retries", 0)]
    if secret is None:
        channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)
    else:
        credentials = grpc.ssl_channel_credentials(secret["ca.crt"], secret.get("tls.key"), secret.get("tls.crt"))
        channel = grpc.secure_channel(f"127.0.0.1:{port}", credentials, options)
    with channel:
        try:
            channel.unary_unary("/flow.v1.FlowService/Ping")(b"", timeout=PATIENCE)
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK


class Bench:
    """What all have: the rendering, its Secrets, and a phone's keys."""

    def __init__(self, scratch, objects, edge, flowctl, example):
        self.scratch, self.edge_program, self.flowctl, self.example = scratch, edge, flowctl, example
        self.objects = objects
        self.by_name = {(object["kind"], object["metadata"]["name"]): object for object in objects}
        self.specs = {object["spec"]["secretName"]: object["spec"] for object in objects if object["kind"] == "Certificate"}
        self.secrets = authority.secrets(objects)
        self.keys = scratch / "keys"
        subprocess.run([flowctl, "keys", "generate", "--out", self.keys], check=True, capture_output=True)
        (self.keys / "app-secret").write_text("0123456789abcdef0123456789abcdef")
        self.public = authority.issue({"commonName": "flow-edge"}, addresses=["127.0.0.1"])
        (self.keys / "ca.crt").write_bytes(self.public["ca.crt"])
        (config,) = (object for object in objects if object["kind"] == "ConfigMap")
        self.config = config["data"]["flow-edge.yaml"]

    def another_authority(self):
        return authority.secrets(self.objects)

    def mounts(self, workload):
        """Where each Secret is in the pod."""
        pod = self.by_name[("Deployment", workload)]["spec"]["template"]["spec"]
        paths = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
        return {volume["secret"]["secretName"]: paths[volume["name"]] for volume in pod["volumes"] if "secret" in volume}

    def logic(self, secret=None):
        """With the rendered certificate, another one, or an empty one: no TLS."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.scratch)) / self.mounts("flow-logic")["flow-logic-mutual-tls"].lstrip("/")
        return Logic(folder, self.secrets["flow-logic-mutual-tls"] if secret is None else secret)

    def rust_logic(self):
        return RustLogic(self, self.secrets["flow-logic-mutual-tls"])

    def variables(self, workload):
        """What the container's environment says outright."""
        pod = self.by_name[("Deployment", workload)]["spec"]["template"]["spec"]
        return {variable["name"]: variable["value"] for variable in pod["containers"][0]["env"] if "value" in variable}

    def edge(self, logic, secret="rendered"):
        """With the rendered certificate, another one, or none."""
        return Edge(self, logic, self.secrets["flow-edge-mutual-tls"] if secret == "rendered" else secret)


class Logic:
    """Python's gRPC server. It reads its files again for each connection, and remembers who called."""

    def __init__(self, folder, secret):
        self.seen, self.arrived = set(), threading.Condition()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), interceptors=[self])
        self.server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("flow.v1.FlowService", {"Ping": grpc.unary_unary_rpc_method_handler(lambda *_: b"")})])
        serving = health.HealthServicer()
        serving.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(serving, self.server)
        if secret:
            self.volume = volumes.Volume(folder, secret)

            def read():
                key, certificate, ca = ((folder / name).read_bytes() for name in ("tls.key", "tls.crt", "ca.crt"))
                return grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=ca)

            credentials = grpc.dynamic_ssl_server_credentials(read(), read, require_client_authentication=True)
            self.port = self.server.add_secure_port("127.0.0.1:0", credentials)
        else:
            self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def intercept_service(self, continuation, details):
        handler = continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler

        def noting(request, context):
            peer = context.auth_context()
            with self.arrived:
                self.seen.add((tuple(peer.get("x509_subject_alternative_name", [])), tuple(peer.get("x509_pem_cert", []))))
                self.arrived.notify_all()
            return handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(noting, handler.request_deserializer, handler.response_serializer)

    def callers(self):
        with self.arrived:
            return {name for names, _ in self.seen for name in names}

    def wait_for_certificate(self, certificate):
        with self.arrived:
            there = self.arrived.wait_for(lambda: any(certificate in shown for _, shown in self.seen), PATIENCE)
        assert there, "nobody called with the new certificate"

    def renew(self, secret):
        self.volume.replace(secret)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop(None).wait()


class Process:
    """A program that finds another /etc, and what it says."""

    def __init__(self, etc, command, environment=None):
        script = 'mount --bind "$0" /etc && exec "$@"'
        self.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script, etc, *command], env=environment, cwd=etc.parent,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.lines, self.said = [], threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def read(self):
        for line in self.process.stderr:
            with self.said:
                self.lines.append(line)
                self.said.notify_all()
        with self.said:
            self.lines.append("{}")
            self.said.notify_all()

    def wait_for(self, message):
        """The fields of the first line with this message."""
        def found():
            return next((fields for fields in map(json.loads, self.lines) if not fields or fields["message"] == message), None)

        with self.said:
            self.said.wait_for(lambda: found() is not None, PATIENCE)
            assert found(), f"no line with {message!r}:\n{''.join(self.lines)}"
            return found()

    def has_warned(self):
        with self.said:
            return any(json.loads(line).get("level") in ("WARN", "ERROR") for line in self.lines)


class RustLogic(Process):
    """The Rust example, in a file system whose /etc holds what the pod has there."""

    def __init__(self, bench, secret):
        root = pathlib.Path(tempfile.mkdtemp(dir=bench.scratch))
        folder = bench.mounts("flow-logic")["flow-logic-mutual-tls"]
        self.volume = volumes.Volume(root / folder.lstrip("/"), secret)
        variables = bench.variables("flow-logic")
        assert variables["FLOW_LOGIC_LISTEN"] == "0.0.0.0:50051"
        variables |= {"FLOW_LOGIC_LISTEN": "127.0.0.1:0", "DATABASE_URL": "sqlite:appointments.db"}
        super().__init__(root / "etc", [bench.example], {"PATH": os.environ["PATH"]} | variables)
        self.port = int(self.wait_for("listening")["address"].rsplit(":")[-1])

    def renew(self, secret):
        self.volume.replace(secret)

    def certificate(self, secret):
        """What it shows to a client with these."""
        context = ssl.create_default_context(cadata=secret["ca.crt"].decode())
        context.load_cert_chain(authority.file(secret["tls.crt"]), authority.file(secret["tls.key"]))
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection, context.wrap_socket(connection, server_hostname="flow-logic") as tls:
            return tls.getpeercert(binary_form=True)


class Edge(Process):
    """The edge in a file system whose /etc holds what the pod has there, and the name of logic."""

    def __init__(self, bench, logic, secret):
        self.bench = bench
        root = pathlib.Path(tempfile.mkdtemp(dir=bench.scratch))
        (root / "etc").mkdir()
        (root / "etc/hosts").write_text("127.0.0.1 flow-logic\n")
        config = bench.config
        for given, here in {"0.0.0.0:8443": "127.0.0.1:0", "0.0.0.0:9464": "127.0.0.1:0", "flow-logic:50051": f"flow-logic:{logic.port}"}.items():
            assert given in config, given
            config = config.replace(given, here)
        config = yaml.safe_load(config) | {"reload_interval": "1s"}
        if secret is None:
            for endpoint in config["endpoints"]:
                del endpoint["logic"]["tls"]["certificate_file"], endpoint["logic"]["tls"]["private_key_file"]
        contents = {
            "flow-edge-keys": {"current.pem": (bench.keys / "private-key.pem").read_bytes()},
            "flow-edge-app-secrets": {"app-secret": (bench.keys / "app-secret").read_bytes()},
            "flow-edge-tls": bench.public,
            "flow-edge-mutual-tls": secret or {"ca.crt": bench.secrets["flow-edge-mutual-tls"]["ca.crt"]},
        }
        self.volumes = {name: volumes.Volume(root / path.lstrip("/"), contents[name]) for name, path in bench.mounts("flow-edge").items()}
        volumes.Volume(root / "etc/flow-edge/config", {"flow-edge.yaml": yaml.safe_dump(config).encode()})
        super().__init__(root / "etc", [bench.edge_program, "serve", "--config", "/etc/flow-edge/config/flow-edge.yaml"])

    def renew(self, secret):
        self.volumes["flow-edge-mutual-tls"].replace(secret)

    def ping(self):
        """The status that a phone gets."""
        url = f"https://{self.wait_for('listening')['address']}{self.path()}"
        keys = self.bench.keys
        run = subprocess.run([self.bench.flowctl, "simulate", "--json", "--url", url, "--public-key", keys / "public-key.pem", "--app-secret-file", keys / "app-secret",
                              "--ca", keys / "ca.crt", '{"action":"ping"}'], capture_output=True, text=True, timeout=PATIENCE)
        try:
            return json.loads(run.stdout)["status"]
        except (ValueError, KeyError) as error:
            raise AssertionError(run.stdout + run.stderr) from error

    def path(self):
        return yaml.safe_load(self.bench.config)["endpoints"][0]["path"]


if __name__ == "__main__":
    main()
