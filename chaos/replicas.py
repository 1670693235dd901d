"""The replicas of a storm: some are always being killed, and others started in their place."""

from __future__ import annotations

import asyncio
import json
import random
import time
from pathlib import Path
from typing import final

import attrs

from chaos.plan import Plan
from chaos.processes import OurProcess
from chaos.replica import Orders


@final
class Replicas:
    """As many slots as the plan has replicas; each start fills one with another incarnation."""

    def __init__(self, plan: Plan, folder: Path, *, store: str, token_url: str, client_secret: str) -> None:
        self._plan = plan
        self._folder = folder
        self._store = store
        self._token_url = token_url
        self._client_secret = client_secret
        self._ready: dict[int, OurProcess] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self._processes: list[OurProcess] = []
        self.names: list[str] = []
        """Of all incarnations."""
        self.killed: dict[str, float] = {}
        """When each of those that were killed was."""

    def journal(self, name: str) -> Path:
        """Where an incarnation writes its journal."""
        return self._folder / f"{name}.journal"

    async def start(self) -> None:
        """Start all and wait until they are ready."""
        for slot in range(self._plan.replicas):
            self._start(slot)
        await self._settled()

    async def kill(self, rng: random.Random) -> None:
        """Kill one with SIGKILL, and start another without waiting for it."""
        while not self._ready:
            await self._settled()
        slot = rng.choice(sorted(self._ready))
        victim = self._ready.pop(slot)
        victim.check()
        self.killed[victim.name] = time.monotonic()
        await victim.kill()
        self._start(slot)

    def check(self) -> None:
        """Raise ``ProcessFailed`` if one has ended by itself."""
        for process in self._ready.values():
            process.check()
        for task in self._starting:
            if task.done():
                task.result()

    async def stop(self) -> None:
        """Stop all in order."""
        await self._settled()
        await asyncio.gather(*(process.stop() for process in self._ready.values()))

    async def close(self) -> None:
        """Leave none behind."""
        for task in self._starting:
            task.cancel()
        if self._starting:
            await asyncio.wait(self._starting)
        await asyncio.gather(*(process.kill() for process in self._processes))

    async def _settled(self) -> None:
        while self._starting:
            await asyncio.gather(*self._starting)
            self._starting = {task for task in self._starting if not task.done()}

    def _start(self, slot: int) -> None:
        self._starting = {task for task in self._starting if not task.done() or task.exception()}
        self._starting.add(asyncio.create_task(self._fill(slot)))

    async def _fill(self, slot: int) -> None:
        name = f"replica-{slot}.{len(self.names)}"
        self.names.append(name)
        orders = Orders(
            name=name,
            store=self._store,
            token_url=self._token_url,
            client_secret=self._client_secret,
            users=self._plan.users,
            callers=self._plan.callers,
            seed=f"{self._plan.seed}:{name}",
            journal=str(self.journal(name)),
            broken=self._plan.broken,
        )
        process = await OurProcess.start(name, self._folder, "chaos.replica")
        self._processes.append(process)
        process.tell(json.dumps(attrs.asdict(orders)))
        await process.hear()
        self._ready[slot] = process
