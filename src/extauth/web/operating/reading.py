"""Reading what an operator is shown. Each call is bounded, whatever the table holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from extauth.domain.audit import AuditEntry, audit_of
from extauth.domain.due import DueBy
from extauth.domain.errors import ConfigurationError
from extauth.domain.health import AHEAD, expiring
from extauth.domain.inventory import LinkFilter, LinkState, inventory_of
from extauth.domain.link import LinkKey
from extauth.domain.linking import ACCOUNT_SEPARATOR
from extauth.domain.optional_keywords import takes
from extauth.domain.outbox import DeadLetter, Outbox, outbox_of
from extauth.web.operating.facts import (
    DueLinks,
    Endings,
    EndingSoon,
    Entries,
    Entry,
    LinkCounts,
    Links,
    MarkedLinks,
    Marks,
    OutboxState,
    ProviderLinks,
    SealedWith,
    Sealing,
    SetAside,
    mark_kind,
)

LOOKED_AT: Final = 1000
"""How many rows a part looks at that is read row by row."""
MOST_DUE: Final = 100
MOST_LISTED: Final = 10
NEWEST: Final = 2**63 - 1
"""Before it are all entries of an audit trail."""


def family(provider_id: str, providers: Iterable[str]) -> str:
    """Return the provider that serves a link, or what its id begins with if nobody does."""
    served_by = provider_id
    while served_by and served_by not in providers:
        served_by = served_by.rpartition(ACCOUNT_SEPARATOR)[0]
    return served_by or provider_id.partition(ACCOUNT_SEPARATOR)[0]


async def link_counts(store: object, providers: Mapping[str, object]) -> LinkCounts:
    """Count links by provider and state: one stretch of the primary key, as the inventory does."""
    counted = await inventory_of(store).count(LinkFilter())
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for provider_id in providers:
        found[provider_id] = Counter()
    for (provider_id, state), links in counted.counts.items():
        found[family(provider_id, providers)][state] += links
    rows = tuple(ProviderLinks(name, name in providers, dict(found[name])) for name in sorted(found))
    total = sum(each.total for each in rows)
    return LinkCounts(rows, None if counted.next is None else total)


async def marks(store: object, providers: Mapping[str, object]) -> Marks:
    """Read the links with a failure mark, which have an index of their own."""
    found = await inventory_of(store).find(LinkFilter(marked=True), limit=LOOKED_AT)
    numbers: Counter[tuple[str, str]] = Counter()
    newest: dict[tuple[str, str], Any] = {}
    for link in found.links:
        mark = link.failure
        if mark is None or mark.version != link.version:
            continue  # of credentials that were replaced since
        name = (family(link.key.provider_id, providers), mark.reason)
        numbers[name] += 1
        newest[name] = max(newest.get(name, mark), mark, key=lambda each: each.at)
    rows = [
        MarkedLinks(provider, reason, mark_kind(newest[provider, reason]), links, newest[provider, reason].at)
        for (provider, reason), links in numbers.items()
    ]
    order = sorted(rows, key=lambda each: (-each.links, each.provider, each.reason))
    return Marks(tuple(order), None if found.next is None else len(found.links))


async def endings(store: object, providers: Mapping[str, Any], now: datetime) -> Endings:
    """Find links that only their users can keep from ending within a week, by the index of their ends."""
    found = await _outbox_of(store).ending(None, since=now - AHEAD, before=now + AHEAD, limit=LOOKED_AT)
    rows: list[EndingSoon] = []
    for link in found:
        provider = providers.get(family(link.key.provider_id, providers))
        end = expiring(link.lifetimes, now, None if provider is None else provider.traits)
        if end is not None and not end.refresh_helps:
            rows.append(EndingSoon(link.key.provider_id, link.key.user_id, end.at, end.source))
    return Endings(tuple(rows), len(found) if len(found) == LOOKED_AT else None)


async def due(store: Any, providers: Iterable[str], now: datetime) -> tuple[DueLinks, ...]:
    """Count what is due, of each provider so many at most, by the index of their expiry."""
    if not hasattr(store, "due"):
        msg = "this store cannot say what is due"
        raise ConfigurationError(msg)
    rows: list[DueLinks] = []
    for provider_id in providers:
        found = await store.due(provider_id, DueBy.EXPIRY, now, limit=MOST_DUE + 1)
        oldest = found[0].at if found else None
        rows.append(DueLinks(provider_id, min(len(found), MOST_DUE), len(found) > MOST_DUE, oldest))
    return tuple(rows)


async def sealing(store: object) -> Sealing:
    """Say which keys seal the first links."""
    found = await inventory_of(store).find(LinkFilter(), limit=LOOKED_AT)
    numbers = Counter(link.encrypted_with for link in found.links if link.state != "unreadable")
    rows = [SealedWith(key, links) for key, links in numbers.most_common()]
    return Sealing(tuple(rows), None if found.next is None else len(found.links))


async def outbox(store: object) -> OutboxState:
    """Say what waits in the outbox, and what was set aside."""
    desk = _outbox_of(store)
    counts = await desk.counts()
    letters = await desk.dead_letters(limit=MOST_LISTED) if counts.dead else []
    return OutboxState(
        counts.waiting, counts.dead, counts.oldest, counts.listening_until, tuple(map(_letter, letters))
    )


def _outbox_of(store: object) -> Outbox:
    try:
        return outbox_of(store)
    except TypeError as error:
        msg = "this store has no outbox"
        raise ConfigurationError(msg) from error


def _letter(letter: DeadLetter) -> SetAside:
    key = letter.event.key
    return SetAside(
        letter.number,
        letter.event.type,
        key.provider_id,
        key.user_id,
        letter.code,
        letter.attempts,
        letter.at,
    )


async def entries(
    store: object, *, user: str | None = None, provider: str | None = None, before: int = NEWEST, limit: int
) -> Entries:
    """Read the newest entries of the audit trail; by provider among the next thousand only."""
    audit = audit_of(store)
    if not takes(audit.find, "before"):
        msg = "this store's audit trail cannot be read from its end"
        raise ConfigurationError(msg)
    at_most = limit if provider is None else LOOKED_AT
    read = await audit.find(user_id=user, before=before, limit=at_most)
    found: list[Entry] = []
    looked_at = 0
    for number, entry in read:
        if len(found) == limit:
            break
        looked_at += 1
        if provider is None or _of(provider, entry.provider_id):
            found.append(_entry(number, entry))
    ended = looked_at == len(read) < at_most
    return Entries(tuple(found), looked_at, None if ended or not read else read[looked_at - 1][0])


def _of(provider: str, provider_id: str | None) -> bool:
    below = f"{provider}{ACCOUNT_SEPARATOR}"
    return provider_id is not None and f"{provider_id}{ACCOUNT_SEPARATOR}".startswith(below)


def _entry(number: int, entry: AuditEntry) -> Entry:
    return Entry(
        number,
        entry.at,
        str(entry.kind),
        entry.provider_id,
        entry.user_id,
        entry.version,
        entry.actor,
        entry.on_behalf_of,
        entry.reason,
    )


async def links(
    store: object,
    *,
    provider: str | None,
    user: str | None,
    state: LinkState | None,
    reason: str | None,
    after: LinkKey | None,
    limit: int,
) -> Links:
    """Read a page of the links that are like this."""
    wanted = LinkFilter(provider_id=provider, user_id=user, state=state, reason=reason)
    found = await inventory_of(store).find(wanted, after=after, limit=limit)
    following = None if found.next is None else (found.next.provider_id, found.next.user_id)
    return Links(found.links, following)
