"""A link that is refused again and again while its client works for others."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from extauth import LinkKey, ProviderMisconfigured, ProviderUnavailable, ReauthorizationRequired
from extauth.domain.outcomes import ClientRejected, Deferred, GrantRejected, Unknown
from extauth.domain.probably_dead import FIRST_PAUSE, LONGEST_PAUSE, SPAN, TRIES
from extauth.events import LinkProbablyDead, LinkReauthorizationRequired
from extauth.services.refresh import refusals
from extauth.services.refresh.refusals import RefusedLinks, Suspect
from extauth.services.refresh.request import TokenRequest

BOB = LinkKey("scripted", "bob")
MINUTE = timedelta(minutes=1)
REFUSED = ClientRejected("invalid_request")
REFUSALS = [
    REFUSED,
    ClientRejected("unauthorized_client"),
    Deferred("unrecognized_error"),
    Deferred("http_400"),
]


@attrs.define
class World:
    """Bob, whose refreshes are answered as the test says, and alice, whose refreshes work."""

    scene: object
    answer: object = REFUSED
    asked: int = 0
    alice_works: bool = True
    ask: object = None
    """How bob's token is asked for in :meth:`poll`."""

    async def connect(self):
        """Connect both, with access tokens that have expired."""
        for user in ("alice", "bob"):
            tokens = attrs.evolve(self.scene.provider.grant(user), expires_at=self.scene.clock.now())
            await self.scene.inner.put(LinkKey("scripted", user), tokens)
        bob = (await self.scene.inner.get(BOB)).tokens.refresh_token

        def answer(tokens):
            if tokens.refresh_token == bob:
                self.asked += 1
                outcome = self.answer
                return self.scene.provider.rotate(tokens) if outcome is None else outcome
            return self.scene.provider.rotate(tokens) if self.alice_works else REFUSED

        self.scene.provider.script = [answer] * 10_000

    async def get(self, tokens, user, ask=None):
        """Ask for a token, and return the name of the error or "token"."""
        try:
            await (ask or tokens.access_token)("scripted", user)
        except (ProviderMisconfigured, ProviderUnavailable, ReauthorizationRequired) as error:
            return type(error).__name__
        return "token"

    async def poll(self, tokens, span, every=MINUTE):
        """Ask for bob's token every so often, and alice's before each, which has expired each time."""
        outcomes = []
        for _ in range(int(span / every)):
            alice = await self.scene.inner.get(LinkKey("scripted", "alice"))
            expired = attrs.evolve(alice.tokens, expires_at=self.scene.clock.now())
            await self.scene.inner.put(alice.key, expired)
            await self.get(tokens, "alice")
            outcomes.append(await self.get(tokens, "bob", self.ask))
            self.scene.clock.advance(every)
        return outcomes

    @property
    def reports(self):
        """The events that said so."""
        return [event for event in self.scene.events if isinstance(event, LinkProbablyDead)]


@pytest.fixture
async def world(scene):
    """Both are connected."""
    made = World(scene)
    await made.connect()
    return made


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_is_reported_to_the_observer_and_the_user(scene, world, refusal):
    """After the stated tries and time: an event, an error that asks the user, and a mark that passes."""
    world.answer = refusal
    tokens = scene.replica()
    outcomes = await world.poll(tokens, 2 * SPAN)
    assert outcomes[: int(SPAN / MINUTE)].count("ReauthorizationRequired") == 0
    assert outcomes[-1] == "ReauthorizationRequired"
    assert world.asked >= TRIES
    [report] = world.reports
    assert report == LinkProbablyDead(BOB, 1, refusal.code, FIRST_PAUSE)
    assert not [event for event in scene.events if isinstance(event, LinkReauthorizationRequired)]
    link = await scene.inner.get(BOB)
    assert (link.failure.reason, link.failure.permanent) == ("probably_dead", False)
    with pytest.raises(ReauthorizationRequired) as caught:
        await tokens.access_token("scripted", "bob")
    assert caught.value.reason == "probably_dead"
    assert "probably" in caught.value.explanation


