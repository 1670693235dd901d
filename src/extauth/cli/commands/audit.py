"""``extauth audit``: what the audit trail in the store says, and its retention."""

from __future__ import annotations

import argparse
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Final

from extauth.cli.command import Answer, Command, Table
from extauth.cli.parsed import at_least_one, whole
from extauth.cli.session import Session, UsageError
from extauth.cli.times import ago, shown, written
from extauth.domain.audit import AuditEntry, AuditKind, AuditStore, audit_of

_PAGE: Final = 1000
_HEADINGS: Final = (
    "number",
    "at",
    "kind",
    "provider",
    "user",
    "version",
    "actor",
    "for",
    "reason",
    "access token (SHA-256)",
    "refresh token (SHA-256)",
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", metavar="ID", help="about this user")
    parser.add_argument(
        "--provider", metavar="ID", help="about this provider and named below it (github/work)"
    )
    parser.add_argument("--kind", choices=[str(kind) for kind in AuditKind], help="of what happened")
    parser.add_argument("--since", type=ago, metavar="WHEN", help="made since: 2h, or a date")
    parser.add_argument(
        "--hashed-token",
        metavar="HASH",
        help="about this token, by its SHA-256 in base64, as GitHub's log has it",
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--limit", type=at_least_one, default=100, metavar="N", help="at most (%(default)s)")
    size.add_argument("--all", action="store_true", help="without a limit")
    parser.add_argument("--after", type=whole, default=0, metavar="NUMBER", help="go on after this entry")
    parser.add_argument(
        "--purge-before",
        type=ago,
        metavar="WHEN",
        help="instead: remove what is older, of all: 365d, or a date",
    )
    parser.add_argument("--yes", action="store_true", help="do remove it; without this it is only counted")


async def _run(session: Session) -> Answer:
    options = session.options
    chosen = (options.user, options.provider, options.kind, options.since, options.hashed_token)
    narrowed = options.all or options.after or any(each is not None for each in chosen)
    if options.purge_before is not None and narrowed:
        msg = "--purge-before removes whatever is older; it goes with --yes alone"
        raise UsageError(msg)
    if options.yes and options.purge_before is None:
        msg = "--yes goes with --purge-before"
        raise UsageError(msg)
    async with session.opened() as opened:
        audit = audit_of(opened.store)
        if options.purge_before is not None:
            return await _purge(session, audit, options.purge_before)
        return await _list(session, audit)


async def _list(session: Session, audit: AuditStore) -> Answer:
    limit: int | None = None if session.options.all else session.options.limit
    found: list[tuple[int, AuditEntry]] = []
    following: int | None = None
    with session.progress.of("reading") as bar:
        async with aclosing(_entries(session, audit)) as entries:
            async for number, entry in entries:
                bar.advance()
                if not _wanted(session, entry):
                    continue
                if len(found) == limit:
                    following = found[-1][0]
                    break
                found.append((number, entry))
                session.done["entries read"] = len(found)
    more = [] if following is None else [f"more follow: --after {following}"]
    table = Table(_HEADINGS, [_row(number, entry) for number, entry in found])
    return Answer(
        {"entries": [_json(number, entry) for number, entry in found], "next": following},
        [table, *more] if found else ["no such entries"],
    )


async def _entries(session: Session, audit: AuditStore) -> AsyncGenerator[tuple[int, AuditEntry], None]:
    options = session.options
    after: int = options.after
    while page := await audit.find(
        user_id=options.user,
        hashed_token=options.hashed_token,
        since=options.since,
        after=after,
        limit=_PAGE,
    ):
        for each in page:
            yield each
        after = page[-1][0]


def _wanted(session: Session, entry: AuditEntry) -> bool:
    kind, provider = session.options.kind, session.options.provider
    named = entry.provider_id or ""
    return (kind is None or entry.kind == kind) and (
        provider is None or named == provider or named.startswith(f"{provider}/")
    )


async def _purge(session: Session, audit: AuditStore, before: datetime) -> Answer:
    if session.options.yes:
        with session.progress.of("removing"):
            removed = await audit.purge(before)
        session.done["entries removed"] = removed
        said = f"{removed} entries made before {shown(before)} were removed"
        return Answer({"removed": removed, "dry_run": False}, [said])
    found = await _older(session, audit, before)
    said = f"{found} entries were made before {shown(before)}; nothing was changed. --yes removes them"
    return Answer({"found": found, "removed": 0, "dry_run": True}, [said])


async def _older(session: Session, audit: AuditStore, before: datetime) -> int:
    """Count entries that are older; as they come in about the order of time, up to a page without one."""
    found = after = 0
    with session.progress.of("counting") as bar:
        while page := await audit.find(after=after, limit=_PAGE):
            older = sum(entry.at is not None and entry.at < before for _, entry in page)
            found += older
            bar.advance(len(page))
            if not older:
                break
            after = page[-1][0]
    return found


def _json(number: int, entry: AuditEntry) -> dict[str, object]:
    return {
        "number": number,
        "at": written(entry.at),
        "kind": str(entry.kind),
        "provider": entry.provider_id,
        "user": entry.user_id,
        "version": entry.version,
        "actor": entry.actor,
        "on_behalf_of": entry.on_behalf_of,
        "reason": entry.reason,
        "hashed_access_token": entry.hashed_access_token,
        "hashed_refresh_token": entry.hashed_refresh_token,
    }


def _row(number: int, entry: AuditEntry) -> list[str]:
    values = {**_json(number, entry), "at": shown(entry.at)}
    return ["" if value is None else str(value) for value in values.values()]


COMMAND = Command(
    name="audit",
    help="who did what to which link",
    description="Lists the entries of the audit trail that the store keeps, oldest first, where the"
    " application has one. Tokens appear as fingerprints only. Other commands enter what they"
    " change by --store alone if there is an entry already. With --purge-before and --yes it removes old"
    " ones, which takes a role that may delete them.",
    add_arguments=_add_arguments,
    members={
        "entries": '`[{"number", "at", "kind", "provider", "user", "version", "actor", "on_behalf_of",'
        ' "reason", "hashed_access_token", "hashed_refresh_token"}]`; not with `--purge-before`',
        "next": "the number to give to `--after`, or null; not with `--purge-before`",
        "found": "how many entries are older; only with `--purge-before` without `--yes`",
        "removed": "how many were removed; only with `--purge-before`",
        "dry_run": "whether nothing was to be changed; only with `--purge-before`",
    },
    run=_run,
)
