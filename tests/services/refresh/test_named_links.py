"""Several links of one user to one provider, each with a name."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs
import pytest

from extauth import LinkKey, LinkNotFound, ProviderUnavailable, TokenService, UnknownProvider
from extauth.domain.linking import named_provider_id
from extauth.domain.outcomes import Deferred
from extauth.testing.scripted.provider import ScriptedProvider

WORK = named_provider_id("scripted", "work")
HOME = named_provider_id("scripted", "home")


async def connect(scene, provider_id, left=timedelta(0)):
    """Connect alice once more, with a token that has this much left."""
    now = scene.clock.now()
    tokens = attrs.evolve(
        scene.provider.grant(provider_id), expires_at=now + left, issued_at=now - timedelta(hours=1)
    )
    return await scene.inner.put(LinkKey(provider_id, "alice"), tokens)


class TestLinksOfTheirOwn:
    async def test_each_gets_its_own_token(self, scene):
        """Links of one user at one provider are refreshed each with its own refresh token and version."""
        for name in ("scripted", WORK, HOME):
            await connect(scene, name)
        tokens = scene.replica()
        served = [await tokens.access_token(name, "alice") for name in ("scripted", WORK, HOME)]
        assert [scene.provider.subject_of(token) for token in served] == ["scripted", WORK, HOME]
        links = await scene.inner.links_of("alice")
        assert [(link.key.provider_id, link.version) for link in links] == [
            ("scripted", 2),
            (HOME, 2),
            (WORK, 2),
        ]

    async def test_each_has_a_flight_and_a_lease_of_its_own(self, scene):
        """The refreshes of two links of one user are under way at the same time, in one replica or two."""
        await connect(scene, WORK)
        await connect(scene, HOME)
        scene.provider.gate = asyncio.Event()
        first, second = scene.replica(), scene.replica()
        calls = [
            asyncio.create_task(tokens.access_token(name, "alice"))
            for tokens in (first, second)
            for name in (WORK, HOME)
        ]
        await scene.store.entered["wait_for_change"].wait()
        while scene.store.calls["wait_for_change"] < 2:
            await asyncio.sleep(0)
        assert scene.provider.exchanges == 2
        scene.provider.gate.set()
        assert [scene.provider.subject_of(await call) for call in calls] == [WORK, HOME] * 2
        assert scene.provider.exchanges == 2

    async def test_one_that_is_not_there(self, scene):
        """That a user has one link to the provider says nothing about another name."""
        await connect(scene, WORK)
        with pytest.raises(LinkNotFound):
            await scene.replica().access_token(HOME, "alice")
        with pytest.raises(LinkNotFound):
            await scene.replica().access_token("scripted", "alice")

    async def test_a_failure_is_one_links(self, scene):
        """A refresh that failed for now makes no other link wait."""
        await connect(scene, WORK)
        await connect(scene, HOME)
        scene.provider.script = [Deferred("unrecognized_error")]
        tokens = scene.replica()
        with pytest.raises(ProviderUnavailable):
            await tokens.access_token(WORK, "alice")
        assert await tokens.access_token(HOME, "alice")

    async def test_what_a_provider_asks_for_holds_for_all_its_links(self, scene):
        """A provider that asked two links to wait is left alone, whatever the name of the link; and when it
        works again for one, it does for all."""
        third = named_provider_id("scripted", "third")
        for name in (WORK, HOME, third):
            await connect(scene, name)
        scene.provider.script = [Deferred("http_429", timedelta(seconds=90))] * 2
        tokens = scene.replica()
        for name in (WORK, HOME, third):
            with pytest.raises(ProviderUnavailable) as caught:
                await tokens.access_token(name, "alice")
            assert caught.value.retry_after is not None
            assert caught.value.retry_after > timedelta(seconds=60)
        assert scene.provider.exchanges == 2
        scene.clock.advance(timedelta(seconds=90))
        for name in (HOME, WORK, third):
            assert await tokens.access_token(name, "alice")


class TestProviders:
    async def test_the_exact_id_wins(self, scene):
        """A provider whose own id looks like a named link serves the links with that id."""
        exact = ScriptedProvider(WORK, now=scene.clock.now)
        tokens = TokenService(scene.store, [scene.provider, exact], clock=scene.clock)
        scene.replicas.append(tokens)
        await scene.inner.put(LinkKey(WORK, "alice"), exact.grant())
        await tokens.refresh(WORK, "alice")
        assert (exact.exchanges, scene.provider.exchanges) == (1, 0)

    async def test_a_companion_of_a_named_link(self, scene):
        """A second grant beside a named link has two names behind the provider's id."""
        companion = named_provider_id(WORK, "user")
        await connect(scene, companion)
        token = await scene.replica().access_token(companion, "alice")
        assert scene.provider.subject_of(token) == companion

    async def test_a_provider_with_a_separator_in_its_id(self, scene):
        """The longest id that fits serves a link: its links have names too."""
        exact = ScriptedProvider(WORK, now=scene.clock.now)
        tokens = TokenService(scene.store, [scene.provider, exact], clock=scene.clock)
        scene.replicas.append(tokens)
        name = named_provider_id(WORK, "second")
        await scene.inner.put(LinkKey(name, "alice"), exact.grant())
        await tokens.refresh(name, "alice")
        assert (exact.exchanges, scene.provider.exchanges) == (1, 0)

    @pytest.mark.parametrize("provider_id", ["unknown", "unknown/work", "/work", "work"])
    async def test_no_provider(self, scene, provider_id):
        """A name does not make up for a provider that nobody gave to the service."""
        with pytest.raises(UnknownProvider):
            await scene.replica().access_token(provider_id, "alice")
