"""Class 6: a dead refresh token is told by another status or code than 400 ``invalid_grant``."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth import ProviderMisconfigured, ProviderUnavailable, ReauthorizationRequired
from extauth.adapters.oauth2 import ReplyRules
from extauth.adapters.providers import atlassian, auth0, forgejo, gitea
from extauth.testing import Refusal
from tests.quirks.support import USER, scene

DEAD_403 = Refusal("invalid_grant", 403, "Unknown or invalid refresh token.")
DEAD_GITEA = Refusal("unauthorized_client", message="refresh token is invalid")
DEAD_ATLASSIAN = Refusal("unauthorized_client", 403, "refresh_token is invalid")
HABITS = [
    pytest.param(atlassian, {}, DEAD_403, "invalid_grant", id="atlassian"),
    pytest.param(atlassian, {}, DEAD_ATLASSIAN, "invalid_grant", id="atlassian-by-text"),
    pytest.param(auth0, {"domain": "acme.auth0.example"}, DEAD_403, "invalid_grant", id="auth0"),
    pytest.param(gitea, {}, DEAD_GITEA, "unauthorized_client", id="gitea"),
    pytest.param(forgejo, {}, DEAD_GITEA, "unauthorized_client", id="forgejo"),
]
LIMIT = (1, timedelta(hours=1))


@pytest.mark.parametrize(("preset", "variables", "refusal", "reason"), HABITS)
async def test_a_dead_refresh_token(preset, variables, refusal, reason):
    """The code says that the grant is dead, whatever the status."""
    async with scene(dead_refresh_token=refusal, id_tokens="never") as s:
        provider = s.client(preset, openid=False, **variables)
        link = await s.connect(provider)
        s.server.grants.revoke(link.tokens.refresh_token)
        s.expire()
        with pytest.raises(ReauthorizationRequired) as caught:
            await (await s.tokens(provider)).access_token(preset.id, USER)
        assert caught.value.reason == reason
        stored = await s.stored(preset.id)
        assert (stored.tokens, stored.failure.permanent) == (link.tokens, True)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_status_alone_decides_nothing(status):
    """The same status for another reason, such as a gateway's limit, leaves the link alone."""
    throttled = Refusal("something_about_limits", status)
    async with scene(throttled=throttled, refresh_limit=LIMIT) as s:
        provider = s.client(atlassian)
        await s.connect(provider)
        tokens = await s.tokens(provider)
        link = await tokens.refresh("atlassian", USER)
        with pytest.raises(ProviderUnavailable):
            await tokens.refresh("atlassian", USER, rejected=link.tokens.access_token)
        stored = await s.stored("atlassian")
        assert (stored.tokens, stored.failure.permanent) == (link.tokens, False)
        s.expire()
        assert s.subject(await tokens.access_token("atlassian", USER)) == "someone"


@pytest.mark.parametrize("preset", [gitea, forgejo], ids=["gitea", "forgejo"])
async def test_unauthorized_client_settles_nothing_elsewhere(preset):
    """Without the preset's codes the same answer may be the application's fault: the link is tried again."""
    async with scene(dead_refresh_token=DEAD_GITEA) as s:
        provider = s.client(preset, replies=ReplyRules())
        link = await s.connect(provider)
        s.server.grants.revoke(link.tokens.refresh_token)
        s.expire()
        with pytest.raises(ProviderUnavailable, match="unauthorized_client"):
            await (await s.tokens(provider)).access_token(preset.id, USER)
        stored = await s.stored(preset.id)
        assert (stored.tokens, stored.failure.permanent) == (link.tokens, False)


async def test_a_code_that_is_on_both_lists_is_about_the_grant():
    """For a provider without a preset it is enough to add the code to those of a dead grant."""
    async with scene(dead_refresh_token=DEAD_GITEA) as s:
        codes = frozenset({"invalid_grant", "unauthorized_client"})
        provider = s.client(gitea, replies=ReplyRules(dead_codes=codes))
        link = await s.connect(provider)
        s.server.grants.revoke(link.tokens.refresh_token)
        s.expire()
        with pytest.raises(ReauthorizationRequired):
            await (await s.tokens(provider)).access_token("gitea", USER)


@pytest.mark.parametrize(
    ("code", "error"),
    [("access_denied", ProviderMisconfigured), ("unauthorized_client", ProviderUnavailable)],
)
async def test_at_atlassian_the_code_alone_is_no_dead_grant(code, error):
    """A wrong secret that Atlassian answers with such a code is the operator's affair, not the user's."""
    async with scene(wrong_client=Refusal(code, 403)) as s:
        link = await s.connect(s.client(atlassian))
        s.expire()
        with pytest.raises(error, match=code):
            await (await s.tokens(s.client(atlassian, client_secret="old"))).access_token("atlassian", USER)
        stored = await s.stored("atlassian")
        assert stored.tokens == link.tokens
        assert stored.failure is None or not stored.failure.permanent
