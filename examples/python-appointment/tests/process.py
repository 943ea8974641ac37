"""The service as a process, as it is run."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

FOLDER = Path(__file__).parents[1]


class Running:
    def __init__(self, process: Process) -> None:
        self._process = process
        self._listening = asyncio.Event()
        self.address = ""
        self.lines: list[dict[str, Any]] = []
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        """Keeps every line of the log: JSON, each of them."""
        assert self._process.stderr
        async for line in self._process.stderr:
            self.lines.append(json.loads(line))
            if self.lines[-1]["message"] == "listening":
                self.address = self.lines[-1]["address"]
                self._listening.set()
        self._listening.set()

    async def listening(self) -> None:
        await asyncio.wait_for(self._listening.wait(), 60)
        assert self.address, self.lines

    async def stop(self) -> int:
        """Sends SIGTERM, and brings the exit code."""
        if self._process.returncode is None:
            self._process.terminate()
        code = await asyncio.wait_for(self._process.wait(), 60)
        await self.reading
        return code


@asynccontextmanager
async def run(**environment: str) -> AsyncIterator[tuple[Running, grpc.aio.Channel]]:
    inherited = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("OTEL_", "DATABASE_URL", "FLOW_CONFORMANCE_MODE"))
    }
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "appointment"],
        cwd=FOLDER,
        env={**inherited, "FLOW_LOGIC_LISTEN": "127.0.0.1:0", **environment},
        stderr=PIPE,
    )
    running = Running(process)
    try:
        await running.listening()
        async with grpc.aio.insecure_channel(running.address) as channel:
            yield running, channel
    finally:
        await running.stop()
