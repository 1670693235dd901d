"""``doctor``: on real files, servers, standbys, poolers, and roles."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta

import asyncpg
import attrs
import pytest

from extauth import LinkKey, open_store
from extauth.adapters.encryption import EncryptionKey
from extauth.adapters.postgres.facts import PostgresFacts, Standby
from extauth.adapters.sqlite.facts import SqliteFacts
from extauth.cli.doctor_postgres import postgres_checks
from extauth.cli.doctor_sqlite import sqlite_checks
from extauth.testing import AuthorizationServer
from tests.cli.commands.support import CANARY, extauth, stocked, tokens
from tests.cli.commands.test_acting import HERE, settings
from tests.servers.postgres_server import own_postgres
from tests.servers.transaction_pooler import transaction_pooler

SAFE = {"fsync": "on", "full_page_writes": "on"}


def levels(run) -> dict[str, str]:
    """Return the level of each check."""
    return {check["name"]: check["level"] for check in run.json["checks"]}


def told(run, name: str) -> str:
    """Return what a check found."""
    found: str
    [found] = [check["found"] for check in run.json["checks"] if check["name"] == name]
    return found


async def test_a_file_of_ones_own_is_well(tmp_path):
    """Everything on a local disk, for its owner alone, encrypted: nothing to do, in JSON and in words."""
    url, key = f"sqlite:///{tmp_path}/links.db", EncryptionKey.generate("2026-11")
    tmp_path.chmod(0o700)
    async with stocked(url, keys=key):
        pass
    run = extauth("doctor", "--store", url, "--json", env={"EXTAUTH_KEYS": key.reveal()})
    assert set(levels(run)) == {
        *("journal", "synchronous", "file system", "names", "file modes", "folder", "owner"),
        *("schema", "opens", "restore", "rows", "encryption", "key 2026-11"),
    }
    kind = levels(run).pop("file system")  # what this machine's is, is its own affair
    assert [name for name, level in levels(run).items() if level != "ok" and name != "file system"] == []
    assert run.code == (kind == "problem")
    assert (run.json["problems"], run.json["warnings"]) == (kind == "problem", kind == "warning")
    plain = extauth("doctor", "--store", url)
    assert "no keys were given to see whether they open" in plain.out
    assert CANARY not in run.out + plain.out


async def test_what_is_wrong_with_a_file_is_found(tmp_path):
    """Modes, a folder that others may write, plain text, a wrong key, a damaged row; each with what to do."""
    url = f"sqlite:///{tmp_path}/links.db"
    async with stocked(url, keys=EncryptionKey.generate("a")) as store:
        await store.put(LinkKey("zoom", "zoe"), tokens())
    async with open_store(url, keys="plain") as store:
        await store.put(LinkKey("yahoo", "zoe"), tokens())
    with closing(sqlite3.connect(tmp_path / "links.db")) as database, database:
        database.execute("UPDATE external_auth_links SET created_at = 1e30 WHERE provider_id = 'zoom'")
    database.close()
    (tmp_path / "links.db").chmod(0o644)
    tmp_path.chmod(0o777)
    run = extauth(
        "doctor", "--store", url, "--json", env={"EXTAUTH_KEYS": EncryptionKey.generate("a").reveal()}
    )
    found = levels(run)
    assert run.code == 1
    assert [found[name] for name in ("file modes", "folder", "rows", "key a")] == ["problem"] * 4
    assert found["encryption"] == "warning"
    bad = [check for check in run.json["checks"] if check["level"] != "ok"]
    assert [check["name"] for check in bad if not check["do"]] == []
    assert CANARY not in run.out + run.err


def test_a_database_that_is_not_ready_is_told(tmp_path, url):
    """No tables yet; and a server that nobody answers at."""
    run = extauth("doctor", "--store", url, "--json")
    assert (run.code, levels(run)["schema"]) == (1, "problem")
    assert not (tmp_path / "links.db").exists()
    assert told(run, "schema") == ("there is no such file" if "sqlite" in url else "there are no tables yet")
    nobody = extauth("doctor", "--store", "postgresql://user:canary@127.0.0.1:1/none", "--json")
    assert (nobody.code, levels(nobody), CANARY in nobody.out) == (1, {"reachable": "problem"}, False)


async def test_a_server_that_may_lose_commits_is_told(postgres_dsn):
    """The tests' own server has fsync off, and says so; the role is a superuser; the pooler is seen."""
    async with stocked(postgres_dsn):
        pass
    run = extauth("doctor", "--store", postgres_dsn, "--json")
    found = levels(run)
    assert run.code == 1
    assert [found["fsync"], found["full_page_writes"], found["least privilege"]] == [
        "problem",
        "problem",
        "warning",
    ]
    assert [found[name] for name in ("clock", "replication", "rights", "schema", "opens", "tls")] == [
        "ok"
    ] * 6
    assert told(run, "pooler").startswith("none")
    async with transaction_pooler(postgres_dsn) as (_, dsn):
        pooled = await asyncio.to_thread(extauth, "doctor", "--store", dsn, "--json")
    assert told(pooled, "pooler").startswith("there is one")


