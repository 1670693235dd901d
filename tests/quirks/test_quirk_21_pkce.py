"""Class 21: PKCE is allowed, required, off, or for public clients only."""

from __future__ import annotations

import attrs
import pytest

from extauth.adapters.oauth2 import AuthorizationRules, IdentityRules
from extauth.adapters.providers import box, facebook, gitlab, linkedin, slack, x
from extauth.domain.errors import AuthorizationRejected
from tests.quirks.support_b import REDIRECT_URI, using
from tests.services.linking.conftest import parameters
from tests.support.raw_client import ask

OFF, ALLOWED = AuthorizationRules(pkce="off"), AuthorizationRules()
NOBODY = IdentityRules()
FACEBOOK = attrs.evolve(
    facebook,
    variables=tuple(attrs.evolve(each, default=each.example) for each in facebook.variables),
)


async def sent(app):
    """Return the challenge that the user is sent with, and the callback."""
    url = await app.linking.begin(app.provider.provider_id, "alice", REDIRECT_URI)
    asked = parameters(url)
    assert ("code_challenge" in asked) == (asked.get("code_challenge_method") == "S256")
    return asked.get("code_challenge"), await app.server.visit(url)


@pytest.mark.parametrize(
    ("preset", "pkce"),
    [
        (gitlab, "allowed"),
        (gitlab, "required"),
        (x, "required"),
        (box, "ignored"),
        (linkedin, "refused"),
        (slack, "public_only"),
        (FACEBOOK, "dropped"),
    ],
    ids=["gitlab", "gitlab-required", "x", "box", "linkedin", "slack", "facebook"],
)
async def test_a_challenge_is_sent_wherever_it_is_welcome(preset, pkce):
    """A challenge by S256 is sent and its verifier proven, but to those who refuse one."""
    async with using(preset, pkce=pkce) as app:
        challenge, callback = await sent(app)
        assert (challenge is not None) == (preset.id in {"gitlab", "x", "box"})
        link = await app.linking.complete(callback.params, user_id="alice")
        assert app.server.accepts(link.tokens.access_token)


@pytest.mark.parametrize(
    ("preset", "rules", "pkce", "reason"),
    [
        (x, OFF, "required", "invalid_request"),
        (linkedin, ALLOWED, "refused", "invalid_request"),
        (slack, ALLOWED, "public_only", "invalid_request"),
        (FACEBOOK, ALLOWED, "dropped", "invalid_grant"),
    ],
    ids=["x", "linkedin", "slack", "facebook"],
)
async def test_the_other_way_is_refused(preset, rules, pkce, reason):
    """The same client with the wrong mode cannot connect anybody."""
    async with using(attrs.evolve(preset, authorization=rules), pkce=pkce) as app:
        with pytest.raises(AuthorizationRejected) as caught:
            await app.connect()
        assert caught.value.reason == reason
        assert await app.stored() is None


async def test_a_public_client_sends_it_where_only_those_may():
    """Where PKCE is for public clients, one without a secret sends a challenge and needs no other proof."""
    async with using(slack, pkce="public_only") as app:
        body = {"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"}
        registered = (await ask("POST", app.server.registration_url, json=body)).json
        public = {"client_id": registered["client_id"], "client_secret": None, "client_auth": "none"}
        provider = slack(
            **public, authorize_url=app.server.authorize_url, token_url=app.server.token_url, identity=NOBODY
        )
        async with type(app.linking)(app.store, [provider], clock=app.clock) as linking:
            url = await linking.begin("slack", "alice", REDIRECT_URI)
            assert "code_challenge" in parameters(url)
            link = await linking.complete((await app.server.visit(url)).params, user_id="alice")
            assert app.server.accepts(link.tokens.access_token)


async def test_a_code_is_no_use_without_the_verifier():
    """Whoever catches the code cannot exchange it: the verifier never leaves the application."""
    async with using(gitlab) as app:
        _, callback = await sent(app)
        stolen = {
            "grant_type": "authorization_code",
            "code": callback.params["code"],
            "redirect_uri": REDIRECT_URI,
            "client_id": app.server.client_id,
            "client_secret": app.server.client_secret,
        }
        assert (await ask("POST", app.server.token_url, data=stolen)).status == 400
