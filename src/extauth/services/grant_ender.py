"""Ending grants at their provider, where that ends nobody else's link."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import final, get_args

import attrs

from extauth.domain.audit import AuditKind, trail_of
from extauth.domain.errors import StoreUnavailable
from extauth.domain.events import SharedGrantEnded
from extauth.domain.link import Account, Link, LinkKey
from extauth.domain.ports import LinkReader, OAuthProvider, WallClock
from extauth.domain.revocation import (
    ENCRYPTED,
    NOT_CONFIRMED,
    SHARED_GRANT,
    OnSharedGrant,
    Spare,
    may_end,
    revoking_ends_account,
    why_not_over,
)
from extauth.domain.token_set import TokenSet
from extauth.services.errors import GRANT_OF_ANOTHER_CLIENT
from extauth.services.events import EventEmitter
from extauth.services.provider_call import guarded
from extauth.services.providers import encrypted, links_at_same_client, revokes_whole_grant
from extauth.services.registered_clients import provider_of_link


@final
@attrs.frozen
class Ended:
    """What came of it."""

    reason: str | None = None
    """Why it is not certain that all of the grant is over; None if it is."""
    others: tuple[LinkKey, ...] = ()
    """The user's other links that ended with it."""

    @property
    def revoked(self) -> bool:
        """Whether the provider confirmed that all of the grant is over."""
        return self.reason is None


@final
class GrantEnder:
    """Asks providers to revoke, once each. ``timeout`` bounds one revocation.

    ``arriving`` says whether another link of a key's user is about to be stored for the provider's client.

    :raises ValueError: if ``on_shared_grant`` is none of what it can be.
    """

    def __init__(
        self,
        store: LinkReader,
        clock: WallClock,
        emitter: EventEmitter,
        timeout: timedelta,
        *,
        on_shared_grant: OnSharedGrant,
        arriving: Callable[[OAuthProvider, LinkKey], bool] | None = None,
    ) -> None:
        if on_shared_grant not in get_args(OnSharedGrant):
            msg = "on_shared_grant must be 'spare' or 'end'"
            raise ValueError(msg)
        self._store = store
        self._trail = trail_of(store)
        self._clock = clock
        self._emitter = emitter
        self._timeout = timeout
        self._on_shared_grant: OnSharedGrant = on_shared_grant
        self._arriving = arriving

    async def end_link(self, provider: OAuthProvider, link: Link) -> Ended:
        """End the grant of a link that is out of the store."""
        if encrypted(link) is not None:
            return Ended(ENCRYPTED)
        try:
            own = await provider_of_link(provider, link)
        except StoreUnavailable:
            return Ended(NOT_CONFIRMED)
        if own is None:
            return Ended(GRANT_OF_ANOTHER_CLIENT)
        unresolved = link.pending is not None
        return await self.end(own, link.key, link.tokens, account=link.account, unresolved=unresolved)

    async def end(
        self,
        provider: OAuthProvider,
        key: LinkKey,
        tokens: TokenSet,
        *,
        account: Account | None,
        unresolved: bool = False,
    ) -> Ended:
        """End the grant that ``key`` had or would have had, of ``account`` if that is known.

        ``unresolved`` says that its refresh token may be spent.
        """
        whole_grant = revokes_whole_grant(provider)
        ends_account = revoking_ends_account(provider.traits, whole_grant=whole_grant, unresolved=unresolved)
        decision = may_end(
            account,
            await self._others(provider, key) if ends_account else (),
            self._clock.now(),
            ends_account=ends_account,
            on_shared=self._on_shared_grant,
        )
        if isinstance(decision, Spare):
            return Ended(SHARED_GRANT)
        confirmed = await guarded(
            lambda: provider.revoke(tokens), self._timeout, who=f"{type(provider).__name__}.revoke"
        )
        for other in decision.others:
            self._emitter.emit(SharedGrantEnded(other, ended_with=key))
        reason = why_not_over(
            provider.traits, confirmed=confirmed is True, whole_grant=whole_grant, unresolved=unresolved
        )
        if self._trail is not None:
            await self._trail.note(AuditKind.REVOKED, key, tokens=tokens, reason=reason)
        return Ended(reason, decision.others)

    async def _others(self, provider: OAuthProvider, key: LinkKey) -> list[Link] | None:
        if self._arriving is not None and self._arriving(provider, key):
            return None  # its tokens may be there, and be no link yet
        return await links_at_same_client(self._store, provider, key.user_id)
