"""One link's trouble is nobody else's, and a provider that must be left alone is."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs
import pytest

from extauth import LinkKey, ProviderMisconfigured, ProviderUnavailable, RefreshPolicy, TokenService
from extauth.domain.events import ProviderRejectedClient
from extauth.domain.outcomes import RATE_LIMITED, ClientRejected, Deferred, NotSent, Unknown
from extauth.domain.pauses import ProviderPause
from extauth.domain.policy import Backoff, ProviderTraits
from extauth.domain.provider_trouble import ONE_CAUSE, SEVERAL_REJECTED
from extauth.services.refresh import cooldowns

WAIT = timedelta(seconds=90)
THROTTLED = Deferred("http_429", retry_after=WAIT)
CLIENT = ClientRejected("invalid_client")
REFUSED = ClientRejected("invalid_request")
PATIENT = RefreshPolicy(cooldown=Backoff(initial=timedelta(minutes=5)))
"""Pauses of one length."""


async def connect(scene, *users: str) -> None:
    """Connect them, with access tokens that have expired."""
    for user in users:
        tokens = attrs.evolve(scene.provider.grant(user), expires_at=scene.clock.now())
        await scene.inner.put(LinkKey("scripted", user), tokens)


async def got(tokens: TokenService, *users: str) -> list[str]:
    """Ask for each one's token in turn, and return the names of the errors or "token"."""
    outcomes = []
    for user in users:
        try:
            await tokens.access_token("scripted", user)
        except (ProviderUnavailable, ProviderMisconfigured) as error:
            outcomes.append(type(error).__name__)
        else:
            outcomes.append("token")
    return outcomes


class TestOneLink:
    @pytest.mark.parametrize(
        ("code", "error"),
        [
            ("invalid_request", "ProviderUnavailable"),
            ("invalid_scope", "ProviderUnavailable"),
            ("unauthorized_client", "ProviderUnavailable"),
            ("invalid_client", "ProviderMisconfigured"),
        ],
    )
    async def test_keeps_nobody_else_away(self, scene, code, error):
        """However often a dead link is asked for, everybody else is refreshed."""
        users = [f"user-{number}" for number in range(20)]
        await connect(scene, "dead", *users)
        dead = (await scene.inner.get(LinkKey("scripted", "dead"))).tokens.refresh_token

        def answer(tokens):
            return ClientRejected(code) if tokens.refresh_token == dead else scene.provider.rotate(tokens)

        scene.provider.script = [answer] * 1000
        tokens = scene.replica()
        for user in users:
            assert await got(tokens, "dead", "dead", user) == [error, error, "token"]
            scene.clock.advance(timedelta(seconds=1))

    async def test_is_itself_left_alone_for_longer_each_time(self, scene):
        """Nobody asks for it before the pause is over, and each pause is twice the one before."""
        await connect(scene, "dead")
        scene.provider.script = [CLIENT] * 100
        tokens = scene.replica()
        asked_after = []
        for second in range(20):
            before = scene.provider.exchanges
            await got(tokens, "dead", "dead")
            if scene.provider.exchanges > before:
                asked_after.append(second)
            scene.clock.advance(timedelta(seconds=1))
        assert asked_after == [0, 1, 3, 7, 15]

    async def test_that_is_connected_again_is_tried_at_once(self, scene):
        """A new authorization is another matter than the old one."""
        await connect(scene, "alice")
        scene.provider.script = [CLIENT]
        tokens = scene.replica(policy=PATIENT)
        assert await got(tokens, "alice") == ["ProviderMisconfigured"]
        await connect(scene, "alice")
        assert await got(tokens, "alice") == ["token"]

    async def test_that_works_again_begins_anew(self, scene):
        """After a success the next rejection begins with a short pause."""
        await connect(scene, "alice")
        scene.provider.script = [CLIENT] * 3 + [scene.provider.rotate, CLIENT]
        tokens = scene.replica()
        for pause in (1, 2, 4):
            assert await got(tokens, "alice") == ["ProviderMisconfigured"]
            scene.clock.advance(timedelta(seconds=pause))
        assert await got(tokens, "alice") == ["token"]
        scene.clock.advance(timedelta(hours=2))
        assert await got(tokens, "alice") == ["ProviderMisconfigured"]
        scene.clock.advance(timedelta(seconds=1))
        assert await got(tokens, "alice") == ["token"]

    async def test_that_must_wait_keeps_nobody_else_waiting(self, scene):
        """Its own wait is kept beside it in the store; the others are refreshed."""
        await connect(scene, "alice", "bob")
        scene.provider.script = [THROTTLED]
        tokens = scene.replica()
        assert await got(tokens, "alice", "bob", "alice") == [
            "ProviderUnavailable",
            "token",
            "ProviderUnavailable",
        ]
        assert scene.provider.exchanges == 2
        mark = (await scene.stored()).failure
        assert mark.retry_at == scene.clock.now() + WAIT