async def test_an_asynchronous_standby_is_told():
    """A failover to it would forget saves. Named as synchronous it is well, and gone it is a problem."""
    with own_postgres(SAFE) as primary:
        async with stocked(primary.dsn):
            pass
        with own_postgres(standby_of=primary):
            await _attached(primary.dsn, "async")
            lone = await asyncio.to_thread(extauth, "doctor", "--store", primary.dsn, "--json")
            assert (lone.code, levels(lone)["replication"]) == (0, "warning")
            assert "a failover to it forgets the last saves" in told(lone, "replication")
            await _administer(primary.dsn, "ALTER SYSTEM SET synchronous_standby_names = '*'")
            await _administer(primary.dsn, "SELECT pg_reload_conf()")
            await _attached(primary.dsn, "sync")
            safe = await asyncio.to_thread(extauth, "doctor", "--store", primary.dsn, "--json")
            assert (levels(safe)["replication"], safe.json["problems"]) == ("ok", 0)
            await _administer(primary.dsn, "CREATE ROLE app LOGIN")
            limited = primary.dsn.replace("postgres@", "app@")
            unseen = await asyncio.to_thread(extauth, "doctor", "--store", limited, "--json")
            assert (levels(unseen)["replication"], levels(unseen)["rights"]) == ("warning", "problem")
            assert "may not see" in told(unseen, "replication")


