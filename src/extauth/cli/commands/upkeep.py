"""``extauth upkeep``: refresh what is due and remove what has expired, once."""

from __future__ import annotations

import argparse

from extauth.cli.command import Answer, Command
from extauth.cli.parsed import more_than_zero
from extauth.cli.session import Session, UsageError
from extauth.domain.upkeep import Upkeep, UpkeepReport


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rate",
        type=more_than_zero,
        default=10.0,
        metavar="N",
        help="refreshes a second at a provider (%(default)s)",
    )
    parser.add_argument(
        "--only-alive",
        action="store_true",
        help="only keep refresh tokens from dying unused, not access tokens from expiring",
    )


async def _run(session: Session) -> Answer:
    options = session.options
    upkeep = Upkeep(rate=options.rate)
    if options.only_alive:
        upkeep = Upkeep(rate=options.rate, keep_warm=None)
    async with session.opened("needed", writes=True) as opened:
        assert opened.auth is not None, "providers were needed"  # noqa: S101
        try:
            service = opened.auth.upkeep(upkeep)
        except TypeError as error:
            raise UsageError(str(error)) from None  # a store of the application's own that has no due
        with session.progress.of("refreshing what is due") as bar:

            def tell(so_far: UpkeepReport) -> None:
                bar.advance()
                session.done.update({"links refreshed": so_far.refreshed, "expired removed": so_far.purged})

            report = await service.run_once(progress=tell)
    return Answer(_json(report), _said(report))


def _json(report: UpkeepReport) -> dict[str, object]:
    return {
        "refreshed": report.refreshed,
        "elsewhere": report.elsewhere,
        "failed": report.failed,
        "ended": report.ended,
        "purged": report.purged,
        "paused": sorted(report.paused),
        "behind": report.behind.total_seconds(),
    }


def _said(report: UpkeepReport) -> list[str]:
    lines = [
        f"{report.refreshed} links refreshed, {report.elsewhere} by others",
        f"{report.failed} failed for now, {report.ended} must be connected again or are gone",
        f"{report.purged} that had expired removed",
    ]
    if report.paused:
        lines.append(f"asked to be left alone: {', '.join(sorted(report.paused))}; run it again later")
    if report.behind:
        lines.append(f"the longest overdue was due for {report.behind.total_seconds():.0f} seconds")
    return lines


COMMAND = Command(
    name="upkeep",
    help="refresh what is due now, once",
    description="Refreshes the links whose access token is about to expire, or whose refresh token would die"
    " unused, and removes what has expired: for a scheduler, where no replica has upkeep running. It shares"
    " the work by the leases of the application. Interrupted, it finishes the refreshes under way.",
    add_arguments=_add_arguments,
    members={
        "refreshed": "how many links got new tokens here",
        "elsewhere": "how many somebody else refreshed, or was about to",
        "failed": "how many failed for now, or because something must be mended",
        "ended": "how many must be connected again, or are gone",
        "purged": "how many expired authorizations were removed",
        "paused": "ids of the providers that asked to be left alone: the rest is due the next time",
        "behind": "for how many seconds the link had been due that had been for the longest",
    },
    run=_run,
)
