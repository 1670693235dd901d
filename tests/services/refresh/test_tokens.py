"""What a caller of one replica gets."""

from __future__ import annotations

import asyncio
import logging
import random
from datetime import timedelta

import attrs
import pytest

from extauth import (
    GrantOrigin,
    LinkKey,
    LinkNotFound,
    ProviderMisconfigured,
    ProviderTraits,
    ProviderUnavailable,
    ReauthorizationRequired,
    RefreshFailure,
    RefreshPolicy,
    StoreUnavailable,
    TokenService,
    UnknownProvider,
)
from extauth.domain.events import (
    ExchangeStarted,
    ExchangeUnresolved,
    LinkAdopted,
    LinkReauthorizationRequired,
    LinkRefreshed,
    ProviderRejectedClient,
    RefreshFailed,
    SaveDelayed,
    UnlinkedMeanwhile,
)
from extauth.domain.outcomes import ClientRejected, Deferred, GrantRejected, NotSent, Unknown
from extauth.domain.resources import RejectedToken
from extauth.services.events import EventEmitter
from extauth.services.refresh.exchange import RefreshExchange
from extauth.services.refresh.request import TokenRequest
from extauth.services.refresh.turns import Turns
from extauth.services.refresh.unsaved import UnsavedTokens
from extauth.testing.scripted.provider import ScriptedProvider
from tests.support.faulty_store import FaultyStore

KEY = LinkKey("scripted", "alice")
EXPIRED = timedelta(0)
SOON = timedelta(minutes=1)
"""Inside the look-ahead of any link, outside min_validity."""
AT_ONCE = timedelta(seconds=5)
"""Inside min_validity."""
FRESH = timedelta(minutes=30)


async def until_idle(tokens: TokenService) -> None:
    """Wait for refreshes behind the callers' backs."""
    tasks = [flight.task for flight in tokens._flights._flights.values() if flight.task is not None]
    if tasks:
        await asyncio.wait(tasks)


class TestServing:
    async def test_a_fresh_token_costs_one_read(self, scene):
        """A token far from expiry is handed out after one read and nothing else."""
        link = await scene.link(expires_in=FRESH)
        token = await scene.replica().access_token("scripted", "alice")
        assert token == link.tokens.access_token
        assert dict(scene.store.calls) == {"get": 1}

    async def test_an_expired_token_is_refreshed_first(self, scene):
        """The caller gets the new token, which is stored."""
        await scene.link(expires_in=EXPIRED)
        link = await scene.replica().link("scripted", "alice")
        assert link == await scene.stored()
        assert link.version == 2
        assert scene.provider.is_live(link.tokens)

    async def test_many_callers_cause_one_exchange(self, scene):
        """Everyone who finds the token expired gets the same new one."""
        await scene.link(expires_in=EXPIRED)
        tokens = scene.replica()
        served = await asyncio.gather(*(tokens.access_token("scripted", "alice") for _ in range(50)))
        assert len(set(served)) == 1
        assert scene.provider.exchanges == 1

    async def test_behind_the_callers_back(self, scene):
        """Inside the look-ahead the working token is handed out at once, and refreshed meanwhile."""
        link = await scene.link(expires_in=SOON)
        scene.provider.gate = asyncio.Event()
        tokens = scene.replica()
        assert await tokens.access_token("scripted", "alice") == link.tokens.access_token
        await scene.provider.exchanging.wait()
        assert await tokens.access_token("scripted", "alice") == link.tokens.access_token
        scene.provider.gate.set()
        await until_idle(tokens)
        assert (await scene.stored()).version == 2
        assert scene.provider.exchanges == 1

    async def test_users_with_equal_tokens_share_nothing(self, scene):
        """Whose refresh it is does not depend on any token: each user gets a link of their own."""
        scene.provider.traits = ProviderTraits(rotates=False)
        alice = await scene.link(expires_in=EXPIRED)
        await scene.store.put(LinkKey("scripted", "bob"), alice.tokens)
        service = scene.replica()
        links = await asyncio.gather(*(service.link("scripted", user) for user in ("alice", "bob")))
        assert [(link.key.user_id, link.version) for link in links] == [("alice", 2), ("bob", 2)]
        assert scene.provider.exchanges == 2

    @pytest.mark.parametrize("left", [EXPIRED, SOON], ids=["at once", "behind their backs"])
    async def test_refreshes_of_different_users_do_not_mix(self, scene, left):
        """Users who need a refresh at the same moment each get their own: none joins another's."""
        old = {"alice": await scene.link(expires_in=left)}
        tokens = attrs.evolve(old["alice"].tokens, refresh_token=scene.provider.grant().refresh_token)
        old["bob"] = await scene.store.put(LinkKey("scripted", "bob"), tokens)
        scene.provider.gate = asyncio.Event()
        service = scene.replica()
        calls = [asyncio.create_task(service.link("scripted", user)) for user in old]
        while scene.provider.exchanges < 2:
            await asyncio.sleep(0)
        assert sorted(scene.provider.presented) == sorted(link.tokens.refresh_token for link in old.values())
        scene.provider.gate.set()
        assert [(await call).key.user_id for call in calls] == ["alice", "bob"]
        await until_idle(service)
        for link in old.values():
            assert (await scene.store.get(link.key)).version == 2

    async def test_no_expiry_is_served_for_ever(self, scene):
        """A token without a known expiry is handed out however old it is."""
        link = await scene.link(expires_in=None)
        scene.clock.advance(timedelta(days=9999))
        assert await scene.replica().access_token("scripted", "alice") == link.tokens.access_token

    async def test_doomed_tokens_are_not_handed_out(self, scene):
        """Where a refresh kills the current token at once, callers wait for the new one."""
        scene.provider.traits = ProviderTraits(refresh_revokes_access_token=True)
        link = await scene.link(expires_in=SOON)
        token = await scene.replica().access_token("scripted", "alice")
        assert token != link.tokens.access_token

    @pytest.mark.parametrize(("revokes", "paused"), [(False, False), (False, True), (True, False)])
    async def test_what_is_refreshed_behind_the_back_of_its_user(self, scene, revokes, paused):
        """Not a token that the refresh would kill in their hands, nor where the provider is left alone."""
        scene.provider.traits = ProviderTraits(refresh_revokes_access_token=revokes)
        link = await scene.link(expires_in=SOON)
        flight = scene.replica()._refresh_flight
        if paused:
            flight._pauses.rejected("scripted", link, "invalid_client")
        request = TokenRequest(scene.provider, None)
        assert flight.may_run_behind(request, link) == (not revokes and not paused)

    async def test_doomed_tokens_of_links_not_due(self, scene):
        """The same holds when a refresh is under way that nothing but a 401 elsewhere asked for."""
        scene.provider.traits = ProviderTraits(refresh_revokes_access_token=True)
        await scene.link(expires_in=FRESH)
        scene.provider.gate = asyncio.Event()
        forced = asyncio.create_task(scene.replica().refresh("scripted", "alice"))
        await scene.provider.exchanging.wait()
        other = asyncio.create_task(scene.replica().link("scripted", "alice"))
        await scene.store.entered["wait_for_change"].wait()
        scene.provider.gate.set()
        assert await other == await forced
        assert scene.provider.exchanges == 1

    async def test_almost_expired_tokens_are_refreshed_first(self, scene):
        """A token that works for less than min_validity is not handed out if a new one can be had."""
        link = await scene.link(expires_in=AT_ONCE)
        token = await scene.replica().access_token("scripted", "alice")
        assert token != link.tokens.access_token

    @pytest.mark.parametrize(
        "answer",
        [
            Unknown("lost"),
            Deferred("http_429"),
            ClientRejected("invalid_client"),
            GrantRejected("invalid_grant"),
        ],
        ids=lambda answer: type(answer).__name__,
    )
    async def test_a_working_token_beats_a_failed_refresh(self, scene, answer):
        """Even an almost expired token is better than an error about its refresh."""
        link = await scene.link(expires_in=AT_ONCE)
        scene.provider.script = [answer]
        assert await scene.replica().access_token("scripted", "alice") == link.tokens.access_token

    async def test_an_unlinked_user(self, scene):
        """Nobody's link is not found."""
        with pytest.raises(LinkNotFound, match="'alice' has not connected scripted"):
            await scene.replica().access_token("scripted", "alice")

    async def test_an_unknown_provider(self, scene):
        """A provider id that no provider was given for is a mistake in the deployment."""
        with pytest.raises(UnknownProvider, match="'gitlab'"):
            await scene.replica().access_token("gitlab", "alice")

    async def test_an_impossible_user_id(self, scene):
        """Ids are checked before anything is read."""
        with pytest.raises(ValueError, match="user_id"):
            await scene.replica().access_token("scripted", "")

    async def test_expired_without_refresh_token(self, scene):
        """Nothing to refresh with: the user must authorize again, at no cost to the provider."""
        await scene.link(expires_in=EXPIRED, refresh_token=None)
        with pytest.raises(ReauthorizationRequired, match="'alice' must connect scripted") as caught:
            await scene.replica().access_token("scripted", "alice")
        assert caught.value.reason == "no_refresh_token"
        assert scene.provider.exchanges == 0

    async def test_omitted_members_are_carried_forward(self, scene):
        """A provider that omits the refresh token, scopes and extras on refresh means "as before"."""
        old = await scene.link(expires_in=EXPIRED, scopes={"repo"}, extra={"team": "t"})

        def sparse(tokens):
            outcome = scene.provider.rotate(tokens)
            return attrs.evolve(outcome, tokens=attrs.evolve(outcome.tokens, refresh_token=""))

        scene.provider.script = [sparse]
        link = await scene.replica().link("scripted", "alice")
        assert link.tokens.refresh_token == old.tokens.refresh_token
        assert link.tokens.scopes == {"repo"}
        assert link.tokens.extra == {"team": "t"}

    async def test_scopes_that_are_gone(self, scene):
        """A provider that says that none are left means what it says, where one that omits them does not."""
        await scene.link(expires_in=EXPIRED, scopes={"repo"})

        def without_scopes(tokens):
            return attrs.evolve(scene.provider.rotate(tokens), no_scopes=True)

        scene.provider.script = [without_scopes]
        assert (await scene.replica().link("scripted", "alice")).tokens.scopes == set()

    async def test_two_providers_with_one_id(self, scene):
        """Which of them would be meant is not a thing to guess."""
        with pytest.raises(ValueError, match="'scripted'"):
            TokenService(scene.store, [scene.provider, ScriptedProvider()])

    async def test_closed(self, scene):
        """A closed service refuses calls."""
        tokens = scene.replica()
        await tokens.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await tokens.access_token("scripted", "alice")