class TestRefusedRequests:
    """What is refused with a code that is not the client's is one link's, however many have it."""

    async def test_many_dead_links_keep_nobody_away(self, scene):
        """A server that says invalid_request for dead grants: five of them are polled, and nobody waits."""
        dead = [f"dead-{number}" for number in range(5)]
        users = [f"user-{number}" for number in range(5)]
        await connect(scene, *dead, *users)
        spent = {(await scene.inner.get(LinkKey("scripted", user))).tokens.refresh_token for user in dead}

        def answer(tokens):
            return REFUSED if tokens.refresh_token in spent else scene.provider.rotate(tokens)

        scene.provider.script = [answer] * 1000
        tokens = scene.replica()
        for user in users:
            assert await got(tokens, *dead, user) == ["ProviderUnavailable"] * 5 + ["token"]
            scene.clock.advance(timedelta(seconds=2))

    async def test_the_links_pause_is_kept_in_the_store(self, scene):
        """Other replicas keep to it too, and callers learn how long it lasts."""
        await connect(scene, "alice")
        scene.provider.script = [REFUSED] * 10
        with pytest.raises(ProviderUnavailable, match="invalid_request"):
            await scene.replica(policy=PATIENT).access_token("scripted", "alice")
        failure = (await scene.stored()).failure
        assert (failure.reason, failure.permanent, failure.attempts) == ("invalid_request", False, 1)
        with pytest.raises(ProviderUnavailable) as caught:
            await scene.replica(policy=PATIENT).access_token("scripted", "alice")
        assert caught.value.retry_after == failure.retry_at - scene.clock.now()
        assert scene.provider.exchanges == 1

    async def test_a_token_that_works_is_handed_out_meanwhile(self, scene):
        """A refused look-ahead costs nobody a token."""
        works = (await scene.link(expires_in=timedelta(seconds=5))).tokens.access_token
        scene.provider.script = [REFUSED]
        assert await scene.replica().access_token("scripted", "alice") == works
        assert scene.provider.exchanges == 1

    async def test_an_operator_is_told_once_of_several(self, scene):
        """Three links that are refused alike may mean a wrong request; the same links again are no news."""
        users = [f"user-{number}" for number in range(SEVERAL_REJECTED)]
        await connect(scene, *users)
        scene.provider.script = [REFUSED] * 100
        tokens = scene.replica()
        told = []
        for _ in range(3):
            await got(tokens, *users)
            told.append([event for event in scene.events if isinstance(event, ProviderRejectedClient)])
            scene.clock.advance(timedelta(minutes=6))
        assert scene.provider.exchanges == 3 * len(users)
        assert told == [[ProviderRejectedClient("scripted", "invalid_request")]] * 3

    async def test_a_success_between_ends_the_row(self, scene):
        """What some met before it and others after it is not one cause."""
        users = [f"user-{number}" for number in range(SEVERAL_REJECTED)]
        await connect(scene, *users, "alice")
        scene.provider.script = [REFUSED] * 2 + [scene.provider.rotate] + [REFUSED]
        await got(scene.replica(), *users[:2], "alice", *users[2:])
        assert [event for event in scene.events if isinstance(event, ProviderRejectedClient)] == []


