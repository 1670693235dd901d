"""Broken ways to keep tokens for several resources under one grant."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import attrs

from extauth.domain.outcomes import Claimed
from extauth.domain.resources import after_exchange, seen_for, token_works
from extauth.domain.token_set import ResourceToken
from extauth.services.refresh import attempt, exchange, request
from extauth.services.refresh.attempt import LeasedRefresh
from extauth.services.refresh.lease import Lease, Leases
from extauth.services.refresh.outcomes import Finished
from extauth.services.refresh.service import TokenService
from tests.proof.breaking import replacing

_attempt = LeasedRefresh.run
_seen_for = seen_for


async def _fly_by_resource(self, request, link, content):
    renew = partial(self._refresh_flight.run, request, link)
    return await self._flights.do((link.key, request.resource), renew)


def _on_of_one_owner(self, link, traits):
    return Lease(link.key, link.version, f"{id(self):032x}", self._policy.lease_at(traits))


@contextmanager
def flights_and_owners_by_resource():
    """Each resource has a flight of its own, and all flights of a replica take leases in its name."""
    with (
        replacing(TokenService, "_fly", _fly_by_resource)(),
        replacing(Leases, "on", _on_of_one_owner)(),
    ):
        yield


async def _attempt_without_a_lease(self, request, link):
    if request.resource is None:
        return await _attempt(self, request, link)
    lease = Lease(link.key, link.version, "nobody", timedelta.max, float("inf"))
    return await self._exchange(request, lease, Claimed(link, None), others_at_stake=False)


no_lease_for_resources = replacing(LeasedRefresh, "run", _attempt_without_a_lease)
"""An exchange for a resource is taken for harmless, because the grant's own access token stays."""


async def _take_what_lands(self, request, link, content):
    return await self._flights.do(link.key, partial(self._refresh_flight.run, request, link))


looks_not_again = replacing(TokenService, "_fly", _take_what_lands)
"""Whoever joins a flight for another resource takes what it brings."""


def _grants_own_instead(link, resource):
    return _seen_for(link, resource) if resource in link.tokens.resource_tokens else link


any_token_will_do = replacing(request, "seen_for", _grants_own_instead)
"""As long as a resource has no token, its callers are handed the grant's own."""


async def _save_and_finish(self, request, link, exchanged, began):
    provider = request.provider
    tokens = after_exchange(link, exchanged.tokens, request.resource, provider.traits, self._clock.now())
    return Finished(await self._unsaved_tokens.save(provider, link, tokens, began))


async def _content_with_what_lands(self, request, link, content):
    while True:
        landed = await self._flights.do(link.key, partial(self._refresh_flight.run, request, link))
        link = landed.link
        if landed.resource == request.resource or content(link):
            return landed


@contextmanager
def adopts_blindly():
    """A newer link, found when saving, is handed out without a look for the token that is wanted."""
    with (
        replacing(LeasedRefresh, "_save", _save_and_finish)(),
        replacing(TokenService, "_fly", _content_with_what_lands)(),
    ):
        yield


def _saving_instead(change):
    def after(link, answer, resource, traits, now, **others):
        tokens = after_exchange(link, answer, resource, traits, now, **others)
        return change(tokens, link, answer, resource, now)

    return replacing(attempt, "after_exchange", after)


takes_the_grants_place = _saving_instead(
    lambda tokens, link, answer, resource, now: answer.succeeding(link.tokens)
)
"""The answer to an exchange for a resource is saved as the grant's own."""

drops_other_resources = _saving_instead(
    lambda tokens, link, answer, resource, now: attrs.evolve(
        tokens, resource_tokens={resource: ResourceToken(answer.access_token, answer.expires_at, now)}
    )
)
"""An exchange for a resource takes away the tokens of the others."""

plain_refresh_drops_resources = _saving_instead(
    lambda tokens, link, answer, resource, now: (
        tokens if resource else attrs.evolve(tokens, resource_tokens={})
    )
)
"""A plain refresh takes away the tokens of all resources."""

keeps_the_spent_token = _saving_instead(
    lambda tokens, link, answer, resource, now: attrs.evolve(tokens, refresh_token=link.tokens.refresh_token)
)
"""An exchange for a resource brings an access token, and its refresh token is overlooked."""

doom_unmarked = _saving_instead(
    lambda tokens, link, answer, resource, now: attrs.evolve(
        tokens,
        expires_at=link.tokens.expires_at if resource else tokens.expires_at,
        resource_tokens={**link.tokens.resource_tokens, **tokens.resource_tokens},
    )
)
"""The access tokens that an exchange has killed look as good as before."""


def _its_own(link, now, *, rejected=None):
    tokens = link.tokens.resource_tokens
    return bool(tokens) and token_works(link, next(iter(tokens)), now)


@contextmanager
def only_its_own_to_lose():
    """A refresh token that may be spent is presented again because the resource's token does not work."""
    with (
        replacing(attempt, "something_to_lose", _its_own)(),
        replacing(exchange, "something_to_lose", _its_own)(),
    ):
        yield
