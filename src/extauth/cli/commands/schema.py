"""``extauth schema``: the tables and rights as SQL, for who migrates by other tools."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Literal

from extauth.cli.command import Answer, Command
from extauth.cli.databases import newest_version
from extauth.cli.parsed import whole
from extauth.cli.session import Session, UsageError


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("database", choices=("sqlite", "postgres"), help="which SQL")
    parser.add_argument(
        "--from",
        dest="since",
        type=whole,
        default=0,
        metavar="VERSION",
        help="what there is already (0: nothing)",
    )
    parser.add_argument(
        "--role", metavar="NAME", help="of Postgres: also grant what a store needs to this role, and no more"
    )
    parser.add_argument(
        "--schema", metavar="NAME", help="of Postgres: where the tables are to be (what search_path leads to)"
    )


async def _run(session: Session) -> Answer:
    options = session.options
    database: Literal["sqlite", "postgres"] = options.database
    statements: list[str] = []
    if database == "sqlite":
        if options.role is not None or options.schema is not None:
            msg = "SQLite has neither roles nor schemas"
            raise UsageError(msg)
        from extauth.adapters.sqlite.ddl import ddl as of_sqlite  # noqa: PLC0415 - one driver, if it is wanted

        statements += of_sqlite(options.since)
    else:
        statements += _of_postgres(options.since, options.role, options.schema)
    newest = newest_version(database)
    data = {"database": database, "from": options.since, "to": newest, "statements": statements}
    shown = [f"{statement};" for statement in statements] or [f"-- version {newest}: nothing to do"]
    return Answer(data, [line for text in shown for line in text.splitlines()])


def _of_postgres(since: int, role: str | None, schema: str | None) -> Sequence[str]:
    from extauth.adapters.postgres.ddl import ddl, grants, quoted  # noqa: PLC0415

    before = [] if schema is None else [f"SET search_path TO {quoted(schema)}"]
    rights: list[str] = []
    if role is not None:
        rights += grants(role)
        if schema is not None:
            rights.insert(0, f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {quoted(role)}")
    return [*before, *ddl(since), *rights]


COMMAND = Command(
    name="schema",
    help="print the tables and rights as SQL",
    description="Prints the statements that create the tables, or migrate them from a version, and with"
    " --role those that grant what a store needs. Run by psql or sqlite3, or by your migrations, they lead"
    " to what extauth migrate does; then the application's role needs no right to create anything.",
    add_arguments=_add_arguments,
    members={
        "database": "`sqlite` or `postgres`",
        "from": "as given",
        "to": "the version that the statements lead to",
        "statements": "each statement, without a semicolon",
    },
    run=_run,
    uses_store=False,
)
