"""From the tokens of an authorization to a stored link, and whose account it is."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import final

import attrs

from extauth.domain.errors import (
    AccountChanged,
    ConfigurationError,
    ProviderUnavailable,
    StoreUnavailable,
    UnknownState,
)
from extauth.domain.events import (
    AccountLookupFailed,
    AccountReplaced,
    LinkConnected,
    RefreshTokenMissing,
)
from extauth.domain.link import Account, Link, LinkKey
from extauth.domain.linking import companion_key
from extauth.domain.linking_ports import LinkingProvider, LinkingStore
from extauth.domain.outcomes import Exchanged, Recorded, Unknown
from extauth.domain.token_set import TokenSet
from extauth.services.events import EventEmitter
from extauth.services.grant_ender import GrantEnder
from extauth.services.linking.in_progress import Completion, disconnected
from extauth.services.linking.options import OnAccountChange
from extauth.services.linking.store_grant import GrantWriter
from extauth.services.provider_call import ProviderCaller
from extauth.services.providers import is_own_grant
from extauth.services.registered_clients import provider_of_link


@final
class GrantConnector:
    """Stores what an authorization brought. Whoever calls it must not be cancelled before it has ended.

    Between the exchange and the store nothing is asked of the provider, but where it must be known first
    whose account it is.
    """

    def __init__(
        self,
        store: LinkingStore,
        writer: GrantWriter,
        caller: ProviderCaller,
        grant_ender: GrantEnder,
        emitter: EventEmitter,
        *,
        on_account_change: OnAccountChange,
    ) -> None:
        self._store = store
        self._writer = writer
        self._caller = caller
        self._grant_ender = grant_ender
        self._emitter = emitter
        self._refuse_change = on_account_change == "refuse"

    async def connect(
        self,
        provider: LinkingProvider,
        key: LinkKey,
        completion: Completion,
        exchanged: Exchanged,
        *,
        before: Link | None,
        scopes: frozenset[str],
        extra: Mapping[str, str],
    ) -> Link:
        """Store the tokens, then find out and record whose they are, and return the link.

        That is the link of ``key``, or the companion that the answer was for alone. ``before`` is the link of
        ``key`` as it was read before the exchange. ``scopes`` were asked for, and ``extra`` came with the
        callback.

        :raises AccountChanged: if they are another account's, and that is to be refused.
        :raises ProviderUnavailable: if that is to be refused and there is no telling.
        :raises UnknownState: if the user disconnected meanwhile; the new tokens are then revoked.
        :raises StoreUnavailable: if the store stays down, or others wrote the link while it was.
        """
        asked = key
        if exchanged.link_name is not None:
            # The answer gave nothing for the link that was asked for: other scopes, another link.
            key, before, scopes = companion_key(asked, exchanged.link_name), None, frozenset()
        before = await self._writer.seen(key, before)
        tokens = attrs.evolve(
            exchanged.tokens,
            # What the answer does not name is as asked for (RFC 6749 section 5.1).
            scopes=exchanged.tokens.scopes or (frozenset() if exchanged.no_scopes else scopes),
            # The browser's word does not win over the token endpoint's.
            extra={**extra, **exchanged.tokens.extra},
        )
        account = exchanged.account
        if before is not None and (self._refuse_change or _may_keep_refresh_token(provider, before, tokens)):
            account = account or await self._identify(provider, tokens, key)
            if self._refuse_change:
                await self._refuse_other(provider, before, account)
            if _same(before.account, account) and _may_keep_refresh_token(provider, before, tokens):
                tokens = _keeping_refresh_token(tokens, before.tokens)
        companions = {companion_key(asked, name): each for name, each in exchanged.companions.items()}
        if completion.withdrawn:
            await self._end(provider, {key: tokens, **companions}, account)
        with completion.storing():
            link = await self._put(provider, key, tokens, companions, before)
        if (
            key == asked
            and link.tokens.refresh_token is None
            and provider.linking.refresh_token_asked(scopes)
        ):
            self._emitter.emit(RefreshTokenMissing(key, link.version))
        return await self._with_account(provider, link, account, before)

    async def record(self, link: Link, account: Account) -> Link:
        """Record whose account the link is for, if it still is that link and the store works."""
        if account == link.account:
            return link
        with suppress(StoreUnavailable):
            recorded = await self._store.record_account(link.key, link.version, account)
            if isinstance(recorded, Recorded):
                return recorded.link
        return link

    async def _put(
        self,
        provider: LinkingProvider,
        key: LinkKey,
        tokens: TokenSet,
        companions: Mapping[LinkKey, TokenSet],
        before: Link | None,
    ) -> Link:
        """Store each token set for itself: one that cannot be stored must not lose another."""
        try:
            link = await self._put_one(provider, key, tokens, before)
        except UnknownState:
            await self._end(provider, companions)
            raise
        except (StoreUnavailable, ConfigurationError):
            await self._put_companions(provider, companions)
            raise
        await self._put_companions(provider, companions)
        return link

    async def _put_companions(
        self, provider: LinkingProvider, companions: Mapping[LinkKey, TokenSet]
    ) -> None:
        failures: list[StoreUnavailable | ConfigurationError] = []
        for key, tokens in companions.items():
            try:
                with suppress(UnknownState):  # the user has removed that one alone
                    await self._put_one(provider, key, tokens, await self._writer.seen(key, None))
            except (StoreUnavailable, ConfigurationError) as failure:
                failures.append(failure)
        if failures:
            raise failures[0]

    async def _put_one(
        self, provider: LinkingProvider, key: LinkKey, tokens: TokenSet, before: Link | None
    ) -> Link:
        link = await self._writer.put(key, tokens, provider.origin, before=before)
        if link is None:
            await self._end(provider, {key: tokens})
            raise disconnected()
        self._emitter.emit(LinkConnected(key, link.version))
        return link

    async def _end(
        self, provider: LinkingProvider, grants: Mapping[LinkKey, TokenSet], account: Account | None = None
    ) -> None:
        """End what the user has disconnected before it was stored."""
        for key, tokens in grants.items():
            whose = account
            if whose is None and provider.linking.revokes_whole_grant:
                # It decides which of the user's other links would end too.
                whose = await self._identify(provider, tokens, key)
            await self._grant_ender.end(provider, key, tokens, account=whose)

    async def _identify(self, provider: LinkingProvider, tokens: TokenSet, key: LinkKey) -> Account | None:
        account = await self._caller.call(lambda: provider.identify(tokens))
        if isinstance(account, Unknown):
            self._emitter.emit(AccountLookupFailed(key, account.code))
            return None
        return account

    async def _refuse_other(self, provider: LinkingProvider, before: Link, account: Account | None) -> None:
        key = before.key
        known = before.account
        if known is None and (granted := await provider_of_link(provider, before)) is not None:
            known = await self._identify(granted, before.tokens, key)
        if account is None:
            msg = f"{key.provider_id} did not say whose account {key.user_id!r} has authorized"
            raise ProviderUnavailable(msg)
        if known is not None and known.id != account.id:
            msg = f"{key.user_id!r} has authorized another account at {key.provider_id} than the linked one"
            raise AccountChanged(msg)

    async def _with_account(
        self, provider: LinkingProvider, link: Link, account: Account | None, before: Link | None
    ) -> Link:
        if account is None and not self._caller.hurried:
            account = await self._identify(provider, link.tokens, link.key)
        if account is None:
            return link
        known = None if before is None else before.account
        if known is not None and known.id != account.id:
            self._emitter.emit(AccountReplaced(link.key, link.version, known.id, account.id))
        return await self.record(link, account)


def _may_keep_refresh_token(provider: LinkingProvider, before: Link, tokens: TokenSet) -> bool:
    """Whether the link's refresh token is still good beside new tokens that came without one.

    So it is where a provider gives a refresh token that lives on at the first consent only. It must then be
    proven that it is the same account's: else a later refresh would bring that one's tokens back.
    """
    return (
        tokens.refresh_token is None
        and before.tokens.refresh_token is not None
        and before.account is not None
        and not provider.traits.rotates
        and (before.origin is None) == (provider.origin is None)
        and is_own_grant(provider, before)
    )


def _same(known: Account | None, account: Account | None) -> bool:
    return known is not None and account is not None and known.id == account.id


def _keeping_refresh_token(tokens: TokenSet, before: TokenSet) -> TokenSet:
    return attrs.evolve(
        tokens,
        refresh_token=before.refresh_token,
        refresh_token_key_id=before.refresh_token_key_id,
        refresh_token_expires_at=before.refresh_token_expires_at,
    )
