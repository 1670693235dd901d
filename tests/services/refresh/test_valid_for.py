"""A caller wants a token that works for some time, of a real server and in every kind of store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

import extauth
from extauth import LinkKey, TokenService
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.events import LinkAdopted
from extauth.domain.resources import after_exchange
from extauth.domain.token_set import ResourceToken
from extauth.testing import AuthorizationServer
from tests.services.conftest import KEY as SCRIPTED
from tests.services.conftest import Scene

KEY = LinkKey("example", "alice")
WHO = ("example", "alice")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def provider_of(server: AuthorizationServer) -> OAuth2Provider:
    """Return the server as a provider."""
    return OAuth2Provider(
        "example",
        client_id=server.client_id,
        client_secret=server.client_secret,
        token_url=server.token_url,
        authorize_url=server.authorize_url,
    )


async def connected(
    store: Any, server: AuthorizationServer, left: timedelta, lifetime: timedelta = HOUR
) -> Any:
    """Store a link whose token has this much left, and return both."""
    provider = provider_of(server)
    expires_at = datetime.now(UTC) + left
    tokens = attrs.evolve(server.new_grant("alice"), expires_at=expires_at, issued_at=expires_at - lifetime)
    return provider, await store.put(KEY, tokens, origin=provider.origin)


async def test_a_token_that_is_too_short_is_refreshed_first(any_store: Any) -> None:
    """Once, and the new one is good enough for the next callers."""
    async with AuthorizationServer() as server:
        provider, old = await connected(any_store, server, 10 * MINUTE)
        async with TokenService(any_store, [provider]) as tokens:
            assert await tokens.access_token(*WHO) == old.tokens.access_token
            assert await tokens.access_token(*WHO, valid_for=9 * MINUTE) == old.tokens.access_token
            assert server.presented == []
            calls = [tokens.access_token(*WHO, valid_for=15 * MINUTE) for _ in range(20)]
            [new] = set(await asyncio.gather(*calls))
            link = await tokens.link(*WHO, valid_for=15 * MINUTE)
        assert new == link.tokens.access_token != old.tokens.access_token
        assert link.tokens.expires_at is not None
        assert link.tokens.expires_at - datetime.now(UTC) > 15 * MINUTE
        assert server.presented == [old.tokens.refresh_token]


async def test_through_the_front_door(any_store: Any) -> None:
    """``extauth.open`` passes it on."""
    async with AuthorizationServer() as server:
        provider, old = await connected(any_store, server, 10 * MINUTE)
        async with extauth.open(any_store, [provider]) as auth:
            new = await auth.access_token(*WHO, valid_for=15 * MINUTE)
            assert (await auth.link(*WHO, valid_for=15 * MINUTE)).tokens.access_token == new
        assert new != old.tokens.access_token
        assert len(server.presented) == 1


@pytest.mark.parametrize("known", [True, False])
async def test_tokens_that_never_live_so_long(
    any_store: Any, known: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """One refresh finds that out for all processes; then what there is is handed out, and the log warns."""
    async with AuthorizationServer(access_token_lifetime=MINUTE) as server:
        provider, old = await connected(any_store, server, MINUTE, MINUTE)
        if not known:
            await any_store.put(KEY, attrs.evolve(old.tokens, issued_at=None), origin=provider.origin)
        async with TokenService(any_store, [provider]) as one, TokenService(any_store, [provider]) as other:
            for service in (one, other):
                calls = [service.access_token(*WHO, valid_for=10 * MINUTE) for _ in range(20)]
                got = set(await asyncio.gather(*calls))
                got.add(await service.access_token(*WHO, valid_for=10 * MINUTE))
                assert {server.accepts(token) for token in got} == {True}
        assert len(server.presented) == 1
        told = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
        assert [each.partition(":")[0] for each in told] == ["access tokens of example live for 0"] * 2


async def test_a_provider_that_is_away_keeps_nobody_from_a_token_that_works(any_store: Any) -> None:
    """It is handed out although it is short."""
    async with AuthorizationServer() as server:
        provider, old = await connected(any_store, server, 10 * MINUTE)
    async with TokenService(any_store, [provider]) as tokens:
        assert await tokens.access_token(*WHO, valid_for=15 * MINUTE) == old.tokens.access_token
        assert await tokens.access_token(*WHO, valid_for=15 * MINUTE) == old.tokens.access_token


async def test_who_joins_a_flight_that_is_content_with_less(scene: Scene) -> None:
    """The flight adopts another replica's token that is too short for one who waits: that one goes on."""
    await scene.link(expires_in=MINUTE / 60)
    newer = attrs.evolve(
        scene.provider.grant(),
        expires_at=scene.clock.now() + 10 * MINUTE,
        issued_at=scene.clock.now() - 50 * MINUTE,
    )

    async def another_authorization() -> None:
        await scene.inner.put(SCRIPTED, newer)

    scene.store.before["claim"] = [another_authorization]
    service = scene.replica()
    calls = [service.access_token("scripted", "alice", valid_for=each) for each in (None, 15 * MINUTE)]
    content, wanting = await asyncio.gather(*calls)
    assert content == newer.access_token
    assert wanting == (await scene.stored()).tokens.access_token != newer.access_token
    assert len(scene.provider.presented) == 1
    assert [type(event) for event in scene.events].count(LinkAdopted) == 1


