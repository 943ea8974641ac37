"""A planted violation of each rule is found. Without this, a rule that looks at the wrong field would pass for ever."""
import copy
import unittest

import policy
import rendering

WHOLE = rendering.render("overlays/production-example", ())


def plant(change):
    """The production example with something wrong in it."""
    objects = copy.deepcopy(WHOLE)
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
    "budget selects nothing": (lambda _, o: o[("PodDisruptionBudget", "flow-edge")]["spec"]["selector"].update(matchLabels={"a": "b"}), "PodDisruptionBudget flow-edge: selects no workload"),
    "policy selects nothing": (lambda _, o: o[("NetworkPolicy", "flow-logic")]["spec"].update(podSelector={"matchLabels": {"a": "b"}}), "NetworkPolicy flow-logic: selects no workload"),
    "autoscaler of nothing": (lambda _, o: o[("HorizontalPodAutoscaler", "flow-edge")]["spec"]["scaleTargetRef"].update(name="edge"), "HorizontalPodAutoscaler flow-edge: no such Deployment"),
    "replicas beside an autoscaler": (lambda _, o: o[("Deployment", "flow-edge")]["spec"].update(replicas=3), "flow-edge: each apply would undo the autoscaler"),
    "a gap in roll-outs": (lambda _, o: o[("Deployment", "flow-logic")]["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable="25%"), "flow-logic: a roll-out may take away a pod before another is there"),
    "killed while it drains": (lambda _, o: config(o)["data"].update({"flow-edge.yaml": config(o)["data"]["flow-edge.yaml"].replace("drain: 20s", "drain: 60s")}), "flow-edge: 40 s of grace for 15 s of preStop and 60 s of drain"),
    "no preStop": (lambda _, o: first(edge(o)).pop("lifecycle"), "flow-edge: load balancers get 0 s to take it out"),
    "logic killed while it drains": (lambda _, o: logic(o).update(terminationGracePeriodSeconds=5), "flow-logic: 5 s of grace for 0 s of preStop and 10 s of drain"),
}


class Policy(unittest.TestCase):
    def test_nothing_is_said_of_the_production_example(self):
        self.assertEqual(list(policy.faults(WHOLE)), [])

    def test_planted_violations_are_found(self):
        for name, (change, fault) in PLANTED.items():
            with self.subTest(name):
                self.assertIn(fault, list(policy.faults(plant(change))))


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
