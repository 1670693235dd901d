"""Class 4: errors that come with status 200."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth import (
    AuthorizationRejected,
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthorizationRequired,
)
from extauth.adapters.oauth2 import ReplyRules
from extauth.adapters.providers import github_app, reddit, slack, zoho
from extauth.testing import Refusal
from tests.quirks.support import CALLBACK, USER, scene

GITHUB = {
    "error_status": 200,
    "dead_refresh_token": Refusal("bad_refresh_token"),
    "dead_code": Refusal("bad_verification_code"),
    "wrong_client": Refusal("incorrect_client_credentials"),
}
SLACK = {
    "error_shape": "slack",
    "error_status": 200,
    "dead_refresh_token": Refusal("invalid_refresh_token"),
    "dead_code": Refusal("invalid_code"),
    "wrong_client": Refusal("bad_client_secret"),
}
ZOHO = {
    "error_status": 200,
    "dead_refresh_token": Refusal("invalid_code"),
    "dead_code": Refusal("invalid_code"),
    "wrong_client": Refusal("invalid_client_secret"),
    "scope_separator": ",",
}
REDDIT = {"error_status": 200}

HABITS = [
    pytest.param(github_app, GITHUB, id="github_app"),
    pytest.param(slack, SLACK, id="slack"),
    pytest.param(zoho, ZOHO, id="zoho"),
    pytest.param(reddit, REDDIT, id="reddit"),
]
"""The first three have codes of their own."""


@pytest.mark.parametrize(("preset", "quirks"), HABITS)
async def test_a_dead_refresh_token(preset, quirks):
    """A refusal with status 200 ends the link, with the provider's code, and erases nothing."""
    async with scene(**quirks) as s:
        provider = s.client(preset)
        link = await s.connect(provider)
        s.server.grants.revoke(link.tokens.refresh_token)
        s.expire()
        tokens = await s.tokens(provider)
        for _ in range(2):
            with pytest.raises(ReauthorizationRequired) as caught:
                await tokens.access_token(preset.id, USER)
        reason = s.server.quirks.dead_refresh_token.code
        assert caught.value.reason == reason
        stored = await s.stored(preset.id)
        assert (stored.tokens, stored.failure.reason) == (link.tokens, reason)
        assert s.server.presented == [link.tokens.refresh_token]


@pytest.mark.parametrize(("preset", "quirks"), HABITS)
async def test_a_dead_code(preset, quirks):
    """A code that is over connects nobody, though the answer has status 200."""
    async with scene(**quirks) as s:
        async with s.linking(s.client(preset)) as linking:
            url = await linking.begin(preset.id, USER, CALLBACK)
            callback = await s.server.visit(url)
            s.pass_time(timedelta(minutes=2))
            with pytest.raises(AuthorizationRejected) as caught:
                await linking.complete(callback.url, user_id=USER)
        assert caught.value.reason == s.server.quirks.dead_code.code
        assert await s.stored(preset.id) is None


@pytest.mark.parametrize(("preset", "quirks"), HABITS)
async def test_a_wrong_secret(preset, quirks):
    """A wrong client secret is the operator's affair, and the link works once it is mended."""
    async with scene(**quirks) as s:
        link = await s.connect(s.client(preset))
        wrong = await s.tokens(s.client(preset, client_secret="old"))
        with pytest.raises(ProviderMisconfigured) as caught:
            await wrong.refresh(preset.id, USER)
        assert caught.value.reason == s.server.quirks.wrong_client.code
        assert await s.stored(preset.id) == link
        assert s.live(await (await s.tokens(s.client(preset))).refresh(preset.id, USER))


@pytest.mark.parametrize(("preset", "quirks"), HABITS[:3])
async def test_without_the_codes_nothing_is_given_up(preset, quirks):
    """A client that was not told what the code means takes it for temporary: no link is lost by it."""
    async with scene(**quirks) as s:
        provider = s.client(preset, replies=ReplyRules())
        link = await s.connect(provider)
        s.server.grants.revoke(link.tokens.refresh_token)
        s.expire()
        with pytest.raises(ProviderUnavailable):
            await (await s.tokens(provider)).access_token(preset.id, USER)
        stored = await s.stored(preset.id)
        assert stored.tokens == link.tokens
        assert not stored.failure.permanent
