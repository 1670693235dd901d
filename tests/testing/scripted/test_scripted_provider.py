from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from extauth.domain.outcomes import (
    ClientRejected,
    Deferred,
    Exchanged,
    GrantRejected,
    NotSent,
    Unknown,
)
from extauth.domain.policy import ProviderTraits
from extauth.domain.token_set import TokenSet
from extauth.testing import Fault, Faults, ScriptedProvider
from tests.support.clocks import LeapingClock

HOUR = timedelta(hours=1)


@pytest.fixture
def clock():
    """A clock that stands still."""
    return LeapingClock()


@pytest.fixture
def provider(clock):
    """A strict provider on the clock."""
    return ScriptedProvider(now=clock.now, pause=clock.sleep)


def exchanged(outcome) -> TokenSet:
    """Return the tokens of an exchange that must have succeeded."""
    assert isinstance(outcome, Exchanged)
    return outcome.tokens


class TestTraits:
    def test_traits_follow_from_the_habit(self):
        """What extauth is told is what the provider does, unless the test says otherwise."""
        window = timedelta(seconds=9)
        assert ScriptedProvider().traits == ProviderTraits()
        assert ScriptedProvider(reuse="non_rotating").traits == ProviderTraits(rotates=False)
        assert ScriptedProvider(reuse="latest_wins").traits == ProviderTraits()
        assert ScriptedProvider(reuse="replay_window", replay_window=window).traits == ProviderTraits(
            replay_window=window
        )

    def test_explicit_traits_win(self):
        """Extauth may be told what is not so; the provider does as its habit says."""
        provider = ScriptedProvider(reuse="strict", traits=ProviderTraits(rotates=False))
        tokens = provider.grant()
        provider.answer(tokens)
        assert provider.answer(tokens) == GrantRejected("invalid_grant")
        assert provider.traits == ProviderTraits(rotates=False)

    def test_the_habit_follows_from_traits(self, provider, clock):
        """Traits alone make the provider behave like that, also when they are set later."""
        provider.traits = ProviderTraits(
            replay_window=timedelta(seconds=9), refresh_revokes_access_token=True
        )
        tokens = provider.grant()
        fresh = exchanged(provider.answer(tokens))
        clock.advance(timedelta(seconds=8))
        assert exchanged(provider.answer(tokens)).access_token == fresh.access_token
        assert not provider.access_token_works(tokens.access_token, clock.now())
        clock.advance(timedelta(seconds=1))
        assert provider.answer(tokens) == GrantRejected("invalid_grant")

    def test_a_window_of_its_own(self, clock):
        """The window of the provider may differ from the traits'."""
        provider = ScriptedProvider(
            reuse="replay_window",
            replay_window=timedelta(seconds=2),
            traits=ProviderTraits(replay_window=HOUR),
            now=clock.now,
        )
        tokens = provider.grant()
        provider.answer(tokens)
        clock.advance(timedelta(seconds=2))
        assert provider.answer(tokens) == GrantRejected("invalid_grant")

    def test_lifetime(self, provider, clock):
        """Tokens live as long as the lifetime said when they were given; None is for ever."""
        provider.lifetime = timedelta(minutes=2)
        assert provider.lifetime == timedelta(minutes=2)
        tokens = provider.grant()
        assert tokens.expires_at == clock.now() + timedelta(minutes=2)
        provider.lifetime = None
        assert provider.lifetime is None
        eternal = provider.grant()
        assert eternal.expires_at is None
        assert provider.access_token_works(eternal.access_token, clock.now() + 1000 * HOUR)
        assert not provider.access_token_works(tokens.access_token, tokens.expires_at)


