"""The applications that guides show, each by a real server."""

from __future__ import annotations

import asyncio
import sys
import types
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

import uvicorn
from aiohttp import web


def names(block: str) -> Any:
    """Run a block and return what it defines."""
    module = types.ModuleType("guide")
    with patch.dict(sys.modules, guide=module):  # Litestar looks there
        exec(compile(block, "guide.py", "exec"), module.__dict__)  # noqa: S102 - the guide's own code
    return module


@asynccontextmanager
async def by_aiohttp(app: web.Application) -> AsyncIterator[str]:
    """Serve an application of aiohttp.web, and yield its address."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def by_uvicorn(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI application, and yield its address."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="on", ws="none")
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    assert not server.should_exit
    serving = asyncio.create_task(server.main_loop())
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving
        await server.shutdown()
