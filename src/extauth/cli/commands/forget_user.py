"""``extauth forget-user``: remove all that is kept of a user, and look whether something is left."""

from __future__ import annotations

import argparse

from extauth.cli.command import Answer, Command, Shown, Table
from extauth.cli.exit_codes import FOUND
from extauth.cli.listing import every_link
from extauth.cli.session import Opened, Session
from extauth.cli.summaries import HEADINGS, key_json, row
from extauth.cli.times import shown, written
from extauth.cli.unlinking import outcome_json, removed, said
from extauth.domain.errors import LinkNotFound
from extauth.domain.inventory import BegunAuthorization, LinkFilter, LinkSummary, inventory_of
from extauth.domain.link import LinkKey
from extauth.domain.linking import UnlinkOutcome


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("user", metavar="USER", help="the application's id of the user")
    parser.add_argument(
        "--yes", action="store_true", help="do it; without this it is only said what there is"
    )


async def _run(session: Session) -> Answer:
    user: str = session.options.user
    LinkKey("any", user)  # no id that no link can have
    async with session.opened("if given", writes=session.options.yes) as opened:
        links, begun = await _kept(opened, user)
        if not links and not begun:
            msg = f"nothing is kept of user {user!r}"
            raise LinkNotFound(msg)
        if not session.options.yes:
            return _would(links, begun)
        outcomes = await _forget(session, opened, links, begun)
        return _did(outcomes, *await _kept(opened, user))


async def _kept(opened: Opened, user: str) -> tuple[list[LinkSummary], list[BegunAuthorization]]:
    inventory = inventory_of(opened.store)
    links = [link async for link in every_link(inventory, LinkFilter(user_id=user))]
    return links, await inventory.authorizations_of(user)


async def _forget(
    session: Session, opened: Opened, links: list[LinkSummary], begun: list[BegunAuthorization]
) -> list[UnlinkOutcome]:
    user: str = session.options.user
    # First, so that nobody who is on the way back from a provider finds their authorization any more.
    for provider in dict.fromkeys(each.provider_id for each in begun if not each.taken):
        await opened.store.forget_authorizations(LinkKey(provider, user))
    await opened.store.purge_authorizations()
    outcomes: list[UnlinkOutcome] = []
    with session.progress.of("removing", len(links)) as bar:
        for link in links:
            outcome = await removed(opened, link.key)
            bar.advance()
            if outcome.existed:
                outcomes.append(outcome)
                session.done["links removed"] = len(outcomes)
    return outcomes


def _would(links: list[LinkSummary], begun: list[BegunAuthorization]) -> Answer:
    pending = sum(not each.taken for each in begun)
    table: list[Shown] = [Table(HEADINGS, [row(link) for link in links])] if links else []
    return Answer(
        {"links": [key_json(link.key) for link in links], "begun": pending, "dry_run": True},
        [
            *table,
            f"{len(links)} links and {pending} begun authorizations; nothing was changed. --yes removes them",
        ],
    )


def _did(outcomes: list[UnlinkOutcome], links: list[LinkSummary], begun: list[BegunAuthorization]) -> Answer:
    remembered = [each for each in begun if each.taken]
    until = max((each.expires_at for each in remembered), default=None)
    left = len(links) + len(begun) - len(remembered)
    lines: list[Shown] = [said(outcome) for outcome in outcomes]
    lines.append(
        "nothing is left of this user in the store's tables of links and authorizations"
        if not begun and not links
        else f"left: {len(links)} links, {len(begun) - len(remembered)} begun authorizations"
    )
    if until is not None:
        lines.append(
            f"{len(remembered)} answered authorizations are remembered until {shown(until)}, so that a second"
            " callback is recognized; then they go by themselves"
        )
    if left:
        lines.append("somebody has connected this user meanwhile; run it again")
    return Answer(
        {
            "outcomes": [outcome_json(outcome) for outcome in outcomes],
            "left": {
                "links": len(links),
                "begun": len(begun) - len(remembered),
                "answered": len(remembered),
                "answered_until": written(until),
            },
            "dry_run": False,
        },
        lines,
        FOUND if left else 0,
    )


COMMAND = Command(
    name="forget-user",
    help="remove all that is kept of a user",
    description="Says what is kept of a user: links and begun authorizations. With --yes all of it is"
    " removed, tokens are revoked if --app gives the providers, and it is said what is left. Interrupted, it"
    " goes on when it is run again. Backups of the database, and logs of your own, are not reached.",
    add_arguments=_add_arguments,
    members={
        "links": '`[{"provider", "user"}]` that would be removed; only without `--yes`',
        "begun": "how many begun authorizations would be; only without `--yes`",
        "outcomes": "what became of each link, as for `unlink`; only with `--yes`",
        "left": '`{"links", "begun", "answered", "answered_until"}` that are left:'
        " the first two are 0 unless somebody connected the user meanwhile;"
        " only with `--yes`",
        "dry_run": "whether nothing was to be changed",
    },
    run=_run,
)
