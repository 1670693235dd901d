"""``extauth migrate``: create or migrate the schema, or say whether that is to be done."""

from __future__ import annotations

import argparse

from extauth.cli.command import Answer, Command
from extauth.cli.databases import kind_of, newest_version, stored_version
from extauth.cli.exit_codes import FOUND
from extauth.cli.session import Session
from extauth.domain.errors import ConfigurationError
from extauth.opening import open_store


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit with 1 if something is to be done"
    )


async def _run(session: Session) -> Answer:
    url = session.needed_url(made=not session.options.check)
    newest = newest_version(kind_of(url))
    before = await stored_version(url) or 0
    if before > newest:
        msg = (
            f"the database has schema version {before}, but this extauth knows only up to {newest};"
            " upgrade extauth"
        )
        raise ConfigurationError(msg)
    data = {"from": before, "to": newest, "changed": before < newest and not session.options.check}
    if before == newest:
        return Answer(data, [f"version {newest}; nothing to do"])
    if session.options.check:
        what = "there is no schema yet" if before == 0 else f"version {before}"
        return Answer(data, [f"{what}; extauth migrate leads to {newest}"], FOUND)
    async with open_store(url.value, keys="plain"):
        session.done["migrations"] = newest - before
    return Answer(
        data, [f"created, version {newest}" if before == 0 else f"migrated from {before} to {newest}"]
    )


COMMAND = Command(
    name="migrate",
    help="create or migrate the tables",
    description="Creates the tables or brings them up to date, in one transaction: interrupted, it has done"
    " nothing. Replicas that run go on working; one of an older extauth cannot be"
    " started on it afterwards.",
    add_arguments=_add_arguments,
    members={
        "from": "the version that was found; 0 if there was no schema",
        "to": "the version that this extauth has",
        "changed": "whether something was changed",
    },
    run=_run,
)
