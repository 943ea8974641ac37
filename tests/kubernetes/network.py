"""Who reaches whom by the NetworkPolicies of a rendering, held against what the page promises.

https://kubernetes.io/docs/concepts/services-networking/network-policies/: a pod that no policy selects is open, one that some do gets
what any of them grants, and a connection needs both ends. What is not of the product is put beside it, to be refused.
"""
import ipaddress

DNS = {("UDP", 53), ("TCP", 53)}
# Asked of every pair: what something listens on here, and what a program that should not would call.
PORTS = sorted(DNS) + [("TCP", port) for port in (80, 443, 4317, 4318, 5432, 8443, 9464, 13133, 50051)]
TRACES = {("TCP", 4317), ("TCP", 4318)}
# Name, namespace and labels of a pod, or an address outside of every policy's pods.
NEIGHBOURS = {
    "a pod of the namespace": ("flow", {"app": "debug"}),
    "another namespace": ("default", {"app.kubernetes.io/name": "flow-edge", "app.kubernetes.io/part-of": "flow", "k8s-app": "kube-dns"}),
    "a pod of kube-system": ("kube-system", {"k8s-app": "metrics-server"}),
    "DNS": ("kube-system", {"k8s-app": "kube-dns"}),
    "Prometheus": ("monitoring", {"app.kubernetes.io/name": "prometheus"}),
}
ADDRESSES = {"the node's DNS": "169.254.20.10", "the Internet": "203.0.113.9", "a balancer's health check": "35.191.0.1"}


def faults(objects):
    policies = [object for object in objects if object["kind"] == "NetworkPolicy"]
    for policy in policies:
        yield from written(policy)
    ours = {object["metadata"]["name"]: ("flow", object["spec"]["template"]["metadata"]["labels"]) for object in objects if object["kind"] == "Deployment"}
    promised = promises(objects)
    pods = ours | NEIGHBOURS
    for source in [*pods, *ADDRESSES]:
        for target in [*pods, *ADDRESSES]:
            if source == target or not {source, target} & ours.keys():
                continue
            for port in PORTS:
                reaches = granted(policies, "Egress", source, target, port, pods) and granted(policies, "Ingress", target, source, port, pods)
                if reaches != ((source, target, port) in promised):
                    yield f"{source} {'reaches' if reaches else 'does not reach'} {target} at {port[0]} {port[1]}"


def promises(objects):
    """What deploy/README.md says. Nothing else is reached."""
    kinds = {(object["kind"], object["metadata"]["name"]) for object in objects}
    parts = [part for part in ("flow-edge", "flow-logic", "flow-collector") if ("Deployment", part) in kinds]
    everybody = [*parts, *NEIGHBOURS, *ADDRESSES]
    # A policy of somebody else may still keep a neighbour from going out, and one of ours a part.
    yes = {(source, "flow-edge", ("TCP", 8443)) for source in everybody if source not in parts}
    yes |= {("Prometheus", "flow-edge", ("TCP", 9464)), ("flow-edge", "flow-logic", ("TCP", 50051))}
    yes |= {(part, server, port) for part in parts for server in ("DNS", "the node's DNS") for port in DNS}
    yes |= {("flow-logic", other, ("TCP", 5432)) for other in [*NEIGHBOURS, *ADDRESSES]}
    if "flow-collector" in parts:
        yes |= {(source, "flow-collector", port) for source in ("flow-edge", "flow-logic") for port in TRACES}
        yes |= {("flow-collector", other, ("TCP", 4318)) for other in [*NEIGHBOURS, *ADDRESSES]}
    if ("NetworkPolicy", "flow-edge-health-check") in kinds:
        yes.add(("a balancer's health check", "flow-edge", ("TCP", 9464)))
    return yes


def written(policy):
    """What the API server would add to a list by itself, an apply would take away again, and so say `configured` for ever."""
    for rule in policy["spec"].get("ingress", []) + policy["spec"].get("egress", []):
        for port in rule.get("ports", []):
            if "protocol" not in port:
                yield f"NetworkPolicy {policy['metadata']['name']}: no protocol at port {port['port']}, so each apply would change it"


def granted(policies, direction, subject, peer, port, pods):
    """Does the one end let the connection through, whatever the other says?"""
    if subject not in pods:
        return True
    namespace, labels = pods[subject]
    selecting = [policy["spec"] for policy in policies if namespace == "flow" and direction in policy["spec"]["policyTypes"] and matches(policy["spec"]["podSelector"], labels)]
    if not selecting:
        return True
    to, rules = ("to", "egress") if direction == "Egress" else ("from", "ingress")
    return any(
        (not rule.get("ports") or any((one["protocol"] if "protocol" in one else "TCP", one["port"]) == port for one in rule["ports"]))
        and (not rule.get(to) or any(is_peer(one, peer, pods) for one in rule[to]))
        for spec in selecting for rule in spec.get(rules, []))


def is_peer(one, peer, pods):
    if "ipBlock" in one:
        if peer in pods:
            # A pod has some address. A block that is as wide as everything has it too.
            return ipaddress.ip_network(one["ipBlock"]["cidr"]).prefixlen == 0
        address = ipaddress.ip_address(ADDRESSES[peer])
        return address in ipaddress.ip_network(one["ipBlock"]["cidr"]) and not any(address in ipaddress.ip_network(but) for but in one["ipBlock"].get("except", []))
    if peer not in pods:
        return False
    namespace, labels = pods[peer]
    there = matches(one["namespaceSelector"], {"kubernetes.io/metadata.name": namespace}) if "namespaceSelector" in one else namespace == "flow"
    return there and matches(one.get("podSelector", {}), labels)


def matches(selector, labels):
    """An empty selector takes everything."""
    for expression in selector.get("matchExpressions", []):
        if expression["operator"] != "In":
            raise NotImplementedError(expression["operator"])
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return selector.get("matchLabels", {}).items() <= labels.items()
