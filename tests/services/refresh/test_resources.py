"""Tokens for several resources, got with one refresh token (RFC 8707)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from extauth import (
    ConfigurationError,
    LinkKey,
    ProviderMisconfigured,
    ProviderTraits,
    ProviderUnavailable,
    ReauthorizationRequired,
    RefreshInProgress,
    RefreshPolicy,
    TokenService,
    TokenSet,
)
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.events import LinkAdopted, LinkRefreshed, RefreshFailed
from extauth.domain.outcomes import (
    ClientRejected,
    Deferred,
    Exchanged,
    ExchangeOutcome,
    GrantRejected,
    Unknown,
)
from extauth.domain.token_set import ResourceToken
from extauth.testing.scripted.provider import ScriptedProvider
from tests.support.faulty_store import down

KEY = LinkKey("scripted", "alice")
WHO = ("scripted", "alice")
MAIL = "https://mail.example.com"
FILES = "https://files.example.com"
EXPIRED = timedelta(0)
FRESH = timedelta(minutes=30)
AT_ONCE = timedelta(seconds=5)
"""Inside min_validity."""


class WithoutResources:
    """A provider of an application's own that knows of no resources."""

    provider_id = "plain"
    traits = ProviderTraits()
    origin = None

    async def refresh(self, tokens: TokenSet) -> ExchangeOutcome:
        return Exchanged(TokenSet("at-2", f"{tokens.refresh_token}-and-on"))


class PassingOn:
    """A provider around another one, which passes on what it is given."""

    def __init__(self, provider: ScriptedProvider) -> None:
        self.provider_id = provider.provider_id
        self.traits = provider.traits
        self.origin = provider.origin
        self._provider = provider

    async def refresh(self, *given: Any, **named: Any) -> ExchangeOutcome:
        return await self._provider.refresh(*given, **named)


