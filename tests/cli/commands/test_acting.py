"""``refresh``, ``retry``, ``unlink`` and ``forget-user``."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from extauth import LinkKey, open_store
from extauth.testing import AuthorizationServer, Fault
from tests.cli.commands.support import CANARY, begun, extauth, finished, stocked

HERE = Path(__file__).parent
ALICE = LinkKey("github", "alice")


def settings(server: AuthorizationServer, **more: str) -> dict[str, str]:
    """Return the environment of an application at the server."""
    return {
        "SERVER_URL": server.token_url.removesuffix("/token"),
        "SERVER_CLIENT_ID": server.client_id,
        "SERVER_CLIENT_SECRET": server.client_secret,
        "EXTAUTH_APP": "app:providers",
        **more,
    }


@pytest.fixture
async def server() -> AsyncGenerator[AuthorizationServer, None]:
    """A strict authorization server."""
    async with AuthorizationServer() as running:
        yield running


async def run(*arguments: str, **options: Any):
    """Run a command beside the server, in the folder of the application."""
    return await asyncio.to_thread(extauth, *arguments, folder=HERE, **options)


async def test_a_link_is_refreshed(url, server):
    """By any form of an application; what it prints does not get into the answer."""
    async with open_store(url, keys="plain") as store:
        await store.put(ALICE, server.new_grant("alice"))
    for number, app in enumerate(
        ["app:providers", "app:later", "app:whole", "app:managed", "app:guarded"], 1
    ):
        # An application that opens its own store needs no other address.
        store_options = [] if app in {"app:whole", "app:managed", "app:guarded"} else ["--store", url]
        env = settings(server, EXTAUTH_APP=app, APP_STORE=url)
        refreshed = await run("refresh", "github", "alice", "--json", *store_options, env=env)
        assert (refreshed.code, set(refreshed.json)) == (0, {"command", "ok", "link"})
        assert (refreshed.json["link"]["version"], refreshed.json["link"]["state"]) == (number + 1, "ok")
        assert (server.grants.exchanges, refreshed.err) == (number, "a word of the application's own\n")


@pytest.mark.parametrize(
    ("fault", "code", "error"),
    [
        (Fault.UNAVAILABLE_BEFORE, 4, {"code": "provider_unavailable"}),
        (Fault.WRONG_CLIENT, 5, {"code": "provider_misconfigured", "reason": "invalid_client"}),
    ],
)
async def test_a_refresh_that_fails_says_why(url, server, fault, code, error):
    """The exit code says who can help: time, or an operator."""
    async with open_store(url, keys="plain") as store:
        await store.put(ALICE, server.new_grant("alice"))
    server.faults.plan(fault, fault, fault)
    refreshed = await run("refresh", "github", "alice", "--json", "--store", url, env=settings(server))
    assert (refreshed.code, refreshed.error.items() >= error.items()) == (code, True)


async def test_a_refresh_that_is_refused_or_of_nobody(kept, server):
    """A dead grant is exit code 1 with the reason, and no link 3."""
    env = settings(server)
    refreshed = await run("refresh", "github", "alice", "--json", "--store", kept, env=env)
    assert (refreshed.code, refreshed.error["reason"]) == (1, "invalid_grant")
    assert CANARY not in refreshed.out + refreshed.err
    assert (await run("refresh", "github", "zoe", "--store", kept, env=env)).code == 3
    unknown = await run("refresh", "gitlab", "bob", "--store", kept, env=env)
    assert (unknown.code, "gitlab" in unknown.err) == (5, True)
    without = await run("refresh", "github", "alice", "--store", kept)
    assert (without.code, "--app" in without.err) == (2, True)


async def test_an_interrupted_refresh_still_saves(url):
    """Ctrl-C while the provider's answer is on its way: the tokens that it brings are stored."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def held(_: float) -> None:
        asked.set()
        await answer.wait()

    async with AuthorizationServer(answer_delay=timedelta(seconds=1), pause=held) as server:
        async with open_store(url, keys="plain") as store:
            before = await store.put(ALICE, server.new_grant("alice"))
        process = await asyncio.to_thread(
            begun, "refresh", "github", "alice", "--store", url, "--json", env=settings(server), folder=HERE
        )
        await asked.wait()
        process.send_signal(signal.SIGINT)  # which it has before the answer
        answer.set()
        ended = await asyncio.to_thread(finished, process)
        assert (ended.code, ended.error["code"]) == (130, "interrupted")
        async with open_store(url, keys="plain") as store:
            after = await store.get(ALICE)
        assert after is not None
        assert (after.version, server.accepts(after.tokens.access_token)) == (before.version + 1, True)


