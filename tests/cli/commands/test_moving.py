"""``import``, ``export`` and lifting fences."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from extauth import LinkKey, open_store
from extauth.adapters.encryption import EncryptionKey
from extauth.services.errors import link_fenced
from tests.cli.commands.support import CANARY, PROGRAM, environment, extauth, stocked

ALICE = LinkKey("github", "alice")


def row(user: str = "alice", **values: Any) -> dict[str, Any]:
    """Return a row whose tokens no output may show."""
    return {
        "user_id": user,
        "provider_id": "github",
        "access_token": f"at-{CANARY}-{user}",
        "refresh_token": f"rt-{CANARY}-{user}",
        "expires_at": "2099-01-01T00:00:00+00:00",
        **values,
    }


def lines(*rows: dict[str, Any] | str) -> str:
    """Return the text of a file of them."""
    return "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in rows)


@pytest.fixture
async def empty(url: str) -> str:
    """A store without links."""
    async with open_store(url, keys="plain"):
        return url


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A file with the key of an export."""
    path = tmp_path / "export.key"
    path.touch(mode=0o600)
    path.write_text(EncryptionKey.generate("move").reveal())
    return path


async def test_rows_come_in_fenced_and_bad_ones_are_listed(empty, tmp_path):
    """A dry run writes nothing, the import says which rows it left, and --frozen opens the fence."""
    file = tmp_path / "rows.jsonl"
    file.write_text(lines(row(), f"no-json-{CANARY}", row("bob", expires_at=CANARY)))
    options = ("import", str(file), "--store", empty, "--json")
    dry = extauth(*options, "--dry-run")
    refused = [
        {"row": 2, "reason": "the line is no JSON object", "provider": None, "user": None},
        {
            "row": 3,
            "reason": "expires_at is no time: neither a datetime, nor seconds since 1970, nor ISO 8601",
            "provider": None,
            "user": None,
        },
    ]
    counts = {"rows": 3, "added": 1, "fenced": 1, "renewed": 0, "already_there": 0, "refused": refused}
    assert (dry.code, dry.json) == (1, {"command": "import", "ok": False, "dry_run": True, **counts})
    assert extauth("links", "--store", empty, "--json").json["links"] == []
    done = extauth(*options)
    assert (done.code, done.json) == (1, {"command": "import", "ok": False, "dry_run": False, **counts})
    [link] = extauth("links", "--store", empty, "--json").json["links"]
    assert (link["user"], link["failure"]["reason"]) == ("alice", "fenced")
    shown = extauth("show", "github", "alice", "--store", empty).out
    assert "not refreshed until that is lifted by extauth retry --reason fenced\n" in shown
    file.write_text(lines(row(access_token=f"newer-{CANARY}")))
    frozen = extauth(*options, "--frozen")
    assert (frozen.code, frozen.json["renewed"], frozen.json["already_there"]) == (0, 1, 0)
    async with open_store(empty, keys="plain") as store:
        link = await store.get(ALICE)
    assert (link.tokens.access_token, link.failure) == (f"newer-{CANARY}", None)
    plain = extauth("import", str(file), "--store", empty)
    assert plain.out == "1 rows: 0 added, 0 renewed, 1 already there, 0 refused\n"
    assert all(CANARY not in each.out + each.err for each in (dry, done, frozen, plain))


@pytest.mark.parametrize(
    ("source", "given"),
    [
        ("allauth", {"user_id": 7, "provider": "google-oauth2", "token": "at", "token_secret": "rt"}),
        ("authjs", {"userId": "7", "provider": "google-oauth2", "access_token": "at", "type": "oauth"}),
        ("authlib", {"user_id": 7, "name": "google-oauth2", "access_token": "at", "refresh_token": "rt"}),
        ("better-auth", {"userId": "7", "providerId": "google-oauth2", "accessToken": "at"}),
        (
            "nango",
            {
                "end_user": {"id": "7"},
                "provider_config_key": "google-oauth2",
                "credentials": {"type": "OAUTH2", "access_token": "at"},
            },
        ),
    ],
)
def test_rows_of_other_libraries_come_by_stdin(tmp_path, source, given):
    """With their columns and their names of providers; times without a zone only if it is said which."""
    url = f"sqlite:///{tmp_path}/links.db"
    assert extauth("migrate", "--store", url).code == 0
    options = ("import", "-", "--from", source, "--store", url, "--json", "--utc")
    ended = subprocess.run(
        [sys.executable, "-m", "extauth.cli.main", *options, "--map", "google-oauth2=google"],
        input=lines(given, {**given, **{name: "other" for name in given if name.startswith("prov")}}),
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        timeout=100,
    )
    assert json.loads(ended.stdout)["added"] == 1, ended.stdout + ended.stderr
    [link] = extauth("links", "--store", url, "--json").json["links"]
    assert (link["provider"], link["user"]) == ("google", "7")


