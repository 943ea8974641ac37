"""What is left of secrets for whoever gets at the process or its files.

Sends: nothing but a request. It looks as another process of the same user, which is what a second hole would be, for the
process's memory, and as root into that memory for what should be gone from there.
`flow-dev`: a folder `.flow-dev` that is a link, or somebody else's, where `flowctl dev` is started.
A right edge cannot be read or dumped by its own user, dumps no core, warns of a key that everybody may read, and has wiped
passphrases, key files and session keys after use; flowctl writes no keys into such a folder.
Measured: which are found.
"""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from envelope import Platform, data_exchange
from place import PATIENCE, until

USER = 65532
PASSPHRASE = "the passphrase of the key that only this process should know"
PEEK = "import sys; open(sys.argv[1], 'rb').read(1)"


def as_user():
    """A command's beginning by which it runs as the edge does; empty where this is no root."""
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if os.geteuid() == 0 else []


def peek(target):
    folder = f"/proc/{target.edge.pid}"
    limits = pathlib.Path(f"{folder}/limits").read_text()
    core = re.search(r"^Max core file size\s+(\S+)\s+(\S+)", limits, re.MULTILINE)
    target.expect(core[1] == "0", f"the limit for a core file is {core[1]}")
    for file in ("maps", "environ"):
        # Not `mem`: a hardened kernel refuses that whatever the process says of itself.
        python = "/usr/bin/python3" if as_user() else sys.executable
        tried = subprocess.run([*as_user(), python, "-c", PEEK, f"{folder}/{file}"], capture_output=True)
        refused = b"PermissionError" in tried.stderr
        target.expect(refused, f"another process of its user may read {file}, and so its memory")


def warned(target):
    lines = [str(line) for line in target.edge.lines() if line.get("level") == "WARN"]
    for name in ("app-secret", "locked.pem"):
        target.expect(any(name in line for line in lines), f"no warning that everybody may read {name}")


def wiped(target):
    platform = Platform((target.place.folder / "locked.pub").read_bytes(), target.place.secret.encode())
    sealed = platform.seal(data_exchange())
    status, _ = target.exchange(sealed)
    target.expect(status == 200, f"answered {status}")
    pem = (target.place.folder / "locked.pem").read_text().splitlines()
    wanted = {"passphrase": PASSPHRASE.encode(), "file of the key": pem[3].encode(), "session key": sealed.key}
    try:
        found = search(target.edge.pid, wanted)
    except PermissionError:
        return target.note("its memory cannot be read, not even from here")
    for name, count in found.items():
        target.note(f"{name}: {count} times in its memory")
        target.expect(count == 0, f"the {name} is {count} times in its memory")


def stack_pointers(pid):
    """Of its threads, each as soon as it waits for something."""
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            for _ in range(1000):
                words = pathlib.Path(f"/proc/{pid}/task/{thread}/syscall").read_text().split()
                if words[0] != "running":
                    found.append(int(words[-2], 16))
                    break
    return found


def search(pid, wanted):
    """How often each is in what the process may write to, but for stacks: what the compiler leaves there is its own."""
    found, stacks = dict.fromkeys(wanted, 0), stack_pointers(pid)
    with open(f"/proc/{pid}/mem", "rb") as memory, open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            place, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            start, end = (int(part, 16) for part in place.split("-"))
            if any(start <= pointer < end for pointer in stacks):
                continue
            memory.seek(start)
            try:
                text = memory.read(end - start)
            except OSError:
                continue
            for name, bytes_ in wanted.items():
                found[name] += text.count(bytes_)
    return found


def at_rest(target):
    peek(target)
    warned(target)
    wiped(target)


def folder_of_dev(target):
    """Where `flowctl dev` is started by somebody who does not see what somebody else put there before."""
    flowctl = target.place.binary.with_name("flowctl")
    if not flowctl.exists():
        return target.note("not looked at: there is no flowctl beside the edge")
    for name in ("a link", "somebody else's"):
        with tempfile.TemporaryDirectory() as folder:
            elsewhere, here = pathlib.Path(folder, "elsewhere"), pathlib.Path(folder, "here")
            elsewhere.mkdir()
            here.mkdir()
            if name == "a link":
                (here / ".flow-dev").symlink_to(elsewhere)
            elif as_user():
                (here / ".flow-dev").mkdir()
                os.chown(here / ".flow-dev", USER, USER)
            else:
                continue
            dev = subprocess.Popen([flowctl, "dev", "--port", "0"], cwd=here, stdin=-3, stdout=-3, stderr=-1)
            until(lambda: dev.poll() is not None or list((here / ".flow-dev").iterdir()), "flowctl dev")
            # Whoever refuses has made nothing and ends by himself.
            made = sorted(file.name for file in (here / ".flow-dev").iterdir())
            target.expect(not made, f"a .flow-dev that is {name} gets {' '.join(made)}")
            if made:
                dev.kill()
            _, said = dev.communicate(timeout=PATIENCE)
            target.expect(dev.returncode, f"a .flow-dev that is {name} is no mistake")
            target.expect(made or b".flow-dev" in said, f"not said what is wrong with a .flow-dev that is {name}")


CASES = {"": at_rest, "flow-dev": folder_of_dev}
# Another user's process.
ALONE = {""}


def edge(place, case):
    if case:
        return {}
    place.write("passphrase", PASSPHRASE)
    place.openssl("genrsa -aes256 -passout file:passphrase -out locked.pem 2048")
    place.openssl("rsa -in locked.pem -passin file:passphrase -pubout -out locked.pub")
    binary = place.folder / "flow-edge"
    shutil.copy(place.binary, binary)
    configuration = place.configuration()
    locked = {"file": str(place.folder / "locked.pem"), "passphrase_file": str(place.folder / "passphrase")}
    configuration["endpoints"][0]["private_keys"].insert(0, locked)
    for file in place.folder.iterdir():
        if as_user():
            os.chown(file, USER, USER)
    for name in ("app-secret", "locked.pem"):
        (place.folder / name).chmod(0o644)
    # What is unlimited here is what the edge has to limit.
    return {"configuration": configuration, "command": ["prlimit", "--core=unlimited", *as_user()], "binary": binary}
