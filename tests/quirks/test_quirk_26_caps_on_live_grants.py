"""Class 26: live grants are capped, and one more silently ends the oldest."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth import ReauthorizationRequired
from extauth.adapters.providers import salesforce
from extauth.cli.providers import details
from extauth.domain.events import LinkReauthorizationRequired
from tests.quirks.support_b import using

CAP = salesforce.grant_cap or 0
AGES = timedelta(days=1)
QUIRKS = {"most_grants": CAP, "offline_scope": "refresh_token"}
USERS = [f"user-{number}" for number in range(CAP + 1)]


async def test_one_link_more_ends_the_oldest():
    """The oldest user must connect again, at a refresh and not before; the others' links work."""
    async with using(salesforce, **QUIRKS) as app:
        links = {user: await app.connect(user_id=user) for user in USERS}
        assert app.server.grants.families_dropped == 1
        oldest, *others = USERS
        # Nothing tells the application; the link looks as good as the others.
        assert await app.stored(oldest) == links[oldest]
        app.clock.advance(AGES)
        with pytest.raises(ReauthorizationRequired) as caught:
            await app.link(oldest)
        assert caught.value.reason == "invalid_grant"
        assert "connect again" in caught.value.explanation
        for user in others:
            assert app.server.accepts((await app.link(user)).tokens.access_token)
        key = links[oldest].key
        assert [e for e in app.events if isinstance(e, LinkReauthorizationRequired)] == [
            LinkReauthorizationRequired(key, 1, "invalid_grant")
        ]


async def test_the_mark_erases_nothing_and_costs_one_request():
    """The tokens stay beside the mark, and the provider is not asked again."""
    async with using(salesforce, **QUIRKS) as app:
        links = {user: await app.connect(user_id=user) for user in USERS}
        app.clock.advance(AGES)
        for _ in range(3):
            with pytest.raises(ReauthorizationRequired):
                await app.link(USERS[0])
        assert len(app.server.presented) == 1
        marked = await app.stored(USERS[0])
        assert (marked.tokens, marked.version) == (links[USERS[0]].tokens, 1)
        assert marked.failure.reason == "invalid_grant"


async def test_connecting_again_ends_the_next():
    """The one who connects again works, and pushes out the next: more users than the cap cannot all stay."""
    async with using(salesforce, **QUIRKS) as app:
        for user in [*USERS, USERS[0]]:
            await app.connect(user_id=user)
        app.clock.advance(AGES)
        assert app.server.accepts((await app.link(USERS[0])).tokens.access_token)
        with pytest.raises(ReauthorizationRequired):
            await app.link(USERS[1])


async def test_one_user_who_connects_often_pushes_out_others():
    """Each connecting is a grant of its own, so one link made again and again ends another's."""
    async with using(salesforce, **QUIRKS) as app:
        await app.connect(user_id="bob")
        for _ in range(CAP):
            link = await app.connect()
        assert link.version == CAP
        app.clock.advance(AGES)
        assert app.server.accepts((await app.link()).tokens.access_token)
        with pytest.raises(ReauthorizationRequired):
            await app.link("bob")


async def test_disconnecting_makes_room():
    """A link that is disconnected is revoked, and counts no more."""
    async with using(salesforce, **QUIRKS) as app:
        for user in USERS[:-1]:
            await app.connect(user_id=user)
        assert (await app.unlink(USERS[1])).revoked
        await app.connect(user_id=USERS[-1])
        app.clock.advance(AGES)
        assert app.server.accepts((await app.link(USERS[0])).tokens.access_token)


def test_the_cap_is_told():
    """Whoever looks a preset up is told its cap."""
    assert "grant cap:               5" in details(salesforce, salesforce.checked)
