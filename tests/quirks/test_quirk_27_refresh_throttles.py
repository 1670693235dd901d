"""Class 27: refreshes are throttled, by a code of the provider's own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from extauth import TokenService
from extauth.adapters.providers import xero, zoho
from extauth.domain.errors import ProviderUnavailable
from extauth.domain.events import RefreshFailed
from extauth.testing import Consent, Refusal
from tests.quirks.support_b import using

TEN_MINUTES = timedelta(minutes=10)
ZOHO: dict[str, Any] = {
    "refresh_limit": (10, TEN_MINUTES),
    "throttled": Refusal("Access Denied", 400, members={"status": "failure"}),
    "pkce": "ignored",
}


async def used_up(app: Any) -> None:
    """Refresh alice's link as often as the provider lets it be, and once more."""
    for _ in range(10):
        await app.refreshed()
    with pytest.raises(ProviderUnavailable) as caught:
        await app.refreshed()
    assert caught.value.retry_after == TEN_MINUTES
    assert len(app.server.presented) == 11


async def test_no_refresh_in_a_loop():
    """After the refusal nobody asks again before the ten minutes are over, however often it is called."""
    async with using(zoho, **ZOHO) as app:
        await app.connect()
        await used_up(app)
        for minute in range(9):
            app.clock.advance(timedelta(minutes=1))
            with pytest.raises(ProviderUnavailable) as caught:
                await app.refreshed()
            assert caught.value.retry_after == TEN_MINUTES - timedelta(minutes=minute + 1)
        assert len(app.server.presented) == 11
        app.clock.advance(timedelta(minutes=1))
        assert (await app.refreshed()).version == 12
        assert len(app.server.presented) == 12


async def test_the_access_token_is_handed_out_meanwhile():
    """A throttle costs nobody a token that works, and marks no link dead."""
    async with using(zoho, **ZOHO) as app:
        await app.connect()
        await used_up(app)
        link = await app.link()
        assert app.server.accepts(link.tokens.access_token)
        failure = (await app.stored()).failure
        assert (failure.reason, failure.retry_at) == ("access_denied", app.clock.now() + TEN_MINUTES)
        assert app.events[-1] == RefreshFailed(link.key, 11, "access_denied", TEN_MINUTES)


async def test_the_other_replicas_keep_to_it():
    """The cool-down stands beside the link in the store, so no other replica asks either."""
    async with using(zoho, **ZOHO) as app:
        await app.connect()
        await used_up(app)
        app.clock.advance(timedelta(minutes=4))
        async with app.replica() as other:
            with pytest.raises(ProviderUnavailable) as caught:
                await other.refresh("zoho", "alice")
            assert caught.value.retry_after == timedelta(minutes=6)
            assert len(app.server.presented) == 11
            app.clock.advance(timedelta(minutes=6))
            assert (await other.refresh("zoho", "alice")).version == 12


async def test_nobody_else_has_to_wait():
    """The limit is the grant's: bob's is refreshed while alice's waits."""
    async with using(zoho, **ZOHO) as app:
        await app.connect()
        await app.connect(Consent.approve("bob"), user_id="bob")
        await used_up(app)
        assert (await app.refreshed("bob")).version == 2


async def test_without_the_rule_it_is_asked_again_at_once():
    """A client that does not know the code waits a second, then wastes its chances on refusals."""
    rules = attrs.evolve(zoho.replies, throttles={}, dead_messages={})
    async with using(attrs.evolve(zoho, replies=rules), **ZOHO) as app:
        await app.connect()
        for _ in range(10):
            await app.refreshed()
        for _ in range(3):
            with pytest.raises(ProviderUnavailable, match="unrecognized_error") as caught:
                await app.refreshed()
            assert timedelta(0) < caught.value.retry_after < timedelta(seconds=5)
            app.clock.advance(timedelta(seconds=5))
        assert len(app.server.presented) == 13


@pytest.mark.parametrize("status", [429, 503])
async def test_the_standards_throttle(status):
    """Any provider's ``Retry-After`` is kept to: for the link, and once two were told so, for all of them."""
    told = Refusal("temporarily_unavailable", status, headers={"Retry-After": "120"})
    async with using(xero, refresh_limit=(1, TEN_MINUTES), throttled=told) as app:
        for user in ("alice", "bob", "carol"):
            await app.connect(user_id=user)
        for user in ("alice", "bob"):
            await app.refreshed(user)
        tokens: TokenService = app.tokens
        for user in ("alice", "bob", "carol"):
            with pytest.raises(ProviderUnavailable) as caught:
                await tokens.refresh("xero", user)
            assert caught.value.retry_after == timedelta(seconds=120)
        assert len(app.server.presented) == 4
        app.clock.advance(timedelta(seconds=120))
        assert (await tokens.refresh("xero", "carol")).version == 2
