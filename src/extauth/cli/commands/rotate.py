"""``extauth rotate``: bring everything under the primary key, while the application goes on."""

from __future__ import annotations

import argparse

from extauth.cli.command import Answer, Command, Shown, Table
from extauth.cli.exit_codes import FOUND, OK
from extauth.cli.key_uses import use_json
from extauth.cli.parsed import at_least_one
from extauth.cli.session import Session
from extauth.domain.key_use import RotationProgress, RowLeft
from extauth.services.keys.rotation import rotate


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--at-once",
        type=at_least_one,
        default=4,
        metavar="N",
        help="write so many links at the same time (%(default)s)",
    )


async def _run(session: Session) -> Answer:
    async with session.opened(writes=True) as opened:
        with session.progress.of("encrypting") as bar:

            def tell(progress: RotationProgress) -> None:
                session.done["rows encrypted"] = progress.done
                bar.reach(progress.done + progress.failed, progress.total)

            report = await rotate(opened.store, progress=tell, at_once=session.options.at_once)
    remaining = report.status.remaining
    unfinished = remaining.links + remaining.registrations > 0
    return Answer(
        {
            "key": report.key_id,
            "total": report.total,
            "encrypted": report.done,
            "failed": [_left_json(row) for row in report.failed],
            "remaining": use_json(remaining),
        },
        [*_shown(report.failed), f"{report.done} of {report.total} rows brought under {report.key_id}"]
        + ([f"not under it: {remaining}"] if remaining.rows else []),
        FOUND if report.failed or unfinished else OK,
    )


def _left_json(row: RowLeft) -> dict[str, object]:
    return {
        "provider": None if row.key is None else row.key.provider_id,
        "user": None if row.key is None else row.key.user_id,
        "registration": row.name,
        "reason": row.reason,
        "key": row.key_id,
    }


def _shown(failed: tuple[RowLeft, ...]) -> list[Shown]:
    if not failed:
        return []
    rows = [
        (
            *(
                ("registered client", row.name or "")
                if row.key is None
                else (row.key.provider_id, row.key.user_id)
            ),
            row.reason,
            row.key_id or "",
        )
        for row in failed
    ]
    return [Table(("left: provider", "user", "reason", "key"), rows)]


COMMAND = Command(
    name="rotate",
    help="encrypt everything with the first of the keys",
    description="Encrypts what is under another key, or in plain text, with the first of the keys given."
    " Replicas go on meanwhile, and must have that key already. Ctrl-C stops it at any point; the same"
    " command goes on with the rest, also beside another one. Rows that do not open are listed and left"
    " as they are: then it exits with 1.",
    add_arguments=_add_arguments,
    members={
        "key": "the id of the primary key",
        "total": "how many links and registered clients there were to do",
        "encrypted": "how many of them are under it now",
        "failed": '`[{"provider", "user", "registration", "reason", "key"}]`: rows left as they are; either'
        " provider and user are null, or the name of the registered client is",
        "remaining": '`{"links", "registrations", "authorizations", "authorizations_until"}` that are not'
        " under it at the end; authorizations under way are not encrypted anew but expire",
    },
    run=_run,
)
