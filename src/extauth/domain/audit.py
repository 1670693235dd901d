"""Who did what to which link, when, why and with what outcome: the entries of an audit trail.

No entry holds a token. A token appears as :func:`fingerprint`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from enum import StrEnum, unique
from typing import Protocol, final

import attrs

from extauth.domain.acting import current_actor
from extauth.domain.actors import Actor
from extauth.domain.errors import ConfigurationError
from extauth.domain.link import Link, LinkKey
from extauth.domain.storable import optional_instant, optional_text, storable_text
from extauth.domain.token_set import TokenSet


@unique
class AuditKind(StrEnum):
    """What happened."""

    CONNECTED = "connected"
    """A user's own authorization was stored."""
    HANDED_OUT = "handed_out"
    """A caller got an access token."""
    REFRESHED = "refreshed"
    """New tokens were stored."""
    REJECTED = "rejected"
    """The provider rejected the grant, and a permanent mark was made."""
    REPLAYED_CALLBACK = "replayed_callback"
    """A callback came whose state was used before."""
    WRONG_USER = "wrong_user"
    """A callback was brought by another user than the one who began."""
    UNLINKED = "unlinked"
    """A link was removed."""
    REVOKED = "revoked"
    """The provider was asked to revoke a grant; ``reason`` says why it may not be over, if so."""
    LIFTED = "lifted"
    """A failure mark was taken off."""
    IMPORTED = "imported"
    EXPORTED = "exported"
    KEYS_ROTATED = "keys_rotated"
    """A rotation was begun that had something to do; ``reason`` is the id of the key that it was to."""


def fingerprint(token: str | None) -> str | None:
    """Return the SHA-256 of a token in base64: what GitHub's audit log shows as ``hashed_token``.

    So entries here can be joined with what was done there with the token. See "Identifying audit log events
    performed by an access token" in GitHub's documentation (2026-11-29), which makes it by
    ``echo -n TOKEN | openssl dgst -sha256 -binary | base64``.
    """
    return None if token is None else base64.b64encode(hashlib.sha256(token.encode()).digest()).decode()


