"""What the test server tells about itself, its tokens and the people behind them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from extauth.domain.link import Account
from extauth.testing import Consent
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

ANN = Account("42", "ann", "Ann A.", "https://pictures.example/ann")
CLAIMS = {"sub": "42", "name": "Ann A.", "preferred_username": "ann", "picture": ANN.avatar_url}


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_id_token(algorithm):
    """An ID token is signed with a published key and says who, for whom, until when, and the nonce."""
    instant = datetime(2031, 1, 1, tzinfo=UTC)
    async with serve(signing_alg=algorithm, server={"now": lambda: instant}) as server:
        tokens = await connect(server, Consent.approve(ANN), scope="openid", nonce="n-1")
        keys = KeySet.import_key_set((await ask("GET", server.jwks_url)).json)
        decoded = jwt.decode(tokens["id_token"], keys, algorithms=[algorithm])
        assert decoded.claims.pop("at_hash")
        assert decoded.claims == CLAIMS | {
            "iss": server.issuer,
            "aud": server.client_id,
            "iat": int(instant.timestamp()),
            "exp": int(instant.timestamp()) + 3600,
            "nonce": "n-1",
        }
        assert all("d" not in key for key in (await ask("GET", server.jwks_url)).json["keys"])


@pytest.mark.parametrize(
    ("id_tokens", "scope", "there"),
    [("openid", "read", False), ("always", "read", True), ("never", "openid", False)],
)
async def test_who_gets_an_id_token(id_tokens, scope, there):
    """An ID token comes with the scope openid, at some providers always, at others never."""
    async with serve(id_tokens=id_tokens, signing_alg="ES256") as server:
        assert ("id_token" in await connect(server, scope=scope)) is there
        status = (await ask("GET", f"{server.issuer}/.well-known/openid-configuration")).status
        assert status == (404 if id_tokens == "never" else 200)


async def test_userinfo():
    """Userinfo tells the claims to a token with the scope openid, and to no other."""
    async with serve(signing_alg="ES256") as server:
        tokens = await connect(server, Consent.approve(ANN), scope="openid")
        told = await ask("POST", server.userinfo_url, headers=bearer(tokens["access_token"]))
        assert told.said == (200, CLAIMS)
        other = await connect(server)
        refused = await ask("GET", server.userinfo_url, headers=bearer(other["access_token"]))
        assert refused.said == (403, {"error": "insufficient_scope"})
        assert (await ask("GET", server.userinfo_url)).status == 401


async def test_userinfo_of_a_provider():
    """A provider without OpenID Connect tells the account in its own members."""
    shape = {"data": {"id": "{account_number}", "login": "{login}", "more": ["{name}", 1]}}
    async with serve(userinfo=shape) as server:
        token = server.new_grant(account=ANN).access_token
        told = await ask("GET", server.userinfo_url, headers=bearer(token))
        assert told.json == {"data": {"id": 42, "login": "ann", "more": ["Ann A.", 1]}}
        ids = {}
        for name in ("someone", "somebody", "someone"):  # whose id is no number
            token = server.new_grant(name).access_token
            told = await ask("GET", server.userinfo_url, headers=bearer(token))
            assert ids.setdefault(name, told.json["data"]["id"]) == told.json["data"]["id"]
        assert len({number for number in ids.values() if isinstance(number, int)}) == 2


@pytest.mark.parametrize("base", ["", "/realms/main"])
async def test_metadata_name_the_endpoints(base):
    """Both metadata documents are where their standards have them, and each endpoint that they name is."""
    async with serve(issuer_path=base, signing_alg="ES256") as server:
        plain = (await ask("GET", f"{server.url}/.well-known/oauth-authorization-server{base}")).json
        openid = (await ask("GET", f"{server.issuer}/.well-known/openid-configuration")).json
        assert plain["issuer"] == openid["issuer"] == server.issuer == server.url + base
        assert plain.items() <= openid.items()
        assert plain["code_challenge_methods_supported"] == ["S256"]
        assert plain["authorization_response_iss_parameter_supported"] is True
        endpoints = {name: url for name, url in openid.items() if name.endswith(("_endpoint", "_uri"))}
        assert len(endpoints) == 8
        for url in endpoints.values():
            assert (await ask("OPTIONS", url)).status == 405  # there, and not for OPTIONS
        assert endpoints["token_endpoint"] == server.token_url
        assert (await exchange(server, await authorize(server))).status == 200


async def test_metadata_leave_out_what_is_not_there():
    """A server without registration or standard revocation names neither."""
    async with serve(registration=False, revocation="none", pkce="refused") as server:
        told = (await ask("GET", f"{server.url}/.well-known/oauth-authorization-server")).json
        absent = {"registration_endpoint", "revocation_endpoint", "code_challenge_methods_supported"}
        assert absent.isdisjoint(told)
        assert (await ask("POST", server.registration_url, json={})).status == 404
        with pytest.raises(LookupError):
            _ = server.revoke_url


@pytest.mark.parametrize("path", ["", "/resource", "/resource/one"])
async def test_protected_resource_metadata(path):
    """Each resource names its authorization server, where its challenge points (RFC 9728)."""
    async with serve(known_scopes=frozenset({"b", "a"})) as server:
        told = (await ask("GET", f"{server.url}/.well-known/oauth-protected-resource{path}")).json
        assert told["resource"] == server.url + path
        assert told["authorization_servers"] == [server.issuer]
        assert told["scopes_supported"] == ["a", "b"]


async def test_challenge_of_a_named_resource():
    """A 401 says where the metadata of this very resource are, also when a token is refused."""
    async with serve() as server:
        refused = await ask("GET", f"{server.resource_url}/one", headers=bearer("at-unknown"))
    pointer = f'resource_metadata="{refused_url(refused)}"'
    assert refused.headers["WWW-Authenticate"] == f'Bearer error="invalid_token", {pointer}'
    assert refused_url(refused).endswith("/.well-known/oauth-protected-resource/resource/one")


def refused_url(answer):
    """Return the URL in a challenge."""
    return answer.headers["WWW-Authenticate"].partition('resource_metadata="')[2].rstrip('"')


async def test_introspection():
    """Introspection tells the client about its own tokens that work, and nothing of others (RFC 7662)."""
    clock, instant = Clock(), datetime(2031, 1, 1, tzinfo=UTC)
    async with serve(clock, server={"now": lambda: instant}) as server:
        resource = f"{server.resource_url}/one"
        tokens = await connect(server, Consent.approve(ANN), scope="b a", resource=resource)

        async def told(token, **changes):
            form = {"token": token, **secret_of(server), **changes}
            return (await ask("POST", server.introspection_url, data=form)).said

        expected = {
            "active": True,
            "client_id": server.client_id,
            "iss": server.issuer,
            "sub": "42",
            "username": "ann",
            "scope": "a b",
        }
        assert await told(tokens["refresh_token"]) == (200, expected)
        access = {"token_type": "Bearer", "aud": [resource], "exp": int(instant.timestamp()) + 3600}
        assert await told(tokens["access_token"]) == (200, expected | access)
        assert (await told(tokens["access_token"], client_secret="wrong"))[0] == 401
        assert (await told(""))[0] == 400
        registered = (await ask("POST", server.registration_url, json={"redirect_uris": [CALLBACK]})).json
        other = await ask(
            "POST",
            server.introspection_url,
            data={"token": tokens["access_token"]},
            headers=basic(registered["client_id"], registered["client_secret"]),
        )
        assert other.said == (200, {"active": False})
        clock.seconds += 3600
        assert await told(tokens["access_token"]) == (200, {"active": False})
        await refresh(server, tokens["refresh_token"])
        assert await told(tokens["refresh_token"]) == (200, {"active": False})
        assert await told("rt-unknown") == (200, {"active": False})


async def test_registration():
    """A client that registers gets an id and a secret of its own, and can connect people (RFC 7591)."""
    async with serve() as server:
        asked = {"redirect_uris": ["https://b.example/cb"], "client_name": "B"}
        answer = await ask("POST", server.registration_url, json=asked)
        client = answer.json
        assert (answer.status, client["client_name"], client["client_secret_expires_at"]) == (201, "B", 0)
        assert client["token_endpoint_auth_method"] == "client_secret_basic"
        callback = await authorize(server, client_id=client["client_id"], redirect_uri="https://b.example/cb")
        form = {"grant_type": "authorization_code", "code": callback.params["code"]}
        form["redirect_uri"] = "https://b.example/cb"
        header = basic(client["client_id"], client["client_secret"])
        assert (await ask("POST", server.token_url, data=form, headers=header)).status == 200


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (b"{", "invalid_client_metadata"),
        (b"[]", "invalid_client_metadata"),
        (b'{"redirect_uris": ["/relative"]}', "invalid_redirect_uri"),
        (b'{"redirect_uris": ["https://a.example/#x"]}', "invalid_redirect_uri"),
        (b'{"redirect_uris": [1]}', "invalid_redirect_uri"),
        (b'{"redirect_uris": "https://a.example"}', "invalid_redirect_uri"),
        (b'{"token_endpoint_auth_method": "es256_secret"}', "invalid_client_metadata"),
        (b'{"token_endpoint_auth_method": "private_key_jwt"}', "invalid_client_metadata"),
        (b'{"grant_types": "refresh_token"}', "invalid_client_metadata"),
    ],
)
async def test_registration_is_refused(asked, error):
    """What RFC 7591 section 3.2.2 forbids is refused by its code."""
    async with serve() as server:
        assert (await ask("POST", server.registration_url, data=asked)).said == (400, {"error": error})


async def test_registered_key():
    """A client may register a public key, and prove itself with that key only, each assertion once."""
    key, wrong = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
    async with serve() as server:
        asked = {
            "redirect_uris": [CALLBACK],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [key.as_dict(private=False)]},
        }
        client = (await ask("POST", server.registration_url, json=asked)).json["client_id"]
        verifier_free = await authorize(server, client_id=client)
        claims = {"iss": client, "sub": client, "aud": server.token_url, "exp": 2**33, "jti": "j-1"}

        async def bring(signer, **changes):
            assertion = jwt.encode({"alg": "ES256"}, claims | changes, signer)
            form = {
                "grant_type": "authorization_code",
                "code": verifier_free.params["code"],
                "redirect_uri": CALLBACK,
                "client_assertion": assertion,
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            }
            return (await ask("POST", server.token_url, data=form)).status

        assert await bring(wrong) == 401
        for changes in (
            {"aud": "https://other.example"},
            {"exp": 1},
            {"iss": "x"},
            {"sub": "x"},
            {"jti": None},
        ):
            assert await bring(key, **changes) == 401
        assert await bring(key) == 200
        assert await bring(key) == 401
