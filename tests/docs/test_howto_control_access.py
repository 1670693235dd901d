"""What the guide to access control says is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import extauth
from extauth import Action, NotAuthorized, Operator, Service, User, acting_as, open_store
from extauth.adapters.authorization import GuardedStore
from extauth.adapters.encryption import EncryptionKey
from extauth.domain.access import OPERATORS
from extauth.domain.link import LinkKey
from tests.docs.guides import defined_in

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "control-access.md").read_text()
ALICE = LinkKey("github", "alice")


@pytest.fixture
def guide() -> dict[str, Any]:
    """All that the guide defines."""
    return defined_in("control-access.md")


async def test_the_first_example(guide, url, providers):
    """Alice gets her token; bob, who asks for hers, does not."""
    assert await guide["show"](url, providers, "alice", "alice") == "at-alice"
    with pytest.raises(NotAuthorized):
        await guide["show"](url, providers, "bob", "alice")


async def test_the_middleware(guide, url, providers):
    """Views act as who is signed in; where nobody is, they reach nothing."""
    async with extauth.open(url, providers, access=guide["AccessPolicy"]()) as auth:

        async def token(request: web.Request) -> web.Response:
            try:
                return web.Response(text=await auth.access_token("github", request.match_info["user"]))
            except NotAuthorized:
                return web.Response(status=403)

        async def signed_in_user(request: web.Request) -> str | None:
            return request.headers.get("X-User")

        guide["signed_in_user"] = signed_in_user
        app = web.Application(middlewares=[guide["in_the_users_name"]])
        app.router.add_get("/{user}", token)
        async with TestClient(TestServer(app)) as client:
            answers = {}
            for user in ("alice", "bob", ""):
                headers = {"X-User": user} if user else {}
                async with client.get("/alice", headers=headers) as answer:
                    answers[user] = answer.status
    assert answers == {"alice": 200, "bob": 403, "": 403}


async def test_a_view_of_the_store(guide, url, providers):
    """It is the user's, whatever code uses it."""
    async with extauth.open(url, providers, access=guide["AccessPolicy"]()) as auth:
        store: Any = auth.store
        with acting_as(User("bob")):
            assert (await store.acting_as(User("alice")).get(ALICE)).key == ALICE


async def test_roles_and_services_of_ones_own(guide, url, providers):
    """The policy of the page does what the page says."""
    async with extauth.open(url, providers, access=guide["POLICY"]) as auth:
        await guide["sync"](auth)
        with acting_as(Operator("eve", {"auditor"})):
            assert await auth.links("alice") != []
            with pytest.raises(NotAuthorized):
                await auth.unlink("github", "alice")
        with acting_as(Service("another")), pytest.raises(NotAuthorized):
            await auth.links("alice")
        with acting_as(Operator("eve", {"support"})):
            assert (await auth.unlink("github", "alice")).existed


def test_the_table_of_roles():
    """It has each role that there is, and the one for support reads nothing."""
    assert set(re.findall(r'`Operator\("eve", {"(\w+)"}\)` \|', GUIDE)) == set(OPERATORS)
    assert Action.READ not in OPERATORS["support"]


async def test_by_hand(guide, url, providers, capsys):
    """The guard stands outside of encryption."""
    key = EncryptionKey.generate("2026-11")
    await guide["by_hand"](url, key, providers)
    assert capsys.readouterr().out == "at-alice\n"
    async with open_store(url, keys=key) as store:
        assert (await GuardedStore(store, actor=User("alice")).get(ALICE)).key == ALICE