class TestRejection:
    async def test_marked_dead(self, scene):
        """A rejected grant is marked with its reason, beside the tokens, and later calls cost nothing."""
        old = await scene.link(expires_in=EXPIRED)
        scene.provider.script = [GrantRejected("bad_refresh_token")]
        tokens = scene.replica()
        for _ in range(3):
            with pytest.raises(ReauthorizationRequired) as caught:
                await tokens.access_token("scripted", "alice")
            assert caught.value.reason == "bad_refresh_token"
        assert scene.provider.exchanges == 1
        link = await scene.stored()
        assert link.tokens == old.tokens
        assert link.failure == RefreshFailure("bad_refresh_token", scene.clock.now(), 1)
        assert link.pending is None
        assert LinkReauthorizationRequired(KEY, 1, "bad_refresh_token") in scene.events

    async def test_an_operator_can_lift_it(self, scene):
        """A mark is no erasure: once lifted, the link works again."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [GrantRejected("invalid_grant")]
        tokens = scene.replica()
        with pytest.raises(ReauthorizationRequired):
            await tokens.access_token("scripted", "alice")
        await scene.store.lift_failure("scripted")
        assert (await tokens.link("scripted", "alice")).version == 2

    async def test_a_newer_link_wins(self, scene):
        """If the version moved while the provider rejected the old token, the newer link is used."""
        await scene.link(expires_in=EXPIRED)

        async def reauthorized_meanwhile(_):
            await scene.link(expires_in=FRESH)
            return GrantRejected("invalid_grant")

        scene.provider.script = [reauthorized_meanwhile]
        link = await scene.replica().link("scripted", "alice")
        assert link.version == 2
        assert (await scene.stored()).failure is None

    async def test_unlinked_meanwhile(self, scene):
        """If the user unlinked while the provider rejected the token, there is no link to mark."""
        await scene.link(expires_in=EXPIRED)

        async def unlinked_meanwhile(_):
            await scene.store.delete(KEY)
            return GrantRejected("invalid_grant")

        scene.provider.script = [unlinked_meanwhile]
        with pytest.raises(LinkNotFound):
            await scene.replica().access_token("scripted", "alice")
        assert await scene.store.get(KEY) is None

    async def test_a_mark_made_after_the_read_is_seen(self, scene):
        """A replica that read the link before another one marked it does not present the dead token."""
        await scene.link(expires_in=EXPIRED)

        async def marked_meanwhile():
            failure = RefreshFailure("invalid_grant", scene.clock.now(), 1)
            await scene.inner.record_failure(KEY, 1, failure)

        scene.store.before["claim"] = [marked_meanwhile]
        with pytest.raises(ReauthorizationRequired) as caught:
            await scene.replica().access_token("scripted", "alice")
        assert caught.value.reason == "invalid_grant"
        assert scene.provider.exchanges == 0
        assert (await scene.stored()).pending is None

    async def test_known_even_if_the_mark_cannot_be_stored(self, scene, caplog):
        """What the provider said is told, store or no store."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [GrantRejected("invalid_grant")]
        scene.store.before["record_failure"] = [StoreUnavailable("down")]
        scene.store.before["release"] = [StoreUnavailable("down")]
        with pytest.raises(ReauthorizationRequired):
            await scene.replica().access_token("scripted", "alice")

    async def test_a_mark_that_cannot_be_stored_leaves_word(self, scene):
        """A replica that finds no mark presents the token no second time while there is something to lose."""
        link = await scene.link(expires_in=AT_ONCE)
        scene.provider.script = [GrantRejected("invalid_grant")]
        scene.store.before["record_failure"] = [StoreUnavailable("down")]
        for _ in range(2):
            assert await scene.replica().access_token("scripted", "alice") == link.tokens.access_token
        assert scene.provider.exchanges == 1


