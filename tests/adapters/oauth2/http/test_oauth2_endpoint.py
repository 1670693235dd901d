from __future__ import annotations

from typing import Any

import pytest

from extauth.adapters.oauth2.http.endpoint import endpoint_url


@pytest.mark.parametrize(
    "url",
    [
        "https://provider.example/token",
        "https://provider.example:8443/token?tenant=a%40b@c",
        "https://provider.example?mail=a@b",
        "https://пример.example/token",
        "http://localhost:8080/token",
        "http://127.0.0.1/token",
        "http://127.8.9.10:80/token",
        "http://[::1]:8080/token",
        "HTTPS://provider.example/token",
    ],
)
def test_a_good_endpoint_is_kept_as_it_was_given(url: str) -> None:
    """The text is part of the grant's origin, so it is not normalized."""
    assert url == endpoint_url(url, "token_url")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://provider.example/token", r"token_url must start with https://.*http:// is for loopback"),
        ("http://127.example/token", "must start with https://"),
        ("http://localhost.example/token", "must start with https://"),
        ("http://10.0.0.1/token", "must start with https://"),
        ("http://[::2]/token", "must start with https://"),
        ("http://127.1/token", "must start with https://"),
        ("ftp://provider.example/token", "must be an absolute URL that starts with https://"),
        ("/token", "must be an absolute URL"),
        ("https:///token", "must be an absolute URL"),
        ("", "must be an absolute URL"),
        ("https://hidden@provider.example/token", "must not contain a user name"),
        ("https://user:hidden@provider.example/token", "must not contain a user name"),
        ("https://@provider.example/token", "must not contain a user name"),
        ("https://provider.example/token#hidden", "must not contain a fragment"),
        ("https://provider.example/token#", "must not contain a fragment"),
        ("https://provider.example:99999/token", "must be a valid URL"),
        ("https://provider.example/hidden token", "must be a valid URL"),
        ("https://provider.example/hidden\ntoken", "must be a valid URL"),
    ],
)
def test_a_url_that_secrets_must_not_go_to_is_refused(url: Any, message: str) -> None:
    """The error says what to do and does not repeat the URL."""
    with pytest.raises(ValueError, match=message) as refused:
        endpoint_url(url, "token_url")

    assert "hidden" not in str(refused.value)
