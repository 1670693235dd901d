"""Class 29: the callback is a POST."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from joserfc.jwk import ECKey

from extauth.adapters.oauth2 import AppleKey, AuthorizationRules
from extauth.adapters.providers import apple
from extauth.domain.errors import AlreadyCompleted, AuthorizationRejected, ConsentDenied, InvalidCallback
from extauth.testing import Consent
from tests.quirks.support_b import using

KEY = ECKey.generate_key("P-256", private=True)
PEM = KEY.as_pem(private=True).decode()
QUIRKS: dict[str, Any] = {
    "form_post_only": True,
    "client_auth": {"es256_secret"},
    "assertion_issuer": "TEAM",
    "assertion_key_id": "KEY",
    "assertion_audience": "https://appleid.apple.com",
    "id_tokens": "always",
    "pkce": "ignored",
}
CLIENT = {"client_secret": None, "client_key": AppleKey("TEAM", "KEY", PEM)}
SERVER = {"client_key": KEY.as_pem(private=False).decode()}
ASKED = {"scopes": ["name", "email"]}


def apple_like(preset: Any = apple) -> Any:
    """Return an application at a server that posts its callbacks."""
    return using(preset, client=CLIENT, server=SERVER, **QUIRKS)


async def test_a_posted_form_completes():
    """The form's fields complete the link, and the ID token says whose account it is."""
    async with apple_like() as app:
        callback = await app.authorized(Consent.approve("alice-there"), **ASKED)
        assert callback.posted
        link = await app.linking.complete(
            callback.params, user_id="alice", provider_id="apple", method="POST"
        )
        assert app.server.accepts(link.tokens.access_token)
        assert link.account.id == "alice-there"
        assert (await app.refreshed()).version == 2
        with pytest.raises(AlreadyCompleted):
            await app.linking.complete(callback.params, user_id="alice", method="POST")


async def test_a_get_is_refused_and_uses_nothing_up():
    """The same parameters by GET are not from this provider; the real callback still completes."""
    async with apple_like() as app:
        callback = await app.authorized(**ASKED)
        with pytest.raises(InvalidCallback):
            await app.linking.complete(callback.params, user_id="alice", method="GET")
        assert await app.stored() is None
        assert (await app.linking.complete(callback.params, user_id="alice", method="POST")).version == 1


async def test_a_refusal_is_posted_too():
    """A user who says no comes back by the same way, with an error of its own."""
    async with apple_like() as app:
        callback = await app.authorized(Consent.deny(), **ASKED)
        assert callback.posted
        with pytest.raises(ConsentDenied):
            await app.linking.complete(callback.params, user_id="alice", method="POST")
        assert await app.stored() is None


async def test_a_client_that_does_not_ask_for_it_is_refused():
    """Without ``response_mode=form_post`` the provider sends the user back with an error."""
    plain = attrs.evolve(apple, authorization=AuthorizationRules(pkce="off"), callback_method="GET")
    async with apple_like(plain) as app:
        callback = await app.authorized(**ASKED)
        with pytest.raises(AuthorizationRejected) as caught:
            await app.linking.complete(callback.params, user_id="alice", method="GET")
        assert caught.value.reason == "invalid_request"
        assert await app.stored() is None


async def test_the_application_cannot_ask_for_another_way():
    """How the callback comes is the provider's rule alone, so that the method can be checked."""
    async with apple_like() as app:
        with pytest.raises(ValueError, match="response_mode"):
            await app.authorized(params={"response_mode": "query"}, **ASKED)