class TestClientRejected:
    async def test_touches_no_link(self, scene):
        """A wrong client secret is the deployment's fault: no mark, no user to ask."""
        before = await scene.link(expires_in=EXPIRED)
        scene.provider.script = [ClientRejected("invalid_client")]
        tokens = scene.replica()
        with pytest.raises(ProviderMisconfigured, match="scripted rejects") as caught:
            await tokens.access_token("scripted", "alice")
        assert caught.value.reason == "invalid_client"
        assert await scene.stored() == before
        assert ProviderRejectedClient("scripted", "invalid_client") in scene.events

    async def test_an_address_that_is_not_public(self, scene):
        """It is not the client's secret that must be mended; the message says what to write."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [ClientRejected("address_not_allowed")]
        with pytest.raises(ProviderMisconfigured, match=r"scripted is at an .* with reach=") as caught:
            await scene.replica().access_token("scripted", "alice")
        assert caught.value.reason == "address_not_allowed"

    async def test_nor_is_one_that_comes_in_the_way(self, scene):
        """A new authorization of another client, found by a refresh under way, is not refreshed here."""
        scene.provider.origin = GrantOrigin("client-b", "https://b.example/token")
        link = await scene.link(expires_in=EXPIRED)
        theirs = GrantOrigin("client-a", "https://a.example/token")
        scene.store.before["claim"] = [lambda: scene.inner.put(KEY, link.tokens, origin=theirs)]
        with pytest.raises(ProviderMisconfigured) as caught:
            await scene.replica().access_token("scripted", "alice")
        assert caught.value.reason == "grant_of_another_client"
        assert scene.provider.exchanges == 0

    async def test_an_unknown_outcome_before_it_is_remembered(self, scene):
        """What a replay is answered doesn't tell how the first exchange ended."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [Unknown("reply_lost"), ClientRejected("invalid_client")]
        with pytest.raises(ProviderMisconfigured):
            await scene.replica().access_token("scripted", "alice")
        pending = (await scene.stored()).pending
        assert pending is not None
        assert not pending.live

    async def test_a_pause_that_was_asked_for_is_no_rejection(self, scene):
        """The first rejection of the client after one begins with a short pause all the same."""
        await scene.link(expires_in=EXPIRED)
        asked = timedelta(seconds=5)
        scene.provider.script = [Deferred("http_429", retry_after=asked), ClientRejected("invalid_client")]
        tokens = scene.replica()
        with pytest.raises(ProviderUnavailable):
            await tokens.access_token("scripted", "alice")
        scene.clock.advance(asked)
        with pytest.raises(ProviderMisconfigured):
            await tokens.access_token("scripted", "alice")
        scene.clock.advance(timedelta(seconds=1))
        assert (await tokens.link("scripted", "alice")).version == 2

    async def test_another_clients_grant_is_never_sent(self, scene):
        """A refresh token stays with the client and endpoint it belongs to."""
        mine = GrantOrigin("client-b", "https://b.example/token")
        theirs = GrantOrigin("client-a", "https://a.example/token")
        scene.provider.origin = mine
        await scene.store.put(KEY, (await scene.link(expires_in=EXPIRED)).tokens, origin=theirs)
        before = await scene.stored()
        with pytest.raises(ProviderMisconfigured, match="another client id and token endpoint") as caught:
            await scene.replica().access_token("scripted", "alice")
        assert caught.value.reason == "grant_of_another_client"
        assert scene.provider.exchanges == 0
        assert before.failure is None
        await scene.store.put(KEY, (await scene.link(expires_in=EXPIRED)).tokens, origin=mine)
        await scene.replica().access_token("scripted", "alice")
        assert scene.provider.exchanges == 1


class TestHurry:
    @pytest.mark.parametrize(
        ("left", "seconds"), [(EXPIRED, 0.0), (SOON, 60.0), (None, float("inf"))], ids=["no", "yes", "always"]
    )
    async def test_is_for_how_long_the_token_works_yet(self, scene, left, seconds):
        """Where refreshes wait, those go first whose tokens do not work or are refused."""
        link = await scene.link(expires_in=left)
        request = TokenRequest(scene.provider)
        assert request.works_for(link, scene.clock.now()) == seconds
        refused = attrs.evolve(request, rejected=RejectedToken(link.tokens.access_token, link))
        assert refused.works_for(link, scene.clock.now()) == 0.0


