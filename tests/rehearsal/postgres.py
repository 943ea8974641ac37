"""A PostgreSQL server from Debian's package, and a way to make every query on its bookings wait."""
import asyncio
import pathlib
import subprocess

TABLE = "appointment_bookings"


def programs():
    return max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


# It refuses to run as root.
AS_NOBODY = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]


def initialise(folder):
    """Returns the command that serves on every address of its host, to whoever comes."""
    folder.mkdir()
    subprocess.run(["chown", "nobody:nogroup", folder], check=True)
    data = folder / "data"
    initdb = [programs() / "initdb", "--username=flow", "--auth=trust", "--encoding=UTF8", "--no-sync", "-D", data]
    subprocess.run([*AS_NOBODY, *initdb], check=True, stdout=subprocess.DEVNULL, cwd=folder)
    with open(data / "pg_hba.conf", "a") as file:
        file.write("host all flow 0.0.0.0/0 trust\n")
    return [*AS_NOBODY, programs() / "postgres", "-D", data, "-k", folder, "-c", "fsync=off"]


async def wait_until_ready(host):
    ready = [programs() / "pg_isready", "--quiet", "--host", host]
    async with asyncio.timeout(60):
        while await (await asyncio.create_subprocess_exec(*ready)).wait():
            await asyncio.sleep(0.1)


def lock_bookings(host, seconds):
    """The command by which whoever asks for bookings waits as long."""
    statement = f"BEGIN; LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds}); COMMIT"
    return ["psql", "--quiet", "--no-psqlrc", "-h", host, "-U", "flow", "-d", "postgres", "-o", "/dev/null", "-c", statement]
