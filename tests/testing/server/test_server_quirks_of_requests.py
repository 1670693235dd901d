"""What providers ask of a token request, each as it is on the wire, and what they refuse."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest
from aiohttp import ClientSession
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from extauth.testing import AuthorizationServer, Consent, Refusal, ServerQuirks
from tests.support.raw_client import (
    CALLBACK,
    Clock,
    ask,
    authorize,
    basic,
    bearer,
    connect,
    exchange,
    refresh,
    secret_of,
    serve,
)

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def proofs(server):
    """Return the headers and fields of each way that shows the plain secret, right and complete."""
    client_id, secret = server.client_id, server.client_secret
    return {
        "client_secret_basic": (basic(client_id, secret), {}),
        "client_secret_post": ({}, secret_of(server)),
        "none": ({}, {"client_id": client_id}),
        "bearer_secret": (bearer(secret), {"client_id": client_id}),
        "basic_user": (basic(secret, ""), {}),
        "secret_assertion": ({}, {"client_assertion_type": JWT_BEARER, "client_assertion": secret}),
    }


@pytest.mark.parametrize(
    "accepted",
    ["client_secret_basic", "client_secret_post", "none", "bearer_secret", "basic_user", "secret_assertion"],
)
async def test_only_the_accepted_proof(accepted):
    """Class 1: a provider accepts its own way of proving who the client is, and refuses every other."""
    async with serve(client_auth={accepted}) as server:
        for way, (headers, fields) in proofs(server).items():
            form = {"grant_type": "refresh_token", "refresh_token": server.new_grant().refresh_token}
            answer = await ask("POST", server.token_url, data=form | fields, headers=headers)
            assert (answer.status == 200) is (way == accepted), way
            if way != accepted:
                assert answer.said == (401, {"error": "invalid_client"})


@pytest.mark.parametrize("accepted", ["bearer_secret", "basic_user", "secret_assertion"])
async def test_wrong_secret(accepted):
    """Class 1: whatever the way, a wrong secret is refused."""
    async with serve(client_auth={accepted}) as server:
        tokens = server.new_grant()
        right = proofs(server)[accepted]
        right_secret, server.client_secret = server.client_secret, "another"
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        assert (await ask("POST", server.token_url, data=form | right[1], headers=right[0])).status == 401
        server.client_secret = right_secret
        assert (await ask("POST", server.token_url, data=form | right[1], headers=right[0])).status == 200


@pytest.mark.parametrize("kind", ["pem", "jwk", "ec"])
async def test_private_key_jwt(kind):
    """Class 1: a JWT of the client's own key proves who it is; it needs no client_id (RFC 7523)."""
    key = ECKey.generate_key("P-256") if kind == "ec" else RSAKey.generate_key(2048)
    public = key.as_pem(private=False).decode() if kind == "pem" else key.as_dict(private=False)
    async with serve(client_auth={"private_key_jwt"}, server={"client_key": public}) as server:
        claims = {"iss": server.client_id, "sub": server.client_id, "exp": 2**33, "aud": [server.issuer]}
        form = {"grant_type": "refresh_token", "refresh_token": server.new_grant().refresh_token}
        form["client_assertion_type"] = JWT_BEARER
        algorithm = "ES256" if kind == "ec" else "RS256"
        form["client_assertion"] = jwt.encode({"alg": algorithm}, claims | {"jti": "a"}, key)
        assert (await ask("POST", server.token_url, data=form)).status == 200
        assert (await ask("POST", server.token_url, data=form)).status == 401
        assert (await refresh(server, "rt-x")).said == (401, {"error": "invalid_client"})
        form["client_assertion"] = "no.jwt"
        assert (await ask("POST", server.token_url, data=form)).status == 401


async def test_no_key_proves_nothing():
    """Class 1: without a registered key no JWT is good."""
    async with serve(client_auth={"private_key_jwt"}) as server:
        form = {
            "grant_type": "refresh_token",
            "client_assertion_type": JWT_BEARER,
            "client_assertion": "a.b.c",
        }
        assert (await ask("POST", server.token_url, data=form)).status == 401


async def test_apple():
    """Class 1: the secret is an ES256 JWT of the team's key, and may be used until it expires."""
    key = ECKey.generate_key("P-256")
    quirks = {
        "client_auth": {"es256_secret"},
        "assertion_audience": "https://appleid.apple.com",
        "assertion_issuer": "TEAM",
        "assertion_key_id": "KEY",
    }
    async with serve(server={"client_key": key.as_pem(private=False).decode()}, **quirks) as server:
        claims = {"iss": "TEAM", "sub": server.client_id, "aud": "https://appleid.apple.com", "exp": 2**33}

        async def status(header=None, **changes):
            secret = jwt.encode({"alg": "ES256", "kid": "KEY"} | (header or {}), claims | changes, key)
            return (await refresh(server, server.new_grant().refresh_token, client_secret=secret)).status

        assert [await status(), await status()] == [200, 200]
        assert await status({"kid": "OTHER"}) == 401
        for changes in ({"iss": server.client_id}, {"aud": server.issuer}, {"exp": 1}, {"exp": None}):
            assert await status(**changes) == 401


