"""Without quirks the server is what the standards say, and no quirk is without a test."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from oauthlib.oauth2 import WebApplicationClient

from extauth.testing import ServerQuirks
from extauth.testing.server.grant_types import DEVICE_GRANT
from extauth.testing.server.quirks import STANDARD
from tests.support.raw_client import CALLBACK, ask, connect, serve

HERE = Path(__file__).parent


async def test_a_client_that_others_wrote(monkeypatch):
    """Oauthlib's client connects and refreshes at a server without quirks."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    async with serve() as server:
        client = WebApplicationClient(server.client_id)
        verifier = client.create_code_verifier(64)
        challenge = client.create_code_challenge(verifier, "S256")
        url = client.prepare_request_uri(
            server.authorize_url,
            redirect_uri=CALLBACK,
            scope=["read", "write"],
            state="s",
            code_challenge=challenge,
            code_challenge_method="S256",
        )
        callback = await server.visit(url)
        client.parse_request_uri_response(callback.url, state="s")
        secret = {"client_secret": server.client_secret}
        body = client.prepare_request_body(redirect_uri=CALLBACK, code_verifier=verifier, **secret)
        form_type = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await ask("POST", server.token_url, data=body, headers=form_type)
        tokens = client.parse_request_body_response(answer.text, scope=["read", "write"])
        assert tokens["token_type"] == "Bearer"
        body = client.prepare_refresh_body(client_id=server.client_id, **secret)
        answer = await ask("POST", server.token_url, data=body, headers=form_type)
        assert client.parse_request_body_response(answer.text)["refresh_token"] != tokens["refresh_token"]
        assert server.grants.rotations == 1


@pytest.mark.parametrize(
    ("quirks", "what"),
    [
        ({}, "the same quirks"),
        ({"exchange_grant": "fb_exchange_token"}, "an exchange"),
        ({"lifetime_param": "expires_in"}, "a lifetime"),
    ],
)
async def test_a_quirk_adds_only_its_own(quirks, what):
    """A server with a quirk that a client does not touch answers like one without."""
    async with serve() as plain, serve(**quirks) as quirky:
        assert set(await connect(plain)) == set(await connect(quirky)), what


@pytest.mark.parametrize(
    "grant_type", ["fb_exchange_token", "password", "client_credentials", f"{DEVICE_GRANT}x", "jwt"]
)
async def test_no_other_grant_type(grant_type):
    """Without a quirk no grant type of a provider's own is taken."""
    async with serve() as server:
        form = {"grant_type": grant_type, "client_id": server.client_id}
        form |= {"client_secret": server.client_secret, "fb_exchange_token": server.new_grant().access_token}
        answer = await ask("POST", server.token_url, data=form)
        assert answer.said == (400, {"error": "unsupported_grant_type"})


def test_the_default_is_the_standard():
    """The values that the standards name are the defaults."""
    assert ServerQuirks() == STANDARD
    assert STANDARD.client_auth == {"client_secret_basic", "client_secret_post"}
    assert (STANDARD.code_field, STANDARD.scope_separator, STANDARD.api_scheme) == ("code", " ", "Bearer")
    assert (STANDARD.revocation, STANDARD.error_shape, STANDARD.encoding) == ("rfc7009", "oauth", "form")
    assert STANDARD.dead_refresh_token.code == STANDARD.dead_code.code == "invalid_grant"
    assert STANDARD.wrong_client.code == "invalid_client"


def test_every_quirk_has_a_test():
    """Each field is set by some test on the wire."""
    tests = "".join(path.read_text() for path in HERE.glob("test_server_*.py") if path != Path(__file__))
    names = [field.name for field in attrs.fields(ServerQuirks)]
    unset = [name for name in names if f"{name}=" not in tests and f'"{name}":' not in tests]
    assert unset == []
