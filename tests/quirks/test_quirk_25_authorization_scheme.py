"""Class 25: the API wants access tokens in its own way."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from extauth import TokenSet
from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.providers import Preset, asana, monday, twitch, xero, zoho
from extauth.domain.linking_outcomes import TokenInvalid, TokenValid
from tests.quirks.support_b import using

TOKENS = TokenSet("at")

WAYS: list[tuple[Preset, dict[str, Any], int]] = [
    (zoho, {"api_scheme": "Zoho-oauthtoken"}, 401),
    (monday, {"api_scheme": "", "encoding": "json"}, 401),
    (twitch, {"api_headers": {"Client-Id"}}, 400),
    (asana, {}, 200),
]


@pytest.mark.parametrize(("preset", "quirks", "bearer"), WAYS, ids=[preset.id for preset, *_ in WAYS])
async def test_the_headers_that_the_api_wants(preset, quirks, bearer):
    """``api_headers`` are what the API accepts, also after a refresh; a plain bearer token is not."""
    async with using(preset, pkce="ignored", **quirks) as app:
        link = await app.connect()
        assert await app.call_api() == 200
        assert await app.call_api(token=link.tokens.access_token) == bearer
        await app.refreshed()
        assert await app.call_api() == 200


def test_the_headers_themselves():
    """The scheme stands before the token, or nothing does; the client's id is filled in."""
    client = {"client_id": "app-1", "client_secret": "secret"}

    assert zoho(**client).api_headers(TOKENS) == {"Authorization": "Zoho-oauthtoken at"}
    assert monday(**client).api_headers(TOKENS) == {"Authorization": "at"}
    assert twitch(**client).api_headers(TOKENS) == {"Authorization": "Bearer at", "Client-Id": "app-1"}


async def test_extauth_calls_the_api_the_same_way():
    """Finding out whose account it is and validation use these headers, too."""
    quirks = {"api_scheme": "Zoho-oauthtoken", "userinfo": {"ZUID": "{account_id}"}, "pkce": "ignored"}
    async with using(zoho, **quirks) as app:
        assert (await app.connect()).account.id == "someone"
        assert isinstance(await app.validate(), TokenValid)
    async with using(attrs.evolve(zoho, api=ApiRules()), **quirks) as app:
        assert (await app.connect()).account is None
        assert await app.validate() == TokenInvalid()


async def test_a_tenant_header_of_the_application():
    """An application adds a header of its own, such as Xero's tenant; without the tenant it is left out."""
    rules = {"api": ApiRules(headers={"xero-tenant-id": "{extra[tenant]}"})}
    keeping = attrs.evolve(xero, replies=attrs.evolve(xero.replies, extra_fields=frozenset({"tenant"})))
    quirks = {"api_headers": {"xero-tenant-id"}, "extra_members_once": True}
    async with using(keeping, client=rules, extra_members={"tenant": "t-1"}, **quirks) as app:
        await app.connect()
        await app.refreshed()
        assert await app.call_api() == 200
    async with using(keeping, client=rules, **quirks) as app:
        link = await app.connect()
        assert app.provider.api_headers(link.tokens).keys() == {"Authorization"}
        assert await app.call_api() == 400
