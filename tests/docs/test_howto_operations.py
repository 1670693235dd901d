"""The guides for operators: what they tell to run is run, and what they say of a restored backup is so."""

from __future__ import annotations

import asyncio
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
import yaml

import extauth
from extauth import (
    LinkDoubtful,
    LinkKey,
    ProviderUnavailable,
    ReauthorizationRequired,
    RefreshPolicy,
    TokenSet,
    open_store,
)
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.outcomes import Deferred, GrantRejected
from extauth.testing import AuthorizationServer, ScriptedLinkingProvider
from tests.cli.commands.support import extauth as command
from tests.servers.postgres_binaries import find_binaries
from tests.servers.postgres_server import free_port
from tests.support.postgres_admin import run

ROOT = Path(__file__).parents[2]
PAGES = {
    name: (ROOT / "docs" / "howto" / f"{name}.md").read_text()
    for name in ("back-up", "deploy", "incident-runbook")
}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
USERS = ("kept", "used", "left", "gone")
BRIEF = RefreshPolicy(hold_after_failover=timedelta(seconds=0.6))
"""Nobody runs who remembers; the guide's restores are noticed all the same."""


def guide(page: str) -> dict[str, Any]:
    """Return all that a page defines."""
    names: dict[str, Any] = {"__name__": page}
    for block in re.findall(r"^ *```python\n(.*?)^ *```", PAGES[page], re.DOTALL | re.MULTILINE):
        exec(textwrap.dedent(block), names)  # noqa: S102 - our own page
    return names


def key(user: str) -> LinkKey:
    """Return the key of a user's link."""
    return LinkKey("example", user)


async def linked(store: Any, tokens: TokenSet, user: str) -> None:
    """Store a grant whose access token has expired."""
    await store.put(key(user), attrs.evolve(tokens, expires_at=LONG_AGO))


class TestInvalidGrantToEverybody:
    async def test_nobody_need_reconnect(self):
        """All are rejected and marked; one is tried, the others are lifted and work; older marks stay."""
        names, provider = guide("incident-runbook"), ScriptedLinkingProvider("example")
        users = [f"user-{n}" for n in range(5)]
        async with extauth.open("memory://", [provider]) as auth:
            for user in [*users, "long dead"]:
                await linked(auth.store, provider.tokens.grant(), user)
            provider.tokens.script = [GrantRejected("invalid_grant")] * 6
            with pytest.raises(ReauthorizationRequired):
                await auth.link("example", "long dead")
            await asyncio.sleep(0.001)
            began = datetime.now(UTC)
            for user in users:
                with pytest.raises(ReauthorizationRequired):
                    await auth.link("example", user)
            assert (await names["try_one"](auth, "example", users[0])).version == 2
            assert await names["lift_marks"](auth, "example", began) == 4
            for user in users:
                assert (await auth.link("example", user)).version == 2
            with pytest.raises(ReauthorizationRequired):
                await auth.link("example", "long dead")

    async def test_it_is_marked_again_while_the_outage_lasts(self):
        """Trying one user tells whether it is over, and costs nothing."""
        names, provider = guide("incident-runbook"), ScriptedLinkingProvider("example")
        async with extauth.open("memory://", [provider]) as auth:
            await linked(auth.store, provider.tokens.grant(), "alice")
            provider.tokens.script = [GrantRejected("invalid_grant")] * 2
            with pytest.raises(ReauthorizationRequired):
                await auth.link("example", "alice")
            with pytest.raises(ReauthorizationRequired):
                await names["try_one"](auth, "example", "alice")
            assert (await names["try_one"](auth, "example", "alice")).version == 2

    async def test_pauses_are_ended_early(self):
        """A link whose provider is back works at once when its pause is lifted."""
        names, provider = guide("incident-runbook"), ScriptedLinkingProvider("example")
        async with extauth.open("memory://", [provider]) as auth:
            await linked(auth.store, provider.tokens.grant(), "alice")
            provider.tokens.script = [Deferred("http_503", None)]
            for _ in range(2):
                with pytest.raises(ProviderUnavailable):
                    await auth.link("example", "alice")
            assert await names["end_pauses"](auth, "example", "http_503") == 1
            assert (await auth.link("example", "alice")).version == 2