async def test_json_bodies():
    """Class 2: a provider may read JSON only; then a form is refused."""
    async with serve(encoding="json") as server:
        fields = {"grant_type": "refresh_token", **secret_of(server)}
        fields["refresh_token"] = server.new_grant().refresh_token
        assert (await ask("POST", server.token_url, data=fields)).said == (400, {"error": "invalid_request"})
        assert (await ask("POST", server.token_url, json=fields)).status == 200
        for wrong in (b"[]", b"{", b'{"a": {}}'):
            json_type = {"Content-Type": "application/json"}
            assert (await ask("POST", server.token_url, data=wrong, headers=json_type)).status == 400


async def test_either_body():
    """Class 2: a provider may read both."""
    async with serve(encoding="either") as server:
        for body in ("data", "json"):
            fields = {"grant_type": "refresh_token", "refresh_token": server.new_grant().refresh_token}
            assert (await ask("POST", server.token_url, **{body: fields | secret_of(server)})).status == 200


async def test_query():
    """A provider may take the parameters in the query of a GET or POST; by default none does."""
    async with serve(takes_query=True) as server:
        for method in ("GET", "POST"):
            fields = {"grant_type": "refresh_token", "refresh_token": server.new_grant().refresh_token}
            assert (await ask(method, server.token_url, params=fields | secret_of(server))).status == 200
    async with serve() as server:
        assert (await ask("POST", server.token_url, params=secret_of(server))).status == 400
        assert (await ask("GET", server.token_url, params=secret_of(server))).status == 405


async def test_other_names():
    """A provider may have its own name for the client id, the code and its grant type."""
    async with serve(client_id_field="client_key", code_grant="jwt", code_field="assertion") as server:
        own = {"client_key": server.client_id, "client_id": None}
        callback = await authorize(server, **own)
        answer = await exchange(
            server, callback, grant_type="jwt", assertion=callback.params["code"], code=None, **own
        )
        assert answer.status == 200
        callback = await authorize(server, **own)
        assert (await exchange(server, callback, **own)).json == {"error": "unsupported_grant_type"}
        assert (await exchange(server, callback, grant_type="jwt", **own)).json == {
            "error": "invalid_request"
        }
        assert (await exchange(server, callback, client_id=server.client_id)).status == 401


async def test_a_refresh_token_by_another_name():
    """A provider may have its own name for the refresh token; what comes as a code is no refresh token."""
    names = {"code_field": "assertion", "refresh_field": "assertion"}
    async with serve(code_grant="jwt", **names) as server:
        callback = await authorize(server)
        answer = await exchange(server, callback, grant_type="jwt", assertion=callback.params["code"])
        token = answer.json["refresh_token"]
        assert (await refresh(server, token)).json == {"error": "invalid_request"}
        form = {"grant_type": "refresh_token", "assertion": token, **secret_of(server)}
        assert (await ask("POST", server.token_url, data=form)).status == 200
        assert server.presented == [token]


async def test_headers():
    """A provider may refuse a request without a header of its own."""
    async with serve(token_headers={"Notion-Version"}) as server:
        token = server.new_grant().refresh_token
        assert (await refresh(server, token)).said == (400, {"error": "invalid_request"})
        form = {"grant_type": "refresh_token", "refresh_token": token, **secret_of(server)}
        assert (await ask("POST", server.token_url, data=form, headers={"Notion-Version": "1"})).status == 200


async def test_required_parameters():
    """Class 19: further parameters may be asked for: for a code, on its exchange, on refreshes."""
    quirks = {
        "authorize_params": {"audience": "api", "owner": None},
        "code_params": {"audience": "api"},
        "refresh_params": {"redirect_uri": None, "resource_id": "7"},
    }
    async with serve(**quirks) as server:
        assert (await authorize(server, audience="x", owner="me")).params["error"] == "invalid_request"
        assert (await authorize(server, audience="api")).params["error"] == "invalid_request"
        callback = await authorize(server, audience="api", owner="me")
        assert (await exchange(server, callback)).json == {"error": "invalid_request"}
        token = (await exchange(server, callback, audience="api")).json["refresh_token"]
        assert (await refresh(server, token)).json == {"error": "invalid_request"}
        wrong = await refresh(server, token, redirect_uri="https://x.example", resource_id="7")
        assert wrong.json == {"error": "invalid_grant"}
        assert (await refresh(server, token, redirect_uri=CALLBACK, resource_id="7")).status == 200


async def test_lifetime_of_the_clients_choice():
    """Class 19: the client may choose the access token's lifetime."""
    async with serve(lifetime_param="expires_in") as server:
        token = server.new_grant().refresh_token
        assert (await refresh(server, token, expires_in="300")).json["expires_in"] == 300
    async with serve() as server:
        token = server.new_grant().refresh_token
        assert (await refresh(server, token, expires_in="300")).json["expires_in"] == 3600


