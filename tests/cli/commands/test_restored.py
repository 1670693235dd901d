"""``restored``: an operator sees what may be spent after a restore, holds it, and lets go of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from extauth import LinkKey, open_store
from extauth.domain.errors import LinkDoubtful
from extauth.domain.fence import DOUBTFUL
from extauth.front_door import open as open_auth
from extauth.testing import AuthorizationServer
from tests.cli.commands.support import CANARY, extauth, stocked, tokens
from tests.cli.commands.test_acting import HERE, settings
from tests.cli.commands.test_doctor import levels, told
from tests.support.postgres_admin import run as run_on


async def restored(url: str) -> None:
    """Leave a database as a replica has found it that was started after a restore."""
    async with stocked(url) as stocked_store:
        store: Any = stocked_store
        seen = await store.history.look()
        await store.history.restored(attrs.evolve(seen, at=await store.time() + timedelta(seconds=1)))
        await store.put(LinkKey("github", "zoe"), tokens())


async def test_it_lists_what_may_be_spent(url):
    """By provider, or each; not a dead one. Nothing is changed without --yes, and nothing is shown."""
    await restored(url)
    run = extauth("restored", "--store", url, "--json", "--list")
    assert (run.code, run.json["doubtful"], run.json["held"]) == (0, {"github": 2, "gitlab": 1}, {})
    assert {"provider": "gitlab", "user": "bob", "held": False} in run.json["links"]
    assert datetime.fromisoformat(run.json["restored_at"]) < datetime.now(UTC) + timedelta(hours=1)
    dry = extauth("restored", "--store", url, "--hold")
    assert "nothing was changed; --yes does" in dry.out
    assert extauth("restored", "--store", url, "--json").json["held"] == {}
    words = extauth("restored", "--store", url, "--list")
    assert "presented when it is needed" in words.out
    assert CANARY not in run.out + words.out + dry.out


async def test_it_is_held_and_agreed_to(url):
    """All of it, and then one link, one provider and the rest; retry leaves it as it is."""
    await restored(url)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    held = extauth("restored", "--store", url, "--hold", "--before", later, "--yes", "--json")
    assert (held.json["changed"], held.json["held"]) == (3, {"github": 2, "gitlab": 1})
    shown = extauth("show", "github", "alice", "--store", url).out
    assert "not refreshed until that is lifted by extauth restored --agree\n" in shown
    doctor = extauth("doctor", "--store", url, "--json")
    assert levels(doctor)["restore"] == "problem"
    assert "2 of github, 1 of gitlab may be spent; 3 of them" in told(doctor, "restore")
    retried = extauth("retry", "--store", url, "github", "--yes", "--json")
    assert (retried.json["lifted"], retried.json["doubtful"]) == (1, 2)
    assert "2 more are held since a restore" in extauth("retry", "--store", url, "github").out
    one = extauth("restored", "--store", url, "--agree", "github", "--user", "alice", "--yes", "--json")
    assert (one.json["changed"], one.json["held"]) == (1, {})
    assert one.json["restored_at"] is not None
    lines = extauth("restored", "--store", url, "--agree", "github", "--yes")
    assert "1 links were let go" in lines.out
    rest = extauth("restored", "--store", url, "--agree", "--yes", "--json")
    assert (rest.json["changed"], rest.json["doubtful"], rest.json["restored_at"]) == (1, {}, None)
    again = extauth("restored", "--store", url)
    assert "nobody has noticed" in again.out
    assert levels(extauth("doctor", "--store", url, "--json"))["restore"] == "ok"


async def test_where_nobody_has_noticed(url):
    """An operator who knows says so before the application is started: then nothing is presented."""
    async with AuthorizationServer() as server:
        async with open_store(url, keys="plain") as store:
            await store.put(LinkKey("github", "alice"), tokens(expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
        env = settings(server)
        held = extauth("restored", "--store", url, "--hold", "--yes", "--json", env=env, folder=HERE)
        assert (held.code, held.json["held"]) == (0, {"github": 1})
        refreshed = extauth("refresh", "--store", url, "github", "alice", "--json", env=env, folder=HERE)
        assert refreshed.error["code"] == LinkDoubtful.code
        assert server.grants.exchanges == 0


@pytest.mark.parametrize(
    "wrong", [("--hold", "github"), ("--before", "2h"), ("--hold", "--agree"), ("--before", "soon", "--hold")]
)
async def test_what_cannot_be_meant(kept_in_a_file, wrong):
    """It is refused, and nothing done."""
    run = extauth("restored", "--store", kept_in_a_file, *wrong, "--yes", "--json")
    assert (run.code, run.error["code"]) == (2, "usage")


async def test_a_store_that_says_nothing_of_its_history():
    """No restore of it is noticed."""
    run = extauth(
        "restored",
        "--app",
        "app:in_memory",
        "--json",
        folder=HERE,
        env={
            "SERVER_URL": "https://server.example",
            "SERVER_CLIENT_ID": "id",
            "SERVER_CLIENT_SECRET": "of nobody",
        },
    )
    assert run.error["code"] == "configuration_error"


async def test_the_mark_is_the_one_that_refreshes_respect(url):
    """An application that runs meets it."""
    await restored(url)
    extauth("restored", "--store", url, "--hold", "--before", "2099-01-01T00:00Z", "--yes")
    async with open_store(url, keys="plain") as store, open_auth(store, []) as auth:
        link = await auth.store.get(LinkKey("gitlab", "bob"))
        assert link.failure.reason == DOUBTFUL


async def test_before_anybody_was_started(url):
    """The doctor sees it, too, and changes nothing."""
    async with stocked(url) as store:
        await store.history.accept(await store.history.look())
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database, database:
            database.execute("UPDATE external_auth_meta SET history = 'of a year ago'")
    else:
        await run_on(url, "UPDATE external_auth_meta SET history = 'of a year ago'")
    for _ in range(2):
        doctor = extauth("doctor", "--store", url, "--json")
        assert levels(doctor)["restore"] == "warning"
        assert told(doctor, "restore").startswith("the database is another one")
