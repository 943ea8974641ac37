"""The SBOM of each image is one by CycloneDX's schema, names no place of this machine, and is the same when it is made again."""
import json
import pathlib
import re
import subprocess
import sys

import rendering
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

DOCKER = rendering.KUBERNETES.parent / "docker"
# Of tests and benchmarks alone, so in no image.
NEVER = {"criterion", "tempfile", "protox", "flow-tests"}


def main():
    out, faults = pathlib.Path(sys.argv[1]), []
    for dockerfile in sorted(DOCKER.glob("*.Dockerfile")):
        package = re.search(r"cargo build --release --locked --package (\S+)", dockerfile.read_text())[1]
        text = made(package, out / f"{package}.cdx.json")
        if error := JsonStrictValidator(SchemaVersion.V1_5).validate_str(text):
            faults.append(f"{package}: {error}")
        if str(DOCKER.parents[1]) in text or re.search(r"file:///(tmp|home|root)/", text):
            faults.append(f"{package}: names a place of this machine")
        if text != made(package, out / "again.cdx.json"):
            faults.append(f"{package}: is another one when it is made again")
        bom = json.loads(text)
        faults += [f"{package}: {component['name']} is in no image" for component in bom["components"] if component["name"] in NEVER]
        faults += [f"{package}: {component['name']} has no licence" for component in bom["components"] if not component.get("licenses")]
    print("\n".join(faults))
    return 1 if faults else 0


def made(package, file):
    subprocess.run([DOCKER / "sbom", package, file], check=True)
    return file.read_text()


if __name__ == "__main__":
    sys.exit(main())