class TestSeveralLinks:
    async def test_are_told_why_as_the_first_was(self, scene):
        """Who is not tried hears the same code and the same suspicion, alone or with all others."""
        users = [f"user-{number}" for number in range(SEVERAL_REJECTED)]
        await connect(scene, *users, "alice")
        scene.provider.script = [ClientRejected("invalid_client", "the secret has expired")] * 100
        tokens = scene.replica()
        told = set()
        for user in (users[0], *users, "alice"):
            with pytest.raises(ProviderMisconfigured) as caught:
                await tokens.access_token("scripted", user)
            told.add((caught.value.reason, str(caught.value)))
        assert scene.provider.exchanges == SEVERAL_REJECTED
        assert [(reason, "the secret has expired" in text) for reason, text in told] == [
            ("invalid_client", True)
        ]

    async def test_that_must_not_be_tried_are_not_claimed(self, scene):
        """A link whose provider is paused costs the store a read."""
        users = [f"user-{number}" for number in range(SEVERAL_REJECTED)]
        await connect(scene, *users, "alice")
        scene.provider.script = [CLIENT] * 100
        tokens = scene.replica()
        await got(tokens, *users)
        claims = scene.store.calls["claim"]
        assert await got(tokens, "alice") == ["ProviderMisconfigured"]
        assert scene.store.calls["claim"] == claims

    @pytest.mark.parametrize("many", [1, 2])
    async def test_that_are_many_are_forgotten_when_their_pause_is_long_past(self, scene, monkeypatch, many):
        """No sooner: the one that is still to be left alone is, and the past one begins anew."""
        monkeypatch.setattr(cooldowns, "_MANY_LINKS", many)
        await connect(scene, "alice", "bob", "carol")
        scene.provider.script = [CLIENT] * 100
        tokens = scene.replica(policy=PATIENT)
        await got(tokens, "alice", "bob", "alice")
        assert scene.provider.exchanges == 2
        pauses = tokens._refresh_flight._pauses
        scene.clock.advance(timedelta(minutes=5) + PATIENT.cooldown.maximum)
        await got(tokens, "carol")
        assert [key.user_id for key in pauses._links] == ["carol"]

    async def test_rejected_alike_pause_the_provider(self, scene):
        """While the client is known to be rejected nobody is tried; then one may try, and all work again."""
        dead = [f"dead-{number}" for number in range(SEVERAL_REJECTED)]
        await connect(scene, *dead, "alice", "bob")
        scene.provider.script = [CLIENT] * SEVERAL_REJECTED
        tokens = scene.replica()
        outcomes = await got(tokens, *dead, "alice", "bob")
        assert outcomes == ["ProviderMisconfigured"] * (SEVERAL_REJECTED + 2)
        assert scene.provider.exchanges == SEVERAL_REJECTED
        scene.clock.advance(timedelta(seconds=1))
        assert await got(tokens, "alice", "bob") == ["token"] * 2

    async def test_that_go_on_being_rejected_are_tried_one_at_a_time(self, scene):
        """Each new link that is rejected begins another pause for the others."""
        users = [f"user-{number}" for number in range(SEVERAL_REJECTED + 3)]
        await connect(scene, *users)
        scene.provider.script = [CLIENT] * 100
        tokens = scene.replica()
        await got(tokens, *users)
        tried = [len(set(scene.provider.presented))]
        for _ in range(3):
            scene.clock.advance(timedelta(seconds=1))
            await got(tokens, *reversed(users))
            tried.append(len(set(scene.provider.presented)))
        assert tried == [SEVERAL_REJECTED + more for more in range(4)]

    async def test_rejected_with_a_success_between_pause_nothing(self, scene):
        """The provider accepts the client: it is about those links."""
        await connect(scene, "one", "two", "three", "alice", "bob")
        scene.provider.script = [CLIENT, CLIENT, scene.provider.rotate, CLIENT]
        tokens = scene.replica()
        outcomes = await got(tokens, "one", "two", "alice", "three", "bob")
        assert outcomes == ["ProviderMisconfigured"] * 2 + ["token", "ProviderMisconfigured", "token"]

    async def test_rejected_otherwise_pause_nothing(self, scene):
        """Three faults of three kinds are three links' own."""
        codes = ("invalid_client", "bad_client_secret", "invalid_client_id")
        await connect(scene, *codes, "alice")
        scene.provider.script = [ClientRejected(code) for code in codes]
        tokens = scene.replica()
        assert await got(tokens, *codes, "alice") == ["ProviderMisconfigured"] * 3 + ["token"]

    async def test_that_are_dead_pause_nothing_when_they_are_tried_again(self, scene):
        """Tenants that have dropped the application are polled for a day: they keep nobody else away."""
        dead = [f"dead-{number}" for number in range(SEVERAL_REJECTED)]
        users = [f"user-{number}" for number in range(24)]
        await connect(scene, *dead, *users)
        spent = {(await scene.inner.get(LinkKey("scripted", user))).tokens.refresh_token for user in dead}

        def answer(tokens):
            return CLIENT if tokens.refresh_token in spent else scene.provider.rotate(tokens)

        scene.provider.script = [answer] * 1000
        tokens = scene.replica()
        await got(tokens, *dead)
        for user in users:
            scene.clock.advance(timedelta(hours=1))
            assert await got(tokens, *dead, user) == ["ProviderMisconfigured"] * 3 + ["token"]

    async def test_rejected_long_apart_pause_nothing(self, scene):
        """Three links that die one by one, with nobody refreshed between, have no cause in common."""
        dead = [f"dead-{number}" for number in range(SEVERAL_REJECTED)]
        await connect(scene, *dead, "alice")
        scene.provider.script = [CLIENT] * SEVERAL_REJECTED
        tokens = scene.replica()
        for user in dead:
            scene.clock.advance(timedelta(minutes=10))
            assert await got(tokens, user) == ["ProviderMisconfigured"]
        assert await got(tokens, "alice") == ["token"]

    async def test_that_are_polled_say_nothing_new_each_time(self, scene):
        """Two that died long ago and are asked for since do not speak for all when a third dies."""
        dead = [f"dead-{number}" for number in range(SEVERAL_REJECTED)]
        await connect(scene, *dead, "alice")
        scene.provider.script = [CLIENT] * 100
        tokens = scene.replica()
        for _ in range(10):
            assert await got(tokens, *dead[1:]) == ["ProviderMisconfigured"] * (SEVERAL_REJECTED - 1)
            scene.clock.advance(timedelta(minutes=1))
        assert await got(tokens, dead[0]) == ["ProviderMisconfigured"]
        scene.provider.script = []
        assert await got(tokens, "alice") == ["token"]

    async def test_throttled_without_a_word_on_how_long_pause_the_provider(self, scene):
        """Status 429 alone is a request to wait; then for as long as after any first failure."""
        await connect(scene, "alice", "bob", "carol")
        scene.provider.script = [Deferred("http_429")] * 2
        tokens = scene.replica()
        assert await got(tokens, "alice", "bob", "carol") == ["ProviderUnavailable"] * 3
        assert scene.provider.exchanges == 2
        scene.clock.advance(timedelta(seconds=1))
        assert await got(tokens, "carol") == ["token"]

    @pytest.mark.parametrize(
        ("outcome", "carols"),
        [(THROTTLED, "ProviderUnavailable"), (Unknown("http_503", retry_after=WAIT), "token")],
    )
    async def test_one_is_enough_where_the_limit_is_the_clients(self, scene, outcome, carols):
        """The provider's traits say so. An outage is no rate limit."""
        scene.provider.traits = attrs.evolve(scene.provider.traits, rate_limit_per_client=True)
        await connect(scene, "alice", "carol")
        scene.provider.script = [outcome]
        tokens = scene.replica()
        assert await got(tokens, "alice", "carol") == ["ProviderUnavailable", carols]

    @pytest.mark.parametrize("outcome", [THROTTLED, Unknown("http_503", retry_after=WAIT)])
    async def test_that_must_wait_pause_the_provider(self, scene, outcome):
        """What the provider asks for twice holds for all, as long as it asked for."""
        await connect(scene, "alice", "bob", "carol", "dave")
        scene.provider.script = [outcome] * 2
        tokens = scene.replica()
        assert await got(tokens, "alice", "bob", "carol") == ["ProviderUnavailable"] * 3
        assert scene.provider.exchanges == 2
        scene.clock.advance(WAIT - timedelta(seconds=1))
        with pytest.raises(ProviderUnavailable) as caught:
            await tokens.access_token("scripted", "carol")
        assert caught.value.retry_after == timedelta(seconds=1)
        scene.clock.advance(timedelta(seconds=1))
        assert await got(tokens, "carol", "dave") == ["token"] * 2

    async def test_that_must_wait_for_long_speak_for_all_as_long(self, scene):
        """The first of two that are told to wait for an hour still waits when the second is told so."""
        await connect(scene, "alice", "bob", "carol")
        scene.provider.script = [Deferred("http_429", timedelta(hours=1))] * 2
        tokens = scene.replica()
        assert await got(tokens, "alice") == ["ProviderUnavailable"]
        scene.clock.advance(2 * ONE_CAUSE)
        assert await got(tokens, "bob", "carol") == ["ProviderUnavailable"] * 2
        assert scene.provider.exchanges == 2

    async def test_that_are_told_to_wait_do_not_all_come_back_at_once(self, scene):
        """Each has a turn of its own after the pause, and is told the same again if it asks again."""
        await connect(scene, "alice", "bob", "carol", "dave")
        scene.provider.script = [THROTTLED] * 2
        tokens = scene.replica()
        await got(tokens, "alice", "bob")
        told = []
        for user in ("carol", "dave", "carol"):
            with pytest.raises(ProviderUnavailable) as caught:
                await tokens.access_token("scripted", user)
            told.append(caught.value.retry_after)
        assert WAIT == told[0] == told[2] < told[1]

    async def test_one_more_is_enough_once_the_provider_is_known_to_have_a_limit(self, scene):
        """For a while: at the edge of a limit refusals come one at a time. The same link says it but once."""
        await connect(scene, "alice", "bob", "carol", "dave", "eve")
        tokens = scene.replica()
        scene.provider.script = [THROTTLED] * 2
        await got(tokens, "alice", "bob")
        scene.clock.advance(WAIT)
        assert await got(tokens, "dave") == ["token"]
        scene.provider.script = [THROTTLED]
        assert await got(tokens, "carol", "eve") == ["ProviderUnavailable"] * 2
        scene.clock.advance(WAIT)
        scene.provider.script = [THROTTLED]
        assert await got(tokens, "carol", "eve") == ["ProviderUnavailable", "token"]

    async def test_what_is_known_of_a_limit_is_forgotten(self, scene):
        """After five minutes it takes two again: the third may have a limit of its own."""
        await connect(scene, "alice", "bob", "carol", "dave")
        tokens = scene.replica()
        scene.provider.script = [THROTTLED] * 2
        await got(tokens, "alice", "bob")
        scene.clock.advance(WAIT + ONE_CAUSE)
        scene.provider.script = [scene.provider.rotate, THROTTLED]
        assert await got(tokens, "bob", "carol", "dave") == ["token", "ProviderUnavailable", "token"]

    async def test_the_longer_of_two_waits_holds(self, scene):
        """A later and shorter one does not end it."""
        await connect(scene, "alice", "bob", "carol")
        scene.provider.script = [THROTTLED, THROTTLED, Deferred("http_429", timedelta(seconds=1))]
        tokens = scene.replica()
        gate = scene.provider.gate = asyncio.Event()
        calls = [asyncio.create_task(got(tokens, user)) for user in ("alice", "bob", "carol")]
        while scene.provider.exchanges < 3:
            await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*calls)
        await connect(scene, "dave")
        with pytest.raises(ProviderUnavailable) as caught:
            await tokens.access_token("scripted", "dave")
        assert caught.value.retry_after == WAIT