class TestOneGrant:
    async def test_a_token_for_each_resource(self, scene):
        """Each is got once, with the refresh token that the exchange before brought, and then kept."""
        link = await scene.link(expires_in=FRESH)
        tokens = scene.replica()
        mail = await tokens.access_token(*WHO, resource=MAIL)
        files = await tokens.access_token(*WHO, resource=FILES)
        assert await tokens.access_token(*WHO, resource=MAIL) == mail
        assert await tokens.access_token(*WHO) == link.tokens.access_token
        assert [scene.provider.resource_of(token) for token in (mail, files)] == [MAIL, FILES]
        assert scene.provider.asked_for == [MAIL, FILES]
        assert len(set(scene.provider.presented)) == 2
        stored = await scene.stored()
        assert stored.version == 3
        assert scene.provider.is_live(stored.tokens)
        assert set(stored.tokens.resource_tokens) == {MAIL, FILES}

    async def test_the_link_seen_through_a_resource(self, scene):
        """``link`` and ``refresh`` return the whole link with the resource's token in the token's place."""
        await scene.link(expires_in=FRESH)
        tokens = scene.replica()
        seen = await tokens.link(*WHO, resource=MAIL)
        stored = await scene.stored()
        kept = stored.tokens.resource_tokens[MAIL]
        assert ResourceToken(seen.tokens.access_token, seen.tokens.expires_at, seen.tokens.issued_at) == kept
        assert (seen.version, seen.tokens.refresh_token) == (2, stored.tokens.refresh_token)
        again = await tokens.refresh(*WHO, resource=MAIL)
        assert again.version == 3
        assert again.tokens.access_token not in {kept.access_token, stored.tokens.access_token}

    async def test_a_plain_refresh_keeps_them(self, scene):
        """The tokens of resources outlive a refresh of the grant's own."""
        await scene.link(expires_in=FRESH)
        tokens = scene.replica()
        mail = await tokens.access_token(*WHO, resource=MAIL)
        await tokens.refresh(*WHO)
        assert await tokens.access_token(*WHO, resource=MAIL) == mail
        assert scene.provider.exchanges == 2

    async def test_callers_for_one_resource_share_an_exchange(self, scene):
        """However many ask for the same resource at once, the refresh token is presented once."""
        await scene.link(expires_in=FRESH)
        tokens = scene.replica()
        served = await asyncio.gather(*(tokens.access_token(*WHO, resource=MAIL) for _ in range(20)))
        assert len(set(served)) == 1
        assert scene.provider.exchanges == 1

    async def test_callers_for_several_follow_one_another(self, scene):
        """Callers for different tokens of one link wait for each other, and each gets its own."""
        await scene.link(expires_in=EXPIRED)
        replicas = [scene.replica(), scene.replica()]
        wanted = [None, MAIL, FILES] * 3
        served = await asyncio.gather(
            *(tokens.access_token(*WHO, resource=resource) for tokens in replicas for resource in wanted)
        )
        assert [scene.provider.resource_of(token) for token in served] == wanted * 2
        assert sorted(map(str, scene.provider.asked_for)) == sorted(map(str, {None, MAIL, FILES}))
        assert scene.provider.families_revoked == scene.provider.replays == 0

    async def test_who_is_content_does_not_fly(self, scene):
        """A caller who joined a flight for another resource looks again, and may find its token there."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.gate = asyncio.Event()
        first, second = scene.replica(), scene.replica()
        plain = asyncio.create_task(first.link(*WHO))
        await scene.provider.exchanging.wait()
        mail = asyncio.create_task(second.link(*WHO, resource=MAIL))
        await scene.store.entered["wait_for_change"].wait()
        joined = asyncio.create_task(second.link(*WHO))
        await asyncio.sleep(0)
        scene.provider.gate.set()
        await mail
        assert (await joined).tokens.access_token == (await plain).tokens.access_token
        assert scene.provider.asked_for == [None, MAIL]


class TestRejected:
    async def test_is_about_the_resources_token(self, scene):
        """A refused token for a resource is replaced, once for all who report it, and no other one is."""
        link = await scene.link(expires_in=FRESH)
        tokens = scene.replica()
        mail = await tokens.access_token(*WHO, resource=MAIL)
        calls = [tokens.refresh(*WHO, rejected=mail, resource=MAIL) for _ in range(5)]
        fresh = {(await call).tokens.access_token for call in calls}
        assert len(fresh) == 1
        assert mail not in fresh
        assert scene.provider.asked_for == [MAIL, MAIL]
        assert await tokens.access_token(*WHO) == link.tokens.access_token

    async def test_another_token_than_the_stored_one(self, scene):
        """Who reports the grant's own token for a resource that has another, or none, gets the resource's."""
        link = await scene.link(expires_in=FRESH)
        tokens = scene.replica()
        for _ in range(2):
            seen = await tokens.refresh(*WHO, rejected=link.tokens.access_token, resource=MAIL)
            assert scene.provider.resource_of(seen.tokens.access_token) == MAIL
        assert scene.provider.exchanges == 1

    @pytest.mark.parametrize("says_which", [True, False])
    async def test_a_version_moved_by_another_resource_is_no_answer(self, scene, says_which):
        """Another replica's exchange for a resource moves the version; the token to be replaced is there
        still, and is not handed out."""
        link = await scene.link(expires_in=FRESH)
        scene.provider.gate = asyncio.Event()
        first, second = scene.replica(), scene.replica()
        mail = asyncio.create_task(first.link(*WHO, resource=MAIL))
        await scene.provider.exchanging.wait()
        rejected = link.tokens.access_token
        other = asyncio.create_task(second.refresh(*WHO, rejected=rejected if says_which else None))
        await scene.store.entered["wait_for_change"].wait()
        scene.provider.gate.set()
        await mail
        assert (await other).tokens.access_token != rejected
        assert scene.provider.asked_for == [MAIL, None]

    async def test_a_flight_for_none_is_no_answer(self, scene):
        """The grant's own token was issued anew, and the resource's was not."""
        await scene.link(expires_in=FRESH)
        tokens = scene.replica()
        mail = await tokens.access_token(*WHO, resource=MAIL)
        scene.provider.gate = asyncio.Event()
        plain = asyncio.create_task(tokens.refresh(*WHO))
        await asyncio.sleep(0)
        other = asyncio.create_task(tokens.refresh(*WHO, resource=MAIL))
        await asyncio.sleep(0)
        scene.provider.gate.set()
        await plain
        assert (await other).tokens.access_token != mail
        assert scene.provider.asked_for == [MAIL, None, MAIL]

    async def test_a_flight_for_another_resource_is_no_answer(self, scene):
        """The same within one replica."""
        link = await scene.link(expires_in=FRESH)
        scene.provider.gate = asyncio.Event()
        tokens = scene.replica()
        mail = asyncio.create_task(tokens.link(*WHO, resource=MAIL))
        await scene.provider.exchanging.wait()
        calls = [
            asyncio.create_task(tokens.refresh(*WHO, rejected=link.tokens.access_token)),
            asyncio.create_task(tokens.refresh(*WHO)),
        ]
        await asyncio.sleep(0)
        scene.provider.gate.set()
        await mail
        fresh = {(await call).tokens.access_token for call in calls}
        assert len(fresh) == 1
        assert link.tokens.access_token not in fresh
        assert scene.provider.asked_for == [MAIL, None]

    async def test_a_flight_that_brought_the_refused_token_is_no_answer(self, scene):
        """Who read what a flight had saved, and joined it before it landed, wants another than it brought."""
        await scene.link(expires_in=FRESH)
        gate = asyncio.Event()
        scene.store.after["save"] = [gate.wait]
        tokens = scene.replica()
        first = asyncio.create_task(tokens.refresh(*WHO))
        await scene.store.entered["save"].wait()
        while (saved := await scene.stored()).version == 1:
            await asyncio.sleep(0)
        second = asyncio.create_task(tokens.refresh(*WHO, rejected=saved.tokens.access_token))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gate.set()
        assert (await first).tokens.access_token == saved.tokens.access_token
        assert (await second).tokens.access_token != saved.tokens.access_token
        assert scene.provider.exchanges == 2

    async def test_a_link_without_the_token_is_no_answer(self, scene):
        """A flight for another resource finds a new authorization, which has no token for this one."""
        await scene.link(expires_in=FRESH)
        tokens = scene.replica()
        mail = await tokens.access_token(*WHO, resource=MAIL)
        scene.provider.exchanging.clear()
        scene.provider.gate = asyncio.Event()
        plain = asyncio.create_task(tokens.refresh(*WHO))
        await scene.provider.exchanging.wait()
        other = asyncio.create_task(tokens.refresh(*WHO, rejected=mail, resource=MAIL))
        await asyncio.sleep(0)
        renewed = await scene.link(expires_in=FRESH)
        scene.provider.gate.set()
        assert (await plain).tokens == renewed.tokens
        token = (await other).tokens.access_token
        assert scene.provider.resource_of(token) == MAIL
        assert scene.provider.presented[-1] == renewed.tokens.refresh_token

    async def test_a_provider_that_gives_the_same_again(self, scene):
        """A refresh that brings the very token that was refused is one refresh all the same."""
        link = await scene.link(expires_in=FRESH)
        again = attrs.evolve(link.tokens, refresh_token="rt-next", expires_at=None, issued_at=None)
        exchanged = scene.provider.rotate(link.tokens)
        scene.provider.script = [attrs.evolve(exchanged, tokens=again)]
        fresh = await scene.replica().refresh(*WHO, rejected=link.tokens.access_token)
        assert (fresh.version, fresh.tokens.refresh_token) == (2, "rt-next")


class TestTokensThatNeverWork:
    async def test_a_provider_that_gives_no_others_is_not_asked_for_ever(self, scene):
        """Once more for who asked, in case that the first was late; then what came is handed out."""
        await scene.link(expires_in=FRESH)
        scene.provider.lifetime = timedelta(0)
        scene.provider.script = [scene.provider.rotate] * 4 + [GrantRejected("invalid_grant")]
        token = await scene.replica().access_token(*WHO, resource=MAIL)
        assert token == (await scene.stored()).tokens.resource_tokens[MAIL].access_token
        assert scene.provider.asked_for == [MAIL, MAIL]


class TestNothingLeftToLose:
    async def test_another_token_is_at_stake(self, scene):
        """After a lost reply the refresh token is not presented again while any access token works, so the
        resource without one has to wait."""
        link = await scene.link(expires_in=FRESH)
        scene.provider.script = [scene.provider.lose_reply]
        tokens = scene.replica()
        for _ in range(2):
            with pytest.raises(ProviderUnavailable):
                await tokens.access_token(*WHO, resource=MAIL)
            scene.clock.advance(timedelta(minutes=5))
        assert scene.provider.exchanges == 1
        assert await tokens.access_token(*WHO) == link.tokens.access_token

    async def test_the_other_way_round(self, scene):
        """A resource's token that works keeps the grant's own from being replayed for."""
        await scene.link(expires_in=AT_ONCE)
        tokens = scene.replica()
        mail = await tokens.access_token(*WHO, resource=MAIL)
        scene.clock.advance(timedelta(minutes=1))
        scene.provider.script = [scene.provider.lose_reply]
        with pytest.raises(ProviderUnavailable):
            await tokens.access_token(*WHO)
        assert scene.provider.exchanges == 2
        assert await tokens.access_token(*WHO, resource=MAIL) == mail

    @pytest.mark.parametrize("also_for_mail", [True, False])
    async def test_a_refused_token_is_no_loss(self, scene, also_for_mail):
        """After a crash, a caller whose token an API refused has it replaced, unless another one works."""
        link = await scene.link(
            expires_in=FRESH,
            resource_tokens={MAIL: ResourceToken("at-mail")} if also_for_mail else {},
        )
        await scene.inner.claim(KEY, 1, "crashed", timedelta(seconds=45))
        await scene.inner.release(KEY, 1, "crashed", unresolved=True)
        refresh = scene.replica().refresh(*WHO, rejected=link.tokens.access_token)
        if also_for_mail:
            with pytest.raises(ProviderUnavailable, match="an earlier refresh is unresolved"):
                await refresh
            assert scene.provider.exchanges == 0
        else:
            assert (await refresh).tokens.access_token != link.tokens.access_token

    async def test_when_all_have_expired(self, scene):
        """Then it is presented once more, and a rejection is put down to the lost reply."""
        await scene.link(expires_in=FRESH)
        scene.provider.script = [scene.provider.lose_reply]
        tokens = scene.replica()
        with pytest.raises(ProviderUnavailable):
            await tokens.access_token(*WHO, resource=MAIL)
        scene.clock.advance(FRESH)
        with pytest.raises(ReauthorizationRequired) as caught:
            await tokens.access_token(*WHO, resource=MAIL)
        assert caught.value.reason == "reply_lost"
        assert scene.provider.asked_for == [MAIL, MAIL]


class TestMarks:
    async def test_a_cool_down_is_the_links(self, scene):
        """A failure for one resource makes the others wait too, but for tokens that work."""
        link = await scene.link(expires_in=FRESH)
        scene.provider.script = [Deferred("http_429")]
        tokens = scene.replica()
        for resource in (MAIL, FILES):
            with pytest.raises(ProviderUnavailable):
                await tokens.access_token(*WHO, resource=resource)
        assert scene.provider.exchanges == 1
        assert await tokens.access_token(*WHO) == link.tokens.access_token

    async def test_a_rejection_is_the_links(self, scene):
        """A grant that is dead for one resource is dead for all."""
        await scene.link(expires_in=FRESH)
        scene.provider.script = [GrantRejected("invalid_grant")]
        tokens = scene.replica()
        for resource in (MAIL, FILES):
            with pytest.raises(ReauthorizationRequired):
                await tokens.access_token(*WHO, resource=resource)
        assert scene.provider.exchanges == 1

    async def test_a_resource_that_the_provider_does_not_know(self, scene):
        """Whoever asked for it hears that; nobody else notices."""
        link = await scene.link(expires_in=FRESH)
        scene.provider.script = [ClientRejected("invalid_target")]
        tokens = scene.replica()
        with pytest.raises(ProviderMisconfigured) as caught:
            await tokens.access_token(*WHO, resource=MAIL)
        assert caught.value.reason == "invalid_target"
        assert (await scene.store.get(KEY)).failure is None
        assert (await scene.store.get(KEY)).pending is None
        fresh = await tokens.refresh(*WHO, rejected=link.tokens.access_token)
        assert fresh.version == link.version + 1

    @pytest.mark.parametrize(
        ("refusal", "raised", "reason"),
        [
            (ClientRejected("invalid_target"), ProviderMisconfigured, "invalid_target"),
            (ClientRejected("invalid_resource"), ProviderMisconfigured, "invalid_resource"),
            (ClientRejected("invalid_request"), ProviderUnavailable, None),
            (ClientRejected("invalid_scope"), ProviderUnavailable, None),
            (Deferred("unrecognized_error"), ProviderUnavailable, None),
            (Deferred("http_400"), ProviderUnavailable, None),
        ],
    )
    async def test_a_refused_resource_holds_up_no_other_token(self, scene, refusal, raised, reason):
        """Whatever the words: it is asked for ever more rarely, and the others are refreshed meanwhile."""
        link = await scene.link(expires_in=EXPIRED)
        scene.provider.script = [refusal]
        tokens = scene.replica()
        for _ in range(10):
            with pytest.raises(raised, match="resource that was asked for") as caught:
                await tokens.access_token(*WHO, resource=MAIL)
            assert getattr(caught.value, "reason", None) == reason
        assert scene.provider.exchanges == 1
        assert (await scene.store.get(KEY)).failure is None
        assert await tokens.access_token(*WHO, resource=FILES) != link.tokens.access_token
        assert await tokens.access_token(*WHO) != link.tokens.access_token
        assert scene.provider.asked_for == [MAIL, FILES, None]

    async def test_a_refused_resource_is_asked_for_again_later(self, scene):
        """After a pause that grows; when the link has another version at once, and the pauses begin anew."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [ClientRejected("invalid_request")] * 3
        tokens = scene.replica()
        pauses = []
        for _ in range(3):
            with pytest.raises(ProviderUnavailable) as caught:
                await tokens.access_token(*WHO, resource=MAIL)
            pauses.append(caught.value.retry_after)
            await scene.clock.sleep(pauses[-1].total_seconds())
        await tokens.access_token(*WHO)
        scene.provider.script = [ClientRejected("invalid_request")]
        with pytest.raises(ProviderUnavailable) as caught:
            await tokens.access_token(*WHO, resource=MAIL)
        cooldown = RefreshPolicy().cooldown
        assert [*pauses, caught.value.retry_after] == [cooldown.delay(each) for each in (1, 2, 3, 1)]
        told = [event.retry_after for event in scene.events if isinstance(event, RefreshFailed)]
        assert told == [*pauses, caught.value.retry_after]
        await tokens.refresh(*WHO)
        assert await tokens.access_token(*WHO, resource=MAIL)

    @pytest.mark.parametrize(
        "outage", [Unknown("http_503"), Deferred("http_403"), Deferred("unrecognized_error", AT_ONCE)]
    )
    async def test_an_outage_is_no_refusal_of_a_resource(self, scene, outage):
        """The whole link waits."""
        await scene.link(expires_in=FRESH)
        scene.provider.script = [outage]
        with pytest.raises(ProviderUnavailable):
            await scene.replica().access_token(*WHO, resource=MAIL)
        assert (await scene.store.get(KEY)).failure is not None

    async def test_what_is_not_known_of_the_exchange_before_stays_so(self, scene):
        """That the resource is refused says nothing of the presentation whose answer was lost."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [Unknown("reply_lost"), ClientRejected("invalid_target")]
        with pytest.raises(ProviderMisconfigured, match=r"^scripted "):
            await scene.replica().access_token(*WHO, resource=MAIL)
        assert scene.provider.exchanges == 2
        pending = (await scene.store.get(KEY)).pending
        assert (pending is not None, pending and pending.live) == (True, False)

    async def test_what_one_flight_was_refused_holds_for_its_waiters(self, scene):
        """Who joined a flight for another resource and finds a mark does not fly."""
        await scene.link(expires_in=AT_ONCE)
        scene.provider.gate = asyncio.Event()
        scene.provider.script = [Deferred("http_429")]
        tokens = scene.replica()
        plain = asyncio.create_task(tokens.link(*WHO))
        await scene.provider.exchanging.wait()
        mail = asyncio.create_task(tokens.link(*WHO, resource=MAIL))
        await asyncio.sleep(0)
        scene.provider.gate.set()
        await plain
        with pytest.raises(ProviderUnavailable):
            await mail
        assert scene.provider.exchanges == scene.store.calls["claim"] == 1


class TestRevokingProvider:
    async def test_the_other_tokens_end_with_an_exchange(self, scene):
        """Where an exchange kills the access tokens that there were, none of them is handed out again."""
        await scene.link(expires_in=FRESH)
        scene.provider.traits = ProviderTraits(refresh_revokes_access_token=True)
        tokens = scene.replica()
        for resource in (MAIL, None, FILES, MAIL):
            token = await tokens.access_token(*WHO, resource=resource)
            assert scene.provider.access_token_works(token, scene.clock.now())
            assert scene.provider.resource_of(token) == resource
        assert scene.provider.asked_for == [MAIL, None, FILES, MAIL]


class TestStore:
    async def test_a_new_authorization_meanwhile(self, scene):
        """It has no token for the resource, so one is got with its refresh token, not with the old one."""
        await scene.link(expires_in=FRESH)
        scene.provider.gate = asyncio.Event()
        tokens = scene.replica()
        mail = asyncio.create_task(tokens.access_token(*WHO, resource=MAIL))
        await scene.provider.exchanging.wait()
        renewed = await scene.link(expires_in=FRESH)
        scene.provider.gate.set()
        token = await mail
        assert token != renewed.tokens.access_token
        assert scene.provider.presented[1] == renewed.tokens.refresh_token
        assert (await scene.stored()).tokens.resource_tokens[MAIL].access_token == token

    async def test_a_save_that_is_late(self, scene):
        """Tokens that are not stored yet are handed out, and no other exchange begins before they are."""
        await scene.link(expires_in=FRESH)
        scene.store.before["save"] = down(3)
        tokens = scene.replica()
        mail = await tokens.access_token(*WHO, resource=MAIL)
        assert await tokens.access_token(*WHO, resource=MAIL) == mail
        files = await tokens.access_token(*WHO, resource=FILES)
        kept = (await scene.stored()).tokens.resource_tokens
        assert {resource: token.access_token for resource, token in kept.items()} == {
            MAIL: mail,
            FILES: files,
        }
        assert scene.provider.replays == 0

    async def test_a_save_that_had_worked(self, scene):
        """A repeated save that finds its own tokens has refreshed the link; one that finds another's tokens
        for resources beside the same access token has not."""
        await scene.link(expires_in=FRESH)
        scene.store.after["save"] = down(1)
        tokens = scene.replica()
        await tokens.access_token(*WHO, resource=MAIL)
        await tokens._unsaved_tokens.settled(KEY, timedelta(seconds=5))
        assert [type(event) for event in scene.events if isinstance(event, LinkRefreshed | LinkAdopted)] == [
            LinkRefreshed
        ]

        async def another_replica_saves():
            link = await scene.stored()
            other = {FILES: ResourceToken("at-files", expires_at=scene.clock.now() + FRESH)}
            await scene.inner.save(
                KEY, link.version, attrs.evolve(link.tokens, refresh_token="rt-other", resource_tokens=other)
            )

        scene.events.clear()
        scene.store.before["save"] = [another_replica_saves]
        assert (await tokens.link(*WHO, resource=FILES)).tokens.access_token == "at-files"
        assert [type(event) for event in scene.events if isinstance(event, LinkRefreshed | LinkAdopted)] == [
            LinkAdopted
        ]


class TestWaiting:
    async def test_nobody_waits_for_ever_for_a_turn(self, scene):
        """Who waited for others' flights for as long as ``wait_timeout`` is told to come again."""
        await scene.link(expires_in=FRESH)
        scene.provider.gate = asyncio.Event()
        policy = RefreshPolicy(wait_timeout=timedelta(seconds=30))
        tokens = scene.replica(policy=policy)
        mail = asyncio.create_task(tokens.link(*WHO, resource=MAIL))
        await scene.provider.exchanging.wait()
        files = asyncio.create_task(tokens.link(*WHO, resource=FILES))
        await asyncio.sleep(0)
        scene.clock.advance(timedelta(seconds=30))
        scene.provider.gate.set()
        await mail
        with pytest.raises(RefreshInProgress):
            await files
        assert scene.provider.asked_for == [MAIL]

    async def test_another_replicas_exchange_for_another_resource(self, scene):
        """A replica that finds the lease held waits, then gets its own token with the next refresh token."""
        await scene.link(expires_in=FRESH)
        scene.provider.gate = asyncio.Event()
        first, second = scene.replica(), scene.replica()
        mail = asyncio.create_task(first.access_token(*WHO, resource=MAIL))
        await scene.provider.exchanging.wait()
        files = asyncio.create_task(second.access_token(*WHO, resource=FILES))
        await scene.store.entered["wait_for_change"].wait()
        scene.provider.gate.set()
        assert [scene.provider.resource_of(await call) for call in (mail, files)] == [MAIL, FILES]
        assert scene.provider.replays == 0

    async def test_another_replicas_exchange_that_is_told_late(self, scene):
        """Its token worked when it was asked for, and is handed out; for another there is no time."""

        class Late:
            def notify(self, event):
                if isinstance(event, LinkAdopted):
                    scene.clock.advance(timedelta(hours=2))

        await scene.link(expires_in=FRESH)
        scene.provider.gate = asyncio.Event()
        first, second = scene.replica(), scene.replica(observer=Late())
        calls = [asyncio.create_task(first.access_token(*WHO, resource=MAIL))]
        await scene.provider.exchanging.wait()
        calls.append(asyncio.create_task(second.access_token(*WHO, resource=MAIL)))
        await scene.store.entered["wait_for_change"].wait()
        scene.provider.gate.set()
        assert len({await call for call in calls}) == 1
        assert scene.provider.asked_for == [MAIL]


