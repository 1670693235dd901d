"""When a client that registered itself (RFC 7591) makes way for another, and which links are a former one's.
Pure.

A refresh token belongs to the client that it was issued to (RFC 6749 section 10.4): another client's
registration takes nothing from the links of the one before, which go on with that until they are reconnected.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias, final

import attrs

from extauth.domain.link import GrantOrigin
from extauth.domain.linking import ClientRegistration
from extauth.domain.outcomes import ClientRejected, Exchanged, GrantRejected

CLIENT_FORGOTTEN: Final = "client_forgotten"
"""Why a user must connect again whose link is a former client's that the server does not take any more."""

PATIENCE: Final = timedelta(minutes=1)
"""For how long a client must be unknown at its server before it counts as forgotten: longer than most
failovers, or than a server takes to make a new client known in all places. Being wrong costs one more
registration, since links keep the client that they were made with."""

YOUNG: Final = timedelta(hours=1)
"""For how long a client that the server never took counts as too new to be forgotten: a server that knows
none of its clients, or reads their proofs otherwise, must not be sent one registration after the other."""

WhyReplaced: TypeAlias = Literal["told", "secret_expired", "scopes_grown", "forgotten"]


@final
@attrs.frozen
class Standing:
    """What the server has said of a client lately, as far as this process has heard."""

    unknown_since: datetime | None = None
    """The first of the answers in a row that it does not know the client."""
    heard_at: datetime | None = None
    registered_at: datetime | None = None
    """When this process registered it, as long as the server has not taken it since."""

    @classmethod
    def registered(cls, at: datetime) -> Standing:
        """Return what is known of a client that was just registered."""
        return cls(None, at, at)

    def after(self, answer: object, at: datetime) -> Standing:
        """Return what is known after this outcome of a request to the token endpoint.

        Of all refusals only ``invalid_client`` says that the client is not known (RFC 6749 section 5.2), and
        whoever judges the grant has known the client. Everything else says neither.
        """
        match answer:
            case ClientRejected("invalid_client"):
                return Standing(self.unknown_since or at, at, self.registered_at)
            case Exchanged() | GrantRejected():
                return Standing(None, at)
            case _:
                return self

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to ask again."""
        return self.heard_at is None or not timedelta(0) <= now - self.heard_at < PATIENCE

    @property
    def forgotten(self) -> bool:
        """Whether the server has forgotten the client: it said so at least twice, with ``PATIENCE`` between
        and nothing else meanwhile, and the client is not ``YOUNG``. One answer alone may be an outage's."""
        if self.unknown_since is None or self.heard_at is None:
            return False
        if self.registered_at is not None and self.heard_at - self.registered_at < YOUNG:
            return False
        return self.heard_at - self.unknown_since >= PATIENCE


def why_replaced(
    kept: ClientRegistration,
    scopes: AbstractSet[str],
    now: datetime,
    *,
    standing: Standing,
    told: str | None = None,
) -> WhyReplaced | None:
    """Return why another client is to be registered in place of the one that is kept, or None.

    ``scopes`` are what the application may ask for, and count against what the client was to be registered
    for: a server that made less of it would make less of it again. What was not noted speaks for nothing.
    ``told`` is a client id that the application wants replaced.
    """
    if kept.client_id == told:
        return "told"
    if secret_expired(kept, now):
        return "secret_expired"
    if kept.scopes is not None and not scopes <= kept.scopes:
        return "scopes_grown"
    return "forgotten" if standing.forgotten else None


def secret_expired(kept: ClientRegistration, now: datetime) -> bool:
    """Whether the client cannot prove itself any more (``client_secret_expires_at``, RFC 7591 section
    3.2.1)."""
    return kept.client_secret_expires_at is not None and now >= kept.client_secret_expires_at


def scopes_to_register(
    kept: ClientRegistration | None, scopes: AbstractSet[str], listed: AbstractSet[str]
) -> frozenset[str]:
    """Return what the next client is to be registered for: those, and what the one before was for.

    So two versions of an application that want different scopes do not take turns in replacing each other's
    client. A scope that is no longer among those that the server has ``listed``, if it lists any, is left
    out: servers refuse to register a client for it.
    """
    before = frozenset[str]() if kept is None else kept.scopes or frozenset[str]()
    return frozenset(scopes) | (before & listed if listed else before)


def of_former_client(granted: GrantOrigin | None, present: GrantOrigin) -> bool:
    """Whether a link with the origin ``granted`` was made with another client than ``present``, at the same
    server for the same resource.

    It goes on with that client, as long as the server knows it, until the user connects again.
    """
    return (
        granted is not None
        and granted.client_id != present.client_id
        and attrs.evolve(present, client_id=granted.client_id).owns(granted)
    )
