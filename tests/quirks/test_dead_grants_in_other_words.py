"""Dead grants, codes that are over, and requests that came too soon, in the provider's own words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth import (
    AuthorizationRejected,
    ExtAuthError,
    LinkKey,
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthorizationRequired,
)
from extauth.adapters.providers import (
    Preset,
    bitbucket_cloud,
    linkedin,
    reddit,
    salesforce,
    shopify,
    square,
    strava,
    withings,
    x,
    yahoo,
)
from extauth.domain.probably_dead import SPAN
from extauth.testing import Consent, Refusal
from tests.quirks.support import CALLBACK, USER, scene

SHOP = {"shop": "acme"}
COMMAS = {"scope_separator": ","}
LINKEDIN = "The provided authorization grant or refresh token is invalid, expired or revoked"


def of_strava(resource: str, field: str, code: str = "invalid") -> Refusal:
    """Strava's answer, in which only resource and code together say what is wrong."""
    return Refusal("", 400, members={"errors": [{"resource": resource, "field": field, "code": code}]})


DEAD = [
    pytest.param(
        x, {}, {}, Refusal("invalid_request", 400, "Value passed for the token was invalid."), id="x"
    ),
    pytest.param(
        shopify,
        SHOP,
        COMMAS,
        Refusal("invalid_request", 401, "This request requires an active refresh_token"),
        id="shopify",
    ),
    pytest.param(linkedin, {}, {}, Refusal("invalid_request", 400, LINKEDIN), id="linkedin"),
    pytest.param(linkedin, {}, {}, Refusal("invalid_request", 400, LINKEDIN + "."), id="linkedin-full-stop"),
    pytest.param(strava, {}, COMMAS, of_strava("RefreshToken", "refresh_token"), id="strava"),
    pytest.param(
        reddit, {}, {}, Refusal("", 400, members={"message": "Bad Request", "error": 400}), id="reddit"
    ),
    pytest.param(reddit, {}, {}, Refusal("invalid_request", 400), id="reddit-source"),
    pytest.param(
        bitbucket_cloud, {}, {}, Refusal("invalid_request", 400, "Invalid refresh_token"), id="bitbucket"
    ),
    pytest.param(
        yahoo,
        {},
        {},
        Refusal("INVALID_REFRESH_TOKEN", 400, "Failed to decode/encode refresh token"),
        id="yahoo",
    ),
    pytest.param(
        square,
        {},
        {"encoding": "json"},
        Refusal("", 401, members={"message": "Invalid refresh token", "type": "service.not_authorized"}),
        id="square",
    ),
    pytest.param(
        withings,
        {},
        {"wrapper": "body", **COMMAS},
        Refusal("", 200, members={"status": 503, "error": "Invalid Params: invalid refresh_token"}),
        id="withings",
    ),
]
"""Preset, its variables, the server's habits, and how it says that a refresh token is dead."""

NOT_DEAD = [
    pytest.param(x, {}, {}, Refusal("invalid_request", 400, "Missing required parameter."), id="x"),
    pytest.param(shopify, SHOP, COMMAS, Refusal("invalid_request", 401), id="shopify"),
    pytest.param(bitbucket_cloud, {}, {}, Refusal("invalid_request", 400, "Missing scope"), id="bitbucket"),
    pytest.param(
        bitbucket_cloud,
        {},
        {},
        Refusal("unauthorized_client", 400, "Requests must be authenticated using OAuth client credentials"),
        id="bitbucket-client",
    ),
    pytest.param(linkedin, {}, {}, Refusal("invalid_request", 400), id="linkedin"),
    pytest.param(strava, {}, COMMAS, of_strava("Application", "client_secret"), id="strava"),
    pytest.param(strava, {}, COMMAS, of_strava("Athlete", "access_token"), id="strava-athlete"),
    pytest.param(reddit, {}, {}, Refusal("invalid_request", 403), id="reddit"),
]
"""The same codes where they are about something else."""

CODES = [
    pytest.param(
        x,
        {},
        {},
        Refusal("invalid_request", 400, "Value passed for the authorization code was invalid."),
        id="x",
    ),
    pytest.param(
        shopify,
        SHOP,
        COMMAS,
        Refusal("invalid_request", 400, "The authorization code was not found or was already used"),
        id="shopify",
    ),
    pytest.param(linkedin, {}, {}, Refusal("invalid_request", 400, LINKEDIN), id="linkedin"),
    pytest.param(strava, {}, COMMAS, of_strava("AuthorizationCode", "code"), id="strava"),
    pytest.param(strava, {}, COMMAS, of_strava("AuthorizationCode", "", "expired"), id="strava-expired"),
]
"""How a code that was used or is over is answered."""


