"""What `check` runs: every combination against schemas and policy, and what else has to agree with what."""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import compose_spec
import jsonschema
import policy
import rendering
import yaml

DEPLOY = rendering.KUBERNETES.parent


def main():
    faults, validated = [], {}
    combinations = list(rendering.combinations())
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        rendered = pool.map(lambda combination: rendering.render(*combination[1:]), combinations)
    for (name, *_), objects in zip(combinations, rendered):
        faults += [f"{name}: {fault}" for fault in policy.faults(objects)]
        if name in rendering.PRODUCTION:
            faults += [f"{name}: {fault}" for fault in policy.digests(objects, placeholder=name == "overlays/production-example")]
        for object in objects:
            # Most objects are the same in many combinations.
            text = json.dumps(object, sort_keys=True)
            if text not in validated:
                validated[text] = [fault for release in rendering.RELEASES for fault in rendering.schema_faults(object, release)]
            faults += [f"{name}: {fault}" for fault in validated[text]]
    for check in (rules, runbook, page, namespaces, compose, configurations):
        faults += check()
    print("\n".join(faults))
    print(f"no schema for {', '.join(sorted(kind for _, kind in rendering.NO_SCHEMA))}, which are not Kubernetes' own")
    print(f"{len(combinations)} combinations, {len(validated)} different objects, Kubernetes {', '.join(rendering.RELEASES)}, {len(faults)} faults")
    return 1 if faults else 0


def rules():
    """The operator's rules are those of deploy/prometheus."""
    folder = rendering.KUBERNETES / "components" / "service-monitor"
    with tempfile.NamedTemporaryFile() as made:
        subprocess.run([sys.executable, folder / "generate", made.name], check=True)
        if pathlib.Path(made.name).read_bytes() != (folder / "prometheus-rule.yaml").read_bytes():
            yield "prometheus-rule.yaml is not what generate writes"


def runbook():
    """Each alert's link leads to a section."""
    sections = {title.lower() for title in re.findall(r"^### (\S+)$", (DEPLOY / "README.md").read_text(), re.MULTILINE)}
    for file in sorted((DEPLOY / "prometheus").glob("*.yaml")):
        for link in sorted(set(re.findall(r"runbook: (\S+)", file.read_text()))):
            if link.removeprefix("deploy/README.md#") not in sections:
                yield f"{file.name}: nothing at {link}"


def page():
    for fault in policy.page((DEPLOY / "README.md").read_text()):
        yield f"README.md: {fault}"


def namespaces():
    """Made by hand beside each overlay, and no pod gets into it that is not restricted."""
    for overlay in sorted((rendering.KUBERNETES / "overlays").iterdir()):
        namespace = yaml.safe_load((overlay / "namespace.yaml").read_text())
        wanted = yaml.safe_load((overlay / "kustomization.yaml").read_text())["namespace"]
        if (namespace["kind"], namespace["metadata"]["name"]) != ("Namespace", wanted):
            yield f"{overlay.name}: namespace.yaml makes no namespace {wanted}"
        if namespace["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{overlay.name}: its namespace does not enforce restricted Pod Security"


def compose():
    """Only keys that the specification has, and only files that are there. What is in .flow-dev is made by flowctl."""
    # With its variables' defaults and its merges done, neither of which the library knows.
    whole = yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (DEPLOY / "compose.yaml").read_text()))
    try:
        compose_spec.PyCompose.from_yaml(yaml.safe_dump(whole)).validate()
    except ValueError as error:
        yield f"compose.yaml: {error}"
    for name, service in whole["services"].items():
        if service["image"].rpartition(":")[2] in ("latest", service["image"]):
            yield f"compose.yaml: {name}: no version"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if not source.startswith("../.flow-dev/") and not (DEPLOY / source).exists():
                yield f"compose.yaml: {name}: no {source}"


def configurations():
    """Each configuration of the edge is one by its schema. `rootfs` lets the edge itself read the base's."""
    schema = json.loads((DEPLOY.parent / "edge/src/config/schema.json").read_text())
    for path in sorted(rendering.KUBERNETES.rglob("flow-edge.yaml")):
        for error in jsonschema.Draft202012Validator(schema).iter_errors(yaml.safe_load(path.read_text())):
            yield f"{path.relative_to(DEPLOY)}: {error.json_path}: {error.message}"


if __name__ == "__main__":
    sys.exit(main())