class TestAnswer:
    @pytest.mark.parametrize(
        ("fault", "outcome"),
        [
            (Fault.UNAVAILABLE_BEFORE, Unknown("http_503")),
            (Fault.RATE_LIMITED, Deferred("http_429", timedelta(seconds=1))),
            (Fault.NOT_SENT, NotSent("connect_failed")),
            (Fault.WRONG_CLIENT, ClientRejected("invalid_client")),
            (Fault.ERROR_IN_200, Deferred("unrecognized_error")),
        ],
    )
    def test_faults_before_processing(self, provider, fault, outcome):
        """The provider does nothing: the refresh token is as good as before."""
        tokens = provider.grant()
        assert provider.answer(tokens, fault) == outcome
        assert provider.is_live(tokens)
        assert (provider.exchanges, provider.grants.exchanges) == (1, 0)

    @pytest.mark.parametrize(
        ("fault", "code"),
        [
            (Fault.LOST_REPLY, "reply_lost"),
            (Fault.CUT_REPLY, "reply_lost"),
            (Fault.UNAVAILABLE_AFTER, "http_503"),
            (Fault.JUNK_BODY, "unreadable_reply"),
            (Fault.OVERSIZED_BODY, "reply_too_large"),
        ],
    )
    def test_faults_after_processing(self, provider, fault, code):
        """The refresh token is used up, and the client cannot know; of a refusal too large it knows the
        status."""
        tokens = provider.grant()
        assert provider.answer(tokens, fault) == Unknown(code)
        assert not provider.is_live(tokens)
        assert provider.families_revoked == 0
        told = Deferred("http_400") if fault is Fault.OVERSIZED_BODY else Unknown(code)
        assert provider.answer(tokens, fault) == told
        assert provider.families_revoked == 1

    @pytest.mark.parametrize("fault", [Fault.OMITTED_REFRESH_TOKEN, Fault.EMPTY_REFRESH_TOKEN])
    def test_reply_without_refresh_token(self, provider, fault, clock):
        """The reply has a working access token only, and the refresh token presented stays good."""
        tokens = provider.grant()
        fresh = exchanged(provider.answer(tokens, fault))
        assert fresh.refresh_token is None
        assert provider.access_token_works(fresh.access_token, clock.now())
        assert exchanged(provider.answer(tokens)).refresh_token is not None

    def test_reply_to_a_replay_omits_nothing(self, clock):
        """A refresh token that the client does not have yet is never left out."""
        provider = ScriptedProvider(reuse="replay_window", now=clock.now)
        tokens = provider.grant()
        provider.answer(tokens, Fault.LOST_REPLY)
        repeated = exchanged(provider.answer(tokens, Fault.OMITTED_REFRESH_TOKEN))
        assert provider.is_live(repeated)

    @pytest.mark.parametrize(
        "fault", [Fault.EXPIRES_IN_MISSING, Fault.EXPIRES_IN_ZERO, Fault.EXPIRES_IN_NEGATIVE]
    )
    def test_reply_without_lifetime(self, provider, fault, clock):
        """The client assumes the last lifetime that it knows, or none."""
        tokens = provider.grant()
        fresh = exchanged(provider.answer(tokens, fault))
        assert fresh.expires_at == clock.now() + HOUR
        bare = TokenSet("at", fresh.refresh_token)
        assert exchanged(provider.answer(bare, fault)).expires_at is None

    def test_absurd_last_lifetime(self, provider, clock):
        """A lifetime that was over before it began is no lifetime."""
        tokens = provider.grant()
        odd = TokenSet("at", tokens.refresh_token, expires_at=clock.now(), issued_at=clock.now())
        assert exchanged(provider.answer(odd, Fault.EXPIRES_IN_MISSING)).expires_at is None

    @pytest.mark.parametrize(
        "fault",
        [None, Fault.FORM_ENCODED, Fault.EXPIRES_IN_STRING, Fault.DELAYED_BEFORE, Fault.DELAYED_AFTER],
    )
    def test_harmless_faults(self, provider, fault, clock):
        """The client gets the new pair, and a second presentation is still refused."""
        tokens = provider.grant()
        fresh = exchanged(provider.answer(tokens, fault))
        assert provider.is_live(fresh)
        assert fresh.expires_at == clock.now() + HOUR
        assert provider.answer(tokens, fault) == GrantRejected("invalid_grant")
        assert not provider.is_live(fresh)

    def test_every_answer_is_deterministic(self):
        """Two providers asked the same give the same, names of tokens included."""

        def story() -> list[object]:
            clock = LeapingClock()
            provider = ScriptedProvider(now=clock.now, reuse="latest_wins")
            tokens = [provider.grant("alice"), provider.grant("bob")]
            outcomes = [provider.answer(each, fault) for fault in Fault for each in tokens]
            return [*tokens, *outcomes, provider.grants.history, provider.grants.presentations()]

        assert story() == story()

    def test_oracles(self, provider, clock):
        """It can be asked whose a token is, what came of what, and what was rejected how often."""
        tokens = provider.grant("alice")
        fresh = exchanged(provider.answer(tokens))
        assert provider.subject_of(fresh.access_token) == "alice"
        assert provider.issued_for(fresh.refresh_token) == tokens.refresh_token
        provider.answer(tokens)
        provider.answer(tokens)
        assert provider.rejected == {tokens.refresh_token: 2}
        assert not provider.access_token_works(fresh.access_token, clock.now())
        assert (provider.presented, provider.replays) == ([tokens.refresh_token] * 3, 2)