class TestWhatAnOperatorIsTold:
    async def test_a_wait_that_the_provider_asked_for(self, scene):
        """For as long as it holds, which is to the very moment; nothing where there never was trouble."""
        await connect(scene, "alice", "bob", "carol")
        tokens = scene.replica()
        assert tokens.pauses() == []
        await got(tokens, "carol")
        assert tokens.pauses() == []
        scene.provider.script = [THROTTLED] * 2
        await got(tokens, "alice", "bob")
        assert tokens.pauses() == [ProviderPause("scripted", RATE_LIMITED, WAIT)]
        scene.clock.advance(WAIT - timedelta(seconds=1))
        assert tokens.pauses() == [ProviderPause("scripted", RATE_LIMITED, timedelta(seconds=1))]
        scene.clock.advance(timedelta(seconds=1))
        assert tokens.pauses() == []

    async def test_a_client_that_is_rejected(self, scene):
        """By its code; what ends last is told, if there is a wait as well."""
        dead = [f"dead-{number}" for number in range(SEVERAL_REJECTED)]
        await connect(scene, *dead, "alice", "bob")
        scene.provider.script = [CLIENT] * SEVERAL_REJECTED
        tokens = scene.replica(policy=PATIENT)
        await got(tokens, *dead)
        assert tokens.pauses() == [ProviderPause("scripted", "invalid_client", PATIENT.cooldown.initial)]
        pauses = tokens._refresh_flight._pauses
        for user, wait in (("alice", timedelta(minutes=4)), ("bob", timedelta(minutes=6))):
            link = await scene.inner.get(LinkKey("scripted", user))
            throttled = Deferred("http_429", retry_after=wait)
            pauses.put_off("scripted", link, throttled, ProviderTraits(rate_limit_per_client=True))
            [pause] = tokens.pauses()
            assert pause.reason == ("invalid_client" if user == "alice" else RATE_LIMITED)
        assert pause.remaining == timedelta(minutes=6)


