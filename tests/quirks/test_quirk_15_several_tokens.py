"""Class 15: an answer with tokens of several grants, or with the same token twice."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from extauth import LinkNotFound, ReauthorizationRequired, TokenService
from extauth.adapters.providers import asana, intercom, slack
from extauth.testing import Consent, Fault, Faults
from tests.quirks.support import USER, scene

SLACK = {
    "second_grant": "authed_user",
    "scope_separator": ",",
    "error_shape": "slack",
    "error_status": 200,
    "token_type": "bot",
    "granted": "always",
}
BOT, PERSON = "slack", "slack/user"
ASKED = {"scopes": ["chat:write"], "params": {"user_scope": "search:read"}}
HALF_DAY = timedelta(hours=12)


def rotating(faults=None):
    """Return the arguments of a server whose tokens last as long as Slack's do."""
    return {"access_token_lifetime": HALF_DAY, "faults": faults or Faults()}


async def test_two_links():
    """The bot's and the user's tokens are two links with scopes, type and end of their own."""
    async with scene(**SLACK, server=rotating()) as s:
        bot = await s.connect(s.client(slack), Consent.approve("U1"), **ASKED)
        person = await s.stored(PERSON)
        assert (bot.key.provider_id, bot.tokens.token_type, bot.tokens.scopes) == (BOT, "bot", {"chat:write"})
        assert (person.tokens.token_type, person.tokens.scopes) == ("user", {"search:read"})
        assert bot.tokens.access_token != person.tokens.access_token
        assert s.live(bot)
        assert s.live(person)
        assert bot.account.id == "U1"


async def test_each_rotates_on_its_own():
    """A refresh of one, whose answer has its tokens alone, leaves the other as it was."""
    async with scene(**SLACK, server=rotating()) as s:
        provider = s.client(slack)
        bot = await s.connect(provider, **ASKED)
        person = await s.stored(PERSON)
        tokens = await s.tokens(provider)
        fresh = await tokens.refresh(PERSON, USER)
        assert (fresh.version, fresh.tokens.token_type, fresh.tokens.scopes) == (2, "user", {"search:read"})
        assert await s.stored(BOT) == bot
        fresh_bot = await tokens.refresh(BOT, USER)
        assert await s.stored(PERSON) == fresh
        assert s.live(fresh)
        assert s.live(fresh_bot)
        assert s.server.presented == [person.tokens.refresh_token, bot.tokens.refresh_token]


@pytest.mark.parametrize(("first", "second"), [(BOT, PERSON), (PERSON, BOT)])
async def test_each_is_stored_before_the_next_is_presented(first, second):
    """When the second's exchange is lost for good, the first's new tokens are safe in the store."""
    faults = Faults()
    async with scene(**SLACK, server=rotating(faults)) as s:
        provider = s.client(slack)
        await s.connect(provider, **ASKED)
        lost = await s.stored(second)
        s.expire()
        async with TokenService(s.store, [provider], clock=s.clock) as tokens:
            token = await tokens.access_token(first, USER)
            faults.plan(Fault.LOST_REPLY)
            with pytest.raises(ReauthorizationRequired) as caught:
                await tokens.access_token(second, USER)
        assert caught.value.reason == "reply_lost"
        assert (await s.stored(second)).tokens == lost.tokens

        kept = await s.stored(first)
        assert (kept.version, kept.tokens.access_token, kept.failure) == (2, token, None)
        assert s.live(kept)
        assert s.server.accepts(await (await s.tokens(provider)).access_token(first, USER))


async def test_only_the_user_s():
    """If only the user's scopes are asked for, there is a link for the user's tokens and no other."""
    async with scene(**SLACK, server=rotating()) as s:
        provider = s.client(slack)
        link = await s.connect(provider, params={"user_scope": "search:read"})
        assert link.key.provider_id == PERSON
        assert await s.stored(BOT) is None
        tokens = await s.tokens(provider)
        with pytest.raises(LinkNotFound):
            await tokens.access_token(BOT, USER)
        s.expire()
        assert s.server.accepts(await tokens.access_token(PERSON, USER))


async def test_without_the_rule_the_user_s_tokens_are_lost():
    """A client that looks at the top of the answer alone never has them."""
    async with scene(**SLACK, server=rotating()) as s:
        replies = attrs.evolve(slack.replies, companions={})
        provider = s.client(slack, replies=replies)
        await s.connect(provider, **ASKED)
        assert await s.stored(PERSON) is None
        assert len(s.server.grants.live_refresh_tokens()) == 2


async def test_what_is_kept_beside_has_no_tokens():
    """A member that is kept for what else is in it leaves the tokens in it out."""
    async with scene(**SLACK, server=rotating()) as s:
        replies = attrs.evolve(slack.replies, extra_fields=frozenset({"authed_user"}))
        link = await s.connect(s.client(slack, replies=replies), Consent.approve("U1"), **ASKED)
        assert link.tokens.extra["authed_user"]["id"] == "U1"
        assert link.tokens.extra["authed_user"].keys() & {"access_token", "refresh_token"} == set()


@pytest.mark.parametrize(
    ("preset", "quirks"),
    [
        (asana, {"extra_members": {"data": {"gid": "{account_id}", "name": "{name}"}}}),
        (intercom, {"duplicate_token": "token", "refresh_tokens": False, "never_expires": True}),
    ],
    ids=["asana", "intercom"],
)
async def test_what_else_is_in_the_answer_is_not_taken_for_tokens(preset, quirks):
    """A profile beside the tokens, or the same token under another name, makes no link and is not kept."""
    async with scene(**quirks) as s:
        link = await s.connect(s.client(preset))
        assert s.subject(link.tokens.access_token) == "someone"
        assert link.tokens.extra == {}
        assert await s.store.links_of(USER) == [link]
