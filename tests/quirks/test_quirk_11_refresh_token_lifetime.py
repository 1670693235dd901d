"""Class 11: refresh tokens that die by a clock of their own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth import ReauthorizationRequired
from extauth.adapters.oauth2 import ReplyRules
from extauth.adapters.providers import (
    atlassian,
    box,
    github_app,
    keycloak,
    linkedin,
    quickbooks,
    shopify,
    spotify,
    xero,
)
from tests.quirks.support import USER, scene

DAY = timedelta(days=1)
SLIDING = [
    pytest.param(xero, {}, 60, id="xero"),
    pytest.param(box, {}, 60, id="box"),
    pytest.param(atlassian, {}, 90, id="atlassian"),
    pytest.param(shopify, {"shop": "acme"}, 90, id="shopify"),
]
FIXED = [pytest.param(linkedin, 365, id="linkedin"), pytest.param(spotify, 180, id="spotify")]
TOLD = [
    pytest.param(github_app, {}, "refresh_token_expires_in", id="github_app"),
    pytest.param(quickbooks, {}, "x_refresh_token_expires_in", id="quickbooks"),
    pytest.param(keycloak, {"base": "https://id.example", "realm": "r"}, "refresh_expires_in", id="keycloak"),
]


async def dies(s, provider):
    """Assert that the user must connect again, because the refresh token is dead."""
    with pytest.raises(ReauthorizationRequired) as caught:
        await (await s.tokens(provider)).access_token(provider.provider_id, USER)
    assert caught.value.reason == "invalid_grant"


@pytest.mark.parametrize(("preset", "variables", "days"), SLIDING)
async def test_one_that_dies_when_unused(preset, variables, days):
    """The link says until when; each refresh starts it anew, and without one it is over."""
    separator = preset.authorization.scope_separator
    async with scene(refresh_token_lifetime=days * DAY, scope_separator=separator) as s:
        provider = s.client(preset, **variables)
        link = await s.connect(provider)
        tokens = await s.tokens(provider)
        assert link.tokens.refresh_token_expires_at == s.clock.now() + days * DAY
        for _ in range(3):
            s.pass_time((days - 1) * DAY)
            link = await tokens.link(preset.id, USER)
            assert link.tokens.refresh_token_expires_at == s.clock.now() + days * DAY
        s.pass_time(days * DAY)
        await dies(s, provider)


@pytest.mark.parametrize(("preset", "days"), FIXED)
async def test_one_that_dies_a_time_after_the_consent(preset, days):
    """Refreshes do not move the end that the link says, and then it is over."""
    habits = {"refresh_token_lifetime": days * DAY, "refresh_clock": "fixed"}
    async with scene(server={"reuse": "non_rotating"}, **habits) as s:
        provider = s.client(preset)
        link = await s.connect(provider)
        tokens = await s.tokens(provider)
        end = s.clock.now() + days * DAY
        assert link.tokens.refresh_token_expires_at == end
        for _ in range(3):
            s.pass_time(days * DAY / 4)
            assert (await tokens.link(preset.id, USER)).tokens.refresh_token_expires_at == end
        s.pass_time(days * DAY / 4)
        await dies(s, provider)


@pytest.mark.parametrize(("preset", "variables", "member"), TOLD)
async def test_one_whose_end_is_told(preset, variables, member):
    """What the answer says is believed before what the preset knows, under each name that it has."""
    habits = {"refresh_token_lifetime": 101 * DAY, "refresh_expiry_member": member, "id_tokens": "never"}
    async with scene(**habits) as s:
        provider = s.client(preset, openid=False, **variables)
        link = await s.connect(provider)
        assert link.tokens.refresh_token_expires_at == s.clock.now() + 101 * DAY
        s.pass_time(DAY)
        fresh = await (await s.tokens(provider)).link(preset.id, USER)
        assert fresh.tokens.refresh_token_expires_at == s.clock.now() + 101 * DAY


async def test_without_the_member_s_name_it_is_the_preset_s_guess():
    """QuickBooks' name for it is not the usual one: standard rules miss it."""
    habits = {"refresh_token_lifetime": 101 * DAY, "refresh_expiry_member": "x_refresh_token_expires_in"}
    async with scene(**habits) as s:
        link = await s.connect(s.client(quickbooks, replies=ReplyRules()))
        assert link.tokens.refresh_token_expires_at == s.clock.now() + 100 * DAY


async def test_one_that_counts_down():
    """LinkedIn says each time what is left of the year."""
    habits = {
        "refresh_token_lifetime": 365 * DAY,
        "refresh_clock": "fixed",
        "refresh_expiry_member": "refresh_token_expires_in",
    }
    async with scene(server={"reuse": "non_rotating"}, **habits) as s:
        provider = s.client(linkedin)
        link = await s.connect(provider)
        s.pass_time(100 * DAY)
        fresh = await (await s.tokens(provider)).link("linkedin", USER)
        assert fresh.tokens.refresh_token_expires_at == link.tokens.refresh_token_expires_at
