"""What `check` runs: every combination against schemas and policy, and what else has to agree with what."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import policy
import rendering

DEPLOY = rendering.KUBERNETES.parent


def main():
    faults, combinations, validated = [], 0, {}
    for name, root, components in rendering.combinations():
        combinations += 1
        objects = rendering.render(root, components)
        faults += [f"{name}: {fault}" for fault in policy.faults(objects)]
        for object in objects:
            # Most objects are the same in many combinations.
            text = json.dumps(object, sort_keys=True)
            if text not in validated:
                validated[text] = [fault for release in rendering.RELEASES for fault in rendering.schema_faults(object, release)]
            faults += [f"{name}: {fault}" for fault in validated[text]]
    faults += list(rules()) + list(runbook())
    print("\n".join(faults))
    print(f"no schema for {', '.join(sorted(kind for _, kind in rendering.NO_SCHEMA))}, which are not Kubernetes' own")
    print(f"{combinations} combinations, {len(validated)} different objects, Kubernetes {', '.join(rendering.RELEASES)}, {len(faults)} faults")
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


if __name__ == "__main__":
    sys.exit(main())