async def test_who_wants_it_for_a_resource_looks_at_that_token(scene: Scene) -> None:
    """The grant's own may work for long: the resource's, which another replica has brought, is too short."""
    mail = "https://mail.example.com"
    await scene.link(expires_in=HOUR)
    now = scene.clock.now()
    short = ResourceToken("at-mail", expires_at=now + 10 * MINUTE, issued_at=now - 50 * MINUTE)
    newer = attrs.evolve(scene.provider.grant(), expires_at=now + HOUR, resource_tokens={mail: short})

    async def another_replica_saves() -> None:
        await scene.inner.put(SCRIPTED, newer)

    scene.store.before["claim"] = [another_replica_saves]
    service = scene.replica()
    calls = [
        service.access_token("scripted", "alice", resource=mail, valid_for=each)
        for each in (None, 15 * MINUTE)
    ]
    content, wanting = await asyncio.gather(*calls)
    assert content == "at-mail"
    assert wanting == (await scene.stored()).tokens.resource_tokens[mail].access_token != "at-mail"
    assert scene.provider.asked_for == [mail]


async def test_a_flight_that_brings_a_short_token_is_enough(scene: Scene) -> None:
    """Whoever joined it does not fly again for one that cannot be had."""
    await scene.link(expires_in=timedelta(0))
    scene.provider.lifetime = MINUTE
    service = scene.replica()
    calls = [service.access_token("scripted", "alice", valid_for=10 * MINUTE) for _ in range(5)]
    [token] = set(await asyncio.gather(*calls))
    assert token == (await scene.stored()).tokens.access_token
    assert len(scene.provider.presented) == 1


def test_a_refreshed_token_has_a_time_of_issue() -> None:
    """Where a provider of the application's own names none: else nobody would know how long tokens live."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    answer = extauth.TokenSet("at-2", expires_at=now + MINUTE)
    link = extauth.Link(KEY, extauth.TokenSet("at", "rt"), 1, now, now)
    tokens = after_exchange(link, answer, None, extauth.ProviderTraits(), now)
    assert (tokens.issued_at, tokens.refresh_token) == (now, "rt")


@pytest.mark.parametrize(
    ("valid_for", "error"), [(timedelta(0), ValueError), (-MINUTE, ValueError), (225, TypeError)]
)
async def test_what_cannot_be_a_span(scene: Scene, valid_for: Any, error: type[Exception]) -> None:
    """It is refused at once."""
    await scene.link(expires_in=HOUR)
    with pytest.raises(error, match="valid_for must be"):
        await scene.replica().access_token("scripted", "alice", valid_for=valid_for)
