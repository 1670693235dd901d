"""Each answer that the application must handle, brought about without a provider and without waiting."""

from __future__ import annotations

from datetime import timedelta

import pytest
from calendar_app import calendar_status

from extauth.testing import Fault

HOURS = timedelta(hours=2)


async def test_who_has_not_connected(extauth_auth):
    """Is asked to connect."""
    assert await calendar_status(extauth_auth, "alice") == "Connect your calendar."


async def test_a_token_that_has_expired(extauth_auth, extauth_linked, extauth_clock, extauth_provider):
    """Is refreshed, and nobody notices."""
    await extauth_linked("alice")
    extauth_clock.advance(HOURS)
    assert await calendar_status(extauth_auth, "alice") == "Your calendar is connected."
    assert extauth_provider.tokens.exchanges == 1


async def test_who_has_disconnected_at_the_provider(
    extauth_auth, extauth_linked, extauth_clock, extauth_provider
):
    """Is told so, and asked to connect again."""
    await extauth_linked("alice")
    extauth_provider.tokens.grants.revoke_subject("alice")
    extauth_clock.advance(HOURS)
    assert (await calendar_status(extauth_auth, "alice")).startswith("Connect your calendar again. ")


@pytest.mark.extauth_stores("memory")  # one store is enough for what a provider does over HTTP
async def test_a_provider_that_is_busy(extauth_auth, extauth_linked, extauth_clock, extauth_server):
    """Is asked later, and the user is still connected."""
    await extauth_linked("alice")
    extauth_clock.advance(HOURS)
    extauth_server.faults.plan(Fault.RATE_LIMITED)
    assert await calendar_status(extauth_auth, "alice") == "Your calendar does not answer. Look again later."
    extauth_clock.advance(timedelta(minutes=1))
    assert await calendar_status(extauth_auth, "alice") == "Your calendar is connected."
