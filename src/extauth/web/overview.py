"""How a user's links and the offers look side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias, final

import attrs

from extauth.domain.health import Broken, Expiring, Health, ProbablyBroken
from extauth.domain.link import Account, Link
from extauth.domain.linking import ACCOUNT_SEPARATOR
from extauth.domain.linking_ports import LinkingProvider
from extauth.web.offers import Ask, Offer, title_of

Condition: TypeAlias = Literal[
    "ok", "expiring", "probably_broken", "broken", "fenced", "doubtful", "unreadable", "retired"
]

WAITS_FOR_USER: Final = frozenset[Condition]({"expiring", "probably_broken", "broken", "fenced"})
"""What only the user can mend, by connecting again. Not one that is doubtful: its token may work for long,
and an operator may agree meanwhile."""

Unknown: TypeAlias = Literal["unreadable", "retired"]
"""Why nothing can be said of a link: it cannot be decrypted now, or nobody serves it any more."""


@final
@attrs.frozen(kw_only=True)
class Connection:
    """One link, as its user sees it. No token is in it."""

    provider_id: str
    connect_id: str | None
    """What to connect to connect it again: another one for what comes with another; None if nothing does."""
    title: str
    account: Account | None
    since: datetime | None
    condition: Condition
    reason: str | None = None
    ends_at: datetime | None = None
    asks: tuple[tuple[Ask, bool], ...] = ()
    """What more could be allowed, and whether it is."""

    @property
    def account_name(self) -> str | None:
        """What the account is called: its names, or its id if it has none."""
        if self.account is None:
            return None
        names = [name for name in (self.account.display_name, self.account.login) if name]
        return " · ".join(dict.fromkeys(names)) or self.account.id

    def members(self) -> dict[str, Any]:
        """Return it for JSON."""
        account = self.account
        return {
            "provider": self.provider_id,
            "title": self.title,
            "account": None
            if account is None
            else {"id": account.id, "login": account.login, "display_name": account.display_name},
            "connected_at": None if self.since is None else self.since.isoformat(),
            "condition": self.condition,
            "reason": self.reason,
            "ends_at": None if self.ends_at is None else self.ends_at.isoformat(),
            "connect": self.connect_id,
            "asks": [
                {"name": ask.name, "title": ask.title, "allowed": allowed} for ask, allowed in self.asks
            ],
        }


def connection(
    link: Link, health: Health | Unknown, providers: Mapping[str, LinkingProvider], offers: Iterable[Offer]
) -> Connection:
    """Return how a link looks to its user."""
    provider_id = link.key.provider_id
    connect_id = reconnected_by(provider_id, providers)
    offer = offer_for(connect_id or provider_id, offers)
    condition, reason, ends_at = _condition(health)
    return Connection(
        provider_id=provider_id,
        connect_id=connect_id,
        title=title_of(provider_id, offer),
        account=link.account,
        since=link.created_at,
        condition=condition,
        reason=reason,
        ends_at=ends_at,
        asks=()
        if offer is None or connect_id != provider_id
        else tuple((ask, ask.scopes <= link.tokens.scopes) for ask in offer.asks),
    )


def unreadable(provider_id: str, offers: Iterable[Offer]) -> Connection:
    """Return a link of which only is known that it is there."""
    return Connection(
        provider_id=provider_id,
        connect_id=provider_id,
        title=title_of(provider_id, offer_for(provider_id, offers)),
        account=None,
        since=None,
        condition="unreadable",
    )


def offer_for(provider_id: str, offers: Iterable[Offer]) -> Offer | None:
    """Return the offer of a link: its own, or for a named link that of its provider."""
    by_id = {offer.provider_id: offer for offer in offers}
    return by_id.get(provider_id) or by_id.get(provider_id.partition(ACCOUNT_SEPARATOR)[0])


def reconnected_by(provider_id: str, providers: Mapping[str, LinkingProvider]) -> str | None:
    """Return what is to be connected so that this link works again: what it came with, or itself.

    None if nobody serves it any more.
    """
    served_by = provider_id
    while served_by and served_by not in providers:
        served_by = served_by.rpartition(ACCOUNT_SEPARATOR)[0]
    if not served_by:
        return None
    parent, _, name = provider_id.rpartition(ACCOUNT_SEPARATOR)
    came_with = provider_id != served_by and name in providers[served_by].linking.companions
    return parent if came_with else provider_id


def in_order(connections: Iterable[Connection], offers: Sequence[Offer]) -> list[Connection]:
    """Return connections as they are listed: those that wait for their user, then as they are offered."""
    places = {offer.provider_id: place for place, offer in enumerate(offers)}

    def place(each: Connection) -> tuple[bool, int, str]:
        base = each.provider_id.partition(ACCOUNT_SEPARATOR)[0]
        own = places.get(each.provider_id, places.get(base, len(places)))
        return each.condition not in WAITS_FOR_USER, own, each.provider_id

    return sorted(connections, key=place)


def served(
    offers: Iterable[Offer], providers: Mapping[str, LinkingProvider]
) -> tuple[list[Offer], list[Offer]]:
    """Return the offers that can be connected, and those whose provider nobody has opened."""
    by: dict[bool, list[Offer]] = {True: [], False: []}
    for offer in offers:
        by[reconnected_by(offer.provider_id, providers) is not None].append(offer)
    return by[True], by[False]


def still_offered(offers: Iterable[Offer], connections: Sequence[Connection]) -> list[Offer]:
    """Return the offers that are not connected yet."""
    connected = {each.provider_id for each in connections}
    return [offer for offer in offers if offer.provider_id not in connected]


def _condition(health: Health | Unknown) -> tuple[Condition, str | None, datetime | None]:
    if not isinstance(health, Health):
        return health, None, None
    match health.state:
        case Broken(reason):
            return "broken", reason, None
        case ProbablyBroken(reason):
            return "probably_broken", reason, None
        case Expiring(at, refresh_helps=False):
            return "expiring", None, at
        case _:
            return _held(health), None, None


def _held(health: Health) -> Condition:
    if health.doubtful:
        return "doubtful"
    return "fenced" if health.fenced else "ok"
