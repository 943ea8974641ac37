"""What kubelet and the controller of a Deployment do, as far as it matters to requests: probes, restarts, roll-outs, ends."""
import asyncio
import itertools
import signal
import time

from hosts import Host


class Pod:
    """A host with one process. `ready_since` is None while it is not ready."""

    def __init__(self, deployment, name):
        self.deployment, self.timing, self.host = deployment, deployment.timing, Host(name)
        self.revision = deployment.revision
        self.ready_since = self.process = None
        self.terminating = self.gone = self.was_killed = False
        self.tasks = []

    async def start(self):
        await self.host.start()
        self.tasks = [asyncio.create_task(self._keep_running()), asyncio.create_task(self._probe())]

    def available(self):
        is_ready = self.ready_since is not None and not self.terminating
        return is_ready and time.monotonic() - self.ready_since >= self.timing.min_ready

    def kill(self):
        self.was_killed = True
        self.process.kill()

    async def _keep_running(self):
        while not self.terminating:
            self.process = await self.deployment.run(self.host)
            code = await self.process.wait()
            if self.terminating:
                return
            self.ready_since = None
            if not self.was_killed:
                self.deployment.faults.append(f"{self.host.name} ended by itself, exit code {code}")
            await asyncio.sleep(self.deployment.back_off)

    async def _probe(self):
        failures = 0
        while not self.terminating:
            await asyncio.sleep(self.timing.probe_period)
            try:
                async with asyncio.timeout(self.timing.probe_timeout):
                    is_good = await self.deployment.probe(self.host.address)
            except (OSError, TimeoutError, EOFError):
                is_good = False
            failures = 0 if is_good else failures + 1
            if is_good and self.ready_since is None and self.process.returncode is None:
                self.ready_since = time.monotonic()
            elif failures >= self.timing.probe_failures:
                self.ready_since = None

    def delete(self, before_signal=None):
        self.terminating = True
        self.tasks.append(asyncio.create_task(self._terminate(before_signal)))

    async def _terminate(self, before_signal):
        """preStop and then SIGTERM, both within the grace period; who needs SIGKILL fails the rehearsal."""
        end = time.monotonic() + self.timing.grace
        await asyncio.sleep(min(self.timing.pre_stop, self.timing.grace))
        if before_signal:
            await before_signal()
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = await asyncio.wait_for(self.process.wait(), end - time.monotonic())
            if code != 0:
                self.deployment.faults.append(f"{self.host.name}: exit code {code} after SIGTERM")
        except TimeoutError:
            self.deployment.faults.append(f"{self.host.name} was still there at the end of its grace period, so killed")
            self.process.kill()
            await self.process.wait()
        await self.host.stop()
        self.gone = True


class Deployment:
    """Pods, as many as `replicas` says, all of the newest `revision`.

    `publish` gets the addresses of those that should be called, `lag` seconds after each change, as whoever calls them would.
    """

    def __init__(self, name, timing, run, probe, publish, back_off, faults):
        self.name, self.timing, self.run, self.probe, self.publish = name, timing, run, probe, publish
        self.back_off, self.faults, self.lag = back_off, faults, 0
        self.replicas, self.revision = timing.replicas, 0
        self.pods, self.published = [], None
        self._numbers = itertools.count(1)
        self._task = asyncio.create_task(self._control())

    def members(self):
        return [pod for pod in self.pods if not pod.terminating]

    async def roll(self):
        self.revision += 1
        await self.settled()

    async def scale(self, replicas):
        self.replicas = replicas
        await self.settled()

    async def ready(self):
        """Until there are as many as there should be, however young."""
        while sum(pod.ready_since is not None for pod in self.members()) < self.replicas:
            await asyncio.sleep(0.1)

    async def settled(self):
        """Until everything is as it should be, the old pods are gone, and everybody has heard of it."""
        def is_settled():
            members = self.members()
            is_new = all(pod.revision == self.revision and pod.available() for pod in members)
            return is_new and len(members) == len(self.pods) == self.replicas

        while not is_settled():
            if self._task.done():
                await self._task
            await asyncio.sleep(0.1)
        await asyncio.sleep(self.lag)

    async def _control(self):
        while True:
            self.pods = [pod for pod in self.pods if not pod.gone]
            await self._start_and_stop()
            self._tell()
            await asyncio.sleep(0.1)

    async def _start_and_stop(self):
        members = self.members()
        old = [pod for pod in members if pod.revision != self.revision]
        new = [pod for pod in members if pod.revision == self.revision]
        surge, unavailable = (self.timing.surge, self.timing.unavailable) if old else (0, 0)
        for _ in range(min(self.replicas - len(new), self.replicas + surge - len(members))):
            pod = Pod(self, f"{self.name}-{next(self._numbers)}")
            self.pods.append(pod)
            await pod.start()
        spare = sum(pod.available() for pod in members) - (self.replicas - unavailable)
        # Those that serve least go first, then the youngest.
        too_many = new[self.replicas:] if not old else []
        for pod in sorted(old, key=Pod.available) + too_many:
            if pod.available() and spare <= 0:
                break
            spare -= pod.available()
            pod.delete()

    def _tell(self):
        addresses = [pod.host.address for pod in self.members() if pod.ready_since is not None]
        if addresses == self.published:
            return
        self.published = addresses
        asyncio.get_running_loop().call_later(self.lag, self.publish, addresses)
