"""A redirect from the token endpoint means that its address is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from extauth import LinkingService, LinkKey, ProviderMisconfigured, TokenService, TokenSet, open_store
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.oauth2.reading.redirects import redirect_host
from extauth.domain.link import Link
from extauth.domain.outcomes import ClientRejected, Exchanged

KEY = LinkKey("p", "alice")
EXPIRED = TokenSet("at-0", "rt-0", expires_at=datetime.now(UTC) - timedelta(minutes=1))
MOVED = ClientRejected("redirected", "it redirects to login.example, where no token is sent")


def provider_at(url: str, **options: Any) -> OAuth2Provider:
    """Return a provider whose every endpoint is this one."""
    return OAuth2Provider("p", client_id="app", client_secret="not-one", token_url=url, **options)


async def refused(
    server: Any, folder: Path, times: int = 1
) -> tuple[list[ProviderMisconfigured], Link, Link]:
    """Return what callers get who want a token refreshed, and the link before and after."""
    provider = provider_at(server.url)
    errors = []
    async with open_store(f"sqlite:///{folder}/links.db") as store:
        before = await store.put(KEY, EXPIRED, origin=provider.origin)
        async with TokenService(store, [provider]) as tokens:
            for _ in range(times):
                with pytest.raises(ProviderMisconfigured) as caught:
                    await tokens.access_token("p", "alice")
                errors.append(caught.value)
        after = await store.get(KEY)
    assert after is not None
    return errors, before, after


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
async def test_the_host_is_named_and_no_link_is_touched(server: Any, tmp_path: Path, status: int) -> None:
    """Whoever asks again meanwhile is told as well, and nothing goes where the redirect leads."""
    server.answer(status, b"", Location="https://login.example/moved?token=rt-0")

    errors, before, after = await refused(server, tmp_path, times=2)

    for error in errors:
        assert error.reason == "redirected"
        assert "login.example" in str(error)
        assert "rt-0" not in str(error)
    assert len(server.requests) == 1
    assert after.failure is None
    assert (after.version, after.tokens) == (before.version, before.tokens)


async def test_what_such_an_answer_says_of_the_grant_does_not_count(server: Any, tmp_path: Path) -> None:
    """It is another server's word."""
    server.answer(302, b'{"error": "invalid_grant"}', Location="/elsewhere")

    errors, _, after = await refused(server, tmp_path)

    assert errors[0].reason == "redirected"
    assert after.failure is None


async def test_tokens_are_kept_whatever_the_status(server: Any) -> None:
    """A provider that gives them has rotated."""
    server.answer(
        302, b'{"access_token": "at-1", "refresh_token": "rt-1"}', Location="https://login.example/"
    )

    assert isinstance(await provider_at(server.url).refresh(EXPIRED), Exchanged)


async def test_codes_and_devices_meet_the_same(server: Any) -> None:
    """Whatever is asked of the endpoint."""
    server.answer(301, b'{"error": "authorization_pending"}', Location="https://login.example/")
    provider = provider_at(server.url, device_url=server.url)

    assert await provider.exchange_code("c", redirect_uri="https://app.example/") == MOVED
    assert await provider.begin_device(frozenset()) == MOVED
    assert await provider.poll_device("d") == MOVED


async def test_a_user_who_connects_is_told_the_host(server: Any, tmp_path: Path) -> None:
    """As is whoever reads the error of a device flow."""
    server.answer(308, b"", Location="https://login.example/device")
    provider = provider_at(server.url, device_url=server.url)
    async with (
        open_store(f"sqlite:///{tmp_path}/links.db") as store,
        LinkingService(store, [provider]) as linking,
    ):
        with pytest.raises(ProviderMisconfigured, match=r"redirects to login\.example") as caught:
            await linking.begin_device("p", "alice")
    assert caught.value.reason == "redirected"


HOSTS: list[tuple[str, str | None]] = [
    ("https://login.example/token", "login.example"),
    ("https://LOGIN.example:8443", "login.example"),
    ("//other.example/x", "other.example"),
    ("https://user:secret@login.example/", "login.example"),
    ("https://[::1]/", "::1"),
    ("/token/", None),
    ("", None),
    ("https://[", None),
    ("https://a\x1b[31m.example/", None),
    ("https://" + "a" * 300, None),
    ("https://b\u00fccher.example/", None),
]


@pytest.mark.parametrize(("location", "host"), HOSTS)
def test_the_host_of_a_redirect(location: str, host: str | None) -> None:
    """Nothing else of it is shown: it may quote what was sent."""
    assert redirect_host({"location": location}) == host
