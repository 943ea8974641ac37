"""Hosts on one switch: network namespaces on a bridge. The bridge's own end is the world outside, where the load comes from."""
import asyncio
import os
import subprocess

NETWORK = "10.77.0"
OUTSIDE = f"{NETWORK}.1"


def set_up(names_file):
    """Wants network and mount namespaces of its own, as `run` makes them. `names_file` is everybody's /etc/hosts from now on."""
    for command in (
        "mount -t tmpfs tmpfs /run",
        f"mount --bind {names_file} /etc/hosts",
        "ip link set lo up",
        "ip link add switch type bridge",
        f"ip addr add {OUTSIDE}/24 dev switch",
        "ip link set switch up",
    ):
        subprocess.run(command.split(), check=True)


class Host:
    count = 1

    def __init__(self, name):
        Host.count += 1
        self.name, self.cable, self.address = name, f"port{Host.count}", f"{NETWORK}.{Host.count}"

    async def start(self):
        for command in (
            f"netns add {self.name}",
            f"link add {self.cable} type veth peer name eth0 netns {self.name}",
            f"link set {self.cable} master switch up",
            f"-n {self.name} addr add {self.address}/24 dev eth0",
            f"-n {self.name} link set eth0 up",
            f"-n {self.name} link set lo up",
        ):
            process = await asyncio.create_subprocess_exec("ip", *command.split())
            if await process.wait():
                raise SystemExit(f"ip {command} failed")
        return self

    async def run(self, command, log, **variables):
        """Starts a process on it."""
        command = ["ip", "netns", "exec", self.name, *map(str, command)]
        with open(log, "ab") as output:
            return await asyncio.create_subprocess_exec(
                *command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **variables}
            )

    async def stop(self):
        await (await asyncio.create_subprocess_exec("ip", "netns", "del", self.name)).wait()
