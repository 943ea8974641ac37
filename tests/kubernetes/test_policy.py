"""A planted violation of each rule is found. Without this, a rule that looks at the wrong field would pass for ever."""
import copy
import unittest

import policy
import rendering
import yaml

WHOLE = rendering.render("overlays/production-example", ())
# With what the example leaves out.
TLS = rendering.render("base", ("collector", "health-check", "mutual-tls"))


def plant(change, into=WHOLE):
    """The production example with something wrong in it, or another rendering."""
    objects = copy.deepcopy(into)
    by_name = {(object["kind"], object["metadata"]["name"]): object for object in objects}
    change(objects, by_name)
    return objects


def edge(objects):
    return objects[("Deployment", "flow-edge")]["spec"]["template"]["spec"]


def logic(objects):
    return objects[("Deployment", "flow-logic")]["spec"]["template"]["spec"]


def first(pod):
    return pod["containers"][0]


def config(objects):
    return next(object for (kind, name), object in objects.items() if kind == "ConfigMap" and name.startswith("flow-edge-"))


def configured(change):
    """Changes the edge's configuration in its ConfigMap."""
    def planted(_, objects):
        data = config(objects)["data"]
        value = yaml.safe_load(data["flow-edge.yaml"])
        change(value)
        data["flow-edge.yaml"] = yaml.safe_dump(value)
    return planted


def network_policy(objects, name):
    return objects[("NetworkPolicy", name)]["spec"]


def certificate(objects, name):
    return objects[("Certificate", name)]["spec"]


def without(kind, name):
    return lambda objects, by_name: objects.remove(by_name[(kind, name)])


EVERYWHERE = {"namespaceSelector": {}}

