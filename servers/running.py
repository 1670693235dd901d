"""Servers as processes of their own, each with what it says about itself."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, final

import attrs

HERE = Path(__file__).parent
ROOT = HERE.parent
BUILD = ROOT / "build" / "servers"
REDIRECT_URI = "http://127.0.0.1:1/callback"
"""Nothing listens there: the browser is stopped before."""
CODE_VERIFIER = "the-same-verifier-for-every-code-of-these-servers"
PATIENCE = 30
"""Seconds for a server to begin or end."""


@final
@attrs.frozen
class Program:
    """A server that there is to run."""

    package: str
    """As its registry spells it, and as it is pinned here."""
    wiring: str
    """What of its settings matters, in words."""
    file: str
    """Below this folder; Python or JavaScript."""
    options: tuple[str, ...] = ()

    @property
    def command(self) -> list[str]:
        """What starts it, but for the port and the redirect URI."""
        python = str(BUILD / "python" / "bin" / "python")
        return [*([_node(), "--no-warnings"] if self.file.endswith(".mjs") else [python]), str(self.place)]

    @property
    def place(self) -> Path:
        """The file to run. That of a Node server is beside its packages."""
        return (BUILD if self.file.startswith("node/") else HERE) / self.file

    @property
    def version(self) -> str:
        """The version that is pinned."""
        if self.file.endswith(".mjs"):
            pinned = json.loads((HERE / "node" / "package.json").read_text())["dependencies"]
            return str(pinned[self.package])
        for line in (HERE / "requirements.in").read_text().splitlines():
            name, _, version = line.partition("==")
            if name.partition("[")[0] == self.package:
                return version
        raise LookupError(self.package)


@final
@attrs.frozen
class Site:
    """A server that listens, as a client must know it."""

    authorize_url: str
    token_url: str
    api_url: str
    """Which takes bearer tokens and answers 200 to those that work."""
    client_id: str
    client_secret: str = attrs.field(repr=False)
    scopes: tuple[str, ...] = attrs.field(converter=tuple)
    revoke_url: str | None = None
    withdraw_url: str | None = None
    """Where the user takes back what was granted; for servers that leave that to the application."""
    mcp_url: str | None = None
    """An MCP server, from which all the rest can be found out."""
    issuer: str | None = None
    sends_issuer: bool = False
    openid: bool = False
    checks_secret: bool = True
    """Whether it refuses a wrong client secret."""
    revokes: bool = True
    """Whether what is revoked ends; false for a server that says so and keeps no account of it."""
    unknown_token_codes: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    """Error codes by which it says that a token to be revoked is not there any more."""
    seconds_alike: int = 0
    """For how long the access tokens that it signs for one grant are equal to the letter."""
    reuse_revokes_account: bool = False
    """Whether a refresh token that was used before ends all that its user has granted to the client."""

    def authorization(self) -> dict[str, str]:
        """Return the parameters of an authorization request that asks for everything."""
        challenge = hashlib.sha256(CODE_VERIFIER.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": REDIRECT_URI,
            "scope": " ".join(self.scopes),
            "state": "a-state",
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return asked | ({"prompt": "consent", "nonce": "a-nonce"} if self.openid else {})


@asynccontextmanager
async def running(program: Program) -> AsyncGenerator[Site]:
    """Start the server and stop it at the end.

    :raises RuntimeError: if it ends, or says nothing, before it listens.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *program.command, str(port), REDIRECT_URI, *program.options, stdout=PIPE, cwd=program.place.parent
    )
    try:
        async with asyncio.timeout(PATIENCE):
            said = await _ready(process)
            await _listens(port)
        yield Site(**said)
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(PATIENCE):
            await process.wait()


def _node() -> str:
    """Return the Node.js that npm brought; that on the PATH, where npm has none for the platform."""
    brought = (BUILD / "node" / "node_modules").glob("node-*/bin/node")
    return next((str(each) for each in brought), "node")


async def _ready(process: Process) -> Mapping[str, Any]:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if line.startswith(b"{"):
            said: Mapping[str, Any] = json.loads(line)
            return said
    msg = "the server ended before it listened: see what it printed"
    raise RuntimeError(msg)


async def _listens(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