class TestTemporaryFailure:
    async def test_cools_down(self, scene):
        """After an answer that settles nothing the provider is left alone, by every replica, for a while."""
        old = await scene.link(expires_in=EXPIRED)
        scene.provider.script = [Deferred("unrecognized_error")]
        for tokens in (scene.replica(), scene.replica()):
            with pytest.raises(ProviderUnavailable, match="unrecognized_error") as caught:
                await tokens.access_token("scripted", "alice")
            assert timedelta(0) < caught.value.retry_after <= timedelta(seconds=1)
        assert scene.provider.exchanges == 1
        link = await scene.stored()
        assert link.tokens == old.tokens
        assert link.pending is None
        scene.clock.advance(timedelta(seconds=1))
        assert (await scene.replica().link("scripted", "alice")).version == 2
        assert (await scene.stored()).failure is None

    async def test_pauses_double(self, scene):
        """Each failure in a row waits about twice as long as the one before, up to the maximum."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [Deferred("http_429")] * 12
        tokens = scene.replica()
        pauses = []
        for _ in range(12):
            with pytest.raises(ProviderUnavailable) as caught:
                await tokens.access_token("scripted", "alice")
            pauses.append(caught.value.retry_after)
            scene.clock.advance(caught.value.retry_after)
        longest = [min(timedelta(seconds=2**number), timedelta(minutes=5)) for number in range(12)]
        for full, pause in zip(longest, pauses, strict=True):
            assert full / 2 <= pause <= full
        assert pauses != longest, "many links that fail together must not all come back together"

    async def test_behind_the_callers_back_too(self, scene):
        """A failed refresh behind the callers' backs is not tried again at every call."""
        await scene.link(expires_in=SOON)
        scene.provider.script = [Deferred("http_429")]
        tokens = scene.replica()
        for _ in range(5):
            await tokens.access_token("scripted", "alice")
            await until_idle(tokens)
        assert scene.provider.exchanges == 1
        failed = [event for event in scene.events if isinstance(event, RefreshFailed)]
        mark = (await scene.stored()).failure
        assert failed == [RefreshFailed(KEY, 1, "http_429", mark.retry_at - mark.at)]

    async def test_a_token_that_expired_meanwhile_is_not_handed_out(self, scene):
        """Whether the old token is better than an error is asked when the refresh has failed."""
        await scene.link(expires_in=AT_ONCE)

        def slowly_deferred(_):
            scene.clock.advance(AT_ONCE)
            return Deferred("http_429")

        scene.provider.script = [slowly_deferred]
        with pytest.raises(ProviderUnavailable):
            await scene.replica().access_token("scripted", "alice")

    async def test_not_sent_is_sent_again(self, scene):
        """A request that never left is repeated at once, with growing pauses, within the same lease."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [NotSent("connect_failed")] * 4
        assert (await scene.replica().link("scripted", "alice")).version == 2
        assert scene.provider.exchanges == 5
        assert scene.store.calls["claim"] == 5, "the lease is confirmed each time"
        assert scene.clock.slept == sorted(scene.clock.slept)
        assert len(scene.clock.slept) == 4
        assert scene.clock.slept[-1] < 0.4, "replicas that retry together must not stay together"

    async def test_never_sent(self, scene):
        """If no request can be sent for long, the link is as before and nothing is unresolved."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [NotSent("dns")] * 9
        with pytest.raises(ProviderUnavailable, match="dns"):
            await scene.replica().access_token("scripted", "alice")
        assert scene.provider.exchanges == 5
        assert (await scene.stored()).pending is None

    async def test_nothing_is_sent_again_into_a_pause(self, scene):
        """It may have begun meanwhile, by what other links were told."""
        link = await scene.link(expires_in=EXPIRED)
        tokens = scene.replica()

        def paused_meanwhile(_):
            tokens._refresh_flight._pauses.rejected("scripted", link, "invalid_client")
            return NotSent("connect_failed")

        scene.provider.script = [paused_meanwhile]
        with pytest.raises(ProviderUnavailable, match="connect_failed"):
            await tokens.access_token("scripted", "alice")
        assert scene.provider.exchanges == 1

    async def test_a_lease_is_renewed_before_it_is_too_short(self, scene):
        """Repeating takes the lease again when one more exchange would not fit into what is left of it."""
        await scene.link(expires_in=EXPIRED)

        def slowly_not_sent(_):
            scene.clock.advance(timedelta(seconds=15))
            return NotSent("connect_timeout")

        scene.provider.script = [slowly_not_sent] * 3
        assert (await scene.replica().link("scripted", "alice")).version == 2
        assert scene.store.calls["claim"] == 4

    async def test_a_lease_that_cannot_be_renewed_ends_it(self, scene):
        """Nobody exchanges without a lease: if it cannot be renewed, the refresh has failed for now."""
        await scene.link(expires_in=EXPIRED)

        def slowly_not_sent(_):
            scene.clock.advance(timedelta(seconds=30))
            scene.store.before["claim"] = [StoreUnavailable("down")]
            return NotSent("connect_timeout")

        scene.provider.script = [slowly_not_sent]
        with pytest.raises(ProviderUnavailable, match="connect_timeout"):
            await scene.replica().access_token("scripted", "alice")
        assert scene.provider.exchanges == 1
        assert (await scene.stored()).pending is None

    async def test_a_store_too_slow_for_its_leases(self, scene):
        """No exchange starts in a lease that has almost run out when it is had."""
        await scene.link(expires_in=EXPIRED)

        async def slow():
            scene.clock.advance(timedelta(seconds=30))

        scene.store.before["claim"] = [slow, slow]
        with pytest.raises(StoreUnavailable, match="too slow") as caught:
            await scene.replica().access_token("scripted", "alice")
        assert caught.value.retry_after == timedelta(seconds=1)
        assert scene.provider.exchanges == 0
        assert (await scene.stored()).pending is None

    async def test_the_store_is_down_before_the_exchange(self, scene):
        """No lease, no exchange: the provider is not asked."""
        await scene.link(expires_in=EXPIRED)
        scene.store.before["claim"] = [StoreUnavailable("down"), StoreUnavailable("down")]
        with pytest.raises(StoreUnavailable):
            await scene.replica().access_token("scripted", "alice")
        assert scene.provider.exchanges == 0

    async def test_a_claim_whose_answer_was_lost_is_repeated(self, scene):
        """A claim that failed may have taken the lease: it is asked again instead of waited out."""
        await scene.link(expires_in=EXPIRED)
        scene.store.after["claim"] = [StoreUnavailable("connection lost")]
        assert (await scene.replica().link("scripted", "alice")).version == 2
        assert scene.clock.slept == [0.05]

    async def test_a_lease_that_cannot_be_released_hurts_nobody(self, scene, caplog):
        """A failed release is logged; the caller gets what there is to get."""
        link = await scene.link(expires_in=AT_ONCE)
        scene.provider.script = [Deferred("http_429")]
        scene.store.before["release"] = [StoreUnavailable("down")]
        with caplog.at_level(logging.WARNING, "extauth"):
            assert await scene.replica().access_token("scripted", "alice") == link.tokens.access_token
        assert "down" in caplog.text

    @pytest.mark.parametrize("left", [EXPIRED, AT_ONCE], ids=["expired", "works"])
    async def test_a_mark_that_cannot_be_stored_changes_nothing_for_the_caller(self, scene, left):
        """It is told how long to wait, or has its token as long as that works."""
        link = await scene.link(expires_in=left)
        scene.provider.script = [Deferred("http_429", retry_after=timedelta(seconds=20))]
        scene.store.before["record_failure"] = [StoreUnavailable("down")]
        call = scene.replica().access_token("scripted", "alice")
        if left > EXPIRED:
            assert await call == link.tokens.access_token
        else:
            with pytest.raises(ProviderUnavailable, match="http_429") as caught:
                await call
            assert caught.value.retry_after == timedelta(seconds=20)
        assert (await scene.stored()).failure is None
        assert scene.provider.exchanges == 1

    async def test_marked_while_failing(self, scene):
        """A failure for now adopts a newer link, and respects an unlink."""
        await scene.link(expires_in=EXPIRED)

        async def reauthorized_meanwhile(_):
            await scene.link(expires_in=FRESH)
            return Deferred("http_429")

        scene.provider.script = [reauthorized_meanwhile]
        assert (await scene.replica().link("scripted", "alice")).version == 2
        await scene.link(expires_in=EXPIRED)

        async def unlinked_meanwhile(_):
            await scene.store.delete(KEY)
            return Deferred("http_429")

        scene.provider.script = [unlinked_meanwhile]
        with pytest.raises(LinkNotFound):
            await scene.replica().access_token("scripted", "alice")

    async def test_cooling_down_found_after_the_claim(self, scene):
        """A pause that another replica began after this one read the link is kept."""
        await scene.link(expires_in=EXPIRED)

        async def failed_meanwhile():
            now = scene.clock.now()
            failure = RefreshFailure("http_503", now, 1, retry_at=now + timedelta(seconds=7))
            await scene.inner.record_failure(KEY, 1, failure)

        scene.store.before["claim"] = [failed_meanwhile]
        with pytest.raises(ProviderUnavailable, match="http_503") as caught:
            await scene.replica().access_token("scripted", "alice")
        assert caught.value.retry_after == timedelta(seconds=7)
        assert scene.provider.exchanges == 0


async def nothing() -> None:
    """No fault."""


