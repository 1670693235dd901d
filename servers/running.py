"""Servers as processes of their own, each with what it says about itself."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from subprocess import run
from typing import Any, final

import attrs

from extauth.adapters.oauth2 import ClientAuth

HERE = Path(__file__).parent
ROOT = HERE.parent
BUILD = ROOT / "build" / "servers"
PYTHON = str(BUILD / "python" / "bin" / "python")
"""Of the environment that the servers have for themselves."""
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
    needs: str = ""
    """What it takes that not every machine has, in words."""
    shown_by: tuple[str, ...] = ()
    """A command that succeeds, and prints the version, where the machine has it."""
    released: str = ""
    """The version, of a program that the system brings."""

    @property
    def runs_here(self) -> bool:
        """Whether the machine has what it takes."""
        if not self.needs:
            return True
        with suppress(FileNotFoundError):
            shown = run(self.shown_by, capture_output=True, text=True, check=False)  # noqa: S603 - ours
            return self.version in shown.stdout
        return False

    def command(self, python: str) -> list[str]:
        """Return what starts it, but for the port and the redirect URI."""
        return [*([_node(), "--no-warnings"] if self.file.endswith(".mjs") else [python]), str(self.place)]

    @property
    def place(self) -> Path:
        """The file to run. That of a Node server is beside its packages."""
        return (BUILD if self.file.startswith("node/") else HERE) / self.file

    @property
    def version(self) -> str:
        """The version that is pinned, or that the system must bring."""
        if self.released:
            return self.released
        if self.file.endswith(".mjs"):
            pinned = json.loads((HERE / "node" / "package.json").read_text())["dependencies"]
            return str(pinned[self.package])
        for line in (HERE / "requirements.in").read_text().splitlines():
            name, _, version = line.partition("==")
            if name.partition("[")[0] == self.package:
                return version.partition(" ")[0]
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
    client_secret: str | None = attrs.field(repr=False)
    """None for a public client, which there is no wrong secret of."""
    scopes: tuple[str, ...] = attrs.field(converter=tuple)
    revoke_url: str | None = None
    withdraw_url: str | None = None
    """Where the user takes back what was granted; for servers that leave that to the application."""
    mcp_url: str | None = None
    """An MCP server, from which all the rest can be found out."""
    issuer: str | None = None
    sends_issuer: bool = False
    openid: bool = False
    client_auth: ClientAuth = "client_secret_basic"
    typed: dict[str, str] = attrs.field(factory=dict, repr=False)
    """What its user types into the fields of its pages, and presses there, by name."""
    checks_secret: bool = True
    """Whether it refuses a wrong client secret."""
    names_wrong_secret: bool = True
    """Whether a wrong client secret is answered otherwise than a mistake in the request."""
    wrong_secret_spends: bool = False
    """Whether a refresh token is over after a request with a wrong client secret."""
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
async def running(program: Program, *, python: str = PYTHON) -> AsyncGenerator[Site]:
    """Start the server, with this Python if it is of Python, and stop it at the end.

    :raises RuntimeError: if it ends, or says nothing, before it listens.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *program.command(python),
        str(port),
        REDIRECT_URI,
        *program.options,
        stdout=PIPE,
        cwd=program.place.parent,
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
