"""``extauth links``: which links there are, or how many."""

from __future__ import annotations

import argparse
from typing import get_args

from extauth.cli.command import Answer, Command, Table
from extauth.cli.listing import counted, every_link
from extauth.cli.parsed import at_least_one
from extauth.cli.session import Session, UsageError
from extauth.cli.summaries import HEADINGS, key_json, row, summary_json
from extauth.cli.times import ago, ahead
from extauth.domain.inventory import LinkFilter, LinkInventory, LinkState, LinkSummary, inventory_of
from extauth.domain.link import LinkKey


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--provider", metavar="ID", help="of this provider and named below it (github/work)")
    parser.add_argument("--user", metavar="ID", help="of this user")
    states = [state for state in get_args(LinkState) if state != "unreadable"]
    parser.add_argument("--state", choices=states, help="that are like this")
    parser.add_argument(
        "--due", type=ahead, metavar="WHEN", help="to be refreshed before that: 1h, or 2026-11-29T12:00Z"
    )
    parser.add_argument("--reason", metavar="CODE", help="with a failure mark of this reason")
    parser.add_argument(
        "--since", type=ago, metavar="WHEN", help="with a failure mark made since: 2h, or a date"
    )
    parser.add_argument("--count", action="store_true", help="only count them, by provider and state")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--limit", type=at_least_one, default=100, metavar="N", help="at most (%(default)s)")
    size.add_argument("--all", action="store_true", help="without a limit")
    parser.add_argument(
        "--after", nargs=2, metavar=("PROVIDER", "USER"), help="go on after this link, where a list ended"
    )


async def _run(session: Session) -> Answer:
    options = session.options
    if options.count and options.after:
        msg = "--after goes on with a list, and --count makes none"
        raise UsageError(msg)
    wanted = LinkFilter(
        provider_id=options.provider,
        user_id=options.user,
        state=options.state,
        due_before=options.due,
        reason=options.reason,
        marked_since=options.since,
    )
    async with session.opened() as opened:
        inventory = inventory_of(opened.store)
        if options.count:
            return await _count(session, inventory, wanted)
        return await _list(session, inventory, wanted)


async def _list(session: Session, inventory: LinkInventory, wanted: LinkFilter) -> Answer:
    options = session.options
    limit: int | None = None if options.all else options.limit
    found: list[LinkSummary] = []
    after: LinkKey | None = LinkKey(*options.after) if options.after else None
    following: LinkKey | None = None
    with session.progress.of("listing") as bar:
        async for link in every_link(inventory, wanted, after):
            if len(found) == limit:
                following = found[-1].key
                break
            found.append(link)
            session.done["links read"] = len(found)
            bar.advance()
    more = [] if following is None else [f"more follow: --after {following.provider_id} {following.user_id}"]
    return Answer(
        {
            "links": [summary_json(link) for link in found],
            "next": None if following is None else key_json(following),
        },
        [Table(HEADINGS, [row(link) for link in found]), *more] if found else ["no such links"],
    )


async def _count(session: Session, inventory: LinkInventory, wanted: LinkFilter) -> Answer:
    counts = await counted(session, inventory, wanted)
    total = sum(counts.values())
    ordered = sorted(counts.items())
    return Answer(
        {
            "counts": [
                {"provider": provider, "state": state, "links": number}
                for (provider, state), number in ordered
            ],
            "total": total,
        },
        [
            Table(("provider", "state", "links"), [(*name, str(number)) for name, number in ordered]),
            f"{total} in all",
        ],
    )


COMMAND = Command(
    name="links",
    help="which links there are",
    description="Lists links without their tokens, ordered by provider and user, or counts them. It reads"
    " nothing that is encrypted, and so needs no keys.",
    add_arguments=_add_arguments,
    members={
        "links": "the links, each as told above; not with `--count`",
        "next": '`{"provider", "user"}` to give to `--after`, or null; not with `--count`',
        "counts": '`[{"provider", "state", "links"}]`; only with `--count`',
        "total": "of all counts; only with `--count`",
    },
    run=_run,
)
