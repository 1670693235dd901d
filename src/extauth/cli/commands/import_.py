"""``extauth import``: take over links that were kept elsewhere."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import AsyncIterable, Callable, Mapping
from datetime import UTC
from typing import Any, Final

from extauth.adapters.importing import Columns, allauth, authjs, authlib, better_auth, json_lines, nango
from extauth.adapters.importing.json_lines import json_lines_in
from extauth.cli.command import Answer, Command, Table
from extauth.cli.exit_codes import FOUND, OK
from extauth.cli.link_files import add_key_argument, file_key, told
from extauth.cli.session import Opened, Session, UsageError
from extauth.transfer import ImportReport, Row, import_links, read_export

_MAPPINGS: Final[Mapping[str, Callable[..., Columns]]] = {
    "jsonl": Columns,
    "allauth": allauth,
    "authjs": authjs,
    "authlib": authlib,
    "better-auth": better_auth,
    "nango": nango,
}
_EXPORT: Final = "export"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="to read, a JSON object on each line; - for stdin")
    parser.add_argument(
        "--from",
        dest="source",
        choices=[*_MAPPINGS, _EXPORT],
        default="jsonl",
        help="whose columns the objects have, or a file of extauth export (%(default)s)",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be, and write nothing")
    parser.add_argument(
        "--frozen", action="store_true", help="the other side has stopped for good before the file was made"
    )
    parser.add_argument("--utc", action="store_true", help="times that name no time zone are in UTC")
    parser.add_argument(
        "--map",
        action="append",
        type=_pair,
        metavar="THEIRS=OURS",
        help="take rows of their provider id for our one, and refuse those of others; repeatable",
    )
    add_key_argument(parser, "the key of a file of extauth export")


def _pair(text: str) -> tuple[str, str]:
    theirs, sign, ours = text.rpartition("=")
    if not (theirs and sign and ours):
        msg = "is THEIRS=OURS, such as google-oauth2=google"
        raise argparse.ArgumentTypeError(msg)
    return theirs, ours


async def _run(session: Session) -> Answer:
    options = session.options
    file: str = options.file
    if options.source == _EXPORT and (options.utc or options.map):
        msg = "--utc and --map are for rows, and not for a file of extauth export"
        raise UsageError(msg)
    rows = _rows(session)
    async with session.opened("if given", writes=not options.dry_run) as opened:
        mapping = None if options.source == _EXPORT else _mapping(session, opened)
        with session.progress.of("looking" if options.dry_run else "importing") as bar, told(file, "read"):

            def count(number: int) -> None:
                bar.advance()
                session.done["rows read" if options.dry_run else "rows done"] = number

            report = await import_links(
                opened.store,
                rows,
                mapping=mapping,
                frozen=options.frozen,
                dry_run=options.dry_run,
                progress=count,
            )
    return _answer(report)


def _rows(session: Session) -> AsyncIterable[Row]:
    options = session.options
    if options.source == _EXPORT:
        if options.file == "-":
            msg = "a file of extauth export is read twice, so it cannot come by stdin; give its name"
            raise UsageError(msg)
        return read_export(options.file, key=file_key(options))
    if options.file != "-":
        return json_lines(options.file)
    if sys.stdin.isatty():
        msg = "stdin is a terminal, and tokens are not typed; give a file, or pipe the rows in"
        raise UsageError(msg)
    # A file of its own on it: a thread that waits for rows would hold the lock of sys.stdin when this ends.
    return json_lines_in(os.fdopen(os.dup(sys.stdin.fileno()), "rb"))


def _mapping(session: Session, opened: Opened) -> Columns:
    options = session.options
    fields: dict[str, Any] = {"naive": UTC if options.utc else None}
    if options.map:
        fields["providers"] = dict(options.map)
    if opened.auth is not None:
        # A row of another client could not be refreshed here.
        origins = {name: each.origin for name, each in opened.auth.tokens.providers.items()}
        fields["origins"] = {name: origin for name, origin in origins.items() if origin is not None}
    return _MAPPINGS[options.source](**fields)


def _answer(report: ImportReport) -> Answer:
    refused = [
        {
            "row": row.number,
            "reason": row.reason,
            "provider": None if row.key is None else row.key.provider_id,
            "user": None if row.key is None else row.key.user_id,
        }
        for row in report.refused
    ]
    there = len(report.already_there)
    would = "would be " if report.dry_run else ""
    counts = f"{report.rows} rows: {report.added} {would}added, {report.renewed} {would}renewed"
    lines = [f"{counts}, {there} already there, {len(refused)} refused"]
    if report.fenced:
        lines.append(
            f"{report.fenced} are fenced: they are not refreshed here until the other side has stopped and"
            " they are imported again with --frozen"
        )
    table = Table(("row", "refused"), [(str(row.number), row.reason) for row in report.refused])
    return Answer(
        {
            "dry_run": report.dry_run,
            "rows": report.rows,
            "added": report.added,
            "fenced": report.fenced,
            "renewed": report.renewed,
            "already_there": there,
            "refused": refused,
        },
        [*([table] if refused else []), *lines],
        FOUND if refused else OK,
    )


COMMAND = Command(
    name="import",
    help="take over links that were kept elsewhere",
    description="Adds a link for each row of a file, unless there is one. Rows that are not right are listed"
    " and left out. Links come in fenced, and are not refreshed here; when the other side has stopped for"
    " good, make the file anew and run this again with --frozen. Where that side never refreshed, extauth"
    " retry PROVIDER --reason fenced lifts the fence as well. With --app links are stored with their client,"
    " and rows that name another client are refused. Exits with 1 if a row was refused.",
    add_arguments=_add_arguments,
    members={
        "dry_run": "whether nothing was to be changed; then the numbers say what would be",
        "rows": "how many there were",
        "added": "how many links were added",
        "fenced": "how many of those are not refreshed here for now",
        "renewed": "how many links were there, fenced, and have got newer tokens",
        "already_there": "how many were there, and were left as they are",
        "refused": '`[{"row", "reason", "provider", "user"}]`, rows counted from 1;'
        " the last two are null where they could not be told",
    },
    run=_run,
)
