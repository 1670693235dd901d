"""Another token is one that was issued since, whatever its text: JWTs that a server signs within one second
can be equal to the letter."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth import Link, LinkKey, TokenSet
from extauth.domain.events import LinkAdopted, LinkRefreshed
from extauth.domain.policy import ProviderTraits
from extauth.domain.resources import RejectedToken, after_exchange, reissued, seen_for
from extauth.testing.scripted.provider import ScriptedProvider

WHO = ("scripted", "alice")
MAIL = "https://mail.example/"
FRESH = timedelta(hours=1)
TEXT = "at-of-this-second"


def equal(kind, family, number):
    """Name refresh tokens apart, and all access tokens alike."""
    return TEXT if kind == "at" else f"rt-{family}-{number}"


@pytest.fixture
def alike(scene):
    """A scene whose provider gives access tokens of one text."""
    scene.provider = ScriptedProvider(now=scene.clock.now, namer=equal)
    return scene


@pytest.mark.parametrize("says_which", [True, False])
@pytest.mark.parametrize("issued_at", ["known", "unknown"])
async def test_two_replicas_make_one_exchange(alike, says_which, issued_at):
    """Who waits for another replica's exchange is content with what it brought, though its text is that of
    the token that was refused."""
    await alike.link(expires_in=FRESH)
    if issued_at == "unknown":
        unknown = attrs.evolve((await alike.stored()).tokens, issued_at=None)
        await alike.inner.put(LinkKey(*WHO), unknown)
    link = await alike.stored()
    alike.provider.gate = asyncio.Event()
    rejected = TEXT if says_which else None
    calls = [asyncio.create_task(alike.replica().refresh(*WHO, rejected=rejected)) for _ in range(2)]
    await alike.store.entered["wait_for_change"].wait()
    alike.provider.gate.set()
    assert [link.version + 1] * 2 == [(await call).version for call in calls]
    assert alike.provider.exchanges == 1


async def test_many_callers_of_one_replica_make_one_exchange(alike):
    """The same within a replica."""
    await alike.link(expires_in=FRESH)
    tokens = alike.replica()
    links = await asyncio.gather(*(tokens.refresh(*WHO, rejected=TEXT) for _ in range(10)))
    assert [link.version for link in links] == [2] * 10
    assert alike.provider.exchanges == 1


async def test_who_is_refused_the_new_one_refreshes_it(alike):
    """The text alone does not say which token was refused: whoever comes later causes an exchange after
    the refusal, and is never handed back what is stored as if nothing had been said."""
    await alike.link(expires_in=FRESH)
    for version in (2, 3):
        assert version == (await alike.replica().refresh(*WHO, rejected=TEXT)).version
    assert alike.provider.exchanges == 2


async def test_another_resources_exchange_is_no_answer(alike):
    """The version moves, but the refused token is the one that was there: it is exchanged all the same."""
    await alike.link(expires_in=FRESH)
    alike.provider.gate = asyncio.Event()
    first, second = alike.replica(), alike.replica()
    mail = asyncio.create_task(first.link(*WHO, resource=MAIL))
    await alike.provider.exchanging.wait()
    other = asyncio.create_task(second.refresh(*WHO, rejected=TEXT))
    await alike.store.entered["wait_for_change"].wait()
    alike.provider.gate.set()
    await mail
    assert (await other).version == 3
    assert alike.provider.asked_for == [MAIL, None]


async def test_tokens_of_another_are_not_taken_for_ours(alike):
    """A save that finds an equal access token beside another refresh token has adopted another's link."""
    await alike.link(expires_in=FRESH)

    async def another_saves():
        link = await alike.stored()
        await alike.inner.save(link.key, link.version, attrs.evolve(link.tokens, refresh_token="rt-another"))

    alike.store.before["save"] = [another_saves]
    link = await alike.replica().refresh(*WHO, rejected=TEXT)
    assert (link.version, link.tokens.refresh_token) == (2, "rt-another")
    told = [type(event) for event in alike.events if isinstance(event, LinkRefreshed | LinkAdopted)]
    assert told == [LinkAdopted]


INSTANTS = st.datetimes(datetime(2031, 1, 1), datetime(2031, 1, 2), timezones=st.just(UTC))  # noqa: DTZ001
RESOURCES = st.sampled_from([None, MAIL, "https://files.example/"])


@given(
    st.none() | INSTANTS,
    INSTANTS,
    st.lists(st.tuples(RESOURCES, INSTANTS, st.booleans()), min_size=1, max_size=4),
    st.booleans(),
    RESOURCES,
)
def test_reissued_exactly_where_an_exchange_was_for_it(issued_at, updated_at, exchanges, revokes, resource):
    """Whatever the clocks say, and with texts that are all alike, a token counts as another exactly if one of
    the exchanges since was for it; else it is still the one that was refused."""
    traits = ProviderTraits(refresh_revokes_access_token=revokes)
    tokens = TokenSet(TEXT, "rt-0", issued_at=issued_at)
    first = link = Link(LinkKey(*WHO), tokens, 1, updated_at, updated_at)
    for number, (target, now, said) in enumerate(exchanges, 2):
        answer = TokenSet(TEXT, f"rt-{number}", issued_at=now if said else None)
        saved = after_exchange(link, answer, target, traits, now)
        link = attrs.evolve(link, tokens=saved, version=number, updated_at=now)
    there = seen_for(link, resource) is not None
    issued = there and resource in [target for target, _, _ in exchanges]
    assert issued is (there and reissued(link, first, resource))
    assert (there and not issued) is RejectedToken(TEXT, first).stands_in(link, resource)


def test_a_version_is_one_token():
    """Whatever else moves in a row, a token of the version that was read is the one that was refused."""
    now = datetime(2031, 1, 1, tzinfo=UTC)
    link = Link(LinkKey(*WHO), TokenSet(TEXT, "rt"), 1, now, now)
    touched = attrs.evolve(link, updated_at=now + timedelta(seconds=1))
    assert RejectedToken(TEXT, link).stands_in(touched, None)
    assert not reissued(touched, link, None)
