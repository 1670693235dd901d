"""Access tokens for single resources under one grant (RFC 8707), as the link that keeps them shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import final

import attrs

from extauth.domain.copies import changed
from extauth.domain.freshness import access_token_works
from extauth.domain.link import Link
from extauth.domain.policy import ProviderTraits
from extauth.domain.storable import aware_utc, masked
from extauth.domain.token_set import ResourceToken, TokenSet, carried_forward

_INSTANT = timedelta(microseconds=1)
"""The least by which two times differ in every store."""

_ENDED_FOR = timedelta(days=1)
"""How long a token for a resource is kept after its end: longer than clocks are wrong."""


def seen_for(link: Link, resource: str | None) -> Link | None:
    """Return the whole link as a caller sees it who wants a token for ``resource``; None if it has none yet.

    Its access token, with both its times, is that resource's. All else is the link's: refresh token, version
    and marks are the grant's, for all its tokens. Without a resource it is the link itself.
    """
    if resource is None:
        return link
    token = link.tokens.resource_tokens.get(resource)
    if token is None:
        return None
    tokens = attrs.evolve(
        link.tokens,
        access_token=token.access_token,
        expires_at=token.expires_at,
        issued_at=token.issued_at,
    )
    return attrs.evolve(link, tokens=tokens)


def access_tokens(tokens: TokenSet) -> Mapping[str | None, ResourceToken]:
    """Return all access tokens of a grant, by resource; its own is that of None."""
    own = ResourceToken(tokens.access_token, tokens.expires_at, tokens.issued_at)
    return dict[str | None, ResourceToken]([(None, own), *tokens.resource_tokens.items()])


def reissued(link: Link, before: Link, resource: str | None) -> bool:
    """Say whether the token for ``resource`` was issued since the version of ``before``.

    Its text need not tell: JWTs that a server signs within one second can be equal to the letter. Nor does
    the version, which moves when another resource's token is issued.
    """
    if link.version == before.version:
        return False
    now, then = seen_for(link, resource), seen_for(before, resource)
    if now is None or then is None:
        return now is not then
    return now.tokens.access_token != then.tokens.access_token or _issued(now) != _issued(then)


def _issued(view: Link) -> datetime:
    """Return what tells two tokens of one text apart that were issued in one place of a grant."""
    return view.tokens.issued_at or view.updated_at


@final
@attrs.frozen
class RejectedToken:
    """An access token that an API refuses, as it stood in the link that was read when that was told."""

    access_token: str = attrs.field(repr=masked)
    seen: Link

    def stands_in(self, link: Link, resource: str | None) -> bool:
        """Say whether it is the link's token for ``resource``. One of the same text that was issued since
        is another token."""
        view = seen_for(link, resource)
        same = view is not None and view.tokens.access_token == self.access_token
        return same and not reissued(link, self.seen, resource)


def token_works(
    link: Link, resource: str | None, now: datetime, *, rejected: RejectedToken | None = None
) -> bool:
    """Say whether there is an access token for ``resource`` that can be expected to work.

    ``rejected`` does not, wherever it turns up.

    :raises ValueError: if ``now`` is naive.
    """
    view = seen_for(link, resource)
    refused = rejected is not None and rejected.stands_in(link, resource)
    return view is not None and access_token_works(view, now, rejected=refused)


def something_to_lose(link: Link, now: datetime, *, rejected: RejectedToken | None = None) -> bool:
    """Say whether any access token of the grant can be expected to work, the one ``rejected`` apart.

    As long as one does, a refresh token that may be used up is not presented again: a provider that takes
    it for stolen revokes them all.

    :raises ValueError: if ``now`` is naive.
    """
    return token_works(link, None, now, rejected=rejected) or any(
        token_works(link, resource, now, rejected=rejected) for resource in link.tokens.resource_tokens
    )


def after_exchange(
    link: Link,
    answer: TokenSet,
    resource: str | None,
    traits: ProviderTraits,
    now: datetime,
    *,
    no_scopes: bool = False,
) -> TokenSet:
    """Return the tokens to save when an exchange of ``link`` for ``resource`` was answered.

    One set for the whole grant: the new access token in its place, the others as they were, and one refresh
    token. Of an answer for a resource only the access token and the refresh token are taken: its scopes and
    other members are about that one token. Where a refresh revokes the other access tokens, they end now.
    ``no_scopes`` says that the answer grants none, rather than naming none. Others that ended long ago are
    left out, so that many resources, used once each, do not make the link ever larger.
    """
    previous = link.tokens
    carried = carried_forward(answer, previous)
    issued_at = _issued_at(link, answer, resource, now)
    others: Mapping[str, ResourceToken] = (
        {} if traits.refresh_revokes_access_token else _not_long_ended(previous, now)
    )
    if resource is None:
        if no_scopes:
            carried["scopes"] = frozenset()
        return changed(answer, **{**carried, "issued_at": issued_at, "resource_tokens": others})
    new = {resource: ResourceToken(answer.access_token, answer.expires_at, issued_at)}
    expires_at = previous.expires_at
    if traits.refresh_revokes_access_token:
        expires_at = now if expires_at is None else min(expires_at, now)
    return attrs.evolve(
        previous,
        refresh_token=carried["refresh_token"],
        refresh_token_key_id=carried["refresh_token_key_id"],
        refresh_token_expires_at=carried["refresh_token_expires_at"],
        expires_at=expires_at,
        issued_at=previous.issued_at or link.updated_at,  # which is about to move, and not for this token
        resource_tokens={**others, **new},
    )


def _not_long_ended(tokens: TokenSet, now: datetime) -> Mapping[str, ResourceToken]:
    return {
        resource: token
        for resource, token in tokens.resource_tokens.items()
        if token.expires_at is None or token.expires_at > now - _ENDED_FOR
    }


def _issued_at(link: Link, answer: TokenSet, resource: str | None, now: datetime) -> datetime:
    """Return when the new token was issued: later than one of the same text, to be told from it."""
    issued_at = answer.issued_at or aware_utc(now)
    view = seen_for(link, resource)
    if view is None or view.tokens.access_token != answer.access_token:
        return issued_at
    return max(issued_at, _issued(view) + _INSTANT)


def same_access_tokens(one: TokenSet, other: TokenSet) -> bool:
    """Say whether two sets hold the same access tokens, whatever their encryption and times."""
    return _texts(one) == _texts(other)


def same_tokens(one: TokenSet, other: TokenSet) -> bool:
    """Say whether two sets hold the same access tokens and the same refresh token. Of two grants, or two
    refreshes, within one second the access tokens alone may be equal."""
    return one.refresh_token == other.refresh_token and same_access_tokens(one, other)


def _texts(tokens: TokenSet) -> dict[str | None, str]:
    return {resource: token.access_token for resource, token in access_tokens(tokens).items()}
