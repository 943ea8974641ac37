"""The combinations of base, components and overlays, rendered by kustomize, and their check against Kubernetes' schemas."""
import itertools
import os
import pathlib
import subprocess
import tempfile

import kubernetes_validate
import yaml

KUBERNETES = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
# The oldest that has what is used, and the newest that kubernetes-validate knows.
RELEASES = ("1.30", "1.34", "1.37")
# Of these, no release of Kubernetes has a schema: they are cert-manager's and the Prometheus operator's.
NO_SCHEMA = {
    ("cert-manager.io/v1", "Certificate"),
    ("cert-manager.io/v1", "Issuer"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
    ("monitoring.coreos.com/v1", "ServiceMonitor"),
}
COMPONENTS = sorted(path.name for path in (KUBERNETES / "components").iterdir())
# The overlay says how many replicas there are, and so does the autoscaler.
NOT_TOGETHER = {("overlays/local", "autoscaling")}


# Whatever is beside the local overlay goes into production, copies of the example among them.
PRODUCTION = sorted(f"overlays/{path.name}" for path in (KUBERNETES / "overlays").iterdir() if path.name != "local")


def combinations():
    """Name, folder and components. An overlay for production has chosen its components already."""
    for root in ("base", "overlays/local"):
        allowed = [component for component in COMPONENTS if (root, component) not in NOT_TOGETHER]
        for size in range(len(allowed) + 1):
            for chosen in itertools.combinations(allowed, size):
                yield " + ".join((root, *chosen)), root, chosen
    for root in PRODUCTION:
        yield root, root, ()


def kustomize(folder):
    run = subprocess.run([os.environ["KUSTOMIZE"], "build", folder], capture_output=True, text=True)
    if run.returncode or run.stderr:
        raise SystemExit(f"kustomize build {folder}: {run.stderr}")
    return [object for object in yaml.safe_load_all(run.stdout) if object]


def render(root, components):
    if not components and root != "base":
        return kustomize(KUBERNETES / root)
    with tempfile.TemporaryDirectory() as folder:
        def relative(path):
            return os.path.relpath(KUBERNETES / path, os.path.realpath(folder))

        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [relative(root)],
            "components": [relative(f"components/{component}") for component in components],
        }
        # The base leaves the version to the overlay.
        if root == "base":
            kustomization["images"] = [{"name": name, "newTag": "0.1.0"} for name in ("flow-edge", "flow-logic")]
        pathlib.Path(folder, "kustomization.yaml").write_text(yaml.dump(kustomization))
        return kustomize(folder)


def schema_faults(object, release):
    kind = (object["apiVersion"], object["kind"])
    if kind in NO_SCHEMA:
        return
    try:
        kubernetes_validate.validate(object, release, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{object['kind']} {object['metadata']['name']}: Kubernetes {release}: {'.'.join(map(str, error.path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError:
        yield f"{object['kind']} {object['metadata']['name']}: Kubernetes {release} has no {kind}"
