# What `run` and `soak` share: is everything there, and a virtual environment with requirements.txt. To be sourced.
for command in openssl prlimit python3 setpriv; do
    command -v "$command" >/dev/null || { echo "$command is missing: Debian's openssl, util-linux, python3-venv" >&2; exit 1; }
done
folder=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
environment=$(realpath -m "$folder/../../target/ci/attacks")
export PYTHONDONTWRITEBYTECODE=1
mkdir -p "$environment"
if ! cmp -s "$folder/requirements.txt" "$environment/requirements.txt"; then
    python3 -m venv "$environment/python"
    "$environment/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$folder/requirements.txt"
    cp "$folder/requirements.txt" "$environment/requirements.txt"
fi
