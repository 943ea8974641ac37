"""How long everything takes, read from the manifests, so that a wrong value there is a failure here."""
import dataclasses
import pathlib

import yaml

# An edge resolves logic's name as often, whatever its configuration says, so `--short` cannot make it faster.
RESOLVE_SECONDS = 5


@dataclasses.dataclass
class Timing:
    """A Deployment, with all times in seconds."""

    replicas: int
    surge: int
    unavailable: int
    min_ready: float
    pre_stop: float
    grace: float
    probe: dict
    probe_period: float
    probe_timeout: float
    probe_failures: int


def timing(path, factor, fixed_min_ready=0):
    """`fixed_min_ready` is the part of `minReadySeconds` that is there for what no factor shortens."""
    objects = yaml.safe_load_all(path.read_text())
    spec = next(object for object in objects if object["kind"] == "Deployment")["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    rolling = spec["strategy"]["rollingUpdate"]
    probe = container["readinessProbe"]
    pre_stop = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    min_ready = spec.get("minReadySeconds", 0)
    fixed = min(min_ready, fixed_min_ready)
    return Timing(
        replicas=spec["replicas"],
        surge=rolling["maxSurge"],
        unavailable=rolling["maxUnavailable"],
        min_ready=(min_ready - fixed) / factor + fixed,
        pre_stop=pre_stop / factor,
        grace=pod.get("terminationGracePeriodSeconds", 30) / factor,
        probe=probe,
        probe_period=probe.get("periodSeconds", 10) / factor,
        # Short already, and on a busy machine nothing to be shortened.
        probe_timeout=probe.get("timeoutSeconds", 1),
        probe_failures=probe.get("failureThreshold", 3),
    )


def container_port(path, name):
    objects = yaml.safe_load_all(path.read_text())
    deployment = next(object for object in objects if object["kind"] == "Deployment")
    ports = deployment["spec"]["template"]["spec"]["containers"][0]["ports"]
    return next(port["containerPort"] for port in ports if port["name"] == name)


def edge_configuration(folder: pathlib.Path, volumes, factor):
    """The base's own, with its volumes where they are here."""
    text = (folder / "flow-edge.yaml").read_text().replace("/etc/flow-edge/", f"{volumes}/")
    configuration = yaml.safe_load(text)
    drain = configuration["shutdown"]["drain"]
    configuration["shutdown"]["drain"] = f"{float(drain.removesuffix('s')) / factor:g}s"
    # Ten seconds unless the file says otherwise.
    interval = configuration.get("reload_interval", "10s")
    configuration["reload_interval"] = f"{int(float(interval.removesuffix('s')) / factor)}s"
    return configuration
