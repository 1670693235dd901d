"""One storm, from the first consent to the evidence."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, TypeAlias, final

import attrs
from aiohttp import ClientSession

from chaos.digests import digest
from chaos.evidence import (
    Evidence,
    count_rotations,
    read_granted,
    read_journals,
    read_presentations,
)
from chaos.oracle import PROOF
from chaos.plan import Plan
from chaos.processes import OurProcess
from chaos.proof import prove
from chaos.proxy import proxy
from chaos.replicas import Replicas
from chaos.users import Users
from chaos.wire import TOKEN_PATH
from extauth import open_store

Restart: TypeAlias = Callable[[Literal["fast", "immediate"]], None]
"""Restarts the store's server; blocks meanwhile."""


@final
@attrs.frozen
class _Server:
    process: OurProcess
    port: int
    client_secret: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def _authorization_server(plan: Plan, folder: Path) -> AsyncGenerator[_Server, None]:
    lifetime = str(round(plan.lifetime.total_seconds()))
    process = await OurProcess.start(
        "authorization-server", folder, "chaos.authorization_server", str(folder), lifetime
    )
    try:
        yield _Server(process, **json.loads(await process.hear()))
        await process.stop()
    finally:
        await process.kill()


async def storm(plan: Plan, store_url: str, folder: Path, restart: Restart | None = None) -> Evidence:
    """Run one on the store, with everything it writes in ``folder``.

    :raises ProcessFailed: if a process ended that nobody killed.
    """
    async with (
        _authorization_server(plan, folder) as server,
        proxy(plan, server.port) as between,
        open_store(store_url, keys="plain") as store,
        ClientSession() as http,
    ):
        users = Users(plan, http, server.url, store)
        await users.connect()
        token_url = f"http://127.0.0.1:{between.port}{TOKEN_PATH}"
        replicas = Replicas(
            plan, folder, store=store_url, token_url=token_url, client_secret=server.client_secret
        )
        try:
            await replicas.start()
            reconnecting = asyncio.create_task(users.reconnect_for_ever())
            try:
                restarts = await _rage(plan, folder, replicas, reconnecting, restart)
            finally:
                reconnecting.cancel()
                await asyncio.wait({reconnecting})
            await replicas.stop()
        finally:
            await replicas.close()
        # Else the server might still spend a token that a killed replica has presented.
        await between.calm()
        stored = {
            user: digest(link.tokens.refresh_token or "") for user, link in (await users.links()).items()
        }
        at_rest = read_granted(folder)
        proven = await prove(
            store,
            [user for user, token in stored.items() if token in at_rest and at_rest[token].live],
            http,
            server=server.url,
            token_url=token_url,
            client_secret=server.client_secret,
            journal=folder / f"{PROOF}.journal",
        )
    journals = [*map(replicas.journal, replicas.names), folder / f"{PROOF}.journal"]
    return Evidence(
        lifetime=plan.lifetime.total_seconds(),
        users=plan.users,
        restarts=restarts,
        presentations=read_presentations(folder),
        passages={passage.exchange: passage for passage in between.passages},
        killed=replicas.killed,
        journals=read_journals(journals),
        granted=users.granted,
        losses=users.losses,
        stored=stored,
        server=at_rest,
        proven=proven,
    )


async def _rage(
    plan: Plan,
    folder: Path,
    replicas: Replicas,
    reconnecting: asyncio.Task[None],
    restart: Restart | None,
) -> int:
    """Kill and restart until the plan is fulfilled; return how often the store's server was restarted."""
    rng = plan.rng("kills")
    mean = plan.kill_every.total_seconds()
    deadline = time.monotonic() + plan.limit.total_seconds()
    restarts = plan.restarts() if restart is not None else {}
    restarting: list[asyncio.Task[None]] = []
    while time.monotonic() < deadline:
        enough = len(replicas.killed) >= plan.kills
        if enough and count_rotations(folder) >= plan.rotations:
            break
        await asyncio.sleep(rng.uniform(0.1, 1.9) * mean)
        replicas.check()
        if reconnecting.done():
            reconnecting.result()
        if not enough:
            await replicas.kill(rng)
        mode = restarts.pop(len(replicas.killed), None)
        if mode is not None and restart is not None:
            restarting.append(asyncio.create_task(asyncio.to_thread(restart, mode)))
    await asyncio.gather(*restarting)
    return len(restarting)