async def test_is_tried_ever_more_rarely_by_all_replicas(scene, world):
    """In ten days less than in the first hour, and by whichever process is asked."""
    await world.poll(scene.replica(), 2 * SPAN)
    world.asked = 0
    for _ in range(10):
        await world.poll(scene.replica(), timedelta(days=1), every=timedelta(hours=1))
    assert 10 <= world.asked <= 16
    pauses = [report.retry_after for report in world.reports]
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(days=1)


async def test_works_again_by_itself_if_it_was_not_dead(scene, world):
    """The next try succeeds, the mark is gone, and a later refusal begins a row of its own."""
    tokens = scene.replica()
    await world.poll(tokens, 2 * SPAN)
    world.answer = None
    scene.clock.advance(FIRST_PAUSE)
    assert await world.get(tokens, "bob") == "token"
    assert (await scene.inner.get(BOB)).failure is None


async def test_is_tried_at_once_when_the_user_has_connected_again(scene, world):
    """The suspicion was of the grant before."""
    tokens = scene.replica()
    await world.poll(tokens, 2 * SPAN)
    await world.connect()
    world.answer = None
    assert await world.get(tokens, "bob") == "token"


async def test_that_is_refused_again_after_a_new_authorization_is_suspected_anew(scene, world):
    """The row of refusals of the grant before says nothing of the new one."""
    tokens = scene.replica()
    await world.poll(tokens, 2 * SPAN)
    await world.connect()
    outcomes = await world.poll(tokens, SPAN / 2)
    assert "ReauthorizationRequired" not in outcomes
    assert len(world.reports) == 1


async def test_is_not_suspected_where_the_client_works_for_nobody(scene, world):
    """A wrong secret, or a request that this provider never takes: an operator must look."""
    world.alice_works = False
    outcomes = await world.poll(scene.replica(), 24 * SPAN)
    assert "ReauthorizationRequired" not in outcomes
    assert world.reports == []


async def test_is_not_suspected_where_the_client_has_stopped_working(scene, world):
    """Others were served, and by now nobody is."""
    tokens = scene.replica()
    await world.poll(tokens, SPAN / 2)
    world.alice_works = False
    assert "ReauthorizationRequired" not in await world.poll(tokens, 24 * SPAN)


@pytest.mark.parametrize(
    "outcome",
    [
        Unknown("http_503"),
        Deferred("http_429", timedelta(minutes=2)),
        Deferred("http_403"),
        Deferred("temporarily_unavailable"),
        Deferred("700016", of_grant=True),
    ],
)
async def test_is_not_suspected_for_an_outage_or_a_limit(scene, world, outcome):
    """However long it lasts."""
    world.answer = outcome
    assert "ReauthorizationRequired" not in await world.poll(scene.replica(), 6 * SPAN)
    assert world.reports == []


async def test_stays_suspected_through_an_outage(scene, world):
    """An answer that says nothing takes nothing back."""
    tokens = scene.replica()
    await world.poll(tokens, 2 * SPAN)
    world.answer = Unknown("http_503")
    await world.poll(tokens, SPAN)
    assert (await scene.inner.get(BOB)).failure.reason == "probably_dead"
    assert await world.get(tokens, "bob") == "ReauthorizationRequired"


async def test_a_reply_that_was_lost_meanwhile_is_not_forgotten(scene, world):
    """The presentation after it was refused as all were; a rejection in the end may mean the first."""
    tokens = scene.replica()
    await world.poll(tokens, 2 * SPAN)
    assert len(world.reports) == 1
    scene.clock.advance(FIRST_PAUSE)
    scene.provider.script[:0] = [Unknown("reply_lost")]
    assert await world.get(tokens, "bob") == "ReauthorizationRequired"
    assert (await scene.inner.get(BOB)).pending is not None
    world.answer = GrantRejected("invalid_grant")
    scene.clock.advance(2 * FIRST_PAUSE)
    with pytest.raises(ReauthorizationRequired) as caught:
        await tokens.access_token("scripted", "bob")
    assert caught.value.reason == "reply_lost"