class TestArguments:
    async def test_a_provider_without_them(self):
        """A mistake in the calling code is told before anything is read; the deployment is not at fault."""
        tokens = TokenService(MemoryLinkStore(), [WithoutResources()])
        with pytest.raises(ValueError, match="plain gives no access tokens for single resources") as caught:
            await tokens.access_token("plain", "alice", resource=MAIL)
        assert str(caught.value).endswith("the method refresh of WithoutResources takes no resource")
        assert not isinstance(caught.value, ConfigurationError)

    async def test_a_provider_without_them_still_refreshes(self):
        """Whoever names no resource does not need one that knows of them."""
        store = MemoryLinkStore()
        expired = datetime(2020, 1, 1, tzinfo=UTC)
        await store.put(LinkKey("plain", "alice"), TokenSet("at-1", "rt-1", expired))
        async with TokenService(store, [WithoutResources()]) as tokens:
            link = await tokens.link("plain", "alice")
        assert (link.tokens.access_token, link.tokens.refresh_token) == ("at-2", "rt-1-and-on")

    async def test_a_provider_that_passes_on_what_it_is_given(self, scene):
        """What it wraps is asked for the resource."""
        await scene.link(expires_in=FRESH)
        async with TokenService(scene.store, [PassingOn(scene.provider)], clock=scene.clock) as tokens:
            token = await tokens.access_token(*WHO, resource=MAIL)
        assert scene.provider.resource_of(token) == MAIL

    @pytest.mark.parametrize("resource", ["", "with\0nul", "\ud800"])
    async def test_no_resource(self, scene, resource):
        """A resource is text that every store can keep."""
        with pytest.raises(ValueError, match=r"^resource must"):
            await scene.replica().access_token(*WHO, resource=resource)