class TestRefresh:
    async def test_faults_on_demand(self, provider):
        """A planned fault meets the next exchange, after the script is used up."""
        tokens = provider.grant()
        provider.script = [Deferred("scripted")]
        provider.faults.plan(Fault.WRONG_CLIENT)
        outcomes = [await provider.refresh(tokens) for _ in range(2)]
        assert outcomes == [Deferred("scripted"), ClientRejected("invalid_client")]
        assert provider.is_live(exchanged(await provider.refresh(tokens)))

    async def test_faults_by_chance(self, clock):
        """The same seed gives the same outcomes."""

        async def story(seed: int) -> list[object]:
            faults = Faults(seed=seed, rates={Fault.LOST_REPLY: 0.5})
            provider = ScriptedProvider(reuse="non_rotating", faults=faults, now=clock.now)
            tokens = provider.grant()
            return [await provider.refresh(tokens) for _ in range(30)]

        assert await story(1) == await story(1)
        assert await story(1) != await story(2)

    @pytest.mark.parametrize(
        ("fault", "rotated_meanwhile"), [(Fault.DELAYED_BEFORE, 0), (Fault.DELAYED_AFTER, 1)]
    )
    async def test_delays(self, clock, fault, rotated_meanwhile):
        """While the answer is delayed the refresh has happened, or has not, as was planned."""
        reached, opened = asyncio.Event(), asyncio.Event()

        async def pause(seconds: float) -> None:
            assert seconds == 3
            reached.set()
            await opened.wait()

        faults = Faults(delay=timedelta(seconds=3))
        provider = ScriptedProvider(now=clock.now, faults=faults, pause=pause)
        faults.plan(fault)
        asking = asyncio.create_task(provider.refresh(provider.grant()))
        await reached.wait()
        assert provider.grants.rotations == rotated_meanwhile
        assert not asking.done()
        opened.set()
        assert provider.is_live(exchanged(await asking))

    async def test_gates(self, provider):
        """An exchange waits before the provider acts, and after it, until the test opens the gates."""
        provider.gate, provider.reply_gate = asyncio.Event(), asyncio.Event()
        asking = asyncio.create_task(provider.refresh(provider.grant()))
        await provider.exchanging.wait()
        assert (provider.exchanges, provider.grants.exchanges) == (1, 0)
        provider.gate.set()
        while not provider.grants.rotations:
            await asyncio.sleep(0)
        assert not asking.done()
        provider.reply_gate.set()
        assert provider.is_live(exchanged(await asking))

    async def test_revoking(self, provider, clock):
        """A refresh token takes its family with it, an access token goes alone."""
        tokens, other = provider.grant(), provider.grant()
        assert await provider.revoke(tokens)
        assert await provider.revoke(TokenSet(other.access_token))
        assert not provider.is_live(tokens)
        assert provider.is_live(other)
        assert not provider.access_token_works(other.access_token, clock.now())
        assert len(provider.revoked) == 2
