"""An MCP server that this project did not write, as a client meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

import attrs
from aiohttp import ClientSession

CALLBACK = "http://127.0.0.1:9/callback"


@final
@attrs.frozen
class McpServer:
    """An MCP server of one of the packages."""

    url: str

    @property
    def site(self) -> str:
        """Where it is; its authorization server is there, too."""
        return self.url.removesuffix("/mcp")

    async def accepts(self, access_token: str) -> bool:
        """Begin an MCP session with the token."""
        hello = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        }
        headers = {
            "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {access_token}",
        }
        async with ClientSession() as http, http.post(self.url, json=hello, headers=headers) as reply:
            assert reply.status in {200, 401}
            return reply.status == 200

    async def asked(self) -> int:
        """Return how many token requests there were."""
        async with ClientSession() as http, http.get(f"{self.site}/asked") as reply:
            return int(await reply.json())

    async def consent(self, url: str) -> str:
        """Go where the user is sent, on to the callback; the servers take that for a yes."""
        async with ClientSession() as http:
            while not url.startswith(CALLBACK):
                async with http.get(url, allow_redirects=False) as reply:
                    assert reply.status == 302, await reply.text()
                    url = reply.headers["Location"]
        return url


@contextmanager
def served(package: str, port: int = 0) -> Iterator[McpServer]:
    """Serve what :mod:`tests.peer.mcp_site` has by that name, in a process of its own on that port."""
    command = [sys.executable, "-m", "tests.peer.mcp_site", package, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, "the server did not start"
            yield McpServer(json.loads(line))
        finally:
            process.stdin.close()
            process.wait(timeout=30)
