"""``upkeep`` and ``outbox``."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth import LinkKey, open_store
from extauth.cli.commands import upkeep
from extauth.cli.session import Session
from extauth.domain.link import RefreshFailure
from extauth.testing import ScriptedLinkingProvider
from tests.cli.commands.support import CANARY, extauth, tokens
from tests.cli.commands.test_acting import run, server, settings

__all__ = ["server"]


async def test_what_is_due_is_refreshed_once(url, server):
    """The link about to expire gets new tokens, the other none; a second run finds nothing."""
    now = datetime.now(UTC)
    async with open_store(url, keys="plain") as store:
        for user, lasts in (("alice", timedelta(seconds=30)), ("bob", timedelta(days=1))):
            grant = server.new_grant(user)
            expiring = attrs.evolve(grant, issued_at=now - timedelta(hours=1), expires_at=now + lasts)
            await store.put(LinkKey("github", user), expiring)
    env = settings(server)
    nothing = {
        "command": "upkeep",
        "ok": True,
        "refreshed": 0,
        "elsewhere": 0,
        "failed": 0,
        "ended": 0,
        "purged": 0,
        "paused": [],
        "behind": 0.0,
    }
    first = await run("upkeep", "--store", url, "--json", env=env)
    assert (first.code, first.json["behind"] > 0) == (0, True)
    assert {**first.json, "behind": 0.0} == {**nothing, "refreshed": 1}
    async with open_store(url, keys="plain") as store:
        links = [await store.get(LinkKey("github", user)) for user in ("alice", "bob")]
    assert [link and link.version for link in links] == [2, 1]
    assert (await run("upkeep", "--store", url, "--json", "--only-alive", env=env)).json == nothing
    plain = await run("upkeep", "--store", url, "--rate", "5", env=env)
    assert (plain.code, "0 links refreshed, 0 by others" in plain.out) == (0, True)
    assert not any(link.tokens.access_token in first.out + first.err for link in links if link is not None)
    without = await run("upkeep", "--store", url)
    assert (without.code, "--app" in without.err) == (2, True)
    assert (await run("upkeep", "--store", url, "--rate", "0", env=env)).code == 2


async def test_events_that_were_set_aside(url):
    """They are counted and listed page by page, delivered again or removed, by number or all."""
    async with open_store(url, keys="plain") as store:
        await store.outbox.keep_on()
        for user in ("alice", "bob", "carol", "dave"):
            link = await store.put(LinkKey("github", user), tokens())
            await store.record_failure(link.key, 1, RefreshFailure("invalid_grant", datetime.now(UTC), 1))
        claimed = await store.outbox.claim("me", timedelta(minutes=1), limit=3)
        for event in claimed:
            await store.outbox.postpone(event.number, "me", None, "http_410")
    numbers = sorted(event.number for event in claimed)
    found = extauth("outbox", "--store", url, "--json", "--limit", "2")
    assert (found.code, found.json["waiting"], found.json["dead"]) == (1, 1, 3)
    assert [letter["number"] for letter in found.json["dead_letters"]] == numbers[:2]
    assert found.json["next"] == numbers[1]
    letter = found.json["dead_letters"][0]
    at = {letter.pop(name) is None for name in ("id", "at", "set_aside_at")}
    assert at == {False}
    user = next(event.event.key.user_id for event in claimed if event.number == numbers[0])
    assert letter == {
        "number": numbers[0],
        "type": "link.broken",
        "provider": "github",
        "user": user,
        "version": 1,
        "reason": "invalid_grant",
        "source": None,
        "ends_at": None,
        "attempts": 1,
        "code": "http_410",
    }
    rest = extauth("outbox", "--store", url, "--json", "--after", str(numbers[1]))
    assert ([letter["number"] for letter in rest.json["dead_letters"]], rest.json["next"]) == (
        numbers[2:],
        None,
    )
    shown = extauth("outbox", "--store", url)
    assert (shown.code, "3 were set aside" in shown.out, shown.out.count("http_410")) == (1, True, 3)

    again = extauth("outbox", "--store", url, "--json", "--requeue", str(numbers[0]))
    assert (again.code, again.json["requeued"], again.json["waiting"], again.json["dead"]) == (0, 1, 2, 2)
    gone = extauth("outbox", "--store", url, "--json", "--discard", str(numbers[0]), str(numbers[1]))
    assert (gone.code, gone.json["discarded"], gone.json["dead"]) == (1, 1, 1)
    both = extauth("outbox", "--store", url, "--json", "--discard", "all", str(numbers[2]))
    assert (both.code, both.error["code"]) == (2, "usage")
    assert extauth("outbox", "--store", url, "--discard", "0").code == 2
    rest_gone = extauth("outbox", "--store", url, "--json", "--discard", "all")
    assert (rest_gone.code, rest_gone.json["discarded"], rest_gone.json["dead"]) == (0, 1, 0)
    empty = extauth("outbox", "--store", url, "--json")
    assert (empty.code, empty.json["waiting"], empty.json["dead_letters"]) == (0, 2, [])
    assert CANARY not in found.out + shown.out + again.out + empty.out


def scripted() -> list[ScriptedLinkingProvider]:
    """Return the providers of an application."""
    return [PROVIDER]


PROVIDER = ScriptedLinkingProvider("github")


async def test_an_interrupted_upkeep_says_what_it_has_done(tmp_path):
    """One link is refreshed and the next must wait for its turn: it is counted, and the other is not."""
    url = f"sqlite:///{tmp_path}/links.db"
    now = datetime.now(UTC)
    async with open_store(url, keys="plain") as store:
        for user in ("alice", "bob"):
            grant = attrs.evolve(PROVIDER.tokens.grant(), issued_at=now - timedelta(hours=1), expires_at=now)
            await store.put(LinkKey("github", user), grant)
    options = argparse.Namespace(
        app=f"{__name__}:scripted", store=url, keys_file=None, rate=0.01, only_alive=False, mine=False
    )
    session = Session(options, reports=False)
    running = asyncio.create_task(upkeep.COMMAND.run(session))
    while not session.done.get("links refreshed") and not running.done():
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert session.done == {"links refreshed": 1, "expired removed": 0}
    async with open_store(url, keys="plain") as store:
        versions = [(await store.get(LinkKey("github", user))).version for user in ("alice", "bob")]
    assert sorted(versions) == [1, 2]