class TestTheSecondLook:
    async def test_a_pause_that_begins_during_the_claim_holds(self, scene):
        """Nothing is presented, the lease is given back, and no mark is left with the link."""
        await connect(scene, "alice", "bob", "carol")
        scene.provider.script = [THROTTLED] * 2
        tokens = scene.replica()

        async def others_are_throttled():
            assert await got(tokens, "alice", "bob") == ["ProviderUnavailable"] * 2

        scene.store.after["claim"] = [others_are_throttled]
        with pytest.raises(ProviderUnavailable) as caught:
            await tokens.access_token("scripted", "carol")
        assert caught.value.retry_after == WAIT
        assert scene.provider.exchanges == 2
        link = await scene.inner.get(LinkKey("scripted", "carol"))
        assert (link.failure, link.pending) == (None, None)

    async def test_a_token_that_works_is_handed_out_all_the_same(self, scene):
        """The pause costs nobody a token that there is."""
        works = (await scene.link(expires_in=timedelta(seconds=5))).tokens
        await scene.inner.put(LinkKey("scripted", "carol"), works)
        await connect(scene, "alice", "bob")
        scene.provider.script = [THROTTLED] * 2
        tokens = scene.replica()

        async def others_are_throttled():
            assert await got(tokens, "alice", "bob") == ["ProviderUnavailable"] * 2

        scene.store.after["claim"] = [others_are_throttled]
        assert await tokens.access_token("scripted", "carol") == works.access_token
        assert scene.provider.exchanges == 2

    async def test_a_newer_links_token_is_handed_out_all_the_same(self, scene):
        """Also where the link that the caller had read was older, and its token worked no longer."""
        await connect(scene, "alice", "bob", "carol")
        carol = LinkKey("scripted", "carol")
        now = scene.clock.now()
        newer = attrs.evolve(
            scene.provider.grant("carol"),
            expires_at=now + timedelta(seconds=5),
            issued_at=now - timedelta(hours=1),
        )
        scene.provider.script = [THROTTLED] * 2
        tokens = scene.replica()

        async def carol_connects_again():
            await scene.inner.put(carol, newer)

        async def others_are_throttled():
            assert await got(tokens, "alice", "bob") == ["ProviderUnavailable"] * 2

        scene.store.before["claim"] = [carol_connects_again]
        scene.store.after["claim"] = [lambda: asyncio.sleep(0), others_are_throttled]
        assert await tokens.access_token("scripted", "carol") == newer.access_token
        assert scene.provider.exchanges == 2
        assert (await scene.inner.get(carol)).pending is None

    async def test_no_request_is_repeated_into_a_pause(self, scene):
        """One that could not be sent is not sent again when the provider has asked to wait meanwhile."""
        await connect(scene, "alice", "bob", "carol")
        tokens = scene.replica()

        async def others_are_throttled(_):
            scene.provider.script[:0] = [THROTTLED] * 2
            assert await got(tokens, "alice", "bob") == ["ProviderUnavailable"] * 2
            return NotSent("connect_failed")

        scene.provider.script = [others_are_throttled]
        assert await got(tokens, "carol") == ["ProviderUnavailable"]
        assert scene.provider.exchanges == 3

    async def test_nor_when_the_client_has_been_rejected_meanwhile(self, scene):
        """For others: nobody is tried until that pause is over."""
        dead = [f"dead-{number}" for number in range(SEVERAL_REJECTED)]
        await connect(scene, *dead, "alice")
        tokens = scene.replica()

        async def others_are_rejected(_):
            scene.provider.script[:0] = [CLIENT] * SEVERAL_REJECTED
            assert await got(tokens, *dead) == ["ProviderMisconfigured"] * SEVERAL_REJECTED
            return NotSent("connect_failed")

        scene.provider.script = [others_are_rejected]
        assert await got(tokens, "alice") == ["ProviderUnavailable"]
        assert scene.provider.exchanges == SEVERAL_REJECTED + 1

    async def test_nor_into_one_that_began_while_the_lease_was_renewed(self, scene):
        """The last look is the one just before presenting."""
        await connect(scene, "alice", "bob", "carol")
        tight = RefreshPolicy(exchange_timeout=timedelta(seconds=39.98))  # any pause makes it claim again
        tokens = scene.replica(policy=tight)

        async def others_are_throttled():
            scene.provider.script[:0] = [THROTTLED] * 2
            assert await got(tokens, "alice", "bob") == ["ProviderUnavailable"] * 2

        async def nothing():
            pass

        scene.store.after["claim"] = [nothing, others_are_throttled]
        scene.provider.script = [NotSent("connect_failed")]
        assert await got(tokens, "carol") == ["ProviderUnavailable"]
        assert scene.provider.exchanges == 3

    async def test_a_success_that_was_asked_for_before_does_not_end_a_pause(self, scene):
        """It says how things were, and the provider has asked to wait since."""
        await connect(scene, "alice", "bob", "carol", "dave")
        tokens = scene.replica()

        async def others_are_throttled(presented):
            scene.provider.script[:0] = [THROTTLED] * 2
            scene.clock.advance(timedelta(seconds=1))
            assert await got(tokens, "alice", "bob") == ["ProviderUnavailable"] * 2
            return scene.provider.rotate(presented)

        scene.provider.script = [others_are_throttled]
        assert await got(tokens, "carol", "dave") == ["token", "ProviderUnavailable"]
        assert scene.provider.exchanges == 3

    async def test_nor_does_it_count_between_two_failures(self, scene):
        """One failure, then a success that was asked for earlier, then another failure: a pause."""
        await connect(scene, "alice", "bob", "carol", "dave")
        tokens = scene.replica()

        async def one_is_throttled(presented):
            scene.provider.script[:0] = [THROTTLED]
            scene.clock.advance(timedelta(seconds=1))
            assert await got(tokens, "alice") == ["ProviderUnavailable"]
            return scene.provider.rotate(presented)

        scene.provider.script = [one_is_throttled, THROTTLED]
        assert await got(tokens, "carol", "bob", "dave") == ["token"] + ["ProviderUnavailable"] * 2
        assert scene.provider.exchanges == 3

    @pytest.mark.parametrize(("since", "bobs"), [(0, "token"), (1, "ProviderMisconfigured")])
    async def test_nor_does_it_end_the_pause_of_a_rejected_client(self, scene, since, bobs):
        """The client has been rejected since; in the same moment counts as before."""
        dead = [f"dead-{number}" for number in range(SEVERAL_REJECTED)]
        await connect(scene, *dead, "alice", "bob")
        tokens = scene.replica()

        async def others_are_rejected(presented):
            scene.provider.script[:0] = [CLIENT] * SEVERAL_REJECTED
            scene.clock.advance(timedelta(seconds=since))
            await got(tokens, *dead)
            return scene.provider.rotate(presented)

        scene.provider.script = [others_are_rejected]
        assert await got(tokens, "alice", "bob") == ["token", bobs]

    async def test_those_under_way_when_a_pause_begins_do_not_prolong_it(self, scene):
        """However many were sent before the first was rejected, it is one pause of one length."""
        users = [f"user-{number}" for number in range(50)]
        await connect(scene, *users, "alice")
        tokens = scene.replica(policy=PATIENT)

        def later(_):
            scene.clock.advance(timedelta(seconds=1))
            return CLIENT

        scene.provider.script = [later] * 50
        gate = scene.provider.gate = asyncio.Event()
        calls = [asyncio.create_task(got(tokens, user)) for user in users]
        while scene.provider.exchanges < 50:
            await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*calls)
        since_it_began = timedelta(seconds=50 - SEVERAL_REJECTED)
        scene.clock.advance(timedelta(minutes=5) - since_it_began - timedelta(seconds=1))
        assert await got(tokens, "alice") == ["ProviderMisconfigured"]
        scene.clock.advance(timedelta(seconds=1))
        assert await got(tokens, "alice") == ["token"]
