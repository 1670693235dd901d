from __future__ import annotations

import json
from typing import Any

import pytest

from extauth.adapters.oauth2.client.client_auth import ClientCredentials
from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.revocation import Revocation, revocation_by
from extauth.adapters.oauth2.http.reply import Reply
from extauth.domain.token_set import TokenSet
from tests.support.provider_calls import provider_calls

TOKENS = TokenSet("at/0", refresh_token="rt/0", extra={"stripe_user_id": "acct_1", "uid": 7})
BASIC = "Basic Y2xpZW50OmhpZGRlbg=="


def reply(status: int, body: bytes) -> Reply:
    """Return an answer."""
    return Reply(status, {}, body)


async def revoked(server: Any, revocation: Revocation, tokens: TokenSet = TOKENS, **options: Any) -> bool:
    """Revoke at the server."""
    return await provider_calls(revocation=revocation, **options).revoke(tokens)


async def test_the_standard_s_way_by_basic(server: Any) -> None:
    """RFC 7009 section 2.1, byte for byte: the refresh token, then the access token, which may live on."""
    server.answer(200, b"")

    assert await revoked(server, Revocation.standard(server.url))

    assert [request.body for request in server.requests] == [
        "token=rt%2F0&token_type_hint=refresh_token",
        "token=at%2F0&token_type_hint=access_token",
    ]
    for request in server.requests:
        assert request.line == "POST /token HTTP/1.1"
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert request.headers["authorization"] == BASIC


async def test_the_standard_s_way_by_post(server: Any) -> None:
    """The client authenticates as it does at the token endpoint."""
    server.answer(200, b"")
    client = ClientCredentials("client", "hidden", "client_secret_post")

    assert await revoked(server, Revocation.standard(server.url), TokenSet("at"), credentials=client)

    (request,) = server.requests
    assert request.body == "token=at&token_type_hint=access_token&client_id=client&client_secret=hidden"
    assert "authorization" not in request.headers


async def test_github_s_way(server: Any) -> None:
    """DELETE with Basic and JSON, whatever the way at the token endpoint; done is 204."""
    server.answer(204, b"")
    call = Call(
        method="DELETE",
        url=server.url + "/applications/{client_id}/grant",
        auth="client_basic",
        encoding="json",
        fields={"access_token": "{access_token}"},
    )
    client = ClientCredentials("client", "hidden", "client_secret_post")

    assert await revoked(server, Revocation(call=call, done_statuses=frozenset({204})), credentials=client)

    (request,) = server.requests
    assert request.line == "DELETE /token/applications/client/grant HTTP/1.1"
    assert request.body == '{"access_token":"at/0"}'
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == BASIC


async def test_hubspot_s_way(server: Any) -> None:
    """DELETE with the refresh token in the path and nothing else."""
    server.answer(204, b"")
    call = Call(method="DELETE", url=server.url + "/{refresh_token}", auth="none")
    revocation = Revocation(call=call, done_statuses=frozenset({204, 404}))

    assert await revoked(server, revocation)
    assert not await revoked(server, revocation, TokenSet("at"))

    (request,) = server.requests
    assert request.line == "DELETE /token/rt%2F0 HTTP/1.1"
    assert request.body == ""
    assert request.headers.keys() == {
        "host",
        "accept",
        "accept-encoding",
        "user-agent",
        "content-length",
    }


