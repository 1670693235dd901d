"""Class 19: requests carry further parameters."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs

import attrs
import pytest

from extauth.adapters.oauth2 import AuthorizationRules, TokenRequests
from extauth.adapters.providers import atlassian, azure_devops_entra, gitlab, notion, yahoo, zendesk
from extauth.domain.errors import AuthorizationRejected, ProviderUnavailable
from tests.quirks.support_b import REDIRECT_URI, using
from tests.services.linking.conftest import parameters

DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"


@pytest.mark.parametrize(
    ("preset", "quirks"),
    [
        (atlassian, {"authorize_params": {"audience": "api.atlassian.com", "prompt": "consent"}}),
        (notion, {"authorize_params": {"owner": "user"}, "encoding": "json"}),
    ],
    ids=["atlassian", "notion"],
)
async def test_parameters_of_the_authorization_request(preset, quirks):
    """What the provider demands of the authorization request is sent; without it the user is sent back."""
    async with using(preset, **quirks) as app:
        assert (await app.connect()).version == 1
    plain = attrs.evolve(preset, authorization=AuthorizationRules())
    async with using(plain, **quirks) as app:
        with pytest.raises(AuthorizationRejected) as caught:
            await app.connect()
        assert caught.value.reason == "invalid_request"
        assert await app.stored() is None


async def test_the_application_adds_its_own():
    """``params`` of ``begin`` go beside the preset's and win over them."""
    async with using(atlassian) as app:
        more = {"prompt": "login", "login_hint": "alice@app.example"}
        asked = parameters(await app.linking.begin("atlassian", "alice", REDIRECT_URI, params=more))
        assert asked.items() >= {**more, "audience": "api.atlassian.com"}.items()


@pytest.mark.parametrize("preset", [gitlab, yahoo], ids=["gitlab", "yahoo"])
async def test_the_redirect_uri_is_repeated_on_refresh(preset):
    """The refresh says the redirect URI of the authorization, which is kept for that with the link."""
    other = "https://app.example/other"
    quirks = {"refresh_params": {"redirect_uri": None}, "pkce": "ignored"}
    both = {"redirect_uris": [REDIRECT_URI, other]}
    async with using(preset, server=both, **quirks) as app:
        await app.connect()
        for _ in range(2):
            assert app.server.accepts((await app.refreshed()).tokens.access_token)
        url = await app.linking.begin(preset.id, "bob", other)
        await app.linking.complete((await app.server.visit(url)).params, user_id="bob")
        assert (await app.refreshed("bob")).tokens.extra == {"redirect_uri": other}


async def test_a_client_that_does_not_repeat_loses_no_link():
    """A refresh that says too little is refused; nothing is concluded of the grant, and the rule mends it."""
    quirks = {"refresh_params": {"redirect_uri": None}}
    async with using(gitlab, **quirks) as app:
        link = await app.connect()
        silent = gitlab(
            client_id=app.server.client_id,
            client_secret=app.server.client_secret,
            token_url=app.server.token_url,
            requests=TokenRequests(),
        )
        async with app.replica(silent) as tokens:
            with pytest.raises(ProviderUnavailable, match="invalid_request"):
                await tokens.refresh("gitlab", "alice")
        stored = await app.stored()
        assert (stored.tokens, stored.failure.permanent) == (link.tokens, False)
        app.clock.advance(timedelta(seconds=1))
        assert (await app.refreshed()).version == 2


async def test_resource_and_scopes_are_repeated_on_refresh():
    """Entra's first version gives a token for default scopes unless resource and scopes are said again."""
    quirks = {
        "authorize_params": {},
        "refresh_params": {"scope": "vso.code vso.work"},
        "known_resources": {DEVOPS},
        "pkce": "ignored",
    }
    variables = {"tenant": "t"}
    async with using(azure_devops_entra, variables=variables, **quirks) as app:
        await app.connect(scopes=["vso.work", "vso.code"])
        fresh = await app.refreshed()
        assert fresh.tokens.scopes == {"vso.code", "vso.work"}
        code, refresh = (parse_qs(sent.body.decode()) for sent in app.wire.to(app.server.token_url))
        assert code["resource"] == refresh["resource"] == [DEVOPS]
        assert app.server.grants.record(fresh.tokens.access_token).resources == {DEVOPS}
    silent = attrs.evolve(azure_devops_entra, requests=TokenRequests())
    async with using(silent, variables=variables, **quirks) as app:
        link = await app.connect(scopes=["vso.work", "vso.code"])
        with pytest.raises(ProviderUnavailable, match="invalid_request"):
            await app.refreshed()
        assert (await app.stored()).tokens == link.tokens


async def test_the_lifetime_is_asked_for():
    """An application may ask for a lifetime with each token request, where the provider lets it choose."""
    asked = TokenRequests(code_params={"expires_in": "600"}, refresh_params={"expires_in": "900"})
    quirks = {"lifetime_param": "expires_in", "pkce": "ignored"}
    async with using(zendesk, variables={"subdomain": "acme"}, client={"requests": asked}, **quirks) as app:
        link = await app.connect()
        assert link.tokens.expires_at - app.clock.now() == timedelta(seconds=600)
        assert (await app.refreshed()).tokens.expires_at - app.clock.now() == timedelta(seconds=900)
