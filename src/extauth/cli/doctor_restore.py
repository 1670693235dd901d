"""Whether the database was restored, moved or copied, so that refresh tokens in it may be spent."""

from __future__ import annotations

from collections import Counter

from extauth.cli.checks import Check, ok
from extauth.cli.doubtful import doubtful_links
from extauth.cli.session import Session
from extauth.cli.times import shown
from extauth.domain.inventory import LinkFilter
from extauth.domain.store_history import HistorySeen, history_of

NAME = "restore"
_SEE = "see extauth restored, and docs/howto/back-up.md"


async def restore_check(session: Session, store: object) -> Check:
    """Say how many links are doubtful, by provider.

    :raises StoreUnavailable: if the store is down.
    """
    history = history_of(store)
    seen = None if history is None else await history.look()
    if history is None or seen is None:
        found = "the database does not say which history it has, so a restored backup is not noticed"
        return Check(NAME, "warning", found, f"after a restore run extauth restored --hold; {_SEE}")
    if seen.accepted not in {None, seen.current}:
        found = "the database is another one than links were refreshed in last, or an older state of it"
        if seen.others_may_know:
            found += ", or a standby was promoted a moment ago"
        return Check(NAME, "warning", found, f"before the application is started: {_SEE}")
    doubtful = await doubtful_links(session, store, history, (), LinkFilter())
    if not doubtful.links:
        return ok(NAME, _well(seen))
    numbers = Counter(link.key.provider_id for link in doubtful.links)
    told = ", ".join(f"{number} of {name}" for name, number in sorted(numbers.items()))
    held = sum(link.held for link in doubtful.links)
    since = "" if doubtful.restored_at is None else f" since {shown(doubtful.restored_at)}"
    found = f"the database was restored, moved or copied{since}: the refresh tokens of {told} may be spent;"
    held_or_not = f"{held} of them are not presented until somebody agrees"
    return Check(NAME, "problem" if held else "warning", f"{found} {held_or_not}", _SEE)


def _well(seen: HistorySeen) -> str:
    if seen.accepted is None:
        return "nobody has refreshed links in this database yet"
    return "the database is the one that links were refreshed in last, as far as it can tell"
