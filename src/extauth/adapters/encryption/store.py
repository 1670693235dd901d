"""A store around a store: what is secret is encrypted before it reaches the one beneath."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast, final, get_args

import attrs

from extauth.adapters.encryption.imports import EncryptedImports
from extauth.adapters.encryption.keyring import Keys, keyring_of
from extauth.adapters.encryption.opening import Openers
from extauth.adapters.encryption.rows import sealed_pending, sealed_registration, sealed_tokens
from extauth.adapters.encryption.sealed_rows import EncryptedRows
from extauth.domain.audit import AuditStore, audit_of
from extauth.domain.due import Due, DueBy
from extauth.domain.errors import CannotDecrypt
from extauth.domain.inventory import LinkInventory, inventory_of
from extauth.domain.link import Account, GrantOrigin, Link, LinkKey, RefreshFailure
from extauth.domain.linking import MOST_BEGUN, ClientRegistration, PendingAuthorization
from extauth.domain.linking_outcomes import FindOutcome, Taken, TakeOutcome
from extauth.domain.linking_ports import Store
from extauth.domain.optional_keywords import understood
from extauth.domain.outbox import Outbox, outbox_of
from extauth.domain.outcomes import (
    Claimed,
    ClaimOutcome,
    Recorded,
    RecordOutcome,
    Resealed,
    ResealOutcome,
    Saved,
    SaveOutcome,
    Stale,
)
from extauth.domain.own_writes import OwnWrites, own_writes_of
from extauth.domain.ports import Takeover
from extauth.domain.readiness import ping
from extauth.domain.sealed import is_plain
from extauth.domain.store_clock import AT_ONCE
from extauth.domain.store_history import StoreHistory
from extauth.domain.token_set import TokenSet
from extauth.domain.wrong_types import must_be

PlainRows: TypeAlias = Literal["read", "refuse"]
"""What to do with what is stored in plain text: read it, as long as not everything is encrypted yet, or
refuse it, so that whoever can write the database can put no token of theirs there."""


def checked_plain_rows(plain_rows: PlainRows) -> PlainRows:
    """Return what was given.

    :raises ValueError: if it is none of what it can be.
    """
    if plain_rows not in get_args(PlainRows):
        msg = "plain_rows must be 'read' or 'refuse'"
        raise ValueError(msg)
    return plain_rows


_WithLink = TypeVar("_WithLink", bound=Claimed | Stale | Recorded)


@final
class EncryptedStore:
    """A :class:`~extauth.domain.linking_ports.Store` that keeps everything in another one, secrets encrypted.

    Every text is sealed by AES-256-GCM for its own row and column, under the primary key of ``keys``, each
    time that it is written. What is given out is plain and names no key; key ids that it is given are not
    looked at. So no text ever bears the name of another key than its own.

    A link that does not open is :class:`~extauth.CannotDecrypt` for whoever reads it, and for nobody else; it
    is left as it is. ``links_of`` fails, since a part of the list would be a lie, ``due`` lists it, since it
    reads no tokens, and ``delete`` removes it all the same, and then fails. A claim of it ends the lease
    again, as one whose exchange is unresolved, and fails. Beyond that all promises are the other store's,
    whose loop and lifetime it shares.

    ``keys`` is a :class:`Keyring`, a key, or several of which the first is primary.

    :raises ValueError: if there is no key, two have one id, or ``plain_rows`` is none of what it can be.
    :raises TypeError: for what is no key, and for a store that encrypts already.
    """

    def __init__(self, store: Store, keys: Keys, *, plain_rows: PlainRows = "read") -> None:
        if isinstance(store, EncryptedStore):
            msg = "this store encrypts already; give it all the keys"
            raise TypeError(msg)
        if isinstance(store, type) or not hasattr(store, "keep_registration"):
            hint = "write: async with open_store(url, keys=...) as store"
            raise TypeError(must_be("a store that is open", store, "store", hint))
        self._store = store
        self._keyring = keyring_of(keys)
        self._openers = Openers(self._keyring, refuses_plain=checked_plain_rows(plain_rows) == "refuse")
        self.sealed: Final = EncryptedRows(self._store, self._keyring, self._openers)

    @property
    def imports(self) -> EncryptedImports:
        """What moves links in and out (:class:`~extauth.domain.imports.ImportStore`).

        :raises TypeError: if the other store has nothing for that.
        """
        return EncryptedImports(self._store, self._keyring)

    @property
    def audit(self) -> AuditStore:
        """The other store's: no entry holds a secret."""
        return audit_of(self._store)

    @property
    def inventory(self) -> LinkInventory:
        """The other store's: nothing that it lists is encrypted."""
        return inventory_of(self._store)

    @property
    def outbox(self) -> Outbox:
        """The other store's: nothing in it is secret."""
        return outbox_of(self._store)

    @property
    def history(self) -> StoreHistory:
        """The other store's, if it has one: nothing in it is secret."""
        history: StoreHistory = cast("Any", self._store).history
        return history

    @property
    def own_writes(self) -> OwnWrites | None:
        """The other store's: it writes all that this one does."""
        return own_writes_of(self._store)

    async def check_keys(self) -> None:
        """See that there is a key to encrypt with; a key service is asked for one.

        :raises ConfigurationError: if it refuses.
        :raises StoreUnavailable: if it cannot be asked now.
        """
        await self._keyring.primary()

    async def get(self, key: LinkKey) -> Link | None:
        stored = await self._store.get(key)
        return None if stored is None else await self._openers.link(stored, key)

    async def keeps_plain(self, key: LinkKey) -> bool:
        """As :class:`~extauth.domain.sealed.EncryptingStore` says."""
        stored = await self._store.get(key)
        return stored is not None and is_plain(stored.tokens)

    async def links_of(self, user_id: str) -> list[Link]:
        return [await self._openers.link(stored) for stored in await self._store.links_of(user_id)]

    async def put(self, key: LinkKey, tokens: TokenSet, *, origin: GrantOrigin | None = None) -> Link:
        link = await self._store.put(key, await self._sealed(key, tokens), origin=origin)
        return _as_written(link, tokens)

    async def delete(self, key: LinkKey) -> Link | None:
        removed = await self._store.delete(key)
        return None if removed is None else await self._openers.link(removed)

    async def claim(
        self, key: LinkKey, version: int, owner: str, ttl: timedelta, *, takeover: Takeover = True
    ) -> ClaimOutcome:
        # Before a refresh token is spent: what it brings must be stored.
        await self._keyring.primary()
        outcome = await self._store.claim(key, version, owner, ttl, takeover=takeover)
        match outcome:
            case Claimed():
                try:
                    return await self._opened(outcome)
                except CannotDecrypt:
                    # The row was sealed anew since it was read. A claim that is repeated may be one whose
                    # refresh token is under way already.
                    if takeover is False:
                        await self._store.release(key, version, owner, unresolved=True)
                    else:  # whoever is next is to see that a lease has lapsed
                        await self._store.claim(key, version, owner, AT_ONCE, takeover=False)
                    raise
            case Stale():
                return await self._opened(outcome)
            case _:
                return outcome

    async def time(self) -> datetime:
        return await self._store.time()

    async def ping(self) -> None:
        await ping(self._store)

    async def save(
        self,
        key: LinkKey,
        version: int,
        tokens: TokenSet,
        *,
        origin: GrantOrigin | None = None,
        written_at: datetime | None = None,
        other_grant: bool = False,
    ) -> SaveOutcome:
        sealed = await self._sealed(key, tokens)
        other = understood(self._store.save, other_grant=other_grant or None)
        outcome = await self._store.save(key, version, sealed, origin=origin, written_at=written_at, **other)
        match outcome:
            case Saved(link):
                return Saved(_as_written(link, tokens))
            case Stale():
                return await self._opened(outcome)
            case _:
                return outcome

    async def record_failure(
        self, key: LinkKey, version: int, failure: RefreshFailure, *, written_at: datetime | None = None
    ) -> RecordOutcome:
        recorded = await self._store.record_failure(key, version, failure, written_at=written_at)
        return await self._recorded(recorded)

    async def lift_failure(
        self,
        provider_id: str,
        *,
        user_id: str | None = None,
        reason: str | None = None,
        since: datetime | None = None,
    ) -> int:
        return await self._store.lift_failure(provider_id, user_id=user_id, reason=reason, since=since)

    async def release(self, key: LinkKey, version: int, owner: str, *, unresolved: bool = False) -> bool:
        return await self._store.release(key, version, owner, unresolved=unresolved)

    async def reseal(
        self, key: LinkKey, version: int, tokens: TokenSet, *, written_at: datetime | None = None
    ) -> ResealOutcome:
        sealed = await self._sealed(key, tokens)
        written = understood(self._store.reseal, written_at=written_at)
        outcome = await self._store.reseal(key, version, sealed, **written)
        match outcome:
            case Resealed(link):
                return Resealed(await self._openers.link(link))
            case Stale():
                return await self._opened(outcome)
            case _:
                return outcome

    async def due(
        self, provider_id: str, by: DueBy, before: datetime, *, after: Due | None = None, limit: int = 100
    ) -> list[Due]:
        return await self._store.due(provider_id, by, before, after=after, limit=limit)

    async def wait_for_change(self, key: LinkKey, version: int, timeout: timedelta) -> Link | None:
        stored = await self._store.wait_for_change(key, version, timeout)
        return None if stored is None else await self._openers.link(stored)

    async def record_account(self, key: LinkKey, version: int, account: Account) -> RecordOutcome:
        return await self._recorded(await self._store.record_account(key, version, account))

    async def begin_authorization(
        self, pending: PendingAuthorization, ttl: timedelta, *, at_most: int = MOST_BEGUN
    ) -> None:
        sealed = sealed_pending(await self._keyring.primary(), pending)
        await self._store.begin_authorization(sealed, ttl, at_most=at_most)

    async def find_authorization(self, state_hash: str, *, user_id: str | None = None) -> FindOutcome:
        return await self._store.find_authorization(state_hash, user_id=user_id)

    async def take_authorization(self, state_hash: str, *, user_id: str | None = None) -> TakeOutcome:
        # Before it is taken: the tokens that it brings must be stored.
        await self._keyring.primary()
        outcome = await self._store.take_authorization(state_hash, user_id=user_id)
        return Taken(await self._openers.pending(outcome.pending)) if isinstance(outcome, Taken) else outcome

    async def forget_authorizations(self, key: LinkKey) -> int:
        return await self._store.forget_authorizations(key)

    async def purge_authorizations(self) -> int:
        return await self._store.purge_authorizations()

    async def registration(self, name: str) -> ClientRegistration | None:
        stored = await self._store.registration(name)
        return None if stored is None else await self._openers.registration(name, stored)

    async def keep_registration(
        self, name: str, registration: ClientRegistration, *, instead_of: str | None = None
    ) -> ClientRegistration:
        sealed = sealed_registration(await self._keyring.primary(), name, registration)
        kept = await self._store.keep_registration(name, sealed, instead_of=instead_of)
        return await self._openers.registration(name, kept)

    async def _sealed(self, key: LinkKey, tokens: TokenSet) -> TokenSet:
        return sealed_tokens(await self._keyring.primary(), key, tokens)

    async def _opened(self, outcome: _WithLink) -> _WithLink:
        return attrs.evolve(outcome, link=await self._openers.link(outcome.link))

    async def _recorded(self, outcome: RecordOutcome) -> RecordOutcome:
        return await self._opened(outcome) if isinstance(outcome, Recorded | Stale) else outcome


def _as_written(link: Link, tokens: TokenSet) -> Link:
    """Return what was just written without opening it: a write that is durable must not fail any more."""
    return attrs.evolve(
        link, tokens=attrs.evolve(tokens, access_token_key_id=None, refresh_token_key_id=None)
    )
