"""A server that ends all of an account when a spent refresh token turns up, as better-auth 1.7.5 does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import attrs
import pytest

import extauth
from extauth import Auth, Link, LinkKey, ProviderUnavailable, ReauthorizationRequired, UnlinkOutcome
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.domain.policy import ProviderTraits
from extauth.testing import AuthorizationServer, Fault, Refusal, ServerQuirks
from tests.support.clocks import LeapingClock

HOUR = timedelta(hours=1)
QUIRKS = ServerQuirks(revoked_consumed="account", already_revoked=Refusal("invalid_request", 400))
SECOND = LinkKey("app/second", "alice")


@attrs.frozen
class Application:
    """One replica at such a server, and what its user has there."""

    server: AuthorizationServer
    auth: Auth
    clock: LeapingClock
    links: list[Link]

    def alive(self) -> list[bool]:
        """Whether each of the user's grants is alive."""
        living = self.server.grants.live_refresh_tokens()
        return [link.tokens.refresh_token in living for link in self.links]


@asynccontextmanager
async def application(*provider_ids: str, **traits: Any) -> AsyncIterator[Application]:
    """Start a server and a replica whose user has these links to one account, all about to expire."""
    clock = LeapingClock()
    store = MemoryLinkStore(now=clock.now)
    server = AuthorizationServer(
        reuse="strict_account",
        quirks=QUIRKS,
        access_token_lifetime=HOUR,
        monotonic=clock.monotonic,
        now=clock.now,
    )
    async with server:
        provider = OAuth2Provider(
            "app",
            client_id=server.client_id,
            client_secret=server.client_secret,
            token_url=server.token_url,
            traits=ProviderTraits(**traits),
            revocation=Revocation.standard(server.revoke_url, done_codes=frozenset({"invalid_request"})),
            clock=clock,
        )
        links: list[Link] = []
        for provider_id in provider_ids:
            now = clock.now()
            tokens = attrs.evolve(server.new_grant("alice"), issued_at=now, expires_at=now + HOUR)
            links.append(await store.put(LinkKey(provider_id, "alice"), tokens, origin=provider.origin))
        async with extauth.open(store, [provider], clock=clock) as auth:
            yield Application(server, auth, clock, links)


async def lose_the_answer(app: Application) -> None:
    """Let the second link's access token expire and the answer to its refresh get lost."""
    app.clock.advance(2 * HOUR)
    app.server.faults.plan(Fault.LOST_REPLY)
    with pytest.raises((ProviderUnavailable, ReauthorizationRequired)):
        await app.auth.access_token(SECOND.provider_id, "alice")


async def test_a_replay_would_end_the_other_link():
    """Told of it, extauth presents the refresh token once; the other link lives and is refreshed."""
    async with application("app", "app/second", reuse_revokes_account=True) as app:
        await lose_the_answer(app)
        assert (app.server.grants.replays, app.alive()[0]) == (0, True)
        assert app.server.accepts(await app.auth.access_token("app", "alice"))


async def test_who_does_not_say_so_loses_it():
    """Without the trait the replay is tried, since that link has nothing to lose, and the other one dies."""
    async with application("app", "app/second") as app:
        await lose_the_answer(app)
        assert (app.server.grants.replays, app.alive()) == (1, [False, False])


async def test_an_unlink_after_that():
    """The spent refresh token is not shown to the server at all as long as the other link lives."""
    async with application("app", "app/second", reuse_revokes_account=True) as app:
        await lose_the_answer(app)
        unlinked = await app.auth.unlink(SECOND.provider_id, "alice")
        assert unlinked == UnlinkOutcome(SECOND, existed=True, revoked=False, reason="shared_grant")
        assert app.server.accepts(await app.auth.access_token("app", "alice"))


async def test_an_unlink_of_the_only_link():
    """The spent refresh token is revoked, whereupon all of the account ends: that is a success."""
    async with application("app/second", reuse_revokes_account=True) as app:
        app.clock.advance(HOUR / 2)
        app.server.faults.plan(Fault.LOST_REPLY)
        with pytest.raises(ProviderUnavailable):
            await app.auth.refresh(SECOND.provider_id, "alice")
        [unknown_here] = app.server.grants.live_refresh_tokens()
        assert unknown_here != app.links[0].tokens.refresh_token
        unlinked = await app.auth.unlink(SECOND.provider_id, "alice")
        assert unlinked == UnlinkOutcome(SECOND, existed=True, revoked=True)
        assert app.server.grants.live_refresh_tokens() == frozenset()


async def test_an_unlink_of_a_link_in_order():
    """Its grant ends, with success, and the other one lives: its refresh token is not a spent one."""
    async with application("app", "app/second", reuse_revokes_account=True) as app:
        unlinked = await app.auth.unlink(SECOND.provider_id, "alice")
        assert unlinked == UnlinkOutcome(SECOND, existed=True, revoked=True)
        assert app.alive() == [True, False]
        assert not app.server.accepts(app.links[1].tokens.access_token)