class TestUnknownOutcome:
    async def test_with_something_to_lose(self, scene):
        """While the access token works, a token that may be spent is not presented again, by anyone."""
        link = await scene.link(expires_in=SOON)
        scene.provider.script = [scene.provider.lose_reply]
        for _ in range(3):
            for tokens in (scene.replica(), scene.replica()):
                assert await tokens.access_token("scripted", "alice") == link.tokens.access_token
                await until_idle(tokens)
            scene.clock.advance(timedelta(seconds=10))
        assert scene.provider.exchanges == 1
        pending = (await scene.stored()).pending
        assert pending is not None
        assert not pending.live
        assert ExchangeUnresolved(KEY, 1, "reply_lost") in scene.events

    async def test_with_nothing_left_to_lose(self, scene):
        """Once the access token has expired the refresh token is presented again, once."""
        await scene.link(expires_in=SOON)
        scene.provider.script = [Unknown("reply_lost")]  # the provider never got it
        tokens = scene.replica()
        await tokens.access_token("scripted", "alice")
        await until_idle(tokens)
        scene.clock.advance(SOON)
        assert (await tokens.link("scripted", "alice")).version == 2
        assert scene.provider.exchanges == 2
        assert ExchangeStarted(KEY, 1, replay=True) in scene.events

    async def test_the_reply_was_lost_for_good(self, scene):
        """If the provider had rotated, the replay is rejected, and the mark says what really happened."""
        await scene.link(expires_in=SOON)
        scene.provider.script = [scene.provider.lose_reply]
        tokens = scene.replica()
        await tokens.access_token("scripted", "alice")
        await until_idle(tokens)
        scene.clock.advance(SOON)
        with pytest.raises(ReauthorizationRequired) as caught:
            await tokens.access_token("scripted", "alice")
        assert caught.value.reason == "reply_lost"
        assert scene.provider.exchanges == 2

    async def test_already_expired(self, scene):
        """With the access token expired already, the one replay happens at once."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [Unknown("reply_lost")]
        assert (await scene.replica().link("scripted", "alice")).version == 2
        assert scene.provider.exchanges == 2

    async def test_one_replay_and_no_more(self, scene):
        """A replay whose reply is lost as well is not repeated before the cool-down has passed."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [Unknown("reply_lost")] * 3
        tokens = scene.replica()
        for _ in range(2):
            with pytest.raises(ProviderUnavailable):
                await tokens.access_token("scripted", "alice")
        assert scene.provider.exchanges == 2
        scene.clock.advance(timedelta(seconds=1))
        with pytest.raises(ProviderUnavailable):
            await tokens.access_token("scripted", "alice")
        assert scene.provider.exchanges == 3
        scene.clock.advance(timedelta(seconds=2))
        assert (await tokens.link("scripted", "alice")).version == 2

    async def test_a_provider_that_tolerates_replays(self, scene):
        """Inside a replay window the token is presented again at once, working access token or not."""
        scene.provider.traits = ProviderTraits(replay_window=timedelta(minutes=10))
        await scene.link(expires_in=AT_ONCE)
        scene.provider.script = [Unknown("reply_lost")] * 2
        assert (await scene.replica().link("scripted", "alice")).version == 2
        assert scene.provider.exchanges == 3

    async def test_the_reason_for_a_loss_is_the_worst_of_all_that_is_not_known(self, scene):
        """An answer that cannot be read must be mended, whatever became of the presentations after it."""
        scene.provider.traits = ProviderTraits(replay_window=timedelta(minutes=10))
        await scene.link(expires_in=EXPIRED)
        unknown = [Unknown("reply_undecodable"), Unknown("reply_lost")]
        scene.provider.script = [*unknown, GrantRejected("invalid_grant")]
        with pytest.raises(ReauthorizationRequired) as caught:
            await scene.replica().access_token("scripted", "alice")
        assert caught.value.reason == "reply_unreadable"

    async def test_a_provider_that_does_not_rotate(self, scene):
        """A refresh token that is not used up can be presented any time."""
        scene.provider.traits = ProviderTraits(rotates=False)
        await scene.link(expires_in=AT_ONCE)
        scene.provider.script = [scene.provider.lose_reply] * 2
        assert (await scene.replica().link("scripted", "alice")).version == 2

    async def test_a_replay_window_ends(self, scene):
        """Outside the window a tolerant provider is strict."""
        scene.provider.traits = ProviderTraits(replay_window=timedelta(seconds=5))
        link = await scene.link(expires_in=AT_ONCE * 2)

        def slowly_lost(_):
            scene.clock.advance(timedelta(seconds=6))
            return Unknown("reply_lost")

        scene.provider.script = [slowly_lost]
        assert await scene.replica().access_token("scripted", "alice") == link.tokens.access_token
        assert scene.provider.exchanges == 1

    async def test_a_replay_window_begins_with_the_first_exchange(self, scene):
        """However many replays there were since, and whichever replica it was that began."""
        scene.provider.traits = ProviderTraits(replay_window=timedelta(seconds=5))
        link = await scene.link(expires_in=timedelta(seconds=9))

        def slowly_lost(_):
            scene.clock.advance(timedelta(seconds=3))
            return Unknown("reply_lost")

        scene.provider.script = [slowly_lost] * 3
        assert await scene.replica().access_token("scripted", "alice") == link.tokens.access_token
        assert scene.provider.exchanges == 2

    async def test_a_replay_window_that_a_crashed_replica_began(self, scene):
        """Its age counts from that replica's exchange."""
        scene.provider.traits = ProviderTraits(replay_window=timedelta(seconds=5))
        link = await scene.link(expires_in=timedelta(seconds=13))
        await scene.inner.claim(KEY, 1, "crashed", timedelta(milliseconds=1))
        scene.clock.advance(timedelta(seconds=4))

        def slowly_lost(_):
            scene.clock.advance(timedelta(seconds=2))
            return Unknown("reply_lost")

        scene.provider.script = [slowly_lost] * 2
        assert await scene.replica().access_token("scripted", "alice") == link.tokens.access_token
        assert scene.provider.exchanges == 1

    async def test_a_lease_that_cannot_be_renewed_for_a_replay(self, scene):
        """The replay is left out, and the exchange before it remembered as unresolved."""
        await scene.link(expires_in=EXPIRED)

        def slowly_lost(_):
            scene.clock.advance(timedelta(seconds=30))
            scene.store.before["claim"] = [StoreUnavailable("down")]
            return Unknown("reply_lost")

        scene.provider.script = [slowly_lost]
        with pytest.raises(ProviderUnavailable, match="reply_lost"):
            await scene.replica().access_token("scripted", "alice")
        assert scene.provider.exchanges == 1
        assert (await scene.stored()).pending is not None

    async def test_retry_after_on_a_5xx(self, scene):
        """A provider that says when to come back is not asked again before."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [Unknown("http_503", retry_after=timedelta(seconds=20))]
        with pytest.raises(ProviderUnavailable) as caught:
            await scene.replica().access_token("scripted", "alice")
        assert caught.value.retry_after == timedelta(seconds=20)
        assert scene.provider.exchanges == 1

    async def test_a_crashed_replica_with_something_to_lose(self, scene):
        """A claim that finds another replica's unresolved exchange leaves the token alone."""
        link = await scene.link(expires_in=AT_ONCE)

        async def other_replica_crashes():
            await scene.inner.claim(KEY, 1, "crashed", timedelta(milliseconds=1))
            scene.clock.advance(timedelta(seconds=1))

        scene.store.before["claim"] = [other_replica_crashes]
        assert await scene.replica().access_token("scripted", "alice") == link.tokens.access_token
        assert scene.provider.exchanges == 0
        scene.clock.advance(timedelta(seconds=1))
        pending = (await scene.stored()).pending
        assert pending is not None
        assert not pending.live

    async def test_whoever_crashed_is_waited_for_before_the_token_is_presented(self, scene):
        """It may only be cut off, and about to save: also where another replica had the lease meanwhile, and
        left the token alone."""
        link = await scene.link(expires_in=AT_ONCE)

        async def another_is_cut_off() -> None:
            await scene.inner.claim(KEY, 1, "cut off", timedelta(milliseconds=1))
            scene.clock.advance(timedelta(seconds=1))

        scene.store.before["claim"] = [another_is_cut_off]
        await scene.replica().access_token("scripted", "alice")
        scene.clock.advance(timedelta(hours=1))
        slept = len(scene.clock.slept)
        saved = scene.provider.grant()

        async def save() -> None:
            assert 5.0 in scene.clock.slept[slept:]
            await scene.inner.save(link.key, link.version, saved)

        scene.store.before["claim"] = [nothing, nothing, save]
        assert (await scene.replica().link("scripted", "alice")).tokens == saved
        assert scene.provider.exchanges == 0

    async def test_whoever_gave_its_lease_back_is_not(self, scene):
        """After an outage any replica presents the token at once: nobody can have new ones."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [Unknown("http_503")] * 3
        for _ in range(2):
            with pytest.raises(ProviderUnavailable, match="http_503") as caught:
                await scene.replica().access_token("scripted", "alice")
            scene.clock.advance(caught.value.retry_after)
        assert (await scene.replica().link("scripted", "alice")).version == 2
        assert max(scene.clock.slept) < 5.0

    async def test_where_a_store_does_not_say_who_lapsed_all_are_waited_for(self, scene):
        """One of the application's own whose ``claim`` takes no ``takeover``."""

        class Older:
            def __init__(self, store):
                for name in ("get", "save", "release", "record_failure", "wait_for_change"):
                    setattr(self, name, getattr(store, name))
                self._claim = store.claim

            async def claim(self, key, version, owner, ttl):
                return await self._claim(key, version, owner, ttl)

        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [Unknown("http_503")] * 2
        async with TokenService(Older(scene.store), [scene.provider], clock=scene.clock) as tokens:
            with pytest.raises(ProviderUnavailable, match="http_503") as caught:
                await tokens.access_token("scripted", "alice")
            scene.clock.advance(caught.value.retry_after)
            assert 5.0 not in scene.clock.slept
            assert (await tokens.link("scripted", "alice")).version == 2
        assert 5.0 in scene.clock.slept

    async def test_a_crashed_replica_with_nothing_left_to_lose(self, scene):
        """Otherwise it is presented, as a replay."""
        await scene.link(expires_in=EXPIRED)
        await scene.inner.claim(KEY, 1, "crashed", timedelta(milliseconds=1))
        scene.clock.advance(timedelta(seconds=1))
        assert (await scene.replica().link("scripted", "alice")).version == 2
        assert scene.events[0] == ExchangeStarted(KEY, 1, replay=True)

    async def test_a_crashed_replica_inside_a_replay_window(self, scene):
        """Where a lease is shorter than the window, what a crashed replica was given is given once more."""
        scene.provider.traits = ProviderTraits(replay_window=timedelta(seconds=30))
        link = await scene.link(expires_in=SOON)
        await scene.inner.claim(KEY, 1, "crashed", timedelta(seconds=25))
        given = await scene.provider.refresh(link.tokens)
        scene.clock.advance(timedelta(seconds=26))
        tokens = scene.replica()
        assert await tokens.link("scripted", "alice")
        await until_idle(tokens)
        assert (await scene.stored()).tokens.refresh_token == given.tokens.refresh_token
        assert scene.provider.is_live((await scene.stored()).tokens)

    async def test_a_replay_with_a_known_outcome_does_not_resolve_the_first(self, scene):
        """After a replay was put off, a rejection still means that the reply may have been lost."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [scene.provider.lose_reply, Deferred("http_429")]
        tokens = scene.replica()
        with pytest.raises(ProviderUnavailable):
            await tokens.access_token("scripted", "alice")
        scene.clock.advance(timedelta(seconds=1))
        with pytest.raises(ReauthorizationRequired) as caught:
            await tokens.access_token("scripted", "alice")
        assert caught.value.reason == "reply_lost"

    async def test_an_exchange_that_never_ends(self, scene):
        """An exchange is bounded; past its time the outcome is unknown."""
        await scene.link(expires_in=AT_ONCE)
        scene.provider.gate = asyncio.Event()
        policy = RefreshPolicy(exchange_timeout=timedelta(milliseconds=10))
        await scene.replica(policy=policy).access_token("scripted", "alice")
        assert ExchangeUnresolved(KEY, 1, "exchange_timeout") in scene.events

    async def test_an_exchange_whose_own_task_is_cancelled(self, scene):
        """A cancellation of the exchange itself is no outcome to judge; it goes on up."""
        link = await scene.link(expires_in=EXPIRED)
        scene.provider.gate = asyncio.Event()
        turns = Turns(scene.clock)
        exchange = RefreshExchange(scene.clock, RefreshPolicy(), EventEmitter(scene), turns, random.Random(1))

        async def renewed():
            return True

        task = asyncio.create_task(
            exchange.send(
                TokenRequest(scene.provider),
                link,
                unresolved_for=None,
                others_at_stake=False,
                renew_lease=renewed,
                hurry=lambda: False,
            )
        )
        await scene.provider.exchanging.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    @pytest.mark.parametrize("error", [RuntimeError("rt-secret"), asyncio.CancelledError()], ids=repr)
    async def test_a_provider_that_breaks_its_contract(self, scene, caplog, error):
        """Whatever a provider raises, the outcome is unknown and its text is kept out of the log."""
        await scene.link(expires_in=AT_ONCE)
        scene.provider.script = [error]
        await scene.replica().access_token("scripted", "alice")
        reason = "provider_error" if isinstance(error, RuntimeError) else "exchange_interrupted"
        told = [event for event in scene.events if isinstance(event, ExchangeUnresolved)]
        assert told == [ExchangeUnresolved(KEY, 1, reason)]
        assert "rt-secret" not in caplog.text
        assert ("ScriptedProvider.refresh raised RuntimeError" in caplog.text) == isinstance(
            error, RuntimeError
        )


class TestSaving:
    async def test_callers_are_served_while_the_store_is_down(self, scene):
        """Tokens that cannot be saved are handed out, kept, and saved when the store is back."""
        await scene.link(expires_in=EXPIRED)
        back = asyncio.Event()
        scene.store.before["save"] = [StoreUnavailable("down")] * 3 + [back.wait]
        tokens = scene.replica()
        served = await tokens.link("scripted", "alice")
        assert served.version == 2
        assert (await scene.stored()).version == 1
        scene.store.before["get"] = [StoreUnavailable("down")]
        assert await tokens.access_token("scripted", "alice") == served.tokens.access_token
        assert scene.provider.exchanges == 1
        scene.store.before["get"].clear()
        back.set()
        await tokens.aclose()
        assert (await scene.stored()).tokens == served.tokens
        assert scene.provider.exchanges == 1
        assert tokens._unsaved_tokens._unsaved == tokens._unsaved_tokens._guards == {}

    async def test_what_is_handed_out_unsaved(self, scene):
        """It is the link as it will be stored, without the old one's mark and exchange. Until then its time
        is that of the last write, by the store's clock."""
        await scene.link(expires_in=EXPIRED)
        before = await scene.stored()
        scene.provider.script = [Unknown("http_503", retry_after=timedelta(seconds=20))]
        tokens = scene.replica()
        with pytest.raises(ProviderUnavailable):
            await tokens.link("scripted", "alice")
        scene.clock.advance(timedelta(seconds=20))
        scene.store.before["save"] = [StoreUnavailable("down")]
        served = await tokens.link("scripted", "alice")
        await tokens.aclose()
        assert SaveDelayed(KEY, 2) in scene.events
        stored = await scene.stored()
        assert before.updated_at < stored.updated_at
        assert served == attrs.evolve(stored, updated_at=before.updated_at)

    async def test_saving_is_tried_more_and_more_rarely(self, scene):
        """While the store stays down, the pauses between tries grow, up to the policy's maximum."""
        await scene.link(expires_in=EXPIRED)
        scene.store.before["save"] = [StoreUnavailable("down") for _ in range(12)]
        tokens = scene.replica()
        await tokens.link("scripted", "alice")
        await tokens.aclose()
        assert (await scene.stored()).version == 2
        pauses = [timedelta(seconds=pause) for pause in scene.clock.slept]
        longest = [min(timedelta(milliseconds=50 * 2**number), timedelta(seconds=1)) for number in range(12)]
        for full, pause in zip(longest, pauses, strict=True):
            assert full / 2 <= pause <= full
        assert pauses != longest, "many tokens that wait for a store must not all be saved at once"

    async def test_a_save_whose_own_task_is_cancelled(self, scene):
        """A cancellation of the save itself goes on up; it is not taken for a store that is down."""
        link = await scene.link(expires_in=EXPIRED)
        scene.store.before["save"] = [asyncio.Event().wait]
        saving = UnsavedTokens(
            scene.store,
            scene.clock,
            RefreshPolicy(),
            EventEmitter(scene),
            random.Random(1),
            on_shared_grant="spare",
        )
        task = asyncio.create_task(saving.save(scene.provider, link, scene.provider.grant(), 0.0))
        await scene.store.entered["save"].wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert saving.unsaved(KEY) is None

    async def test_a_spent_token_is_not_presented_while_its_successor_is_unsaved(self, scene):
        """Until the tokens are saved no further refresh of the link starts in this replica."""
        await scene.link(expires_in=EXPIRED)
        back = asyncio.Event()
        scene.provider.lifetime = timedelta(seconds=1)
        scene.store.before["save"] = [StoreUnavailable("down"), back.wait]
        tokens = scene.replica()
        first = await tokens.link("scripted", "alice")
        scene.clock.advance(timedelta(minutes=1))  # the lease has lapsed, and the new token expired
        scene.provider.lifetime = timedelta(hours=1)
        call = asyncio.create_task(tokens.link("scripted", "alice"))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not call.done()
        back.set()
        second = await call
        assert (first.version, second.version) == (2, 3)
        assert scene.provider.replays == 0

    async def test_other_users_are_served_meanwhile(self, scene):
        """Tokens that wait to be saved are nobody else's matter."""
        await scene.link(expires_in=EXPIRED)
        bob = await scene.store.put(LinkKey("scripted", "bob"), scene.provider.grant())
        back = asyncio.Event()
        scene.store.before["save"] = [StoreUnavailable("down"), back.wait]
        tokens = scene.replica()
        await tokens.link("scripted", "alice")
        served = await asyncio.gather(tokens.link("scripted", "bob"), return_exceptions=True)
        back.set()
        assert served == [bob]

    async def test_a_store_that_stays_down(self, scene, brief):
        """A caller who needs a refresh that must wait for a save is told to try later."""
        await scene.link(expires_in=EXPIRED)
        back = asyncio.Event()
        scene.provider.lifetime = timedelta(seconds=1)
        scene.store.before["save"] = [StoreUnavailable("down"), back.wait]
        tokens = scene.replica(policy=brief(wait_timeout=timedelta(milliseconds=10)))
        await tokens.link("scripted", "alice")
        scene.clock.advance(timedelta(minutes=1))
        with pytest.raises(StoreUnavailable, match="saved"):
            await tokens.link("scripted", "alice")
        back.set()

    async def test_a_save_whose_answer_was_lost(self, scene):
        """A save that had worked although it failed is recognized; nothing is adopted or revoked."""
        await scene.link(expires_in=EXPIRED)
        scene.store.after["save"] = [StoreUnavailable("connection lost")]
        tokens = scene.replica()
        served = await tokens.link("scripted", "alice")
        await tokens.aclose()
        assert (await scene.stored()).tokens == served.tokens
        assert [type(event) for event in scene.events][-1] is LinkRefreshed

    @pytest.mark.parametrize("error", [RuntimeError("boom"), asyncio.CancelledError()], ids=repr)
    async def test_a_store_that_breaks_its_contract(self, scene, caplog, error):
        """Whatever a store raises on a save, the tokens are kept and saved."""
        await scene.link(expires_in=EXPIRED)
        scene.store.before["save"] = [error]
        tokens = scene.replica()
        served = await tokens.link("scripted", "alice")
        await tokens.aclose()
        assert (await scene.stored()).tokens == served.tokens
        assert ("FaultyStore.save raised RuntimeError" in caplog.text) == isinstance(error, RuntimeError)

    async def test_adopting_a_new_authorization(self, scene):
        """If the user authorized again during the exchange, that authorization stays and is used."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.gate = asyncio.Event()
        call = asyncio.create_task(scene.replica().link("scripted", "alice"))
        await scene.provider.exchanging.wait()
        theirs = await scene.link(expires_in=FRESH)
        scene.provider.gate.set()
        assert await call == theirs
        assert await scene.stored() == theirs
        assert scene.events[-1] == LinkAdopted(KEY, theirs.version)

    async def test_adopting_an_expired_authorization_refreshes_it(self, scene):
        """A newer link found before the exchange is refreshed in turn if it needs to be."""
        await scene.link(expires_in=EXPIRED)

        async def reauthorized_meanwhile():
            await scene.link(expires_in=EXPIRED)

        scene.store.before["claim"] = [reauthorized_meanwhile]
        assert (await scene.replica().link("scripted", "alice")).version == 3
        assert scene.provider.exchanges == 1

    async def test_unlinked_during_the_exchange(self, scene):
        """If the user unlinked, the new tokens are revoked, and the link stays gone."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.gate = asyncio.Event()
        call = asyncio.create_task(scene.replica().link("scripted", "alice"))
        await scene.provider.exchanging.wait()
        await scene.store.delete(KEY)
        scene.provider.gate.set()
        with pytest.raises(LinkNotFound):
            await call
        assert await scene.store.get(KEY) is None
        assert [tokens.refresh_token for tokens in scene.provider.revoked] == ["rt-1-3"]
        assert UnlinkedMeanwhile(KEY, revoked=True) in scene.events

    async def test_unlinked_and_not_revoked(self, scene, monkeypatch, caplog):
        """A revocation that fails is reported as such."""
        await scene.link(expires_in=EXPIRED)

        async def refused(tokens):
            raise RuntimeError(tokens.access_token)

        monkeypatch.setattr(ScriptedProvider, "revoke", lambda _, tokens: refused(tokens))
        scene.store.before["save"] = [lambda: scene.inner.delete(KEY)]
        with pytest.raises(LinkNotFound):
            await scene.replica().access_token("scripted", "alice")
        assert UnlinkedMeanwhile(KEY, revoked=False, reason="not_confirmed") in scene.events
        assert "ScriptedProvider.revoke raised RuntimeError" in caplog.text

    async def test_unlinked_and_the_revocation_never_ends(self, scene, monkeypatch, brief):
        """A revocation is given up after the time of an exchange."""
        await scene.link(expires_in=EXPIRED)
        monkeypatch.setattr(ScriptedProvider, "revoke", lambda *_: asyncio.Event().wait())
        scene.store.before["save"] = [lambda: scene.inner.delete(KEY)]
        policy = brief(exchange_timeout=timedelta(milliseconds=200))
        with pytest.raises(LinkNotFound):
            await scene.replica(policy=policy).access_token("scripted", "alice")
        assert UnlinkedMeanwhile(KEY, revoked=False, reason="not_confirmed") in scene.events

    async def test_unlinked_while_the_store_was_down(self, scene):
        """The same happens when the unlink is found by a late save."""
        await scene.link(expires_in=EXPIRED)
        back = asyncio.Event()
        scene.store.before["save"] = [StoreUnavailable("down"), back.wait]
        tokens = scene.replica()
        await tokens.link("scripted", "alice")
        guard = tokens._unsaved_tokens._guards[KEY]
        await scene.inner.delete(KEY)
        back.set()
        await tokens.aclose()
        assert UnlinkedMeanwhile(KEY, revoked=True) in scene.events
        assert guard.exception() is None

    async def test_unlinked_before_the_claim(self, scene):
        """A link that went away between the read and the claim is not found."""
        await scene.link(expires_in=EXPIRED)
        scene.store.before["claim"] = [lambda: scene.inner.delete(KEY)]
        with pytest.raises(LinkNotFound):
            await scene.replica().access_token("scripted", "alice")
        assert scene.provider.exchanges == 0


