from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.installations import InstallationRules, next_page
from extauth.adapters.oauth2.http.reply import Reply
from extauth.domain.errors import ProviderUnavailable
from extauth.domain.linking import Installation
from extauth.domain.token_set import TokenSet
from tests.support.provider_calls import provider_calls

TOKENS = TokenSet("hidden-token")


def github(url: str, **options: Any) -> InstallationRules:
    """Return the rules for GitHub App installations."""
    return InstallationRules(
        call=Call(url=url, headers={"Accept": "application/vnd.github+json"}),
        items=("installations",),
        name=("app_slug",),
        account=("account", "login"),
        **options,
    )


async def listed(rules: InstallationRules) -> tuple[Installation, ...]:
    """Ask for the list."""
    return await provider_calls(installation_rules=rules).installations(TOKENS)


async def test_all_pages_are_read(server: Any) -> None:
    """GitHub lists installations page by page, each after the one that names it."""
    second = f'<{server.url}?page=2>; rel="next", <{server.url}?page=2>; rel="last"'
    server.answer(
        200, b'{"installations": [{"id": 1, "app_slug": "app", "account": {"login": "a"}}]}', Link=second
    )
    server.answer(200, b'{"installations": [{"id": 2}]}', Link=f'<{server.url}>; rel="first"')

    assert await listed(github(server.url)) == (Installation("1", "app", "a"), Installation("2"))

    assert [request.line for request in server.requests] == [
        "GET /token HTTP/1.1",
        "GET /token?page=2 HTTP/1.1",
    ]
    for request in server.requests:
        assert request.headers["authorization"] == "Bearer hidden-token"
        assert request.headers["accept"] == "application/vnd.github+json"


@pytest.mark.parametrize(
    ("rules", "body", "expected"),
    [
        (
            {},
            b'[{"id": "cloud-1", "name": "site", "url": "https://a.example"}, {"id": "cloud-2"}]',
            (Installation("cloud-1", "site"), Installation("cloud-2")),
        ),
        (
            {"id": ("tenantId",), "name": ("tenantName",)},
            b'[{"tenantId": "t-1", "tenantName": "Org"}]',
            (Installation("t-1", "Org"),),
        ),
        ({}, b"[]", ()),
        ({"name": None}, b'[{"id": 1, "name": "x"}]', (Installation("1"),)),
    ],
)
async def test_the_answer_may_be_the_list(
    server: Any, rules: Any, body: bytes, expected: tuple[Installation, ...]
) -> None:
    """Atlassian's sites and Xero's tenants. An empty list is an answer."""
    server.answer(200, body)

    assert await listed(InstallationRules(call=Call(url=server.url), **rules)) == expected


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, b"hidden-token", "http_401"),
        (403, b"{}", "http_403"),
        (500, b'{"installations": []}', "http_500"),
        (302, b'{"installations": []}', "http_302"),
        (200, b"{}", "unreadable_reply"),
        (200, b'{"installations": {}}', "unreadable_reply"),
        (200, b'{"installations": [{"id": 1}, {"name": "x"}]}', "unreadable_reply"),
        (200, b"<html>", "unreadable_reply"),
    ],
)
async def test_no_list_is_no_empty_list(server: Any, status: int, body: bytes, code: str) -> None:
    """What cannot be told is said, and with nothing of the provider's text."""
    server.answer(status, body)

    with pytest.raises(ProviderUnavailable) as caught:
        await listed(github(server.url))

    assert str(caught.value) == f"what the token reaches could not be found out: {code}"
    assert caught.value.retry_after is None


async def test_a_rate_limit_says_for_how_long(server: Any) -> None:
    """``Retry-After`` is handed on."""
    server.answer(429, b"", Retry_After="60")

    with pytest.raises(ProviderUnavailable) as caught:
        await listed(github(server.url))

    assert caught.value.retry_after == timedelta(minutes=1)


async def test_a_part_of_the_list_is_none(server: Any) -> None:
    """A second page that fails, or one more than there may be, leaves no list."""
    page = b'{"installations": [{"id": 1}]}'
    server.answer(200, page, Link=f'<{server.url}?page=2>; rel="next"')
    server.answer(500, b"")
    with pytest.raises(ProviderUnavailable, match="http_500"):
        await listed(github(server.url))

    server.answers[:] = []
    server.requests.clear()
    server.answer(200, page, Link=f'<{server.url}?page=2>; rel="next"')
    with pytest.raises(ProviderUnavailable, match="too_many_pages"):
        await listed(github(server.url, most_pages=3))
    assert len(server.requests) == 3


async def test_the_token_goes_to_no_other_origin(server: Any) -> None:
    """A next page elsewhere is not asked for."""
    server.answer(200, b'{"installations": []}', Link=f'<http://localhost:{server.port}/token>; rel="next"')

    with pytest.raises(ProviderUnavailable, match="unreadable_reply"):
        await listed(github(server.url))

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("", None),
        ("</x?page=2>; rel=next", "https://p.example/x?page=2"),
        ('<?page=2>; title="a, b"; rel="prev next"', "https://p.example/list?page=2"),
        ('<https://p.example/2>; REL="Next"', "https://p.example/2"),
        ('<https://p.example/0>; rel="first", <https://p.example/2>; rel="next"', "https://p.example/2"),
        ('<https://p.example/2>; rel="nextish"', None),
        ("<https://p.example/2>; rel=nextish", None),
        ('<https://p.example/2>; title="rel=next"', None),
        ('<https://p.example/2>; rel="last"', None),
        ("<https://p.example/2>", None),
    ],
)
def test_the_next_page_is_read_from_the_header(link: str, expected: str | None) -> None:
    """RFC 8288 section 3, as far as pages need it."""
    assert next_page(Reply(200, {"link": link}, b""), "https://p.example/list") == expected


@pytest.mark.parametrize(
    "target",
    [
        "http://p.example/2",
        "https://p.example:444/2",
        "https://other.example/2",
        "https://a@p.example/2",
    ],
)
def test_a_next_page_elsewhere_is_refused(target: str) -> None:
    """Another host, port or scheme, or a user name."""
    with pytest.raises(ValueError):
        next_page(Reply(200, {"link": f'<{target}>; rel="next"'}, b""), "https://p.example/list")


async def test_there_may_be_no_list(unused_tcp_port: int) -> None:
    """To ask such a provider is a mistake in the application; to ask one that is away is not."""
    with pytest.raises(ValueError, match="this provider has no list of installations"):
        await provider_calls().installations(TOKENS)
    with pytest.raises(ProviderUnavailable, match="connect_failed"):
        await listed(github(f"http://127.0.0.1:{unused_tcp_port}/"))
    with pytest.raises(ProviderUnavailable, match="cannot_ask"):
        await listed(github("https://p.example/{extra[id]}"))