@final
@attrs.frozen
class AuditEntry:
    """One thing that happened.

    :raises ValueError: for text that no store can keep.
    """

    kind: AuditKind
    provider_id: str | None = attrs.field(default=None, validator=optional_text)
    user_id: str | None = attrs.field(default=None, validator=optional_text)
    """Whose link it was; of a callback who brought it."""
    version: int | None = None
    """Of the link, after what happened."""
    actor: str | None = attrs.field(default=None, validator=optional_text)
    """Who did it: ``user:alice``, ``operator:eve``, ``service:refresh``; None if that was not said."""
    on_behalf_of: str | None = attrs.field(default=None, validator=optional_text)
    """Who asked for it, where a service did it for one caller."""
    reason: str | None = attrs.field(default=None, validator=optional_text)
    """Why, or what is to be known of the outcome: a stable code. None: as ``kind`` says, and no more."""
    hashed_access_token: str | None = attrs.field(default=None, validator=optional_text)
    hashed_refresh_token: str | None = attrs.field(default=None, validator=optional_text)
    at: datetime | None = attrs.field(default=None, converter=optional_instant)
    """When, by the clock of whoever keeps it: a table's, else this machine's."""

    @classmethod
    def of(
        cls,
        kind: AuditKind,
        about: LinkKey | str | None = None,
        *,
        tokens: TokenSet | None = None,
        version: int | None = None,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> AuditEntry:
        """Return an entry about a link or a user's, by the ``actor`` on behalf of whom this code runs for."""
        caller = current_actor()
        key = about if isinstance(about, LinkKey) else None
        return cls(
            kind,
            provider_id=None if key is None else key.provider_id,
            user_id=about.user_id if isinstance(about, LinkKey) else about,
            version=version,
            actor=actor_name(actor or caller),
            on_behalf_of=None if actor is None or actor == caller else actor_name(caller),
            reason=reason,
            hashed_access_token=None if tokens is None else fingerprint(tokens.access_token),
            hashed_refresh_token=None if tokens is None else fingerprint(tokens.refresh_token),
        )


def actor_name(actor: Actor | None) -> str | None:
    """Return how an actor is named in entries."""
    if actor is None:
        return None
    name = getattr(actor, "user_id", None) or getattr(actor, "name", "")
    return storable_text(f"{type(actor).__name__.lower()}:{name}", "actor")


class AuditStore(Protocol):
    """Keeps entries beside the links; a shipped store has it as ``audit``.

    Entries of writes are written by the store itself, in the transaction of the write: see
    :func:`entry_beside`. Nothing here changes one: a role that may only insert and select suffices, but for
    :meth:`purge`.
    """

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Keep these entries, all or none, as of now by the store's clock."""
        ...

    async def find(
        self,
        *,
        user_id: str | None = None,
        hashed_token: str | None = None,
        since: datetime | None = None,
        after: int = 0,
        before: int | None = None,
        limit: int = 100,
    ) -> list[tuple[int, AuditEntry]]:
        """Return entries with their numbers, in the order in which they were written, after number ``after``.
        With ``before`` the newest first: those before that number, so that ``2**63 - 1`` begins at the end.

        Of one user, of one token, be it an access token or a refresh token, or made at ``since`` or later.
        Numbers grow, and some are never given; one that was given while a page was read may come before it.
        """
        ...

    async def purge(self, before: datetime) -> int:
        """Remove entries made before that, and return how many. Needs the right to delete."""
        ...


def audit_of(store: object) -> AuditStore:
    """Return what keeps the entries beside the store's links.

    :raises ConfigurationError: if this store does not.
    """
    audit: AuditStore | None = getattr(store, "audit", None)
    if audit is None:
        msg = (
            f"{type(store).__name__} keeps no audit trail: it has no audit (an AuditStore);"
            " give the entries to a sink: AuditTrail.to(sink)"
        )
        raise ConfigurationError(msg)
    return audit


class Trail(Protocol):
    """What services tell, beside what is written with a link; a store that is audited has it as ``trail``."""

    async def handed_out(self, link: Link) -> Link:
        """Take note that a caller gets the link's access token, and return the link.

        :raises StoreUnavailable: if that is to be written, and cannot be: then nobody gets it.
        """
        ...

    async def note(
        self,
        kind: AuditKind,
        about: LinkKey | str | None = None,
        *,
        tokens: TokenSet | None = None,
        reason: str | None = None,
    ) -> None:
        """Take note of what has happened already, to a link, to a user's, or to many.

        Raises nothing if it cannot be written, and logs the entry instead.
        """
        ...


def trail_of(store: object) -> Trail | None:
    """Return what is to be told, if the store, or one that it stands around, is audited."""
    trail: Trail | None = getattr(store, "trail", None)
    while trail is None:
        beneath: object | None = getattr(store, "beneath", None)
        if beneath is None:
            return None
        trail, store = getattr(beneath, "trail", None), beneath
    return trail


class AuditSink(Protocol):
    """Takes entries somewhere else: a log pipeline, a SIEM."""

    async def write(self, entries: Sequence[AuditEntry]) -> None:
        """Take these entries, in order. Return once they are safe; raise if they may not be.

        Called by one task, one call at a time, with at most some hundred entries. What raises, or does not
        return for half a minute, is called again with the same entries later: at least once, so that some may
        come twice. No caller waits for it.
        """
        ...


_beside: ContextVar[AuditEntry | None] = ContextVar("extauth_audit_entry", default=None)


@contextmanager
def entry_beside(entry: AuditEntry) -> Generator[None]:
    """Let the one write that is called in this block be written together with an entry, or not at all.

    The store takes link and version from the rows that the write has written, an entry for each, and writes
    none for a write that did nothing.
    """
    token = _beside.set(entry)
    try:
        yield
    finally:
        _beside.reset(token)


def entry_to_write() -> AuditEntry | None:
    """Return the entry that belongs to the write under way."""
    return _beside.get()