class TestForcedRefresh:
    async def test_a_rejected_token_is_replaced_once(self, scene):
        """However many callers report the same stale token, now or later, one exchange happens."""
        link = await scene.link(expires_in=FRESH)
        stale = link.tokens.access_token
        tokens = scene.replica()
        links = await asyncio.gather(
            *(tokens.refresh("scripted", "alice", rejected=stale) for _ in range(10))
        )
        links.append(await tokens.refresh("scripted", "alice", rejected=stale))
        assert {link.version for link in links} == {2}
        assert scene.provider.exchanges == 1

    async def test_the_successor_of_a_rejected_token_has_expired(self, scene):
        """A stored token that is another by now is handed out as any other is: refreshed if need be."""
        await scene.link(expires_in=EXPIRED)
        link = await scene.replica().refresh("scripted", "alice", rejected="at-older")
        assert link == await scene.stored()
        assert link.version == 2
        assert scene.provider.exchanges == 1

    async def test_without_saying_which(self, scene):
        """A refresh can be asked for although the token looks good."""
        await scene.link(expires_in=FRESH)
        tokens = scene.replica()
        assert (await tokens.refresh("scripted", "alice")).version == 2
        assert (await tokens.refresh("scripted", "alice")).version == 3

    async def test_rejected_without_refresh_token(self, scene):
        """A refused token that cannot be refreshed needs the user."""
        link = await scene.link(expires_in=None, refresh_token=None)
        with pytest.raises(ReauthorizationRequired) as caught:
            await scene.replica().refresh("scripted", "alice", rejected=link.tokens.access_token)
        assert caught.value.reason == "no_refresh_token"
        assert (await scene.stored()).failure is None

    async def test_rejected_means_nothing_left_to_lose(self, scene):
        """A refused access token is no reason not to replay."""
        link = await scene.link(expires_in=FRESH)
        scene.provider.script = [Unknown("reply_lost")]
        rejected = link.tokens.access_token
        assert (await scene.replica().refresh("scripted", "alice", rejected=rejected)).version == 2

    async def test_an_unresolved_exchange_with_a_refused_token(self, scene):
        """It is presented: what an API refuses is nothing to lose, however long it was to live."""
        link = await scene.link(expires_in=FRESH)
        await scene.inner.claim(KEY, 1, "crashed", timedelta(milliseconds=1))
        scene.clock.advance(timedelta(seconds=1))
        rejected = link.tokens.access_token
        assert (await scene.replica().refresh("scripted", "alice", rejected=rejected)).version == 2
        assert scene.provider.exchanges == 1

    async def test_an_unresolved_exchange_with_something_to_lose(self, scene):
        """A refresh that must not be tried is not claimed to have happened, nor asked for many times."""
        await scene.link(expires_in=FRESH)
        await scene.inner.claim(KEY, 1, "crashed", timedelta(milliseconds=1))
        scene.clock.advance(timedelta(seconds=1))
        with pytest.raises(ProviderUnavailable, match="unresolved"):
            await scene.replica().refresh("scripted", "alice")
        assert scene.provider.exchanges == 0
        # One to see that there is a lease that has lapsed, one to take it over, one to let it lapse again;
        # and one for the second try.
        assert scene.store.calls["claim"] == 4

    async def test_joining_a_flight_that_is_content(self, scene):
        """Who reports a refused token is not satisfied by a flight that left it as it is."""
        link = await scene.link(expires_in=AT_ONCE)
        scene.provider.gate = asyncio.Event()
        scene.provider.script = [Unknown("reply_lost")]
        tokens = scene.replica()
        content = asyncio.create_task(tokens.access_token("scripted", "alice"))
        await scene.provider.exchanging.wait()
        rejected = link.tokens.access_token
        refused = asyncio.create_task(tokens.refresh("scripted", "alice", rejected=rejected))
        await asyncio.sleep(0)
        scene.provider.gate.set()
        assert await content == rejected
        with pytest.raises(ProviderUnavailable):  # cooling down after the unknown outcome
            await refused

    async def test_dead_and_cooling_links(self, scene):
        """A refresh that cannot work is refused at no cost."""
        await scene.link(expires_in=FRESH)
        tokens = scene.replica()
        scene.provider.script = [Deferred("http_429"), GrantRejected("invalid_grant")]
        for error in (ProviderUnavailable, ReauthorizationRequired):
            with pytest.raises(error):
                await tokens.refresh("scripted", "alice")
            claims = scene.store.calls["claim"]
            with pytest.raises(error):
                await tokens.refresh("scripted", "alice")
            assert scene.store.calls["claim"] == claims
            scene.clock.advance(timedelta(seconds=1))
        assert scene.provider.exchanges == 2


