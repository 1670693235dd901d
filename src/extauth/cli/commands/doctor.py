"""``extauth doctor``: is this deployment one that loses nothing and shows nothing?"""

from __future__ import annotations

import argparse
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from extauth.auth import Auth
from extauth.cli.application import application
from extauth.cli.checks import Check, ok
from extauth.cli.command import Answer, Command, Table
from extauth.cli.databases import kind_of, newest_version, stored_version
from extauth.cli.doctor_links import endpoint_checks, link_checks
from extauth.cli.doctor_restore import restore_check
from extauth.cli.exit_codes import FOUND, OK
from extauth.cli.failures import failure_of
from extauth.cli.session import Session, UsageError
from extauth.domain.errors import ExtAuthError
from extauth.domain.hidden import Hidden, HiddenText
from extauth.opening import open_store, sqlite_path


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--endpoints",
        action="store_true",
        help="also ask each provider of --app or --mine for an answer, whatever it is",
    )


async def _run(session: Session) -> Answer:
    url = session.needed_url()
    kind_of(url)
    checks: list[Check] = []
    with session.progress.of("looking") as bar:
        async with aclosing(_checks(session, url)) as found:
            async for check in found:
                checks.append(check)
                session.done["checks"] = len(checks)
                bar.advance()
    levels = [check.level for check in checks]
    problems, warnings = levels.count("problem"), levels.count("warning")
    return Answer(
        {
            "checks": [
                {"name": check.name, "level": check.level, "found": check.found, "do": check.do or None}
                for check in checks
            ],
            "problems": problems,
            "warnings": warnings,
        },
        [
            Table(
                ("check", "", "found", "do"),
                [(each.name, each.level, each.found, each.do) for each in checks],
            ),
            f"{problems} problems, {warnings} warnings",
        ],
        FOUND if problems else OK,
    )


async def _checks(session: Session, url: Hidden[str]) -> AsyncGenerator[Check, None]:
    try:
        found = await _of_database(url)
    except ExtAuthError as error:
        yield Check("reachable", "problem", str(error), "see that the address is right and the database runs")
        return
    for check in found:
        yield check
    newest = newest_version(kind_of(url))
    try:
        version = await stored_version(url)
    except ExtAuthError as error:
        yield Check("schema", "problem", str(error), "do what it says, and look again")
        return
    if version != newest:
        do = "run extauth migrate" if (version or 0) < newest else "upgrade extauth"
        said = f"version {version}, and this extauth has {newest}"
        if not version:
            said = "there are no tables yet"
        if version is None:
            said, do = "there is no such file", "look at the address, or make it: extauth migrate"
        yield Check("schema", "problem", said, do)
    else:
        yield ok("schema", f"version {version}, the newest")
        async for check in _of_store(session, url):
            yield check
    if session.options.endpoints:
        async for check in _of_providers(session):
            yield check


async def _of_database(url: Hidden[str]) -> list[Check]:
    if kind_of(url) == "sqlite":
        from extauth.adapters.sqlite.facts import sqlite_facts  # noqa: PLC0415 - one driver, if it is wanted
        from extauth.cli.doctor_sqlite import sqlite_checks  # noqa: PLC0415

        # Also looks whether there is a file, which must not be made here.
        if await stored_version(url) is None:
            return []
        return [*sqlite_checks(await sqlite_facts(HiddenText(sqlite_path(url.value))))]
    from extauth.adapters.postgres.facts import postgres_facts  # noqa: PLC0415
    from extauth.cli.doctor_postgres import postgres_checks  # noqa: PLC0415

    return [*postgres_checks(await postgres_facts(url))]


async def _of_store(session: Session, url: Hidden[str]) -> AsyncGenerator[Check, None]:
    try:
        async with open_store(url.value, keys=session.keys()) as store:
            yield ok("opens", "the store opens, as it does for the application")
            yield await restore_check(session, store)
            async with aclosing(link_checks(store)) as found:
                async for check in found:
                    yield check
    except ExtAuthError as error:
        yield Check("opens", "problem", failure_of(error).message, "do what it says, and look again")


async def _of_providers(session: Session) -> AsyncGenerator[Check, None]:
    async with _providers(session) as providers, aclosing(endpoint_checks(providers)) as found:
        async for check in found:
            yield check


@asynccontextmanager
async def _providers(session: Session) -> AsyncGenerator[list[Any], None]:
    if session.options.mine:
        from extauth.cli.personal.opening import config_of, providers_of  # noqa: PLC0415 - it needs aiohttp

        yield list[Any](await providers_of(config_of(session)))
        return
    app = session.app
    if not app:
        msg = "--endpoints needs the providers by --app or EXTAUTH_APP, or your own by --mine"
        raise UsageError(msg)
    async with application(app) as given:
        yield [*given.tokens.providers.values()] if isinstance(given, Auth) else given


COMMAND = Command(
    name="doctor",
    help="is something wrong with this deployment",
    description="Looks at what makes a commit last (SQLite's journal and file system; Postgres's settings and"
    " standbys), at who else can read it (file modes, TLS, rights, the server's log), at clocks, schema and"
    " pooler, and opens one link of each key. It changes nothing. Exits with 1 if there is a problem.",
    add_arguments=_add_arguments,
    members={
        "checks": '`[{"name", "level", "found", "do"}]`; `level` is `ok`, `warning` or `problem`; `do` null'
        " or one sentence. Compare levels and names; sentences may change",
        "problems": "how many are problems",
        "warnings": "how many are warnings",
    },
    run=_run,
)