async def test_an_export_is_imported_elsewhere(kept, key, tmp_path):
    """Whole links move, marks with them; here they are fenced until somebody lifts that by its name."""
    file = tmp_path / "links.exported"
    out = extauth("export", str(file), "--freeze", "--key", str(key), "--store", kept, "--json")
    said = {"command": "export", "ok": True, "exported": 3, "frozen": 2, "left_out": []}
    assert (out.code, out.json) == (0, said)
    assert (file.stat().st_mode & 0o777, CANARY in file.read_text()) == (0o600, False)
    there = f"sqlite:///{tmp_path}/there.db"
    assert extauth("migrate", "--store", there).code == 0
    env = {"EXTAUTH_EXPORT_KEY": key.read_text()}
    options = ("import", str(file), "--from", "export", "--frozen", "--store", there, "--json")
    came = extauth(*options, env=env)
    assert (came.code, came.json["added"], came.json["fenced"]) == (0, 3, 0)
    async with open_store(kept, keys="plain") as before, open_store(there, keys="plain") as after:
        for each in (ALICE, LinkKey("github/work", "alice"), LinkKey("gitlab", "bob")):
            assert (await before.get(each)).tokens == (await after.get(each)).tokens
        assert (await after.get(ALICE)).failure is None
        assert (await after.get(LinkKey("github/work", "alice"))).failure.reason == "invalid_grant"
    retry = ("retry", "github", "--user", "alice", "--store", kept, "--json")
    assert extauth(*retry, "--reason", "fenced").json["found"] == 1
    assert extauth(*retry, "--reason", "fenced", "--yes").json["lifted"] == 1
    async with open_store(kept, keys="plain") as before:
        assert (await before.get(ALICE)).failure is None
    assert all(CANARY not in each.out + each.err for each in (out, came))


async def test_what_cannot_be_moved_says_why(tmp_path, key):
    """Exit code 2 for what the operator can type otherwise, 5 for a wrong key; no file is made or read."""
    url = f"sqlite:///{tmp_path}/links.db"
    async with stocked(url):
        pass
    store, by = ("--store", url, "--json"), ("--key", str(key))
    file, other = str(tmp_path / "links.exported"), tmp_path / "other.key"
    other.touch(mode=0o600)
    other.write_text(EncryptionKey.generate("other").reveal())
    assert extauth("export", file, "--provider", "gitlab", *by, *store).json["exported"] == 1
    for code, *command in [
        (2, "export", "-", *by),
        (2, "export", file),
        (2, "export", file, *by),
        (2, "export", str(tmp_path / "none" / "links"), *by),
        (2, "import", str(tmp_path / "none")),
        (2, "import", str(tmp_path)),
        (2, "import", "-", "--from", "export", *by),
        (2, "import", file, "--from", "export"),
        (5, "import", file, "--from", "export", "--key", str(other)),
        (5, "import", str(key), "--from", "export", *by),
    ]:
        run = extauth(*command, *store)
        assert (command, run.code, run.json["ok"]) == (command, code, False), run.out
        assert CANARY not in run.out + run.err


def _importing(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "import", "-", "--store", url, "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
async def test_an_import_ends_while_its_input_is_silent(tmp_path, number):
    """A pipe that stays open holds up no signal; what was read until then is in, whole, and counted."""
    url = f"sqlite:///{tmp_path}/links.db"
    users = [f"user-{each:03}" for each in range(200)]
    async with open_store(url, keys="plain") as store:
        process = _importing(url)
        assert process.stdin is not None
        process.stdin.write(lines(*(row(user) for user in users)))
        process.stdin.flush()
        while await store.get(LinkKey("github", users[-1])) is None:
            await asyncio.sleep(0.05)
        process.send_signal(number)
        try:
            code = await asyncio.to_thread(process.wait, timeout=30)
            ended = json.loads(process.stdout.read())
            complaint = process.stderr.read()
        finally:
            process.kill()
            process.communicate()
        assert code == (143 if number == signal.SIGTERM else 130)
        assert (ended["done"]["rows done"] in {199, 200}, complaint) == (True, "")
        assert len(await store.links_of(users[-1])) == 1


async def test_a_command_that_moves_links_names_the_one_that_lifts_a_fence(empty, tmp_path):
    """Whoever is told of a fence is told what to type; one that is not lifted does not count as such."""
    file = tmp_path / "rows.jsonl"
    file.write_text(lines(row()))
    assert extauth("import", str(file), "--store", empty).code == 0
    counted = extauth("retry", "github", "--store", empty)
    assert "no link has such a mark" in counted.out
    assert "1 more are fenced, and stay so: --reason fenced lifts fences" in counted.out
    lifted = extauth("retry", "github", "--store", empty, "--yes", "--json").json
    assert (lifted["found"], lifted["fenced"], lifted["lifted"]) == (0, 1, 0)
    told = str(link_fenced(LinkKey("github/at work", "alice")))
    assert "extauth retry 'github/at work' --reason fenced --yes" in told
    lifted = extauth("retry", "github", "--reason", "fenced", "--store", empty, "--yes", "--json").json
    assert (lifted["found"], lifted["fenced"], lifted["lifted"]) == (1, 0, 1)
