# What `run` and `ingress` share: is everything there, and a virtual environment with requirements.txt. To be sourced.
BIN=$(realpath -m "${BIN:-$(dirname "${BASH_SOURCE[0]}")/../../target/debug}")
cd "$(dirname "${BASH_SOURCE[0]}")"

# Arguments are pairs of a command and the Debian package that has it.
require() {
    local missing=()
    while [ $# -gt 0 ]; do
        command -v "$1" >/dev/null || missing+=("$2")
        shift 2
    done
    [ -n "$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ] || missing+=(postgresql)
    [ ${#missing[@]} -eq 0 ] || { echo "missing Debian packages: ${missing[*]}" >&2; exit 1; }
    [ "$(id -u)" -eq 0 ] || { echo 'needs root: it makes network namespaces and starts PostgreSQL as another user' >&2; exit 1; }
    for program in flow-edge flowctl rust-appointment; do
        [ -x "$BIN/$program" ] || { echo "$BIN/$program is missing: cargo build, or name the folder in BIN" >&2; exit 1; }
    done
}

environment=$(realpath -m ../../target/ci/rehearsal)
export BIN PYTHONDONTWRITEBYTECODE=1 PATH="$PATH:/usr/sbin:/sbin"

install_python() {
    mkdir -p "$environment"
    if ! cmp -s requirements.txt "$environment/requirements.txt"; then
        python3 -m venv "$environment/python"
        "$environment/python/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
        cp requirements.txt "$environment/requirements.txt"
    fi
}
