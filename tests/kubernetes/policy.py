"""What must hold of the manifests beyond their schema: restricted Pod Security, and what this project promises of its pods.

Each function looks at one whole rendering, a list of objects, and yields its faults as sentences.
"""
import re

import yaml

# Made by hand, as deploy/README.md says.
SECRETS = {"flow-edge-keys", "flow-edge-app-secrets", "flow-edge-tls", "flow-logic-database"}


def faults(objects):
    for rule in (pod_security, tokens, images, resources, probes, volumes, references, services, stopping, secrets, replicas):
        yield from rule(objects)


def of_kind(objects, kind):
    return [object for object in objects if object["kind"] == kind]


def pods(objects):
    """Name and spec of what each workload runs."""
    for object in objects:
        if object["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            yield object["metadata"]["name"], object["spec"]["template"]["spec"]
        if object["kind"] == "Pod":
            yield object["metadata"]["name"], object["spec"]


def containers(objects):
    """Name, pod and container, those that run first included."""
    for name, pod in pods(objects):
        for container in pod.get("initContainers", []) + pod["containers"]:
            yield f"{name}/{container['name']}", pod, container


def pod_security(objects):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and a file system that nobody can change."""
    for name, pod in pods(objects):
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.get(field):
                yield f"{name}: {field}"
        for volume in pod.get("volumes", []):
            if kinds := set(volume) - {"name", "configMap", "secret", "emptyDir", "projected", "downwardAPI", "persistentVolumeClaim"}:
                yield f"{name}: volume of kind {', '.join(kinds)}"
    for name, pod, container in containers(objects):
        whole, own = pod.get("securityContext", {}), container.get("securityContext", {})

        def of(field):
            return own.get(field, whole.get(field))

        if of("runAsNonRoot") is not True:
            yield f"{name}: may run as root"
        if not of("runAsUser"):
            yield f"{name}: no user id above 0"
        if (of("seccompProfile") or {}).get("type") != "RuntimeDefault":
            yield f"{name}: seccomp is not RuntimeDefault"
        if own.get("privileged"):
            yield f"{name}: privileged"
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"{name}: may gain privileges"
        if own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"):
            yield f"{name}: has capabilities"
        if own.get("readOnlyRootFilesystem") is not True:
            yield f"{name}: may write to its root file system"
        if any("hostPort" in port for port in container.get("ports", [])):
            yield f"{name}: hostPort"


def tokens(objects):
    accounts = {account["metadata"]["name"]: account for account in of_kind(objects, "ServiceAccount")}
    for name, pod in pods(objects):
        account = accounts.get(pod.get("serviceAccountName"))
        if account is None:
            yield f"{name}: no ServiceAccount of its own"
        elif account.get("automountServiceAccountToken") is not False:
            yield f"{name}: its ServiceAccount mounts a token"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name}: mounts a token"


def images(objects):
    for name, _, container in containers(objects):
        image = container["image"].rsplit("/", 1)[-1]
        tag = image.partition("@")[0].partition(":")[2]
        if "@sha256:" not in image and tag in ("", "latest"):
            yield f"{name}: image {container['image']} names no version"


def resources(objects):
    for name, _, container in containers(objects):
        for bound in ("requests", "limits"):
            for what in ("cpu", "memory"):
                if what not in container.get("resources", {}).get(bound, {}):
                    yield f"{name}: no {bound}.{what}"


def probes(objects):
    for name, pod, container in containers(objects):
        if container in pod.get("initContainers", []):
            continue
        ports = {port.get("name"): port["containerPort"] for port in container.get("ports", [])}
        for probe in ("livenessProbe", "readinessProbe"):
            if probe not in container:
                yield f"{name}: no {probe}"
                continue
            if "exec" in container[probe]:
                yield f"{name}: {probe} needs a program in the image"
            port = (container[probe].get("httpGet") or container[probe].get("grpc") or {}).get("port")
            if port not in ports and port not in ports.values():
                yield f"{name}: {probe} asks port {port}, which it does not have"
        if container["name"] == "edge":
            asked = [container.get(probe, {}).get("httpGet", {}).get("path") for probe in ("livenessProbe", "readinessProbe")]
            if asked != ["/livez", "/readyz"]:
                yield f"{name}: probes ask {asked}"


def volumes(objects):
    for name, pod, container in containers(objects):
        there = {volume["name"] for volume in pod.get("volumes", [])}
        for mount in container.get("volumeMounts", []):
            if "subPath" in mount or "subPathExpr" in mount:
                yield f"{name}: {mount['mountPath']} is mounted by subPath, and would never change"
            if mount["name"] not in there:
                yield f"{name}: no volume {mount['name']}"


def references(objects):
    maps = {object["metadata"]["name"] for object in of_kind(objects, "ConfigMap")}
    for name, pod, container in containers(objects):
        for volume in pod.get("volumes", []):
            if "configMap" in volume and volume["configMap"]["name"] not in maps:
                yield f"{name}: no ConfigMap {volume['configMap']['name']}"
            if "secret" in volume and volume["secret"]["secretName"] not in SECRETS:
                yield f"{name}: unknown Secret {volume['secret']['secretName']}"
        for variable in container.get("env", []):
            secret = variable.get("valueFrom", {}).get("secretKeyRef")
            if secret and secret["name"] not in SECRETS:
                yield f"{name}: unknown Secret {secret['name']}"
            if "value" in variable and re.search(r"SECRET|PASSWORD|TOKEN", variable["name"]):
                yield f"{name}: {variable['name']} is written out"


def services(objects):
    """Each Service, policy, budget and autoscaler finds its pods, and each port is there."""
    workloads = {}
    for object in of_kind(objects, "Deployment"):
        template = object["spec"]["template"]
        ports = [port for container in template["spec"]["containers"] for port in container.get("ports", [])]
        workloads[object["metadata"]["name"]] = (template["metadata"]["labels"], {port["name"] for port in ports})

    def selected(selector):
        return [ports for labels, ports in workloads.values() if selector and selector.items() <= labels.items()]

    for object in objects:
        name = f"{object['kind']} {object['metadata']['name']}"
        if object["kind"] == "Service":
            found = selected(object["spec"].get("selector"))
            if len(found) != 1:
                yield f"{name}: selects {len(found)} workloads"
            for port in object["spec"]["ports"]:
                if found and port["targetPort"] not in found[0]:
                    yield f"{name}: no port {port['targetPort']}"
        if object["kind"] in ("PodDisruptionBudget", "NetworkPolicy"):
            selector = object["spec"].get("selector") or object["spec"].get("podSelector") or {}
            if len(selected(selector.get("matchLabels"))) != 1:
                yield f"{name}: selects no workload"
        if object["kind"] == "HorizontalPodAutoscaler" and object["spec"]["scaleTargetRef"]["name"] not in workloads:
            yield f"{name}: no such Deployment"


def stopping(objects):
    """A pod is not killed before its own time for what is in flight is over, and goes only when another one is there."""
    for object in of_kind(objects, "Deployment"):
        name, pod = object["metadata"]["name"], object["spec"]["template"]["spec"]
        strategy = object["spec"].get("strategy", {})
        if strategy.get("type") != "Recreate" and strategy.get("rollingUpdate", {}).get("maxUnavailable") != 0:
            yield f"{name}: a roll-out may take away a pod before another is there"
        sleep = max(c.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0) for c in pod["containers"])
        grace = pod.get("terminationGracePeriodSeconds", 30)
        if name == "flow-edge":
            mounted = {volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume}
            for config in of_kind(objects, "ConfigMap"):
                if config["metadata"]["name"] in mounted:
                    drain = int(yaml.safe_load(config["data"]["flow-edge.yaml"])["shutdown"]["drain"].removesuffix("s"))
                    if sleep < 10:
                        yield f"{name}: load balancers get {sleep} s to take it out"
                    if grace < sleep + drain + 5:
                        yield f"{name}: {grace} s of grace for {sleep} s of preStop and {drain} s of drain"
        # The SDK's own limit is 10 s.
        if name == "flow-logic" and grace < sleep + 15:
            yield f"{name}: {grace} s of grace for {sleep} s of preStop and 10 s of drain"


def secrets(objects):
    for secret in of_kind(objects, "Secret"):
        yield f"Secret {secret['metadata']['name']} is in the manifests"


def replicas(objects):
    scaled = {object["spec"]["scaleTargetRef"]["name"] for object in of_kind(objects, "HorizontalPodAutoscaler")}
    for object in of_kind(objects, "Deployment"):
        name = object["metadata"]["name"]
        if name in scaled and "replicas" in object["spec"]:
            yield f"{name}: each apply would undo the autoscaler"
        if name not in scaled and "replicas" not in object["spec"]:
            yield f"{name}: no replicas"
