"""What must hold of the manifests beyond their schema: restricted Pod Security, and what this project promises of its pods.

Each function looks at one whole rendering, a list of objects, and yields its faults as sentences.
"""
import itertools
import pathlib
import re

import network
import yaml

# Made by hand, as deploy/README.md says.
SECRETS = {"flow-edge-keys", "flow-edge-app-secrets", "flow-edge-tls", "flow-logic-database"}


def faults(objects):
    for rule in (pod_security, tokens, images, resources, probes, volumes, references, services, stopping, removal, replicas, labels, configuration, mutual_tls, network.faults):
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


def edges(objects):
    """Name, pod and configuration of each edge, where its ConfigMap is there."""
    maps = {object["metadata"]["name"]: object["data"] for object in of_kind(objects, "ConfigMap")}
    for name, pod in pods(objects):
        for volume in pod.get("volumes", []):
            data = maps.get(volume.get("configMap", {}).get("name"), {})
            if "flow-edge.yaml" in data:
                yield name, pod, yaml.safe_load(data["flow-edge.yaml"])


def files(value):
    """Each file that a configuration names."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "file" or key.endswith("_file"):
                yield inner
            else:
                yield from files(inner)
    elif isinstance(value, list):
        yield from itertools.chain.from_iterable(map(files, value))


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


def digests(objects, placeholder):
    """Of what goes into production: a tag can be moved to another image, a digest cannot."""
    for name, _, container in containers(objects):
        image, _, digest = container["image"].partition("@")
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            yield f"{name}: image {container['image']} is not named by its digest"
        elif not placeholder and set(digest.removeprefix("sha256:")) == {"0"}:
            yield f"{name}: the digest of image {image} is the example's"


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
            port = next((container[probe][way].get("port") for way in ("httpGet", "grpc", "tcpSocket") if way in container[probe]), None)
            if port not in ports and port not in ports.values():
                yield f"{name}: {probe} asks port {port}, which it does not have"
        if container["name"] == "edge":
            asked = [container.get(probe, {}).get("httpGet", {}).get("path") for probe in ("livenessProbe", "readinessProbe")]
            if asked != ["/livez", "/readyz"]:
                yield f"{name}: probes ask {asked}"
            if not container.get("readinessProbe", {}).get("initialDelaySeconds"):
                yield f"{name}: is asked whether it is ready before it can be, so each start leaves a warning"


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
    secrets = SECRETS | {object["spec"]["secretName"] for object in of_kind(objects, "Certificate")}
    for name, pod, container in containers(objects):
        for volume in pod.get("volumes", []):
            if "configMap" in volume and volume["configMap"]["name"] not in maps:
                yield f"{name}: no ConfigMap {volume['configMap']['name']}"
            if "secret" in volume and volume["secret"]["secretName"] not in secrets:
                yield f"{name}: unknown Secret {volume['secret']['secretName']}"
        for variable in container.get("env", []):
            secret = variable.get("valueFrom", {}).get("secretKeyRef")
            if secret and secret["name"] not in secrets:
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
        if object["kind"] == "PodDisruptionBudget" and len(selected(object["spec"]["selector"]["matchLabels"])) != 1:
            yield f"{name}: selects no workload"
        if object["kind"] == "NetworkPolicy" and not any(network.matches(object["spec"]["podSelector"], labels) for labels, _ in workloads.values()):
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
            for _, _, config in edges(objects):
                drain = int(config["shutdown"]["drain"].removesuffix("s"))
                if sleep < 10:
                    yield f"{name}: load balancers get {sleep} s to take it out"
                if grace < sleep + drain + 5:
                    yield f"{name}: {grace} s of grace for {sleep} s of preStop and {drain} s of drain"
        # The SDK's own limit is 10 s.
        if name == "flow-logic" and grace < sleep + 15:
            yield f"{name}: {grace} s of grace for {sleep} s of preStop and 10 s of drain"


def removal(objects):
    """What is removed with the manifests can be put back by them."""
    for secret in of_kind(objects, "Secret"):
        yield f"Secret {secret['metadata']['name']} is in the manifests"
    for namespace in of_kind(objects, "Namespace"):
        yield f"Namespace {namespace['metadata']['name']} is in the manifests, and its removal would take the Secrets"


def replicas(objects):
    scaled = {object["spec"]["scaleTargetRef"]["name"] for object in of_kind(objects, "HorizontalPodAutoscaler")}
    for object in of_kind(objects, "Deployment"):
        name = object["metadata"]["name"]
        if name in scaled and "replicas" in object["spec"]:
            yield f"{name}: each apply would undo the autoscaler"
        if name not in scaled and "replicas" not in object["spec"]:
            yield f"{name}: no replicas"


def labels(objects):
    """The policy that closes whatever has none of its own finds pods by this label."""
    for object in of_kind(objects, "Deployment"):
        for where in (object, object["spec"]["template"]):
            if where["metadata"].get("labels", {}).get("app.kubernetes.io/part-of") != "flow":
                yield f"{object['metadata']['name']}: is not part of flow"
                break


def configuration(objects):
    """The edge listens where its pod says, and finds what its configuration names."""
    for name, pod, config in edges(objects):
        container = pod["containers"][0]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        for field, port in (("listen", "flows"), ("admin", "admin")):
            # Said, not left out: the admin port's default is for one machine.
            address = config.get(field, {}).get("address")
            if address != f"0.0.0.0:{ports[port]}":
                yield f"{name}: {field}.address is {address}, so nobody reaches port {port}"
        mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
        for file in files(config):
            if str(pathlib.PurePosixPath(file).parent) not in mounted:
                yield f"{name}: nothing is mounted for {file}"


def mutual_tls(objects):
    """Where the certificates are, both ends use them."""
    certificates = {object["metadata"]["name"]: object["spec"] for object in of_kind(objects, "Certificate")}
    issuers = {object["metadata"]["name"] for object in of_kind(objects, "Issuer")}
    for name, spec in certificates.items():
        if spec["issuerRef"]["kind"] == "Issuer" and spec["issuerRef"]["name"] not in issuers:
            yield f"Certificate {name}: no Issuer {spec['issuerRef']['name']}"
        if spec.get("isCA") and spec["privateKey"].get("rotationPolicy") != "Never":
            yield f"Certificate {name}: a new key at its renewal would part those that it issued"
        if {"server auth", "client auth"} <= set(spec.get("usages", [])):
            yield f"Certificate {name}: is for either end, so a server could pass for a client"
    with_tls = "flow-logic" in certificates
    for name, _, config in edges(objects):
        for endpoint in config["endpoints"]:
            logic = endpoint["logic"]
            scheme, _, rest = logic["url"].partition("://")
            if not with_tls:
                if scheme == "https":
                    yield f"{name}: endpoint {endpoint['name']} calls logic over TLS, which has no certificate"
                continue
            if scheme != "https" or logic.get("tls", {}).keys() != {"ca_file", "certificate_file", "private_key_file"}:
                yield f"{name}: endpoint {endpoint['name']} does not call logic by mutual TLS"
            if (host := rest.rpartition(":")[0]) not in certificates["flow-logic"]["dnsNames"]:
                yield f"{name}: endpoint {endpoint['name']} calls {host}, for which logic has no certificate"
    for name, pod, container in containers(objects):
        if name.startswith("flow-logic/") and with_tls:
            for probe in ("livenessProbe", "readinessProbe"):
                if "grpc" in container.get(probe, {}):
                    yield f"{name}: {probe} speaks no TLS"
            if not any(volume.get("secret", {}).get("secretName") == certificates["flow-logic"]["secretName"] for volume in pod.get("volumes", [])):
                yield f"{name}: its certificate is not mounted"


def page(text):
    """`kubectl apply` writes the content of what it is given into an annotation, and leaves what it is not given."""
    for line in text.replace("\\\n", " ").splitlines():
        if "create secret" in line and "kubectl apply" in line:
            yield f"a Secret is changed by apply: {line.strip()}"
