"""Revocation, and what an API says to access tokens, as providers have them on the wire."""

from __future__ import annotations

import pytest

from extauth.testing import AuthorizationServer, Consent, Refusal
from tests.support.raw_client import (
    Clock,
    api,
    ask,
    basic,
    bearer,
    connect,
    refresh,
    secret_of,
    serve,
)


async def gone(server: AuthorizationServer, tokens) -> bool:
    """Whether the whole grant is dead."""
    access = await api(server, tokens["access_token"])
    return (access, (await refresh(server, tokens["refresh_token"])).status) == (401, 400)


@pytest.mark.parametrize("already", [None, Refusal("not_found", 404)])
async def test_delete_with_body(already):
    """Class 23: DELETE with Basic and a JSON body ends the account's whole grant, and is answered 204."""
    async with serve(revocation="delete_body", already_revoked=already) as server:
        tokens, other = await connect(server), await connect(server)
        stranger = await connect(server, Consent.approve("stranger"))
        header, body = basic(server.client_id, server.client_secret), {"access_token": tokens["access_token"]}
        assert (await ask("DELETE", server.revoke_url, json=body)).status == 401
        assert (await ask("DELETE", server.revoke_url, data=body, headers=header)).status == 400
        assert (await ask("DELETE", server.revoke_url, json={}, headers=header)).status == 400
        elsewhere = server.revoke_url.replace(server.client_id, "other")
        assert (await ask("DELETE", elsewhere, json=body, headers=header)).status == 404
        done = await ask("DELETE", server.revoke_url, json=body, headers=header)
        assert (done.status, done.text) == (204, "")
        again = await ask("DELETE", server.revoke_url, json=body, headers=header)
        assert again.status == (204 if already is None else 404)
        assert [await gone(server, each) for each in (tokens, other, stranger)] == [True, True, False]


async def test_delete_with_path():
    """Class 23: DELETE with the refresh token in the path, without any authentication."""
    async with serve(revocation="delete_path") as server:
        tokens = await connect(server)
        url = server.revoke_url.format(refresh_token=tokens["refresh_token"])
        assert [(await ask("DELETE", url)).status for _ in range(2)] == [204, 204]
        assert await gone(server, tokens)
        assert (await ask("POST", server.issuer + "/revoke", data=secret_of(server))).status == 404


async def test_bearer():
    """Class 23: a call with the token itself; one that is dead is told to be, in the provider's shape."""
    quirks = {"error_shape": "slack", "already_revoked": Refusal("token_revoked", 200)}
    async with serve(revocation="bearer", **quirks) as server:
        tokens = await connect(server)
        assert (await ask("POST", server.revoke_url)).status == 401
        header = bearer(tokens["access_token"])
        assert (await ask("POST", server.revoke_url, headers=header)).json == {"ok": True, "revoked": True}
        again = await ask("POST", server.revoke_url, headers=header)
        assert again.said == (200, {"ok": False, "error": "token_revoked"})
        assert await gone(server, tokens)


async def test_deauthorize():
    """Class 23: by the account's id, with the client's own authentication."""
    async with serve(revocation="deauthorize", client_auth={"bearer_secret"}) as server:
        token = server.new_grant("acct_1").access_token
        header = bearer(server.client_secret)
        form = {"client_id": server.client_id, "account_id": "acct_1"}
        assert (await ask("POST", server.revoke_url, data=form)).status == 401
        assert (await ask("POST", server.revoke_url, data={"client_id": "x"}, headers=header)).status == 401
        no_account = {"client_id": server.client_id}
        assert (await ask("POST", server.revoke_url, data=no_account, headers=header)).status == 400
        assert (await ask("POST", server.revoke_url, data=form, headers=header)).said == (200, {})
        assert not server.accepts(token)


async def test_deauthorize_by_another_name():
    """Class 23: what the account is called in that request is the provider's business."""
    async with serve(revocation="deauthorize", revocation_account="stripe_user_id") as server:
        token = server.new_grant("acct_1").access_token
        form = {"account_id": "acct_1", **secret_of(server)}
        assert (await ask("POST", server.revoke_url, data=form)).status == 400
        form = {"stripe_user_id": "acct_1", **secret_of(server)}
        assert (await ask("POST", server.revoke_url, data=form)).status == 200
        assert not server.accepts(token)


async def test_permissions_of_the_tokens_own_account():
    """Class 23: ``me`` stands for whose token it is."""
    async with serve(revocation="permissions", refresh_tokens=False) as server:
        token, other = server.new_grant("7").access_token, server.new_grant("8").access_token
        url = server.revoke_url.format(account_id="me")
        assert (await ask("DELETE", url, params={"access_token": token})).said == (200, True)
        assert (server.accepts(token), server.accepts(other)) == (False, True)


async def test_token_without_proof():
    """Class 23: POST of a token alone; an access token ends alone, a refresh token ends the grant."""
    async with serve(revocation="token") as server:
        tokens, other = await connect(server), await connect(server)
        assert (await ask("POST", server.revoke_url, data={})).status == 400
        for token in (tokens["refresh_token"], other["access_token"]):
            assert (await ask("POST", server.revoke_url, data={"token": token})).status == 200
        assert await gone(server, tokens)
        assert (await refresh(server, other["refresh_token"])).status == 200