async def history(url: str, back_up: Any, restore: Any) -> dict[str, object]:
    """Back up a store with four users, go on, restore, and return what each finds then; and who has ended.

    Since the backup one was refreshed, one disconnected, one is left alone and one came.
    """
    names = guide("back-up")
    found: dict[str, object] = {}
    async with AuthorizationServer() as server:
        provider = OAuth2Provider(
            "example",
            client_id=server.client_id,
            client_secret=server.client_secret,
            authorize_url=server.authorize_url,
            token_url=server.token_url,
            revoke_url=server.revoke_url,
        )
        async with extauth.open(url, [provider], keys="plain") as auth:
            for user in ("kept", "used", "left"):
                await linked(auth.store, server.new_grant(user), user)
            await back_up()
            await auth.link("example", "used")
            assert (await auth.unlink("example", "left")).revoked
            await linked(auth.store, server.new_grant("new"), "new")
        await restore()
        async with extauth.open(url, [provider], keys="plain", policy=BRIEF) as auth:
            assert (await auth.ready()).reason is None
            found["there"] = [
                bool(await auth.store.get(key(user))) for user in ("kept", "used", "left", "new")
            ]
            await names["disconnect_again"](auth, [("example", "left")])
            found["left"] = await auth.store.get(key("left"))
            found["ended"] = await names["find_ended"](auth, [("example", user) for user in ("kept", "used")])
            found["kept"] = (await auth.link("example", "kept")).version
            links = [await auth.store.get(key(user)) for user in ("kept", "used")]
            found["marks"] = [link and link.failure and link.failure.reason for link in links]
            found["next version"] = (await auth.store.put(key("new"), TokenSet("at-1"))).version
    return found


RESTORED = {
    "there": [True, True, True, False],
    "left": None,
    "ended": [("example", "used")],
    "marks": [None, "invalid_grant"],
}


class TestBackups:
    async def test_a_sqlite_file(self, tmp_path):
        """By the guide's function, while the store is open, and back by the same one."""
        names = guide("back-up")
        file, copy = tmp_path / "links.db", tmp_path / "copy.db"

        async def back_up() -> None:
            names["back_up"](file, copy)

        async def restore() -> None:
            names["back_up"](copy, file)

        found = await history(f"sqlite:///{file}", back_up, restore)
        assert {name: found[name] for name in RESTORED} == RESTORED
        assert found["kept"] == 2

    async def test_a_copy_of_the_file_alone_is_no_backup(self, tmp_path):
        """What the guide warns of: the write-ahead log is not in it."""
        async with open_store(f"sqlite:///{tmp_path}/links.db", keys="plain") as store:
            await store.put(key("alice"), TokenSet("at-1"))
            (tmp_path / "alone.db").write_bytes((tmp_path / "links.db").read_bytes())
            guide("back-up")["back_up"](tmp_path / "links.db", tmp_path / "backup.db")
        found = {}
        for name in ("alone", "backup"):
            async with open_store(f"sqlite:///{tmp_path}/{name}.db", keys="plain") as store:
                found[name] = await store.get(key("alice")) is not None
        assert found == {"alone": False, "backup": True}

    async def test_the_tables_of_postgres(self, postgres_dsn, tmp_path):
        """By the guide's commands, with the real pg_dump and pg_restore."""
        (shell,) = re.findall(r"^```sh\n(pg_dump.*?)^```", PAGES["back-up"], re.DOTALL | re.MULTILINE)
        dump, load = shell.splitlines()

        async def run(line: str) -> None:
            program, *arguments = shlex.split(line.replace("$DATABASE_URL", postgres_dsn))
            process = await asyncio.create_subprocess_exec(
                find_binaries() / program, *arguments, cwd=tmp_path, stderr=subprocess.PIPE
            )
            _, errors = await process.communicate()
            assert (process.returncode, errors) == (0, b"")

        found = await history(postgres_dsn, lambda: run(dump), lambda: run(load))
        assert {name: found[name] for name in RESTORED} == RESTORED


