"""One user who begins again and again."""

from __future__ import annotations

from typing import Any

import pytest

import extauth
from extauth import open_store
from extauth.adapters.memory.linking import MemoryAuthorizations
from extauth.domain.linking import MOST_BEGUN
from extauth.testing import AuthorizationServer
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence
from tests.attacks.scenarios.who_completes import CALLBACK, VICTIM, provider


async def _flood(_: Fence) -> object:
    """Let mallory's script begin again and again; return whether the store keeps growing."""
    async with (
        AuthorizationServer(redirect_uris=[CALLBACK]) as server,
        open_store("memory://") as store,
        extauth.LinkingService(store, [provider(server)]) as linking,
    ):
        for number in range(10 * MOST_BEGUN):
            await linking.begin(f"calendar/{number}", "mallory", CALLBACK)
        kept: Any = store
        return len(kept._authorizations._begun) > MOST_BEGUN


async def _honest_among_many(_: Fence) -> None:
    async with (
        AuthorizationServer(redirect_uris=[CALLBACK]) as server,
        extauth.open("memory://", [provider(server)]) as auth,
    ):
        url = await auth.begin("calendar", "victim", CALLBACK)
        begun = [await auth.begin("calendar", "mallory", CALLBACK) for _again in range(2 * MOST_BEGUN)]
        for user, theirs in (("victim", url), ("mallory", begun[-1])):
            callback = await server.visit(theirs, VICTIM)
            assert (await auth.complete(callback.url, user_id=user)).key.user_id == user


def _no_bound(patch: pytest.MonkeyPatch) -> None:
    begin = MemoryAuthorizations.begin
    patch.setattr(
        MemoryAuthorizations, "begin", lambda self, pending, ttl, _: begin(self, pending, ttl, 10**6)
    )


ATTACKS = [
    Attack(
        name="flood: one user begins again and again, for ever new names, and fills the store",
        source="CWE-770, RFC 6819 4.4.1.11",
        attempt=_flood,
        honest=_honest_among_many,
        without_guard=_no_bound,
    ),
]
