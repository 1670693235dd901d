"""A client that the provider has forgotten, in whose place it has another: its links have come to an end."""

from __future__ import annotations

import attrs
import pytest

from extauth import GrantOrigin, LinkKey, ReauthorizationRequired
from extauth.domain.events import LinkReauthorizationRequired, ProviderRejectedClient
from extauth.domain.outcomes import ClientRejected, Unknown
from extauth.domain.provider_trouble import SEVERAL_REJECTED
from extauth.domain.registered_clients import CLIENT_FORGOTTEN
from extauth.testing.scripted.provider import ScriptedProvider

KEY = LinkKey("scripted", "alice")
OWN = GrantOrigin("old", "https://as.example/token")
REJECTED = ClientRejected("invalid_client")


class Replaced:
    """A provider's clients, of which new links get another one than old links have."""

    def __init__(self):
        self.answers = []

    async def present_id(self):
        return "new"

    def heard(self, client_id, answer):
        self.answers.append((client_id, answer))


@pytest.fixture
def forgotten(scene):
    """A scene whose provider has replaced the client that its links were made with."""
    scene.provider.origin = OWN
    scene.provider.clients = Replaced()
    return scene


async def connect(scene, *users):
    """Connect them by the old client, with access tokens that have expired."""
    for user in users:
        tokens = attrs.evolve(scene.provider.grant(user), expires_at=scene.clock.now())
        await scene.inner.put(LinkKey("scripted", user), tokens, origin=OWN)


async def reasons(tokens, *users):
    """Ask for each one's token in turn, and return why they must connect again."""
    given = []
    for user in users:
        with pytest.raises(ReauthorizationRequired) as caught:
            await tokens.access_token("scripted", user)
        given.append((user, caught.value.reason))
    return given


async def test_a_link_of_the_client_before_is_refreshed_with_that_one(scene):
    """As long as the provider knows it, and for what was asked."""
    old = ScriptedProvider(now=scene.clock.now, origin=OWN)

    class Both(Replaced):
        async def of(self, client_id):
            return old if client_id == OWN.client_id else None

    scene.provider.origin = attrs.evolve(OWN, client_id="new")
    scene.provider.clients = Both()
    tokens = attrs.evolve(old.grant("alice"), expires_at=scene.clock.now())
    await scene.inner.put(KEY, tokens, origin=OWN)
    mail = "https://mail.example.com"
    token = await scene.replica().access_token("scripted", "alice", resource=mail)
    assert old.works_now(token)
    assert (old.presented, old.asked_for) == ([tokens.refresh_token], [mail])
    assert scene.provider.presented == []


async def test_its_user_must_connect_again(forgotten):
    """The link's user is told, not the operator, and the provider's clients have heard the answer."""
    await connect(forgotten, "alice")
    forgotten.provider.script = [REJECTED]
    assert await reasons(forgotten.replica(), "alice") == [("alice", CLIENT_FORGOTTEN)]
    told = LinkReauthorizationRequired | ProviderRejectedClient
    assert [LinkReauthorizationRequired(KEY, 1, CLIENT_FORGOTTEN)] == [
        event for event in forgotten.events if isinstance(event, told)
    ]
    assert forgotten.provider.clients.answers == [("old", REJECTED)]


async def test_it_is_not_asked_for_again_at_once(forgotten):
    """A link that has met it is left alone, with the same words."""
    await connect(forgotten, "alice")
    forgotten.provider.script = [REJECTED] * 2
    tokens = forgotten.replica()
    assert await reasons(tokens, "alice", "alice") == [("alice", CLIENT_FORGOTTEN)] * 2
    assert forgotten.provider.exchanges == 1


async def test_several_links_speak_for_all_of_that_client(forgotten):
    """Another link of the client is not tried when enough have met it."""
    users = [f"user-{number}" for number in range(SEVERAL_REJECTED + 1)]
    await connect(forgotten, *users)
    forgotten.provider.script = [REJECTED] * len(users)
    tokens = forgotten.replica()
    assert [(user, CLIENT_FORGOTTEN) for user in users] == await reasons(tokens, *users)
    assert forgotten.provider.exchanges == SEVERAL_REJECTED


async def test_what_is_not_known_of_the_exchange_before_is_left_in_the_store(forgotten):
    """The rejection says nothing of the presentation whose answer was lost: it stays unresolved."""
    await connect(forgotten, "alice")
    forgotten.provider.script = [Unknown("reply_lost"), REJECTED]
    await reasons(forgotten.replica(), "alice")
    assert forgotten.provider.exchanges == 2
    pending = (await forgotten.stored()).pending
    assert (pending is not None, pending and pending.live) == (True, False)


async def test_nothing_is_left_where_all_is_known(forgotten):
    """A rejection of the first presentation is its end."""
    await connect(forgotten, "alice")
    forgotten.provider.script = [REJECTED]
    await reasons(forgotten.replica(), "alice")
    assert (await forgotten.stored()).pending is None
