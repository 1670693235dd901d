"""``extauth restored``: after a restore, which refresh tokens may be spent, and may they be tried?"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Collection

from extauth.cli.command import Answer, Command, Shown, Table
from extauth.cli.doubtful import Doubtful, doubtful_links
from extauth.cli.listing import counted
from extauth.cli.session import Opened, Session, UsageError
from extauth.cli.times import ago, shown, written
from extauth.domain.doubt import spared_of
from extauth.domain.errors import ConfigurationError
from extauth.domain.fence import DOUBTFUL
from extauth.domain.inventory import LinkFilter, inventory_of
from extauth.domain.link import LinkKey
from extauth.domain.linking_ports import Store
from extauth.domain.store_history import StoreHistory, history_of
from extauth.services.refresh.restored import hold_all


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("provider", metavar="PROVIDER", nargs="?", help="its id; github covers github/work")
    parser.add_argument("--user", metavar="ID", help="of this user only")
    parser.add_argument("--list", action="store_true", help="each link, not their numbers alone")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--hold",
        action="store_true",
        help="present none of them until --agree: of all links that were last written before the restore",
    )
    what.add_argument(
        "--agree", action="store_true", help="present those that are held when they are needed next"
    )
    parser.add_argument(
        "--before",
        type=ago,
        metavar="WHEN",
        help="with --hold, when the database was restored, if nobody has noticed: 2h, or 2026-11-29T12:00Z",
    )
    parser.add_argument("--yes", action="store_true", help="do it; without this nothing is changed")


async def _run(session: Session) -> Answer:
    options = session.options
    provider, user = options.provider, options.user
    LinkKey(provider or "any", user or "any")  # neither may be what no link can have
    if options.hold and (provider or user):
        msg = "--hold is about all links, since a restore is"
        raise UsageError(msg)
    if options.before is not None and not options.hold:
        msg = "--before goes with --hold"
        raise UsageError(msg)
    changes = (options.hold or options.agree) and options.yes
    async with session.opened("if given", writes=changes) as opened:
        history = _history(opened.store)
        spared = spared_of(opened.auth.tokens.providers.values()) if opened.auth else frozenset[str]()
        done = 0
        if changes:
            done = await (
                _hold(session, opened.store, history, spared)
                if options.hold
                else _agree(session, opened, history)
            )
        found = await doubtful_links(
            session, opened.store, history, spared, LinkFilter(provider, user), before=options.before
        )
    return _answer(session, found, done)


def _answer(session: Session, found: Doubtful, done: int) -> Answer:
    options = session.options
    by_provider = Counter(link.key.provider_id for link in found.links)
    held = Counter(link.key.provider_id for link in found.links if link.held)
    names = sorted(by_provider)
    lines: list[Shown] = []
    if names:
        rows = [(name, str(by_provider[name]), str(held[name])) for name in names]
        lines.append(Table(("provider", "doubtful", "held"), rows))
    if options.list and found.links:
        each = [
            (link.key.provider_id, link.key.user_id, "held" if link.held else "presented when it is needed")
            for link in found.links
        ]
        lines.append(Table(("provider", "user", ""), each))
    lines.append(_since(found))
    if options.hold or options.agree:
        verb = "held" if options.hold else "let go"
        lines.append(
            f"{done} links were {verb}"
            if options.yes
            else "nothing was changed; --yes does what was asked for"
        )
    answer: dict[str, object] = {
        "restored_at": written(found.restored_at),
        "doubtful": dict(sorted(by_provider.items())),
        "held": dict(sorted(held.items())),
        "changed": done,
        "dry_run": not options.yes,
    }
    if options.list:
        answer["links"] = [
            {"provider": link.key.provider_id, "user": link.key.user_id, "held": link.held}
            for link in found.links
        ]
    return Answer(answer, lines)


def _since(found: Doubtful) -> str:
    if found.restored_at is not None:
        return (
            f"found at {shown(found.restored_at)} to be restored, moved or copied; doubtful is what was not"
            " refreshed since"
        )
    return "nobody has noticed that the database was restored, moved or copied, or all of that was agreed to"


async def _hold(session: Session, store: Store, history: StoreHistory, spared: Collection[str]) -> int:
    before = session.options.before or await store.time()
    held = await hold_all(history, before, spared)
    session.done["links held"] = held
    return held


async def _agree(session: Session, opened: Opened, history: StoreHistory) -> int:
    provider, user = session.options.provider, session.options.user
    wanted = LinkFilter(provider, user, reason=DOUBTFUL)
    counts = await counted(session, inventory_of(opened.store), wanted)
    lifted = 0
    for name in sorted({name for name, _ in counts}):
        lifted += await opened.store.lift_failure(name, user_id=user, reason=DOUBTFUL)
        session.done["links let go"] = lifted
    if provider is None and user is None:
        await history.agree()
    return lifted


def _history(store: object) -> StoreHistory:
    history = history_of(store)
    if history is None:
        msg = f"{type(store).__name__} says nothing of its history, so that no restore of it is noticed"
        raise ConfigurationError(msg)
    return history


COMMAND = Command(
    name="restored",
    help="after a restored backup: which refresh tokens may be spent, and may they be tried",
    description="Lists the links whose refresh token may have been used up since the backup that the database"
    " was restored from, or since it was copied or moved: those that were not refreshed since that was"
    " noticed. With --app links of providers that do not renew refresh tokens are left out. --hold has"
    " none of them presented, as RefreshPolicy(hold_doubtful=True) does by itself; run it before the"
    " application is started where nobody can notice the restore (docs/howto/back-up.md). --agree lets go of"
    " all, of a provider's, or of one user's: for a database that was only moved, or where nothing newer can"
    " be found.",
    add_arguments=_add_arguments,
    members={
        "restored_at": "when it was noticed, or null; null again once all was agreed to",
        "doubtful": "by provider, how many links have a refresh token that may be spent",
        "held": "by provider, how many of them are not presented until --agree",
        "changed": "how many links were held, or let go",
        "dry_run": "whether nothing was to be changed",
        "links": 'with --list, `[{"provider", "user", "held"}]`',
    },
    run=_run,
)
