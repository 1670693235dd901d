"""One person's home on a real authorization server, and the commands that they type."""

from __future__ import annotations

import asyncio
import getpass
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import attrs
import pytest

from extauth import LinkKey, open_store
from extauth.cli.command import Answer
from extauth.cli.commands import command_of
from extauth.cli.main import _parser
from extauth.cli.parsing import parted
from extauth.cli.session import Session
from extauth.domain.link import GrantOrigin, Link
from extauth.testing import AuthorizationServer
from tests.cli.commands.support import Run, fresh

ME = getpass.getuser()
BROWSER = Path(__file__).with_name("browser.py")
NOTHING: Mapping[str, str] = {}

CONFIG = """
[providers.example]
client_id = "{client_id}"
client_secret = "{client_secret}"
authorize_url = "{base}/authorize"
token_url = "{base}/token"
device_url = "{base}/device_authorization"
revoke_url = "{base}/revoke"
redirect_uri = "http://127.0.0.1:{port}/callback/example"
{more}
"""


@final
@attrs.frozen
class Person:
    """Who types commands."""

    home: Path
    server: AuthorizationServer
    port: int
    """That their browser comes back to."""

    @property
    def env(self) -> dict[str, str]:
        """Their environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "SSH_"))}
        return {**kept, "HOME": str(self.home), "BROWSER": f"{sys.executable} {BROWSER} %s &"}

    def configure(self, more: str = "") -> Path:
        """Write what they say of their client."""
        path = self.home / ".config" / "extauth" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        base = self.server.token_url.removesuffix("/token")
        text = CONFIG.format(
            client_id=self.server.client_id,
            client_secret=self.server.client_secret,
            base=base,
            port=self.port,
            more=more,
        )
        path.write_text(text)
        path.chmod(0o600)
        return path

    async def process(self, *arguments: str, env: Mapping[str, str] = NOTHING) -> Run:
        """Type a command, and wait for the end of its process."""
        return await asyncio.to_thread(fresh, *arguments, env={**self.env, **env})

    async def answer(self, *arguments: str) -> Answer:
        """Run a command in this process: starting one takes most of a second."""
        given, program = parted(arguments)
        command = command_of(given[0])
        options = _parser([command]).parse_args(given)
        options.program = program
        with pytest.MonkeyPatch.context() as patched:
            for name, value in self.env.items():
                patched.setenv(name, value)
            for name in ("SSH_CONNECTION", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
                patched.delenv(name, raising=False)
            return await command.run(Session(options, reports=False))

    @property
    def database(self) -> Path:
        """Where their links are."""
        return self.home / ".local" / "share" / "extauth" / "links.db"

    async def link(self, user: str = ME, **options: Any) -> str:
        """Give them a link, and return its access token."""
        self.database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        tokens = self.server.new_grant(user, **options)
        origin = GrantOrigin(self.server.client_id, self.server.token_url)
        async with open_store(f"sqlite:///{self.database}", keys="plain") as store:
            await store.put(LinkKey("example", user), tokens, origin=origin)
        return tokens.access_token

    async def stored(self, user: str = ME) -> Link:
        """Return their link."""
        async with open_store(f"sqlite:///{self.database}", keys="plain") as store:
            link = await store.get(LinkKey("example", user))
        assert link is not None
        return link


def mode(path: Path) -> int:
    """Return who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)
