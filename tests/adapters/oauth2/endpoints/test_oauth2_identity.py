from __future__ import annotations

import json
from typing import Any

import pytest

from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.identity import AccountPaths, IdentityRules, identity_by
from extauth.domain.link import Account
from extauth.domain.outcomes import Unknown
from extauth.domain.token_set import TokenSet
from tests.support.provider_calls import provider_calls

TOKENS = TokenSet("at/0", refresh_token="rt-0")


async def identified(identity: IdentityRules) -> Account | Unknown | None:
    """Ask whose tokens they are."""
    return await provider_calls(identity=identity).identify(TOKENS)


async def test_userinfo_of_openid_connect(server: Any) -> None:
    """OpenID Connect Core section 5.3: the claims of the account, for the access token, by GET."""
    claims = {"sub": "1", "preferred_username": "al", "name": "Al", "picture": "https://p.example/a.png"}
    server.answer(200, json.dumps(claims).encode())

    account = await identified(identity_by(server.url, IdentityRules(in_id_token=True)))

    assert Account("1", "al", "Al", "https://p.example/a.png") == account
    (request,) = server.requests
    assert request.line == "GET /token HTTP/1.1"
    assert request.headers["authorization"] == "Bearer at/0"
    assert request.headers["accept"] == "application/json"
    assert "content-length" not in request.headers
    assert "content-type" not in request.headers


async def test_a_fault_in_one_member_hides_no_account(server: Any) -> None:
    """A name in Latin-1, and a field that is longer than the HTTP client allows by default."""
    server.answer(
        200, b'{"sub": "1", "name": "Ren\xe9", "picture": ""}', Content_Security_Policy="a" * 60_000
    )

    account = await identified(identity_by(server.url, IdentityRules()))

    assert Account("1") == account


async def test_a_number_is_an_id(server: Any) -> None:
    """GitHub numbers its users."""
    server.answer(200, b'{"id": 583231, "login": "octocat", "name": null, "avatar_url": ""}')
    paths = AccountPaths(id=("id",), login=("login",), avatar_url=("avatar_url",))

    account = await identified(IdentityRules(call=Call(url=server.url), in_answer=paths))

    assert Account("583231", login="octocat") == account


async def test_a_post_without_a_body(server: Any) -> None:
    """Dropbox refuses a content type where there is no content."""
    server.answer(200, b'{"account_id": "dbid:1", "name": {"display_name": "Al"}}')
    paths = AccountPaths(id=("account_id",), login=None, display_name=("name", "display_name"))

    account = await identified(IdentityRules(call=Call(method="POST", url=server.url), in_answer=paths))

    assert Account("dbid:1", display_name="Al") == account
    assert server.requests[0].line == "POST /token HTTP/1.1"
    assert "content-type" not in server.requests[0].headers


async def test_a_token_in_the_path(server: Any) -> None:
    """HubSpot's token information."""
    server.answer(200, b'{"user_id": 12, "user": "al@example.com", "hub_id": 3}')
    call = Call(url=server.url + "/{access_token}", auth="none")
    paths = AccountPaths(id=("user_id",), login=("user",))

    account = await identified(IdentityRules(call=call, in_answer=paths))

    assert Account("12", login="al@example.com") == account
    assert server.requests[0].line == "GET /token/at%2F0 HTTP/1.1"
    assert "authorization" not in server.requests[0].headers


async def test_graphql(server: Any) -> None:
    """A query whose answer is nested (Linear, monday)."""
    server.answer(
        200, b'{"data": {"viewer": {"id": "u1", "name": "Al", "emails": [{"email": "a@x.example"}]}}}'
    )
    call = Call(
        method="POST", url=server.url, encoding="json", fields={"query": "{{ viewer {{ id name }} }}"}
    )
    viewer = ("data", "viewer")
    paths = AccountPaths(
        id=(*viewer, "id"), login=(*viewer, "emails", "0", "email"), display_name=(*viewer, "name")
    )

    account = await identified(IdentityRules(call=call, in_answer=paths))

    assert Account("u1", login="a@x.example", display_name="Al") == account
    assert server.requests[0].body == '{"query":"{ viewer { id name } }"}'


async def test_a_header_of_the_answer(server: Any) -> None:
    """Bitbucket Data Center names the user in no body."""
    server.answer(200, b"{}", X_AUSERNAME="al")
    paths = AccountPaths(id_header="X-AUsername")
    rules = IdentityRules(call=Call(url=server.url), in_answer=paths)

    assert Account("al") == await identified(rules)

    server.answers[:] = []
    server.answer(200, b'{"sub": "1"}')
    assert Unknown("unreadable_reply") == await identified(rules)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b'{"sub": "1"}'),
        (500, b'{"sub": "1"}'),
        (302, b'{"sub": "1"}'),
        (200, b""),
        (200, b"<html>"),
        (200, b"null"),
        (200, b"[]"),
        (200, b'{"sub": ""}'),
        (200, b'{"sub": true}'),
        (200, b'{"sub": 1.5}'),
        (200, b'{"sub": {"id": "1"}}'),
        (200, b'{"sub": "\\u0000"}'),
        (200, b'{"sub": "\\ud800"}'),
        (200, b'{"sub": "' + b"x" * 256 + b'"}'),
        (200, b'{"sub": ' + b"9" * 5000 + b"}"),
        (200, b"[" * 100_000),
    ],
)
async def test_without_an_id_there_is_no_account(server: Any, status: int, body: bytes) -> None:
    """An answer that names nobody, or nobody that a store could keep, is none. Nothing is raised."""
    server.answer(status, body)
    code = "unreadable_reply" if status == 200 else f"http_{status}"

    assert Unknown(code) == await identified(identity_by(server.url, IdentityRules()))


def test_what_no_store_can_keep_is_left_out() -> None:
    """An odd name costs the name and not the account."""
    answer = {"sub": "1", "preferred_username": "\0", "name": "\ud800", "picture": ["x"]}

    assert AccountPaths().account(answer) == Account("1")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("list", "0"), Account("a")),
        (("list", "1", "id"), Account("5")),
        (("list", "2"), None),
        (("list", "-1"), None),
        (("list", "\u0660"), None),
        (("list", "9" * 5000), None),
        (("text", "0"), None),
        ((), None),
    ],
)
def test_paths_go_through_lists(path: Any, expected: Account | None) -> None:
    """By index as text; what is not there is no error."""
    answer = {"list": ["a", {"id": 5}], "text": "abc"}

    assert AccountPaths(id=path).account(answer) == expected


async def test_nobody_is_asked_without_a_call(unused_tcp_port: int) -> None:
    """Where nobody answers, or there is nothing to ask with, there is no telling now."""
    assert await identified(IdentityRules(in_id_token=True)) is None
    nobody = identity_by(f"http://127.0.0.1:{unused_tcp_port}/", IdentityRules())
    assert Unknown("connect_failed") == await identified(nobody)
    missing = IdentityRules(call=Call(url="https://p.example/{extra[id]}"))
    assert Unknown("cannot_ask") == await identified(missing)


def test_a_url_is_openid_connect_s_call() -> None:
    """``userinfo_url`` is short for a call, and contradicts no other."""
    url = "https://p.example/me"
    rules = IdentityRules(call=Call(url=url))

    assert identity_by(url, IdentityRules()) == rules
    assert identity_by(None, rules) is rules
    with pytest.raises(ValueError, match="give userinfo_url or a call in identity, not both"):
        identity_by(url, rules)