class TestWhatIsDoubtful:
    """The guide's commands, in their order, on a real file and a real database."""

    @pytest.mark.parametrize("kind", ["sqlite", "postgres"])
    async def test_it_is_held_until_an_operator_agrees(self, kind, tmp_path, postgres_dsn):
        """Noticed by the next start; listed, and let go one by one and all at once."""
        url = f"sqlite:///{tmp_path}/links.db"
        if kind == "postgres":
            url = postgres_dsn
        provider = ScriptedLinkingProvider("github")
        policy = attrs.evolve(guide("back-up")["policy"], hold_after_failover=timedelta(seconds=0.6))
        assert policy.hold_doubtful
        async with extauth.open(url, [provider], keys="plain", policy=policy) as auth:
            for user in ("alice", "bob", "carol"):
                tokens = attrs.evolve(provider.tokens.grant(), expires_at=LONG_AGO)
                await auth.store.put(LinkKey("github", user), tokens)
            await auth.tokens._refresh_flight.look()
        await self._restored(kind, url, tmp_path)
        hold, *commands = self._commands()
        async with extauth.open(url, [provider], keys="plain", policy=policy) as auth:
            for user in ("alice", "bob"):
                with pytest.raises(LinkDoubtful):
                    await auth.access_token("github", user)
            answers = [await self._run(line, url) for line in commands[:3]]
            assert [answer["held"] for answer in answers] == [{"github": 3}, {"github": 3}, {}]
            assert [link["user"] for link in answers[1]["links"]] == ["alice", "bob", "carol"]
            await auth.access_token("github", "alice")
            with pytest.raises(LinkDoubtful):
                await auth.access_token("github", "bob")
            assert (await self._run(commands[3], url))["changed"] == 2
            await auth.access_token("github", "bob")
            assert (await self._run(commands[4], url))["restored_at"] is None
        assert (await self._run(hold, url))["changed"] == 3

    def _commands(self) -> list[str]:
        found = re.findall(r"^ *```sh\n(.*?)^ *```", PAGES["back-up"], re.DOTALL | re.MULTILINE)
        lines = [line.strip() for block in found for line in block.splitlines()]
        return [line for line in lines if line.startswith("extauth restored")]

    async def _restored(self, kind: str, url: str, folder: Path) -> None:
        """Have the database one that nobody remembers: by a copy in its place, or as a dump makes it."""
        if kind == "sqlite":
            copy = folder / "copy.db"
            guide("back-up")["back_up"](folder / "links.db", copy)
            with closing(sqlite3.connect(copy)) as database, database:
                database.execute("UPDATE external_auth_meta SET history = 'of a year ago'")
            copy.rename(folder / "links.db")
        else:
            await run(url, "UPDATE external_auth_meta SET history = 'of a year ago'")

    async def _run(self, line: str, url: str) -> dict[str, Any]:
        _, *arguments = shlex.split(line)
        done = await asyncio.to_thread(command, *arguments, "--json", env={"EXTAUTH_STORE": url})
        assert done.code == 0, done.err
        return done.json


