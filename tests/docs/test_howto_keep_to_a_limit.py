"""What the guide to providers' limits shows does what it says."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

import extauth
from extauth import LinkKey
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.testing import AuthorizationServer
from extauth.testing.server.quirks import ServerQuirks

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "keep-to-a-limit.md").read_text()


def guide() -> dict[str, Any]:
    """Return all that the guide defines."""
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL):
        exec(block, names)  # noqa: S102 - our own page
    return names


async def test_everybody_is_served():
    """At a server with the guide's limit, by the guide's policy, asked by the guide's function."""
    [quirks] = re.findall(r"AuthorizationServer\(quirks=(ServerQuirks\(.*\))\)`", GUIDE)
    names = {**guide(), "ServerQuirks": ServerQuirks}
    limited = eval(quirks, names)  # noqa: S307 - our own page
    users = [f"user-{number}" for number in range(12)]
    async with AuthorizationServer(quirks=limited) as server:
        provider = OAuth2Provider(
            "crm",
            client_id=server.client_id,
            client_secret=server.client_secret,
            authorize_url=server.authorize_url,
            token_url=server.token_url,
            reach="loopback",
        )
        async with extauth.open("memory://", [provider], policy=names["policy"], keys="plain") as auth:
            for user in users:
                expired = attrs.evolve(server.new_grant(user), expires_at=datetime.now(UTC))
                await auth.store.put(LinkKey("crm", user), expired)
            asking = (names["patient_token"](auth, "crm", user) for user in users)
            tokens = await asyncio.gather(*asking)
        assert [server.accepts(token) for token in tokens] == [True] * len(users)
        assert len(server.presented) == len(users)
