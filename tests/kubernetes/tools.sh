# What `check` and `mutual-tls` share: kustomize, and a virtual environment with requirements.txt, in target/ci/kubernetes. To be
# sourced. Needs Go and Python with venv.
cd "$(dirname "${BASH_SOURCE[0]}")"
kustomize=v5.7.1
tools=$(realpath -m ../../target/ci/kubernetes)
mkdir -p "$tools"

if [ "$(cat "$tools/kustomize.version" 2>/dev/null)" != $kustomize ]; then
    GOTOOLCHAIN=auto CGO_ENABLED=0 GOBIN=$tools go install "sigs.k8s.io/kustomize/kustomize/v5@$kustomize"
    echo $kustomize >"$tools/kustomize.version"
fi
if ! cmp -s requirements.txt "$tools/requirements.txt"; then
    python3 -m venv "$tools/python"
    "$tools/python/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
    cp requirements.txt "$tools/requirements.txt"
fi
python=$tools/python/bin/python
export KUSTOMIZE=$tools/kustomize PYTHONDONTWRITEBYTECODE=1
