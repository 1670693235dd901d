"""What a provider's linking traits say of a request."""

from __future__ import annotations

import pytest

from extauth.domain.linking import LinkingTraits


@pytest.mark.parametrize(
    ("asks", "scopes", "expected"),
    [
        (False, (), False),
        (False, ("openid", "offline"), False),
        (False, ("openid", "offline_access"), True),
        (True, (), True),
    ],
)
def test_whether_a_refresh_token_is_asked_for(asks: bool, scopes: tuple[str, ...], expected: bool) -> None:
    """By OpenID Connect's scope at any provider, and by each request of some."""
    assert LinkingTraits(asks_refresh_token=asks).refresh_token_asked(frozenset(scopes)) is expected