@pytest.mark.parametrize(("preset", "variables", "quirks", "refusal"), DEAD)
async def test_a_dead_refresh_token(preset, variables, quirks, refusal):
    """The user must connect again, after one exchange, and nobody else is troubled."""
    async with scene(dead_refresh_token=refusal, **quirks) as s:
        provider = s.client(preset, **variables)
        link = await s.connect(provider)
        s.server.grants.revoke(link.tokens.refresh_token)
        s.expire()
        tokens = await s.tokens(provider)
        with pytest.raises(ReauthorizationRequired) as caught:
            await tokens.refresh(preset.id, USER, rejected=link.tokens.access_token)
        assert caught.value.reason == "invalid_grant"
        assert (await s.stored(preset.id)).failure.permanent


@pytest.mark.parametrize(("preset", "variables", "quirks", "refusal"), NOT_DEAD)
async def test_the_same_code_about_something_else(preset, variables, quirks, refusal):
    """Nothing is marked: the same refresh token works when the fault is mended."""
    async with scene(dead_refresh_token=refusal, **quirks) as s:
        provider = s.client(preset, **variables)
        link = await s.connect(provider)
        family = s.server.grants.record(link.tokens.access_token).family
        family.revoked = True
        tokens = await s.tokens(provider)
        with pytest.raises((ProviderMisconfigured, ProviderUnavailable)):
            await tokens.refresh(preset.id, USER, rejected=link.tokens.access_token)
        family.revoked = False
        s.pass_time(timedelta(minutes=1))
        fresh = await tokens.refresh(preset.id, USER, rejected=link.tokens.access_token)
        assert s.server.accepts(fresh.tokens.access_token)


@pytest.mark.parametrize(("preset", "variables", "quirks", "refusal"), CODES)
async def test_a_code_that_was_used(preset, variables, quirks, refusal):
    """The user begins again; no operator has anything to mend."""
    async with scene(dead_code=refusal, code_lifetime=timedelta(seconds=1), **quirks) as s:
        provider = s.client(preset, **variables)
        async with s.linking(provider) as linking:
            url = await linking.begin(preset.id, USER, CALLBACK)
            callback = await s.server.visit(url)
            s.pass_time(timedelta(seconds=10))
            with pytest.raises(AuthorizationRejected) as caught:
                await linking.complete(callback.url, user_id=USER)
        assert caught.value.reason == "invalid_grant"


@pytest.mark.parametrize("words", ["token request is already being processed", "expired authorization code"])
async def test_salesforce_s_invalid_grant_of_a_moment(words):
    """Another request with the same token was under way: the grant lives, and is refreshed a moment later."""
    async with scene(dead_refresh_token=Refusal("invalid_grant", 400, words)) as s:
        provider = s.client(salesforce)
        link = await s.connect(provider)
        family = s.server.grants.record(link.tokens.access_token).family
        family.revoked = True
        s.expire()
        tokens = await s.tokens(provider)
        with pytest.raises(ProviderUnavailable, match="already_processing"):
            await tokens.refresh("salesforce", USER, rejected=link.tokens.access_token)
        family.revoked = False
        s.pass_time(timedelta(seconds=2))
        fresh = await tokens.refresh("salesforce", USER, rejected=link.tokens.access_token)
        assert s.server.accepts(fresh.tokens.access_token)


LEAGUE = Preset(
    id="league", display_name="A server on league/oauth2-server 8", token_url="https://league.example/t"
)


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal("invalid_request", 401, "The refresh token is invalid."),
        Refusal("invalid_request", 400),
        Refusal("odd_code", 400),
    ],
)
async def test_a_server_whose_words_nobody_knows(refusal):
    """The user whose grant is dead is told that it probably is; the other one is served all the while."""
    async with scene(dead_refresh_token=refusal) as s:
        provider = s.client(LEAGUE)
        dead = await s.connect(provider)
        async with s.linking(provider) as linking:
            url = await linking.begin("league", "bob", CALLBACK)
            callback = await s.server.visit(url, Consent.approve("bob"))
            await linking.complete(callback.url, user_id="bob")
        s.server.grants.revoke(dead.tokens.refresh_token)
        s.expire()
        tokens = await s.tokens(provider)
        reasons = []
        for _ in range(90):
            bob = await s.store.get(LinkKey("league", "bob"))
            await tokens.refresh("league", "bob", rejected=bob.tokens.access_token)
            with pytest.raises(ExtAuthError) as caught:
                await tokens.access_token("league", USER)
            reasons.append(getattr(caught.value, "reason", caught.value.code))
            s.pass_time(timedelta(minutes=1))
        assert reasons.index("probably_dead") >= SPAN / timedelta(minutes=1)
        assert reasons[-1] == "probably_dead"
        stored = await s.stored("league")
        assert (stored.tokens, stored.failure.permanent) == (dead.tokens, False)
        link = await s.connect(provider)
        assert await tokens.access_token("league", USER) == link.tokens.access_token