class TestDeployment:
    def test_there_is_time_to_end(self):
        """The time before a kill covers an exchange and the grace for saving, and no probe is impatient."""
        (text,) = re.findall(r"^```yaml\n(.*?)^```", PAGES["deploy"], re.DOTALL | re.MULTILINE)
        spec = yaml.safe_load(text)["spec"]
        policy = RefreshPolicy()
        needed = policy.exchange_timeout + policy.shutdown_grace
        assert timedelta(seconds=spec["terminationGracePeriodSeconds"]) > needed
        assert f"`exchange_timeout` ({policy.exchange_timeout.seconds} s)" in PAGES["deploy"]
        assert f"`shutdown_grace` ({policy.shutdown_grace.seconds} s)" in PAGES["deploy"]
        (container,) = spec["containers"]
        assert container["readinessProbe"]["timeoutSeconds"] > 2
        grace = spec["terminationGracePeriodSeconds"]
        assert f"`TimeoutStopSec={grace}`" in PAGES["deploy"]
        assert f"`stop_grace_period: {grace}s`" in PAGES["deploy"]

    async def test_a_process_that_is_told_to_end(self, tmp_path):
        """It answers probes, and at SIGTERM within a refresh it ends with the tokens saved."""
        gate, url, port = asyncio.Event(), f"sqlite:///{tmp_path}/links.db", free_port()
        held = asyncio.Event()

        async def hold(_: float) -> None:
            held.set()
            await gate.wait()

        async with AuthorizationServer(answer_delay=timedelta(seconds=1), pause=hold) as server:
            async with open_store(url, keys="plain") as store:
                await linked(store, server.new_grant("alice"), "alice")
            command = [sys.executable, "-m", "tests.support.deployed_app", url, server.token_url]
            process = await asyncio.create_subprocess_exec(
                *command, server.client_id, server.client_secret, str(port), cwd=ROOT
            )
            try:
                async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
                    assert await answered(http, "/ready", process) == (200, '{"reason": null}')
                    assert await answered(http, "/alive", process) == (200, "alive")
                    asked = asyncio.create_task(answered(http, "/token", process))
                    await held.wait()
                    process.send_signal(signal.SIGTERM)
                    gate.set()
                    await asyncio.wait({asked})
                    assert asked.exception() is None
                assert await process.wait() == 0
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            async with open_store(url, keys="plain") as store:
                assert (await store.get(key("alice"))).version == 2

    async def test_a_job_that_is_told_to_end(self, tmp_path):
        """It, too, ends with the tokens saved, and as one that did what it was told."""
        gate, url, held = asyncio.Event(), f"sqlite:///{tmp_path}/links.db", asyncio.Event()

        async def hold(_: float) -> None:
            held.set()
            await gate.wait()

        async with AuthorizationServer(answer_delay=timedelta(seconds=1), pause=hold) as server:
            async with open_store(url, keys="plain") as store:
                await linked(store, server.new_grant("alice"), "alice")
            command = [sys.executable, "-m", "tests.support.deployed_app", url, server.token_url]
            process = await asyncio.create_subprocess_exec(
                *command, server.client_id, server.client_secret, cwd=ROOT
            )
            ended = asyncio.create_task(process.wait())
            began = asyncio.create_task(held.wait())
            try:
                await asyncio.wait({ended, began}, return_when=asyncio.FIRST_COMPLETED)
                process.send_signal(signal.SIGTERM)
                gate.set()
                assert await ended == 0
            finally:
                began.cancel()
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            async with open_store(url, keys="plain") as store:
                assert (await store.get(key("alice"))).version == 2


async def answered(
    http: aiohttp.ClientSession, path: str, process: asyncio.subprocess.Process
) -> tuple[int, str]:
    """GET a path of a process, as soon as it listens."""
    while process.returncode is None:
        try:
            async with http.get(path) as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.05)
    msg = "the process has ended"
    raise AssertionError(msg)


@pytest.mark.parametrize("page", [*PAGES, "logs-metrics-traces"])
def test_links_lead_somewhere(page):
    """To a page that there is, and a heading in it."""
    folder = ROOT / "docs" / "howto"
    for target in re.findall(r"\]\(([^)#:]*(?:#[^)]*)?)\)", (folder / f"{page}.md").read_text()):
        path, _, anchor = target.partition("#")
        text = (folder / path if path else folder / f"{page}.md").read_text()
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, target
