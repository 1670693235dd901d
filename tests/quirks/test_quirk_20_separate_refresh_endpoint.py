"""Class 20: refreshes go elsewhere, or the token endpoint has versions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth.adapters.oauth2 import TokenRequests
from extauth.adapters.providers import facebook, figma, hubspot
from extauth.domain.errors import ProviderMisconfigured
from tests.quirks.support_b import using

CLIENT = {"client_id": "client", "client_secret": "secret"}


async def test_refreshes_go_to_their_own_endpoint():
    """Codes go to the token endpoint and refresh tokens to the other, which takes nothing else."""
    quirks = {"refresh_path": "/refresh", "scope_separator": ",", "pkce": "ignored"}
    async with using(figma, **quirks) as app:
        await app.connect()
        app.clock.advance(timedelta(days=1))
        assert app.server.accepts((await app.link()).tokens.access_token)
        assert [len(app.wire.to(url)) for url in (app.server.token_url, app.server.refresh_url)] == [1, 1]


async def test_refreshing_at_the_token_endpoint_harms_no_link():
    """A client without the rule is refused; its links are as they were and work again with the rule."""
    quirks = {"refresh_path": "/refresh", "scope_separator": ",", "pkce": "ignored"}
    async with using(figma, **quirks) as app:
        link = await app.connect()
        wrong = figma(
            client_id=app.server.client_id,
            client_secret=app.server.client_secret,
            token_url=app.server.token_url,
            requests=TokenRequests(),
        )
        async with app.replica(wrong) as tokens:
            with pytest.raises(ProviderMisconfigured) as caught:
                await tokens.refresh("figma", "alice")
        assert caught.value.reason == "unsupported_grant_type"
        assert await app.stored() == link
        assert (await app.refreshed()).version == 2


def test_the_version_is_a_variable():
    """The version stands in the endpoint and has a default where the old one still works."""
    assert hubspot(**CLIENT).origin.token_endpoint == "https://api.hubapi.com/oauth/v1/token"
    newer = hubspot(**CLIENT, version="2026-09")
    assert newer.origin.token_endpoint == "https://api.hubapi.com/oauth/2026-09/token"
    assert "/v19.0/" in facebook(**CLIENT, ver="19.0").origin.token_endpoint
    with pytest.raises(ValueError, match="facebook needs ver"):
        facebook(**CLIENT)


async def test_a_link_belongs_to_its_version():
    """A refresh token is not presented at another version's endpoint; the user connects anew."""
    async with using(hubspot, pkce="ignored") as app:
        link = await app.connect()
        moved = hubspot(
            client_id=app.server.client_id,
            client_secret=app.server.client_secret,
            token_url=f"{app.server.issuer}/2026-09/token",
        )
        async with app.replica(moved) as tokens:
            with pytest.raises(ProviderMisconfigured) as caught:
                await tokens.refresh("hubspot", "alice")
        assert caught.value.reason == "grant_of_another_client"
        assert app.server.presented == []
        assert await app.stored() == link
        assert link.origin.client_id == moved.origin.client_id