async def test_costs_nobody_an_access_token_that_works(scene, world):
    """While it works it is handed out, whatever is suspected."""
    expires_at = scene.clock.now() + 3 * SPAN
    link = await scene.inner.get(BOB)
    await scene.inner.put(BOB, attrs.evolve(link.tokens, expires_at=expires_at))
    tokens = scene.replica()
    world.ask = tokens.refresh
    await world.poll(tokens, 2 * SPAN)
    assert len(world.reports) == 1
    assert await tokens.access_token("scripted", "bob") == link.tokens.access_token
    scene.clock.advance(SPAN)
    assert await world.get(tokens, "bob") == "ReauthorizationRequired"


async def test_what_is_said_of_a_resource_says_nothing_of_the_grant(scene):
    """A server may refuse a token for one resource for ever."""
    refused = RefusedLinks(scene.clock)
    link = await scene.link()
    request = TokenRequest(scene.provider, "https://api.example")
    own = TokenRequest(scene.provider, None)
    for _ in range(2 * TRIES):
        refused.served("scripted", scene.clock.monotonic())
        assert refused.suspect(request, link, REFUSED) is None
        scene.clock.advance(SPAN / 2)
    assert refused.suspect(own, link, REFUSED) is None


async def test_rows_that_nobody_goes_on_with_are_forgotten(scene):
    """A process that lives for long does not remember every link that it has ever seen refused."""
    refused = RefusedLinks(scene.clock)
    link = await scene.link()
    request = TokenRequest(scene.provider, None)

    def refuse(user):
        return refused.suspect(request, attrs.evolve(link, key=LinkKey("scripted", user)), REFUSED)

    for number in range(1000):
        refuse(f"user-{number}")
    scene.clock.advance(LONGEST_PAUSE + timedelta(hours=1))
    refuse("late")
    found = []
    for _ in range(TRIES):
        scene.clock.advance(timedelta(hours=2))
        refused.served("scripted", scene.clock.monotonic())
        found.append(refuse("user-0"))
    assert found == [None] * (TRIES - 1) + [Suspect("invalid_request", TRIES)]


async def test_rows_that_go_on_are_kept_however_many_there_are(scene, monkeypatch):
    """A link is not taken for one that was never refused because so many others are."""
    monkeypatch.setattr(refusals, "_MANY_LINKS", 2)
    refused = RefusedLinks(scene.clock)
    link = await scene.link()
    request = TokenRequest(scene.provider, None)
    found = []
    for _ in range(TRIES):
        refused.served("scripted", scene.clock.monotonic())
        links = [attrs.evolve(link, key=LinkKey("scripted", user)) for user in ("one", "two", "three")]
        found += [refused.suspect(request, one, REFUSED) for one in links]
        scene.clock.advance(timedelta(hours=2))
        refused.served("scripted", scene.clock.monotonic())
    assert found == [None] * 3 * (TRIES - 1) + [Suspect("invalid_request", TRIES)] * 3


async def test_a_late_answer_does_not_make_a_provider_serve_nobody(scene):
    """A success that was asked for earlier says nothing against the one that came before it."""
    refused = RefusedLinks(scene.clock)
    link = await scene.link()
    request = TokenRequest(scene.provider, None)
    began = scene.clock.monotonic()
    found = []
    for _ in range(TRIES):
        found.append(refused.suspect(request, link, REFUSED))
        scene.clock.advance(SPAN / 2)
        refused.served("scripted", scene.clock.monotonic())
        refused.served("scripted", began)
    assert found == [None] * (TRIES - 1) + [Suspect("invalid_request", TRIES)]