def test_marks_are_counted_and_then_lifted(kept):
    """Nothing changes without --yes."""
    options = ("retry", "github", "--store", kept, "--json")
    counted = {"command": "retry", "ok": True, "found": 1, "fenced": 0, "doubtful": 0, "lifted": 0}
    counted["dry_run"] = True
    assert extauth(*options).json == counted
    assert extauth(*options, "--reason", "http_503", "--yes").json["lifted"] == 0
    assert extauth(*options, "--user", "bob", "--yes").json["lifted"] == 0
    assert extauth(*options).json == counted
    run = extauth(*options, "--reason", "invalid_grant", "--since", "1h", "--yes")
    assert run.json == {**counted, "lifted": 1, "dry_run": False}
    assert extauth(*options).json["found"] == 0
    assert "nothing was changed" in extauth("retry", "gitlab", "--store", kept).out


async def test_an_unlink_revokes_where_it_can(url, server):
    """With the providers the tokens are dead; without them it says that they are not."""
    async with open_store(url, keys="plain") as store:
        for user in ("alice", "bob"):
            await store.put(LinkKey("github", user), server.new_grant(user))
        tokens = {user: (await store.get(LinkKey("github", user))).tokens for user in ("alice", "bob")}
    revoked = await run("unlink", "github", "alice", "--store", url, "--json", env=settings(server))
    assert revoked.json["outcome"] == {
        "provider": "github",
        "user": "alice",
        "removed": True,
        "revoked": True,
        "reason": None,
        "also_ended": [],
    }
    assert not server.accepts(tokens["alice"].access_token)
    left = await run("unlink", "github", "bob", "--store", url)
    assert (left.code, "not revoked: no provider was given" in left.out) == (0, True)
    assert server.accepts(tokens["bob"].access_token)
    async with open_store(url, keys="plain") as store:
        assert [await store.get(LinkKey("github", user)) for user in ("alice", "bob")] == [None, None]
    for env in ({}, settings(server)):
        assert (await run("unlink", "github", "bob", "--store", url, env=env)).code == 3


def test_a_user_is_forgotten(kept):
    """All of the user's links and begun authorizations go, nobody else's; it is said that none is left."""
    options = ("forget-user", "alice", "--store", kept, "--json")
    asked = extauth(*options)
    keys = [{"provider": "github", "user": "alice"}, {"provider": "github/work", "user": "alice"}]
    assert asked.json == {"command": "forget-user", "ok": True, "links": keys, "begun": 2, "dry_run": True}
    assert len(extauth("links", "--store", kept, "--json").json["links"]) == 3
    done = extauth(*options, "--yes")
    assert (done.code, set(done.json)) == (0, {"command", "ok", "outcomes", "left", "dry_run"})
    nothing = {"links": 0, "begun": 0, "answered": 0, "answered_until": None}
    assert done.json["left"] == nothing
    outcomes = [(each["provider"], each["removed"], each["reason"]) for each in done.json["outcomes"]]
    assert outcomes == [("github", True, "no_provider"), ("github/work", True, "no_provider")]
    links = extauth("links", "--store", kept, "--json").json["links"]
    assert [link["user"] for link in links] == ["bob"]
    again = extauth(*options, "--yes")
    assert (again.code, again.error["code"]) == (3, "link_not_found")
    assert CANARY not in asked.out + done.out + done.err


async def test_what_stays_of_a_user_is_said(url):
    """An answered authorization is remembered until it ends, and it is said until when."""
    async with stocked(url) as store:
        await store.take_authorization("hash-canary-0", user_id="alice")
    done = extauth("forget-user", "alice", "--yes", "--store", url, "--json")
    left = done.json["left"]
    assert (left["links"], left["begun"], left["answered"]) == (0, 0, 1)
    assert left["answered_until"] is not None
    plain = extauth("forget-user", "alice", "--yes", "--store", url)
    assert "are remembered until" in plain.out