async def test_dropbox_s_way(server: Any) -> None:
    """A Web API call with the token itself, with no body and no content type, which it would refuse."""
    server.answer(200, b"null")

    assert await revoked(server, Revocation(call=Call(method="POST", url=server.url)))

    (request,) = server.requests
    assert request.line == "POST /token HTTP/1.1"
    assert request.body == ""
    assert request.headers["content-length"] == "0"
    assert request.headers["authorization"] == "Bearer at/0"
    assert "content-type" not in request.headers


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"ok": true, "revoked": true}', True),
        (200, b'{"ok": false, "error": "token_revoked"}', True),
        (200, b'{"ok": false, "error": "ratelimited"}', False),
        (429, b"", False),
    ],
)
def test_slack_s_answers(status: int, body: bytes, expected: bool) -> None:
    """The body decides, and a token that was revoked before is revoked."""
    revocation = Revocation(
        call=Call(method="POST", url="https://slack.com/api/auth.revoke"),
        failed_by_body=True,
        done_codes=frozenset({"token_revoked"}),
    )

    assert revocation.confirmed_by(reply(status, body)) is expected


async def test_stripe_s_way(server: Any) -> None:
    """Deauthorized by the account's id, which the token endpoint gave, and the platform's secret key."""
    server.answer(200, b'{"stripe_user_id": "acct_1"}')
    call = Call(
        method="POST",
        url=server.url,
        auth="client",
        encoding="form",
        fields={"stripe_user_id": "{extra[stripe_user_id]}"},
    )
    client = ClientCredentials("ca_1", "hidden", "client_secret_bearer")

    assert await revoked(server, Revocation(call=call), credentials=client)

    (request,) = server.requests
    assert request.body == "stripe_user_id=acct_1&client_id=ca_1"
    assert request.headers["authorization"] == "Bearer hidden"


async def test_facebook_s_way(server: Any) -> None:
    """DELETE of the permissions, with the token in the query."""
    server.answer(200, b"true")
    call = Call(
        method="DELETE",
        url=server.url + "/{extra[uid]}/permissions",
        auth="none",
        encoding="query",
        fields={"access_token": "{access_token}"},
    )

    assert await revoked(server, Revocation(call=call))

    (request,) = server.requests
    assert request.line == "DELETE /token/7/permissions?access_token=at/0 HTTP/1.1"
    assert "authorization" not in request.headers


async def test_there_may_be_no_way() -> None:
    """Nothing is sent, and nothing is claimed."""
    assert await provider_calls().revoke(TOKENS) is False


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"", True),
        (200, b'{"error": "whatever"}', True),
        (204, b"", True),
        (202, b"", False),
        (400, b'{"error": "unsupported_token_type"}', False),
        (401, b'{"error": "invalid_client"}', False),
        (404, b"", False),
        (503, b"", False),
        (302, b"", False),
    ],
)
def test_the_standard_s_answers(status: int, body: bytes, expected: bool) -> None:
    """RFC 7009 section 2.2: 200, which a token that is not known any more gets as well."""
    assert Revocation.standard("https://p.example/r").confirmed_by(reply(status, body)) is expected


def test_already_revoked_is_data() -> None:
    """Statuses and codes that mean it are the provider's."""
    call = Call(method="POST", url="https://p.example/r")
    revocation = Revocation(
        call=call, done_statuses=frozenset({204, 404}), done_codes=frozenset({"invalid_token"})
    )

    assert revocation.confirmed_by(reply(404, b""))
    assert revocation.confirmed_by(reply(400, json.dumps({"error": "invalid_token"}).encode()))
    assert not revocation.confirmed_by(reply(200, b""))


async def test_a_network_that_fails_revokes_nothing(unused_tcp_port: int) -> None:
    """Best effort: no exception."""
    revocation = Revocation.standard(f"http://127.0.0.1:{unused_tcp_port}/")

    assert await provider_calls(revocation=revocation).revoke(TOKENS) is False


def test_a_url_is_the_standard_s_way() -> None:
    """``revoke_url`` is short for RFC 7009, and contradicts no other way."""
    standard = Revocation.standard("https://p.example/r")

    assert revocation_by("https://p.example/r", None) == standard
    assert revocation_by(None, standard) is standard
    assert revocation_by(None, None) is None
    with pytest.raises(ValueError, match="give revoke_url or revocation, not both"):
        revocation_by("https://p.example/r", standard)