class TestTelling:
    async def test_a_refresh_is_told(self, scene):
        """An observer hears of the exchange and of its success."""
        await scene.link(expires_in=EXPIRED)
        await scene.replica().access_token("scripted", "alice")
        assert scene.events == [ExchangeStarted(KEY, 1, replay=False), LinkRefreshed(KEY, 2, timedelta(0))]

    async def test_an_observers_bug_changes_nothing(self, scene, caplog):
        """What an observer raises is logged and goes no further."""

        class Broken:
            def notify(self, event):
                raise ZeroDivisionError

        await scene.link(expires_in=EXPIRED)
        await scene.replica(observer=Broken()).access_token("scripted", "alice")
        assert (await scene.stored()).version == 2
        assert "ZeroDivisionError" in caplog.text

    async def test_no_token_is_ever_told(self, scene, caplog, any_store):
        """Neither events nor log lines nor errors show a token, whatever happens on whatever store."""
        scene.inner, scene.store = any_store, FaultyStore(any_store)
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        loop.slow_callback_duration = 0
        errors: list[str] = []
        for answers in (
            [],
            [Unknown("lost")] * 2,
            [Deferred("http_429")],
            [GrantRejected("invalid_grant")],
            [ClientRejected("invalid_client")],
            [NotSent("dns")] * 5,
            [ValueError("oops")] * 2,
        ):
            link = await scene.link(expires_in=EXPIRED)
            secrets = {link.tokens.access_token, link.tokens.refresh_token}
            scene.provider.script = list(answers)
            scene.store.before["save"] = [StoreUnavailable("down")]
            tokens = scene.replica()
            with caplog.at_level(logging.DEBUG):
                try:
                    await tokens.access_token("scripted", "alice")
                except Exception as error:  # noqa: BLE001 - all of them
                    errors.append(f"{error!r} {error}")
                await tokens.aclose()
            told = f"{scene.events!r} {caplog.text} {errors}"
            assert not [secret for secret in secrets if secret in told]
        assert len(errors) == 6