async def _administer(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(sql)
    await connection.close()


async def _attached(dsn: str, state: str) -> None:
    """Wait until a standby replicates like that."""
    connection = await asyncpg.connect(dsn)
    while await connection.fetchval("SELECT sync_state FROM pg_stat_replication") != state:
        await asyncio.sleep(0.02)
    await connection.close()


FACTS = PostgresFacts(
    settings={
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "synchronous_standby_names": "",
        "log_statement": "none",
        "log_min_duration_statement": "-1",
        "log_parameter_max_length": "-1",
    },
    standbys=(),
    in_recovery=False,
    pooled=False,
    tls="TLSv1.3",
    local=False,
    superuser=False,
    owner=False,
    may_create=False,
    missing_rights=(),
    clock_ahead=timedelta(0),
    clock_doubt=timedelta(milliseconds=1),
)


def _with(**values: str) -> dict[str, str | None]:
    return {**FACTS.settings, **values}


def test_a_server_that_is_well_has_no_findings():
    """So that each finding below is of what was changed."""
    assert {check.level for check in postgres_checks(FACTS)} == {"ok"}


@pytest.mark.parametrize(
    ("changes", "name", "level"),
    [
        ({"settings": _with(fsync="off")}, "fsync", "problem"),
        ({"settings": _with(full_page_writes="off")}, "full_page_writes", "problem"),
        ({"settings": _with(synchronous_commit="off")}, "synchronous_commit", "ok"),
        ({"settings": _with(synchronous_standby_names="*")}, "replication", "problem"),
        ({"in_recovery": True}, "replication", "problem"),
        ({"standbys": [Standby("a", "async")]}, "replication", "warning"),
        ({"standbys": [Standby("a", "potential")]}, "replication", "warning"),
        ({"standbys": [Standby("a", None)]}, "replication", "warning"),
        ({"standbys": [Standby("a", "sync")]}, "replication", "ok"),
        ({"standbys": [Standby("a", "quorum"), Standby("b", "quorum")]}, "replication", "ok"),
        ({"standbys": [Standby("a", "sync"), Standby("b", "async")]}, "replication", "warning"),
        ({"clock_ahead": timedelta(seconds=4)}, "clock", "ok"),
        ({"clock_ahead": timedelta(seconds=6)}, "clock", "warning"),
        ({"clock_ahead": timedelta(seconds=-6)}, "clock", "warning"),
        ({"clock_ahead": timedelta(seconds=6), "clock_doubt": timedelta(seconds=2)}, "clock", "ok"),
        ({"clock_ahead": timedelta(minutes=-2)}, "clock", "problem"),
        ({"pooled": True}, "pooler", "ok"),
        ({"tls": None}, "tls", "problem"),
        ({"tls": None, "local": True}, "tls", "ok"),
        ({"missing_rights": ["UPDATE on external_auth_meta"]}, "rights", "problem"),
        ({"superuser": True}, "least privilege", "warning"),
        ({"owner": True}, "least privilege", "warning"),
        ({"may_create": True}, "least privilege", "warning"),
        ({"settings": _with(log_statement="all")}, "server log", "warning"),
        ({"settings": _with(log_statement="ddl")}, "server log", "ok"),
        ({"settings": _with(log_min_duration_statement="0")}, "server log", "warning"),
        ({"settings": _with(log_statement="all", log_parameter_max_length="0")}, "server log", "ok"),
    ],
)
def test_each_fault_of_a_server_is_one_finding(changes, name, level):
    """At its own level, and nothing else is concerned."""
    found = {check.name: check.level for check in postgres_checks(attrs.evolve(FACTS, **changes))}
    assert found == {**dict.fromkeys(found, "ok"), name: level}


FILE = SqliteFacts(
    journal_mode="wal",
    modes={"": 0o600, "-wal": 0o600, "-shm": 0o600},
    folder_mode=0o755,
    owner=1000,
    process_user=1000,
    names=1,
    file_system="ext4",
)


@pytest.mark.parametrize(
    ("changes", "name", "level"),
    [
        ({}, "journal", "ok"),
        ({"journal_mode": "delete"}, "journal", "warning"),
        ({"file_system": "nfs4"}, "file system", "problem"),
        ({"file_system": "fuse.sshfs"}, "file system", "problem"),
        ({"file_system": "tmpfs"}, "file system", "problem"),
        ({"file_system": "overlay"}, "file system", "warning"),
        ({"file_system": None}, "file system", "warning"),
        ({"names": 2}, "names", "warning"),
        ({"modes": {"": 0o600, "-wal": 0o640}}, "file modes", "problem"),
        ({"modes": {"": 0o604}}, "file modes", "problem"),
        ({"folder_mode": 0o777}, "folder", "problem"),
        ({"folder_mode": 0o1777}, "folder", "ok"),
        ({"process_user": 0}, "owner", "warning"),
    ],
)
def test_each_fault_of_a_file_is_one_finding(changes, name, level):
    """At its own level, and nothing else is concerned."""
    found = {check.name: check.level for check in sqlite_checks(attrs.evolve(FILE, **changes))}
    assert found == {**dict.fromkeys(found, "ok"), name: level}


async def test_endpoints_are_asked_only_if_that_is_said(url):
    """Any answer will do; nothing is presented; one that nobody answers at is a problem."""
    async with open_store(url, keys="plain"):
        pass
    async with AuthorizationServer() as server:
        env = settings(server)
        options = ("doctor", "--store", url, "--json")
        run = await asyncio.to_thread(extauth, *options, env=env, folder=HERE)
        assert "endpoint of github" not in levels(run)
        run = await asyncio.to_thread(extauth, *options, "--endpoints", env=env, folder=HERE)
        assert (levels(run)["endpoint of github"], server.presented) == ("ok", [])
        whole = {**env, "EXTAUTH_APP": "app:whole", "APP_STORE": url}
        run = await asyncio.to_thread(extauth, *options, "--endpoints", env=whole, folder=HERE)
        assert levels(run)["endpoint of github"] == "ok"
    run = await asyncio.to_thread(extauth, *options, "--endpoints", env=env, folder=HERE)
    assert (run.code, levels(run)["endpoint of github"]) == (1, "problem")
    assert (await asyncio.to_thread(extauth, *options, "--endpoints")).code == 2
