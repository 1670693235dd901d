"""What the guide to the audit trail says is so."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import extauth
from extauth import AuditKind, AuditTrail, LinkKey, TokenSet, open_store
from extauth.adapters.audit import AuditedStore
from tests.cli.commands.support import extauth as run_command
from tests.docs.guides import defined_in
from tests.support.postgres_admin import role_of, run

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "audit-trail.md").read_text()
ALICE = LinkKey("github", "alice")
TOKENS = TokenSet("at-alice", "rt-alice")


@pytest.fixture
def guide() -> dict[str, Any]:
    """All that the guide defines."""
    return defined_in("audit-trail.md")


async def test_the_first_example(guide, url, providers, capsys):
    """It prints who got whose token."""
    await guide["main"](url, providers)
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("1 ")
    assert line.endswith(" user:alice handed_out github alice")


def test_the_table_of_kinds():
    """It has each kind that there is."""
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", GUIDE, re.MULTILINE)
    assert {kind for row in rows for kind in re.findall(r"`(\w+)`", row)} - {"kind"} == set(AuditKind)


def hashed_by(command: str, token: str) -> str:
    """Run a command of the page's."""
    environment = {**os.environ, "TOKEN": token}
    run = subprocess.run(
        ["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


async def test_joining_with_a_providers_log(guide, url, providers):
    """What the command makes of a token is what an entry has."""
    [command] = re.findall(r"^```sh\n(printf.*)\n```", GUIDE, re.MULTILINE)
    token = "at-of-hers"
    made = hashed_by(command, token)
    async with extauth.open(url, providers, audit=AuditTrail.in_store()) as auth:
        await auth.store.put(ALICE, TokenSet(token))
        assert await guide["whose_is"](auth, made) == {"alice"}


async def test_append_only(guide, postgres_dsn):
    """With the rights of the page a store works, and its trail cannot be purged; with the owner's it can."""
    [grants] = re.findall(r"^```sql\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    async with open_store(postgres_dsn, keys="plain"):
        pass
    async with role_of(postgres_dsn) as app:
        role = app.partition("://")[2].partition(":")[0]
        await run(
            postgres_dsn,
            f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
            re.sub(r"\bapp\b", role, grants),
        )
        async with open_store(app, keys="plain") as store:
            await AuditedStore(store, AuditTrail.in_store()).put(ALICE, TOKENS)
            assert len(await store.audit.find()) == 1
            with pytest.raises(extauth.StoreUnavailable):
                await guide["keep_a_year"](store)
    async with open_store(postgres_dsn, keys="plain") as store:
        assert await guide["keep_a_year"](store) == 0
        assert await store.audit.purge(await store.time() + timedelta(seconds=1)) == 1


async def test_the_sink(guide, url, providers, tmp_path):
    """It has written what happened once the application is left."""
    path = tmp_path / "audit.jsonl"
    await guide["with_sink"](url, providers, path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["kind"], line["user"]) for line in lines] == [("unlinked", "alice"), ("revoked", "alice")]


async def test_the_commands(tmp_path):
    """They list what was entered and remove nothing that is not old."""
    url = f"sqlite:///{tmp_path}/links.db"
    async with extauth.open_store(url, keys="plain"):
        pass
    commands = re.findall(r"^\$ extauth (.*)$", GUIDE, re.MULTILINE)
    ran = [run_command(*shlex.split(each, comments=True), env={"EXTAUTH_STORE": url}) for each in commands]
    assert [" ".join(each.out.split()[:n]) for each, n in zip(ran, (3, 2, 2), strict=True)] == [
        "no such entries",
        "0 entries",
        "0 entries",
    ]
    assert {0} == {each.code for each in ran}