async def test_separate_refresh_endpoint():
    """Class 20: refreshes may have an endpoint of their own; each refuses what is the other's."""
    async with serve(refresh_path="/refresh") as server:
        tokens = await connect(server)
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], **secret_of(server)}
        wrong = await ask("POST", server.token_url, data=form)
        assert wrong.json == {"error": "unsupported_grant_type"}
        assert server.refresh_url == f"{server.url}/refresh"
        assert (await refresh(server, tokens["refresh_token"])).status == 200
        form = {"grant_type": "authorization_code", "code": "x", **secret_of(server)}
        wrong = await ask("POST", server.refresh_url, data=form)
        assert wrong.json == {"error": "unsupported_grant_type"}


async def test_host_with_a_path():
    """Class 22: a provider's endpoints may be below a tenant's path."""
    async with serve(issuer_path="/t/one") as server:
        assert server.token_url == f"{server.url}/t/one/token"
        tokens = await connect(server)
        assert (await refresh(server, tokens["refresh_token"])).status == 200
        assert (await ask("POST", f"{server.url}/token", data={})).status == 404


async def test_throttle():
    """Class 27: beyond so many refreshes of a grant in a time, the provider puts the client off."""
    clock, busy = Clock(), Refusal("Access Denied", 400, members={"status": "failure"})
    limit = (2, timedelta(minutes=10))
    server = AuthorizationServer(
        reuse="non_rotating", monotonic=clock, quirks=ServerQuirks(refresh_limit=limit, throttled=busy)
    )
    async with server:
        token, other = server.new_grant().refresh_token, server.new_grant().refresh_token
        assert [(await refresh(server, token)).status for _ in range(2)] == [200, 200]
        assert (await refresh(server, token)).said == (400, {"error": "Access Denied", "status": "failure"})
        assert (await refresh(server, other)).status == 200
        clock.seconds += 600
        assert (await refresh(server, token)).status == 200
        assert server.grants.exchanges == 4


async def test_standard_throttle():
    """Without a shape of its own, the answer is a 429."""
    async with serve(refresh_limit=(1, timedelta(minutes=1))) as server:
        fresh = (await refresh(server, server.new_grant().refresh_token)).json
        answer = await refresh(server, fresh["refresh_token"])
        assert answer.said == (429, {"error": "temporarily_unavailable"})


async def test_a_limit_of_the_client():
    """Of all its requests together, whoever's link they are for; and the answer says when there is room."""
    async with serve(client_limit=(1, timedelta(minutes=1))) as server:
        assert (await refresh(server, server.new_grant("alice").refresh_token)).status == 200
        assert (await refresh(server, server.new_grant("bob").refresh_token)).status == 429


async def test_form_post_only():
    """Class 29: whoever asks for scopes must take the callback as a POST."""
    async with serve(form_post_only=True) as server:
        assert (await authorize(server, scope="name")).params["error"] == "invalid_request"
        assert not (await authorize(server)).posted
        callback = await authorize(server, scope="name", response_mode="form_post")
        assert callback.posted
        assert (await exchange(server, callback)).status == 200


async def test_callback_extras_and_denial():
    """Class 16: a callback may say more; class 5: a denial may have a shape of its own."""
    quirks = {
        "extra_callback": {"realmId": "9", "accounts-server": "{url}", "user": "{login}"},
        "denial": {"error_code": "200", "error_message": "Permissions error"},
        "sends_iss": False,
    }
    async with serve(**quirks) as server:
        params = (await authorize(server, Consent.approve("alice"))).params
        assert params.pop("code")
        assert params == {"realmId": "9", "accounts-server": server.url, "user": "alice"}
        denied = await authorize(server, Consent.deny(), state="s")
        assert denied.params == {"error_code": "200", "error_message": "Permissions error", "state": "s"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_lifetime": timedelta(0)},
        {"device_interval": timedelta(0)},
        {"refresh_token_lifetime": timedelta(seconds=-1)},
        {"most_grants": 0},
        {"refresh_limit": (0, timedelta(1))},
    ],
)
def test_nonsense_is_refused(wrong):
    """A lifetime or count that allows nothing is a mistake of the test."""
    with pytest.raises(ValueError, match=r"longer than zero|at least one"):
        ServerQuirks(**wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"answers": "xml"}, "answers must be one of json, form, form_unless_asked, not 'xml'"),
        ({"revocation": "delete"}, "revocation must be one of rfc7009, delete_body"),
        ({"client_auth": {"basic", "none"}}, "client_auth is of client_secret_basic, .*, not basic"),
    ],
)
def test_a_habit_that_there_is_not_is_refused(wrong, message):
    """A slip in a habit's name would else be a test against the standard."""
    with pytest.raises(ValueError, match=message):
        ServerQuirks(**wrong)


async def test_a_missing_package_is_named(monkeypatch, caplog):
    """A server that must sign an ID token without joserfc says in its log which extra to install."""
    for name in ("joserfc", "joserfc.jwk"):
        monkeypatch.setitem(sys.modules, name, None)
    async with AuthorizationServer() as server, ClientSession() as http:
        reply = await http.get(server.jwks_url)
        assert reply.status == 500
    assert 'pip install "extauth[jwt]"' in caplog.text