async def test_permissions():
    """Class 23: DELETE of an account's permissions with the access token in the query."""
    async with serve(revocation="permissions", refresh_tokens=False) as server:
        token = server.new_grant("7").access_token
        url, shown = server.revoke_url, {"access_token": token}
        assert (await ask("DELETE", url.format(account_id="8"), params=shown)).status == 401
        assert (await ask("DELETE", url.format(account_id="7"))).status == 401
        assert server.accepts(token)
        assert (await ask("DELETE", url.format(account_id="7"), params=shown)).said == (200, True)
        assert not server.accepts(token)


async def test_access_token_field():
    """Class 23: POST of the access token alone ends the whole grant."""
    async with serve(revocation="access_token") as server:
        tokens = await connect(server)
        form = {"access_token": tokens["access_token"]}
        assert (await ask("POST", server.revoke_url, data=form)).said == (200, {})
        assert await gone(server, tokens)
        assert (await ask("POST", server.revoke_url, data={})).status == 401


async def test_already_revoked_by_the_standard_way():
    """Class 23: a provider may say that there was nothing to revoke, where the standard says 200."""
    async with serve(already_revoked=Refusal("already_revoked")) as server:
        token = server.new_grant().refresh_token
        form = {"token": token, **secret_of(server)}
        assert (await ask("POST", server.revoke_url, data=form)).status == 200
        again = await ask("POST", server.revoke_url, data=form)
        assert again.said == (400, {"error": "already_revoked"})


async def test_tokens_of_another_client_are_not_revoked():
    """A client's revocation leaves the tokens of others alone (RFC 7009 section 2.1)."""
    async with serve() as server:
        registered = (await ask("POST", server.registration_url, json={"redirect_uris": []})).json
        header = basic(registered["client_id"], registered["client_secret"])
        tokens = server.new_grant()
        form = {"token": tokens.refresh_token}
        assert (await ask("POST", server.revoke_url, data=form, headers=header)).status == 200
        assert server.accepts(tokens.access_token)


@pytest.mark.parametrize("scheme", ["Zoho-oauthtoken", "", "token"])
async def test_scheme(scheme):
    """Class 25: what stands before the token in the header; anything else is refused."""
    async with serve(api_scheme=scheme) as server:
        token = server.new_grant().access_token
        right = {"Authorization": f"{scheme} {token}".strip()}
        assert (await ask("GET", server.resource_url, headers=right)).status == 200
        assert (await ask("GET", server.resource_url, headers=bearer(token))).status == 401


async def test_api_headers():
    """Class 25: an API may want a header beside the token."""
    async with serve(api_headers={"Client-Id"}) as server:
        token = server.new_grant().access_token
        assert await api(server, token) == 400
        both = bearer(token) | {"Client-Id": "x"}
        assert (await ask("GET", server.resource_url, headers=both)).status == 200


async def test_post_to_the_api():
    """Class 24: an API may be asked by POST only."""
    async with serve(api_methods={"POST"}) as server:
        header = bearer(server.new_grant().access_token)
        assert (await ask("POST", server.resource_url, headers=header)).status == 200
        assert (await ask("GET", server.resource_url, headers=header)).status == 405


async def test_token_in_the_path_or_query():
    """Class 24: the token may be in the path or the query, and then not in the header."""
    async with serve(api_place="path") as server:
        token = server.new_grant("alice").access_token
        url = server.token_info_url
        assert (await ask("GET", url.format(access_token=token))).said == (200, {"subject": "alice"})
        assert (await ask("GET", url.format(access_token="at-x"))).status == 401
        assert await api(server, token) == 401
    async with serve(api_place="query") as server:
        token = server.new_grant().access_token
        assert (await ask("GET", server.resource_url, params={"access_token": token})).status == 200
        assert await api(server, token) == 401


@pytest.mark.parametrize("status", [403, 404])
async def test_expired_with_another_status(status):
    """Class 24: an expired access token may get another status than 401; a dead one is still 401."""
    clock = Clock()
    async with serve(clock, expired_status=status) as server:
        token = server.new_grant().access_token
        clock.seconds += 3600
        assert [await api(server, token), await api(server, "at-x")] == [status, 401]


async def test_expired_in_the_providers_shape():
    """Class 5: the API has the provider's shape of errors, too."""
    clock = Clock()
    async with serve(clock, error_shape="hubspot") as server:
        token = server.new_grant().access_token
        clock.seconds += 3601
        answer = await ask("GET", server.resource_url, headers=bearer(token))
        assert (answer.status, answer.json["category"]) == (401, "EXPIRED_AUTHENTICATION")
        assert answer.json["expired_for"] == 1.0


async def test_replica_lag():
    """Class 24: the first calls with a new access token are refused, with each new one again."""
    async with serve(replica_lag=2) as server:
        tokens = await connect(server)
        assert [await api(server, tokens["access_token"]) for _ in range(4)] == [401, 401, 200, 200]
        fresh = (await refresh(server, tokens["refresh_token"])).json
        assert await api(server, fresh["access_token"]) == 401


@pytest.mark.parametrize("status", [403, 429])
async def test_rate_limit(status):
    """Class 24: a call too many is answered with rate-limit headers, and says nothing about the token."""
    async with serve(rate_limit_status=status) as server:
        token = server.new_grant().access_token
        server.limit_api(2)
        answer = await ask("GET", server.resource_url, headers=bearer(token))
        assert (answer.status, answer.headers["X-RateLimit-Remaining"]) == (status, "0")
        assert int(answer.headers["X-RateLimit-Reset"]) > 0
        assert [await api(server, token), await api(server, token)] == [status, 200]
