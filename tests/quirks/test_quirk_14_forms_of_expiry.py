"""Class 14: the forms and places in which an answer says when the access token expires."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from extauth.adapters.oauth2 import ReplyRules
from extauth.adapters.providers import Preset, azure_devops_entra, facebook, square, strava, withings
from tests.quirks.support import USER, scene

HOURS = timedelta(hours=6)
SIX = {"access_token_lifetime": HOURS}

plain = Preset(id="plain", display_name="Plain", token_url="https://plain.example/token")
milliseconds = attrs.evolve(plain, id="milliseconds", replies=ReplyRules(lifetime_in_milliseconds=True))

TENANT = "00000000-0000-0000-0000-000000000000"
ENTRA = {"known_resources": frozenset({azure_devops_entra.requests.code_params["resource"]})}
FORMS = [
    pytest.param(plain, {}, {"expires_in": "seconds"}, {}, id="number"),
    pytest.param(plain, {}, {"expires_in": "string"}, {}, id="string"),
    pytest.param(milliseconds, {}, {"expires_in": "milliseconds"}, {}, id="milliseconds"),
    pytest.param(strava, {}, {"expires_at": "epoch"}, {"scope_separator": ","}, id="strava"),
    pytest.param(
        strava,
        {},
        {"expires_at": "epoch", "expires_in": "seconds"},
        {"scope_separator": ","},
        id="strava-both",
    ),
    pytest.param(square, {}, {"expires_at": "iso8601"}, {"encoding": "json"}, id="square"),
    pytest.param(
        withings, {}, {"expires_in": "seconds"}, {"wrapper": "body", "scope_separator": ","}, id="withings"
    ),
    pytest.param(
        azure_devops_entra, {"tenant": TENANT}, {"expires_on": "epoch_string"}, ENTRA, id="azure_devops_entra"
    ),
    pytest.param(
        facebook,
        {"ver": "2.2"},
        {"expires": "seconds"},
        {"refresh_tokens": False, "exchange_grant": "fb_exchange_token"},
        id="facebook",
    ),
]


@pytest.mark.parametrize(("preset", "variables", "expiry", "quirks"), FORMS)
async def test_every_form_is_the_same_instant(preset, variables, expiry, quirks):
    """The link says when it is over, at first and after a refresh, and it is refreshed before that."""
    async with scene(server=SIX, expiry=expiry, **quirks) as s:
        provider = s.client(preset, **variables)
        link = await s.connect(provider)
        assert link.tokens.expires_at == s.clock.now() + HOURS
        tokens = await s.tokens(provider)
        assert await tokens.link(preset.id, USER) == link
        s.pass_time(HOURS - timedelta(seconds=5))
        fresh = await tokens.link(preset.id, USER)
        assert fresh.version == 2
        assert fresh.tokens.expires_at == s.clock.now() + HOURS
        assert s.server.accepts(fresh.tokens.access_token)


@pytest.mark.parametrize(
    ("preset", "variables", "expiry", "quirks"), [form for form in FORMS if form.id == "facebook"]
)
async def test_standard_rules_do_not_find_it(preset, variables, expiry, quirks):
    """Without the preset's name for it the token has no known end, and a dead one is handed out."""
    async with scene(server=SIX, expiry=expiry, **quirks) as s:
        provider = s.client(preset, replies=ReplyRules(), **variables)
        assert (await s.connect(provider)).tokens.expires_at is None
        s.expire()
        assert not s.server.accepts(await (await s.tokens(provider)).access_token(preset.id, USER))


async def test_milliseconds_taken_for_seconds():
    """Without the rule a token of six hours would seem to work for more than eight months."""
    async with scene(server=SIX, expiry={"expires_in": "milliseconds"}) as s:
        link = await s.connect(s.client(plain))
        assert link.tokens.expires_at == s.clock.now() + 1000 * HOURS


async def test_zero_is_never():
    """A zero means that it does not expire, and not that it is over."""
    async with scene(never_expires=True, refresh_tokens=False, expiry={"expires_in": "zero"}) as s:
        provider = s.client(plain)
        link = await s.connect(provider)
        assert link.tokens.expires_at is None
        s.pass_time(timedelta(days=1000))
        assert s.subject(await (await s.tokens(provider)).access_token("plain", USER)) == "someone"
