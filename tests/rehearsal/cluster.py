"""Everything that is there before the first request: hosts, database, logics, edges, balancer, and what they read."""
import asyncio
import json
import pathlib
import signal
import sys

import grpc
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

import envoy
import hosts
import manifests
import postgres
from hosts import Host
from pods import Deployment
from volumes import Volume

# How long a load balancer may take to hear that an edge came or went. The manifests' preStop is there for it.
BALANCER_LAG = 10
# How long the cluster's DNS may answer from its cache; the manifests' minReadySeconds of logic are there for it.
DNS_LAG = 30
# How long kubelet waits before it starts a container that crashed again.
BACK_OFF = 10
NAME = "flows.example.com"


class Cluster:
    def __init__(self, folder, binaries, base, factor):
        self.folder, self.binaries, self.base, self.factor = folder, binaries, base, factor
        self.faults = []
        self.edge_timing = manifests.timing(base / "edge.yaml", factor)
        self.logic_timing = manifests.timing(base / "logic.yaml", factor, fixed_min_ready=manifests.RESOLVE_SECONDS)
        self.logs = folder / "logs"

    async def start(self, keys, secrets, certificate):
        self.logs.mkdir()
        self.balancer, self.names = Host("balancer"), self.folder / "hosts"
        self.names.touch()
        self._publish_logics([])
        hosts.set_up(self.names)
        await self._start_database()
        self._write_volumes(keys, secrets, certificate)
        await self._start_balancer()
        back_off = BACK_OFF / self.factor
        self.logics = Deployment(
            "logic", self.logic_timing, self._run_logic, self._probe_logic, self._publish_logics, back_off, self.faults
        )
        self.edges = Deployment(
            "edge", self.edge_timing, self._run_edge, self._probe_edge, self._publish_edges, back_off, self.faults
        )
        await asyncio.gather(self.logics.ready(), self.edges.ready())
        while f"membership_healthy: {self.edges.replicas}" not in await self._balancer_statistics():
            await asyncio.sleep(0.1)
        # Nobody called them yet, so nobody had to wait to hear of the first ones.
        self.logics.lag, self.edges.lag = DNS_LAG / self.factor, BALANCER_LAG / self.factor

    async def stop(self):
        """The rest ends with the namespaces."""
        self.database.send_signal(signal.SIGINT)
        await self.database.wait()

    # Database and logics

    async def _start_database(self):
        command = postgres.initialise(self.folder / "postgres")
        self.database_host = await Host("database").start()
        command += ["-c", "listen_addresses=*", "-c", "max_connections=300"]
        self.database = await self.database_host.run(command, self.logs / "database")
        await postgres.wait_until_ready(self.database_host.address)

    async def _run_logic(self, host):
        url = f"postgres://flow@{self.database_host.address}/postgres"
        port = manifests.container_port(self.base / "logic.yaml", "grpc")
        variables = {"DATABASE_URL": url, "FLOW_LOGIC_LISTEN": f"0.0.0.0:{port}", "TZ": "Europe/London"}
        return await host.run([self.binaries / "rust-appointment"], self.logs / host.name, **variables)

    async def _probe_logic(self, address):
        probe = self.logic_timing.probe["grpc"]
        async with grpc.aio.insecure_channel(f"{address}:{probe['port']}") as channel:
            request = health_pb2.HealthCheckRequest(service=probe.get("service", ""))
            try:
                answer = await health_pb2_grpc.HealthStub(channel).Check(request)
            except grpc.aio.AioRpcError:
                return False
            return answer.status == health_pb2.HealthCheckResponse.SERVING

    def _publish_logics(self, addresses):
        """The headless Service's name. In one write, and of one length, so that nobody reads half of it."""
        names = [("127.0.0.1", "localhost"), (self.balancer.address, NAME)]
        names += [(address, "flow-logic") for address in addresses]
        text = "".join(f"{address} {name}\n" for address, name in names)
        with open(self.names, "r+b", buffering=0) as file:
            file.write(text.ljust(1024, "\n").encode())

    # Edges and their balancer

    def _write_volumes(self, keys, secrets, certificate):
        volumes = self.folder / "volumes"
        self.keys = Volume(volumes / "keys", keys)
        self.secrets = Volume(volumes / "app-secrets", secrets)
        self.tls = Volume(volumes / "tls", certificate)
        self.configuration = manifests.edge_configuration(self.base, volumes, self.factor)
        self.config = Volume(volumes / "config", self._config_files())

    def _config_files(self):
        return {"flow-edge.yaml": yaml.dump(self.configuration).encode()}

    def list_in_configuration(self, field, volume, names):
        """Changes the list of keys or secrets, newest first."""
        self.configuration["endpoints"][0][field] = [{"file": f"{volume.folder}/{name}"} for name in names]
        self.config.replace(self._config_files())

    async def _run_edge(self, host):
        command = [self.binaries / "flow-edge", "serve", "--config", self.config.folder / "flow-edge.yaml"]
        return await host.run(command, self.logs / host.name)

    async def _probe_edge(self, address):
        path = self.edge_timing.probe["httpGet"]["path"]
        return (await self._get(address, self.admin_port, path))[0] == 200

    @staticmethod
    async def _get(address, port, path):
        reader, writer = await asyncio.open_connection(address, port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n".encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            if not head:
                raise EOFError
            return int(head.split()[1]), body.decode()
        finally:
            writer.transport.abort()

    @property
    def admin_port(self):
        return manifests.container_port(self.base / "edge.yaml", "admin")

    async def metrics(self, pod):
        """Those of one edge, by name and labels."""
        _, text = await self._get(pod.host.address, self.admin_port, "/metrics")
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in (line for line in lines if len(line) == 2)}

    async def _start_balancer(self):
        await self.balancer.start()
        self.edges_file = self.folder / "edges.json"
        self.connections_log = self.logs / "connections"
        self._publish_edges([])
        configuration = envoy.balancer(443, self.edges_file, self.edge_timing, self.connections_log)
        file = self.folder / "envoy.json"
        file.write_text(json.dumps(configuration))
        command = [pathlib.Path(sys.executable).with_name("envoy"), "-c", file, "--concurrency", "1", "--log-level", "warn"]
        command += ["--disable-hot-restart", "--file-flush-interval-msec", "200"]
        await self.balancer.run(command, self.logs / "balancer")

    async def _balancer_statistics(self):
        return (await self._get(self.balancer.address, envoy.ADMIN_PORT, "/stats?filter=membership_healthy"))[1]

    def _publish_edges(self, addresses):
        port = manifests.container_port(self.base / "edge.yaml", "flows")
        envoy.write_edges(self.edges_file, addresses, port, self.admin_port)

    def edge_of_connection(self):
        """The address of the edge to which each of the client's ports leads. A port that is used again leads to the newest."""
        lines = (line.split() for line in self.connections_log.read_text().splitlines())
        return {int(port): upstream.split(":")[0] for port, upstream in lines}
