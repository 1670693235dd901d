"""``extauth retry``: lift failure marks, so that links are tried again and no user has to connect again."""

from __future__ import annotations

import argparse

import attrs

from extauth.cli.command import Answer, Command, Shown, Table
from extauth.cli.listing import counted
from extauth.cli.session import Session
from extauth.cli.times import ago
from extauth.domain.fence import DOUBTFUL, FENCED, STANDING
from extauth.domain.inventory import LinkFilter, inventory_of
from extauth.domain.link import LinkKey


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("provider", metavar="PROVIDER", help="its id; github covers github/work")
    parser.add_argument("--user", metavar="ID", help="of this user only")
    parser.add_argument(
        "--reason",
        metavar="CODE",
        help="marks of this reason only, such as invalid_grant; fenced, which must be named, lifts the fence"
        " of an import or export, and doubtful what is held after a restore",
    )
    parser.add_argument(
        "--since", type=ago, metavar="WHEN", help="marks made since: 2h, or 2026-11-29T12:00Z"
    )
    parser.add_argument("--yes", action="store_true", help="do it; without this they are only counted")


async def _run(session: Session) -> Answer:
    options = session.options
    provider, user = options.provider, options.user
    LinkKey(provider, user or "any")  # neither may be what no link can have
    wanted = LinkFilter(provider, user, marked=True, reason=options.reason, marked_since=options.since)
    async with session.opened(writes=options.yes) as opened:
        inventory = inventory_of(opened.store)
        counts = await counted(session, inventory, wanted)
        standing = dict.fromkeys(STANDING, 0)
        if options.reason is None:  # which lifts neither fences nor doubts
            for reason in STANDING:
                behind = await counted(session, inventory, attrs.evolve(wanted, reason=reason))
                standing[reason] = sum(behind.values())
                counts -= behind
        found = sum(counts.values())
        lifted = 0
        if options.yes and found:
            lifted = await opened.store.lift_failure(
                provider, user_id=user, reason=options.reason, since=options.since
            )
            session.done["marks lifted"] = lifted
    rows = [(*name, str(number)) for name, number in sorted(counts.items())]
    table = [Table(("provider", "state", "links"), rows)] if rows else []
    if not found:
        said = "no link has such a mark; nothing was changed"
    elif options.yes:
        said = f"{lifted} marks lifted; those links are tried again when their tokens are asked for next"
    else:
        said = f"{found} links have such a mark; nothing was changed. --yes lifts them"
    lines: list[Shown] = [*table, said]
    if fenced := standing[FENCED]:
        lines.append(f"{fenced} more are fenced, and stay so: --reason {FENCED} lifts fences, and they alone")
    if doubtful := standing[DOUBTFUL]:
        lines.append(f"{doubtful} more are held since a restore, and stay so: see extauth restored")
    answer = {
        "found": found,
        "fenced": fenced,
        "doubtful": doubtful,
        "lifted": lifted,
        "dry_run": not options.yes,
    }
    return Answer(answer, lines)


COMMAND = Command(
    name="retry",
    help="lift failure marks after a provider's outage",
    description="Counts the failure marks of a provider's links and with --yes lifts them all in one"
    " statement. After an outage in which a provider answered invalid_grant to everybody, links work again"
    " with no one connecting again; those that are really dead are marked again at their next refresh.",
    add_arguments=_add_arguments,
    members={
        "found": "how many links have such a mark, which can be lifted so",
        "fenced": "how many more are fenced, which only --reason fenced lifts",
        "doubtful": "how many more are held since a restore, which extauth restored lets go",
        "lifted": "how many marks were removed",
        "dry_run": "whether nothing was to be changed",
    },
    run=_run,
)
