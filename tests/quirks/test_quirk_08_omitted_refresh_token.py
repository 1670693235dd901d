"""Class 8: a refresh whose answer has no refresh token, which means that the old one stays."""

from __future__ import annotations

import pytest

from extauth import ReauthorizationRequired
from extauth.adapters.providers import docusign, dropbox, figma, google, salesforce, spotify, zoho
from extauth.domain.outcomes import Exchanged
from extauth.testing import Fault, Faults
from tests.quirks.support import USER, scene


@pytest.mark.parametrize("preset", [google, dropbox, spotify, zoho], ids=lambda preset: preset.id)
async def test_the_old_one_is_kept(preset):
    """Refresh after refresh the same refresh token is presented, and the link goes on."""
    habits = {"omits_kept_refresh_token": True, "scope_separator": preset.authorization.scope_separator}
    async with scene(server={"reuse": "non_rotating"}, id_tokens="never", **habits) as s:
        provider = s.client(preset, openid=False)
        link = await s.connect(provider)
        tokens = await s.tokens(provider)
        for version in (2, 3, 4):
            s.expire()
            fresh = await tokens.link(preset.id, USER)
            assert s.server.accepts(fresh.tokens.access_token)
            assert (fresh.version, fresh.tokens.refresh_token) == (version, link.tokens.refresh_token)
        assert s.server.presented == [link.tokens.refresh_token] * 3


async def test_at_a_refresh_endpoint_of_its_own():
    """Figma's refresh endpoint leaves the refresh token out, too."""
    habits = {"omits_kept_refresh_token": True, "refresh_path": "/refresh", "scope_separator": ","}
    async with scene(server={"reuse": "non_rotating"}, **habits) as s:
        provider = s.client(figma)
        link = await s.connect(provider)
        fresh = await (await s.tokens(provider)).refresh("figma", USER)
        assert fresh.tokens.refresh_token == link.tokens.refresh_token
        assert s.live(fresh)


@pytest.mark.parametrize("fault", [Fault.OMITTED_REFRESH_TOKEN, Fault.EMPTY_REFRESH_TOKEN])
@pytest.mark.parametrize("preset", [docusign, salesforce], ids=lambda preset: preset.id)
async def test_one_that_rotates_now_and_then(preset, fault):
    """Where a refresh may rotate or not, an answer without or with an empty one keeps the old one."""
    faults = Faults()
    async with scene(server={"faults": faults}) as s:
        provider = s.client(preset)
        link = await s.connect(provider)
        tokens = await s.tokens(provider)
        faults.plan(fault)
        kept = await tokens.refresh(preset.id, USER)
        assert kept.tokens.refresh_token == link.tokens.refresh_token
        rotated = await tokens.refresh(preset.id, USER)
        assert rotated.tokens.refresh_token != link.tokens.refresh_token
        assert s.live(rotated)


async def test_keeping_only_what_the_answer_has_loses_the_user():
    """The answer as it came is no link: stored like that, it cannot be refreshed again."""
    async with scene(server={"reuse": "non_rotating"}, omits_kept_refresh_token=True) as s:
        provider = s.client(dropbox)
        link = await s.connect(provider)
        outcome = await provider.refresh(link.tokens)
        assert isinstance(outcome, Exchanged)
        assert outcome.tokens.refresh_token is None
        await s.store.put(link.key, outcome.tokens, origin=link.origin)
        s.expire()
        with pytest.raises(ReauthorizationRequired) as caught:
            await (await s.tokens(provider)).access_token("dropbox", USER)
        assert caught.value.reason == "no_refresh_token"
