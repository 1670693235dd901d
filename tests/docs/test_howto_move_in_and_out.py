"""What the guide to moving links says is so: its code is run on real tables, stores and files."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import extauth
from extauth import LinkFenced, LinkKey
from extauth.adapters.encryption import EncryptionKey
from extauth.testing import ScriptedLinkingProvider
from tests.adapters.importing.test_sources import DJANGO_ALLAUTH_65_22_1
from tests.cli.commands.support import extauth as run_command

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "move-in-and-out.md").read_text()
ALICE = LinkKey("github", "alice")


@pytest.fixture
def guide() -> dict[str, Any]:
    """All that the guide defines."""
    names: dict[str, Any] = {"unseal": lambda text: text.removeprefix("sealed:")}
    for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL):
        exec(block, names)  # noqa: S102 - our own page
    return names


@pytest.fixture
def provider() -> ScriptedLinkingProvider:
    """A provider that ends a grant whose refresh token comes twice."""
    return ScriptedLinkingProvider("github")


@pytest.fixture
async def auth(provider, tmp_path):
    """Where links are moved to."""
    async with extauth.open(f"sqlite:///{tmp_path}/here.db", [provider], keys="plain") as opened:
        yield opened


def row(provider, *, tokens=None, user="alice", left=timedelta(hours=1)):
    """Return alice's row of a table of the application's own."""
    tokens = tokens or provider.tokens.grant()
    return tokens, {
        "owner_id": user,
        "service": "github",
        "token": tokens.access_token,
        "sealed_refresh_token": f"sealed:{tokens.refresh_token}",
        "expires": (datetime.now(UTC) + left).replace(tzinfo=None),
        "granted": "repo",
    }


async def refreshed(provider, tokens):
    """Refresh as the other side does."""
    return (await provider.refresh(tokens)).tokens


async def test_the_three_steps(guide, auth, provider, capsys):
    """Imported while the other side refreshes, stopped, imported again: the grant lives on here."""
    tokens, before = row(provider)
    await guide["move_in"](auth, [before, {**before, "service": "unknown"}], guide["MAPPING"])
    assert tokens.access_token == await auth.access_token("github", "alice")
    with pytest.raises(LinkFenced):
        await auth.refresh("github", "alice")
    newer = await refreshed(provider, tokens)
    _, after = row(provider, tokens=newer)
    report = await guide["move_in"](auth, [after], guide["MAPPING"], stopped=True)
    assert report.renewed == 1
    await auth.refresh("github", "alice")
    assert (provider.tokens.exchanges, provider.tokens.families_revoked) == (2, 0)
    assert capsys.readouterr().out == (
        "would add 1 renew 0 and refuse 1\n"
        "row 2 was left out: its provider 'unknown' is not among providers\n"
        "would add 0 renew 1 and refuse 0\n"
    )


async def test_one_user_is_tried_out(guide, auth, provider):
    """The others stay fenced."""
    rows = [row(provider, user=user)[1] for user in ("alice", "bob")]
    await guide["move_in"](auth, rows, guide["MAPPING"])
    await guide["try_one"](auth, rows[0], guide["MAPPING"], "github", "alice")
    with pytest.raises(LinkFenced):
        await auth.refresh("github", "bob")
    assert provider.tokens.exchanges == 1


async def test_from_django_allauth(guide, tmp_path):
    """From a database as Django makes it."""
    with closing(sqlite3.connect(tmp_path / "django.db")) as database, database:
        database.executescript(DJANGO_ALLAUTH_65_22_1)
    database.close()
    async with extauth.open("memory://", [ScriptedLinkingProvider("google")]) as auth:
        report = await guide["from_allauth"](auth, tmp_path / "django.db")
        assert (report.added, [refused.number for refused in report.refused]) == (1, [1, 3])


async def test_out_and_on(guide, auth, provider, tmp_path, capsys):
    """Frozen here, refreshed there; called off, refreshed here again."""
    await guide["move_in"](auth, [row(provider)[1]], guide["MAPPING"], stopped=True)
    key = EncryptionKey.generate("move")
    assert await guide["move_out"](auth, tmp_path / "links.sealed", key) == 1
    with pytest.raises(LinkFenced):
        await auth.refresh("github", "alice")
    async with extauth.open("memory://", [provider]) as there:
        assert (await guide["move_on"](there, tmp_path / "links.sealed", key)).added == 1
        await there.refresh("github", "alice")
    assert (provider.tokens.exchanges, provider.tokens.families_revoked) == (1, 0)
    assert await guide["call_off"](auth, "github") == 1


async def test_the_commands(tmp_path):
    """Each command of the page does what it is said to do, one after the other."""
    env = {"EXTAUTH_STORE": f"sqlite:///{tmp_path}/here.db"}
    async with extauth.open_store(env["EXTAUTH_STORE"], keys="plain"):
        pass
    values = {"user_id": "alice", "provider_id": "github", "access_token": "a1", "refresh_token": "r1"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(values))
    (tmp_path / "newer.jsonl").write_text(json.dumps({**values, "access_token": "a2"}))
    (tmp_path / "export.key").touch(mode=0o600)
    (tmp_path / "export.key").write_text(EncryptionKey.generate("move").reveal())
    commands = re.findall(r"^\$ extauth (.*)$", GUIDE, re.MULTILINE)
    ran = [run_command(*shlex.split(each, comments=True), env=env, folder=tmp_path) for each in commands]
    assert [each.out.splitlines()[0] for each in ran] == [
        "1 rows: 1 would be added, 0 would be renewed, 0 already there, 0 refused",
        "1 rows: 1 added, 0 renewed, 0 already there, 0 refused",
        "1 rows: 0 added, 1 renewed, 0 already there, 0 refused",
        "1 links exported, 1 of them fenced here, 0 left out",
        "1 rows: 0 added, 1 renewed, 0 already there, 0 refused",
    ]
    assert {0} == {each.code for each in ran}


async def test_a_file_moves_to_postgres(tmp_path, provider, postgres_dsn):
    """By the commands of the guide as they stand; a link that came later comes with a second round."""
    file = tmp_path / "links.db"
    section = GUIDE.partition("### From SQLite to Postgres")[2]
    [commands] = re.findall(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    typed = commands.replace("sqlite:////var/lib/app/links.db", f"sqlite:///{file}")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "DATABASE_URL": postgres_dsn, "PYTHONWARNINGS": "error"}
    tokens = {user: provider.tokens.grant() for user in ("alice", "bob")}
    for user, granted in tokens.items():
        async with extauth.open(f"sqlite:///{file}", [provider], keys="plain") as old:
            await old.store.put(LinkKey("github", user), granted, origin=provider.origin)
        ended = await asyncio.to_thread(
            subprocess.run,
            ["sh", "-ec", typed],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        (tmp_path / "moved").unlink()
    async with extauth.open(postgres_dsn, [provider], keys="plain") as new:
        for user, before in tokens.items():
            link = await new.refresh("github", user, rejected=before.access_token)
            assert link.tokens.refresh_token != before.refresh_token
    async with extauth.open(f"sqlite:///{file}", [provider], keys="plain") as old:
        with pytest.raises(LinkFenced):
            await old.refresh("github", "alice")