# What is planted, and what must be said of it.
PLANTED = {
    "runs as root": (lambda _, o: edge(o)["securityContext"].update(runAsNonRoot=False), "flow-edge/edge: may run as root"),
    "container overrides the pod": (lambda _, o: first(edge(o))["securityContext"].update(runAsNonRoot=False), "flow-edge/edge: may run as root"),
    "user 0": (lambda _, o: logic(o)["securityContext"].update(runAsUser=0), "flow-logic/logic: no user id above 0"),
    "no seccomp": (lambda _, o: edge(o)["securityContext"].pop("seccompProfile"), "flow-edge/edge: seccomp is not RuntimeDefault"),
    "unconfined": (lambda _, o: first(logic(o))["securityContext"].update(seccompProfile={"type": "Unconfined"}), "flow-logic/logic: seccomp is not RuntimeDefault"),
    "privileged": (lambda _, o: first(edge(o))["securityContext"].update(privileged=True), "flow-edge/edge: privileged"),
    "escalation": (lambda _, o: first(edge(o))["securityContext"].pop("allowPrivilegeEscalation"), "flow-edge/edge: may gain privileges"),
    "keeps capabilities": (lambda _, o: first(edge(o))["securityContext"].pop("capabilities"), "flow-edge/edge: has capabilities"),
    "adds a capability": (lambda _, o: first(edge(o))["securityContext"]["capabilities"].update(add=["NET_ADMIN"]), "flow-edge/edge: has capabilities"),
    "writable root": (lambda _, o: first(logic(o))["securityContext"].update(readOnlyRootFilesystem=False), "flow-logic/logic: may write to its root file system"),
    "host network": (lambda _, o: edge(o).update(hostNetwork=True), "flow-edge: hostNetwork"),
    "host port": (lambda _, o: first(edge(o))["ports"][0].update(hostPort=443), "flow-edge/edge: hostPort"),
    "host path": (lambda _, o: edge(o)["volumes"].append({"name": "host", "hostPath": {"path": "/"}}), "flow-edge: volume of kind hostPath"),
    "init container": (lambda _, o: edge(o).update(initContainers=[{"name": "init", "image": "init:1"}]), "flow-edge/init: has capabilities"),
    "token in the pod": (lambda _, o: edge(o).pop("automountServiceAccountToken"), "flow-edge: mounts a token"),
    "token in the account": (lambda _, o: o[("ServiceAccount", "flow-logic")].pop("automountServiceAccountToken"), "flow-logic: its ServiceAccount mounts a token"),
    "default account": (lambda _, o: edge(o).pop("serviceAccountName"), "flow-edge: no ServiceAccount of its own"),
    "latest": (lambda _, o: first(edge(o)).update(image="registry.example.com:5000/flow-edge:latest"), "flow-edge/edge: image registry.example.com:5000/flow-edge:latest names no version"),
    "no tag, port in the registry": (lambda _, o: first(edge(o)).update(image="registry.example.com:5000/flow-edge"), "flow-edge/edge: image registry.example.com:5000/flow-edge names no version"),
    "no limit": (lambda _, o: first(edge(o))["resources"]["limits"].pop("memory"), "flow-edge/edge: no limits.memory"),
    "no request": (lambda _, o: first(logic(o))["resources"].pop("requests"), "flow-logic/logic: no requests.cpu"),
    "no readiness": (lambda _, o: first(logic(o)).pop("readinessProbe"), "flow-logic/logic: no readinessProbe"),
    "liveness asks for logic": (lambda _, o: first(edge(o))["livenessProbe"]["httpGet"].update(path="/readyz"), "flow-edge/edge: probes ask ['/readyz', '/readyz']"),
    "probe at a port that is not there": (lambda _, o: first(edge(o))["livenessProbe"]["httpGet"].update(port="metrics"), "flow-edge/edge: livenessProbe asks port metrics, which it does not have"),
    "probe by a program": (lambda _, o: first(edge(o)).update(livenessProbe={"exec": {"command": ["true"]}}), "flow-edge/edge: livenessProbe needs a program in the image"),
    "subPath": (lambda _, o: first(edge(o))["volumeMounts"][1].update(subPath="current.pem"), "flow-edge/edge: /etc/flow-edge/keys is mounted by subPath, and would never change"),
    "no such volume": (lambda _, o: edge(o)["volumes"].pop(), "flow-edge/edge: no volume tls"),
    "no such ConfigMap": (lambda _, o: edge(o)["volumes"][0]["configMap"].update(name="flow-edge"), "flow-edge/edge: no ConfigMap flow-edge"),
    "unknown Secret": (lambda _, o: edge(o)["volumes"][1]["secret"].update(secretName="keys"), "flow-edge/edge: unknown Secret keys"),
    "password written out": (lambda _, o: first(logic(o))["env"].append({"name": "PGPASSWORD", "value": "x"}), "flow-logic/logic: PGPASSWORD is written out"),
    "Secret in the manifests": (lambda objects, _: objects.append({"kind": "Secret", "metadata": {"name": "keys"}}), "Secret keys is in the manifests"),
    "Service selects nothing": (lambda _, o: o[("Service", "flow-edge")]["spec"]["selector"].update({"app.kubernetes.io/name": "edge"}), "Service flow-edge: selects 0 workloads"),
    "Service without its port": (lambda _, o: o[("Service", "flow-edge")]["spec"]["ports"][0].update(targetPort="https"), "Service flow-edge: no port https"),
    "Namespace in the manifests": (lambda objects, _: objects.append({"kind": "Namespace", "metadata": {"name": "flow"}}), "Namespace flow is in the manifests, and its removal would take the Secrets"),
    "no part of it": (lambda _, o: o[("Deployment", "flow-collector")]["spec"]["template"]["metadata"]["labels"].pop("app.kubernetes.io/part-of"), "flow-collector: is not part of flow"),
    "asked too soon": (lambda _, o: first(edge(o))["readinessProbe"].pop("initialDelaySeconds"), "flow-edge/edge: is asked whether it is ready before it can be, so each start leaves a warning"),
    "admin port left to its default": (configured(lambda c: c.pop("admin")), "flow-edge: admin.address is None, so nobody reaches port admin"),
    "admin port on this host alone": (configured(lambda c: c["admin"].update(address="127.0.0.1:9464")), "flow-edge: admin.address is 127.0.0.1:9464, so nobody reaches port admin"),
    "another public port": (configured(lambda c: c["listen"].update(address="0.0.0.0:443")), "flow-edge: listen.address is 0.0.0.0:443, so nobody reaches port flows"),
    "a file that is not mounted": (configured(lambda c: c["endpoints"][0]["private_keys"].append({"file": "/etc/keys/new.pem"})), "flow-edge: nothing is mounted for /etc/keys/new.pem"),
    "https without the component": (configured(lambda c: c["endpoints"][0]["logic"].update(url="https://flow-logic:50051")), "flow-edge: endpoint appointments calls logic over TLS, which has no certificate"),
    "no policy for logic": (without("NetworkPolicy", "flow-logic"), "flow-edge does not reach flow-logic at TCP 50051"),
    "nothing closes what has no policy": (lambda objects, o: [without("NetworkPolicy", name)(objects, o) for name in ("flow", "flow-collector")], "a pod of the namespace reaches flow-collector at TCP 4318"),
    "collector open to everybody": (lambda _, o: network_policy(o, "flow-collector")["ingress"][0].pop("from"), "the Internet reaches flow-collector at TCP 4317"),
    "collector open to the cluster": (lambda _, o: network_policy(o, "flow-collector")["ingress"][0]["from"].append(EVERYWHERE), "another namespace reaches flow-collector at TCP 4318"),
    "logic open to the namespace": (lambda _, o: network_policy(o, "flow-logic")["ingress"][0].update({"from": [{"podSelector": {}}]}), "a pod of the namespace reaches flow-logic at TCP 50051"),
    "logic open to the namesake of the edge": (lambda _, o: network_policy(o, "flow-logic")["ingress"][0]["from"][0].update(EVERYWHERE), "another namespace reaches flow-logic at TCP 50051"),
    "admin port beside the public one": (lambda _, o: network_policy(o, "flow-edge")["ingress"][0]["ports"].append({"protocol": "TCP", "port": 9464}), "the Internet reaches flow-edge at TCP 9464"),
    "admin port open to logic": (lambda _, o: (network_policy(o, "flow-edge-admin")["ingress"][0].pop("from"), network_policy(o, "flow-logic")["egress"][0].pop("ports")), "flow-logic reaches flow-edge at TCP 9464"),
    "health check without its component": (lambda _, o: network_policy(o, "flow-edge-admin")["ingress"][0]["from"].append({"ipBlock": {"cidr": "35.191.0.0/16"}}), "a balancer's health check reaches flow-edge at TCP 9464"),
    "metrics for nobody": (without("NetworkPolicy", "flow-edge-admin"), "Prometheus does not reach flow-edge at TCP 9464"),
    "public port closed": (lambda _, o: network_policy(o, "flow-edge").update(ingress=[]), "the Internet does not reach flow-edge at TCP 8443"),
    "DNS of anybody": (lambda _, o: network_policy(o, "flow")["egress"][0].pop("to"), "flow-edge reaches the Internet at UDP 53"),
    "DNS of the whole system": (lambda _, o: network_policy(o, "flow")["egress"][0]["to"][0].pop("podSelector"), "flow-logic reaches a pod of kube-system at TCP 53"),
    "no DNS": (lambda _, o: network_policy(o, "flow").pop("egress"), "flow-edge does not reach DNS at UDP 53"),
    "edge goes out": (lambda _, o: network_policy(o, "flow-edge")["egress"].append({"ports": [{"protocol": "TCP", "port": 443}]}), "flow-edge reaches the Internet at TCP 443"),
    "a policy for one direction": (lambda _, o: [network_policy(o, name).update(policyTypes=["Ingress"]) for name in ("flow", "flow-edge", "flow-traces")], "flow-edge reaches the Internet at TCP 443"),
    "traces stay": (without("NetworkPolicy", "flow-traces"), "flow-logic does not reach flow-collector at TCP 4318"),
    "policy without a protocol": (lambda _, o: network_policy(o, "flow-edge")["ingress"][0]["ports"][0].pop("protocol"), "NetworkPolicy flow-edge: no protocol at port 8443, so each apply would change it"),
    "budget selects nothing": (lambda _, o: o[("PodDisruptionBudget", "flow-edge")]["spec"]["selector"].update(matchLabels={"a": "b"}), "PodDisruptionBudget flow-edge: selects no workload"),
    "policy selects nothing": (lambda _, o: o[("NetworkPolicy", "flow-logic")]["spec"].update(podSelector={"matchLabels": {"a": "b"}}), "NetworkPolicy flow-logic: selects no workload"),
    "autoscaler of nothing": (lambda _, o: o[("HorizontalPodAutoscaler", "flow-edge")]["spec"]["scaleTargetRef"].update(name="edge"), "HorizontalPodAutoscaler flow-edge: no such Deployment"),
    "replicas beside an autoscaler": (lambda _, o: o[("Deployment", "flow-edge")]["spec"].update(replicas=3), "flow-edge: each apply would undo the autoscaler"),
    "a gap in roll-outs": (lambda _, o: o[("Deployment", "flow-logic")]["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable="25%"), "flow-logic: a roll-out may take away a pod before another is there"),
    "killed while it drains": (lambda _, o: config(o)["data"].update({"flow-edge.yaml": config(o)["data"]["flow-edge.yaml"].replace("drain: 20s", "drain: 60s")}), "flow-edge: 40 s of grace for 15 s of preStop and 60 s of drain"),
    "no preStop": (lambda _, o: first(edge(o)).pop("lifecycle"), "flow-edge: load balancers get 0 s to take it out"),
    "logic killed while it drains": (lambda _, o: logic(o).update(terminationGracePeriodSeconds=5), "flow-logic: 5 s of grace for 0 s of preStop and 10 s of drain"),
}

# The same where edge and logic call each other by mutual TLS.
PLANTED_TLS = {
    "edge calls plain": (configured(lambda c: c["endpoints"][0]["logic"].update(url="http://flow-logic:50051")), "flow-edge: endpoint appointments does not call logic by mutual TLS"),
    "edge shows no certificate": (configured(lambda c: [c["endpoints"][0]["logic"]["tls"].pop(file) for file in ("certificate_file", "private_key_file")]), "flow-edge: endpoint appointments does not call logic by mutual TLS"),
    "edge trusts the system's authorities": (configured(lambda c: c["endpoints"][0]["logic"]["tls"].pop("ca_file")), "flow-edge: endpoint appointments does not call logic by mutual TLS"),
    "another endpoint calls plain": (configured(lambda c: c["endpoints"].append({"name": "orders", "logic": {"url": "http://flow-logic:50051"}})), "flow-edge: endpoint orders does not call logic by mutual TLS"),
    "edge calls another name": (configured(lambda c: c["endpoints"][0]["logic"].update(url="https://logic.flow:50051")), "flow-edge: endpoint appointments calls logic.flow, for which logic has no certificate"),
    "client certificate not mounted": (lambda _, o: first(edge(o))["volumeMounts"].remove(next(mount for mount in first(edge(o))["volumeMounts"] if mount["name"] == "mutual-tls")), "flow-edge: nothing is mounted for /etc/flow-edge/mutual-tls/ca.crt"),
    "client certificate of nobody": (without("Certificate", "flow-edge-client"), "flow-edge/edge: unknown Secret flow-edge-mutual-tls"),
    "logic's certificate not mounted": (lambda _, o: logic(o).pop("volumes"), "flow-logic/logic: its certificate is not mounted"),
    "probe without TLS": (lambda _, o: first(logic(o)).update(readinessProbe={"grpc": {"port": 50051}}), "flow-logic/logic: readinessProbe speaks no TLS"),
    "tcp probe at a port that is not there": (lambda _, o: first(logic(o))["livenessProbe"]["tcpSocket"].update(port="tls"), "flow-logic/logic: livenessProbe asks port tls, which it does not have"),
    "no issuer": (without("Issuer", "flow-authority"), "Certificate flow-logic: no Issuer flow-authority"),
    "authority with a new key": (lambda _, o: certificate(o, "flow-authority")["privateKey"].update(rotationPolicy="Always"), "Certificate flow-authority: a new key at its renewal would part those that it issued"),
    "server passes for a client": (lambda _, o: certificate(o, "flow-logic")["usages"].append("client auth"), "Certificate flow-logic: is for either end, so a server could pass for a client"),
    "health check of anybody": (lambda _, o: network_policy(o, "flow-edge-health-check")["ingress"][0].pop("from"), "the Internet reaches flow-edge at TCP 9464"),
    "health check at the public port alone": (lambda _, o: network_policy(o, "flow-edge-health-check")["ingress"][0].update(ports=[{"protocol": "TCP", "port": 8443}]), "a balancer's health check does not reach flow-edge at TCP 9464"),
}

# Of what goes into production.
PLANTED_DIGESTS = {
    "a tag": (lambda _, o: first(edge(o)).update(image="registry.example.com/flow-edge:0.1.0"), "flow-edge/edge: image registry.example.com/flow-edge:0.1.0 is not named by its digest"),
    "a digest that is too short": (lambda _, o: first(logic(o)).update(image="registry.example.com/flow-logic@sha256:0123"), "flow-logic/logic: image registry.example.com/flow-logic@sha256:0123 is not named by its digest"),
    "the example's": (lambda _, o: None, "flow-collector/collector: the digest of image otel/opentelemetry-collector is the example's"),
}


class Policy(unittest.TestCase):
    def test_nothing_is_said_of_the_production_example(self):
        self.assertEqual(list(policy.faults(WHOLE)), [])
        self.assertEqual(list(policy.digests(WHOLE, placeholder=True)), [])

    def test_nothing_is_said_of_mutual_tls(self):
        self.assertEqual(list(policy.faults(TLS)), [])

    def test_planted_violations_are_found(self):
        for planted, rendered in ((PLANTED, WHOLE), (PLANTED_TLS, TLS)):
            for name, (change, fault) in planted.items():
                with self.subTest(name):
                    self.assertIn(fault, list(policy.faults(plant(change, rendered))))

    def test_an_image_without_its_digest_is_found(self):
        for name, (change, fault) in PLANTED_DIGESTS.items():
            with self.subTest(name):
                self.assertIn(fault, list(policy.digests(plant(change), placeholder=False)))

    def test_a_secret_that_is_applied_is_found(self):
        self.assertTrue(list(policy.page("kubectl create secret generic keys --dry-run=client -o yaml \\\n  --from-file=a | kubectl apply -f -")))
        self.assertFalse(list(policy.page("kubectl create secret generic keys --dry-run=client -o yaml \\\n  --from-file=a | kubectl replace -f -")))


class Schemas(unittest.TestCase):
    def faults(self, change):
        return [fault for object in plant(change) for release in rendering.RELEASES for fault in rendering.schema_faults(object, release)]

    def test_a_misspelt_field_is_found_in_each_release(self):
        found = self.faults(lambda _, o: first(edge(o)).update(readinesProbe={}))
        self.assertEqual(len(found), len(rendering.RELEASES), found)
        self.assertIn("readinesProbe", found[0])

    def test_a_field_of_the_wrong_type_is_found(self):
        self.assertTrue(self.faults(lambda _, o: o[("Deployment", "flow-edge")]["spec"].update(replicas="three")))

    def test_a_kind_without_a_schema_is_found_unless_it_is_listed(self):
        found = self.faults(lambda objects, _: objects.append({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}}))
        self.assertEqual(len(found), len(rendering.RELEASES), found)


if __name__ == "__main__":
    unittest.main()
