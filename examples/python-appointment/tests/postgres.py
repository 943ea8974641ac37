"""A PostgreSQL server for the tests: Debian's package, its data and its socket in a temporary folder."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@contextmanager
def postgres() -> Iterator[str]:
    """What `DATABASE_URL` should be. Where PostgreSQL is missing the test is skipped, but with `CI=true` it fails."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    if programs is None:
        message = "PostgreSQL is not installed: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "data"
        # PostgreSQL refuses to run as root, so it runs as nobody where we are root.
        as_user = []
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
            as_user = ["setpriv", "--reuid", "nobody", "--clear-groups"]

        def run(program: str, *arguments: str | Path) -> None:
            command = [*as_user, programs / program, "-D", data, *arguments]
            subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)

        run("initdb", "--username", "flow", "--auth", "trust", "--encoding", "UTF8", "--no-sync")
        options = f"-k {folder} -c listen_addresses= -c fsync=off"
        run("pg_ctl", "start", "--wait", "--log", folder / "log", "-o", options)
        try:
            yield f"postgres://flow@localhost/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "--wait", "--mode", "fast")
