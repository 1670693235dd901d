from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest

from extauth.domain.link import Link, LinkKey, RefreshFailure
from extauth.domain.lost_replies import loss_reason
from extauth.domain.token_set import TokenSet

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LINK = Link(LinkKey("p", "alice"), TokenSet("at", "rt"), 3, NOW, NOW)


def marked(reason: str, version: int = 3) -> Link:
    """Return the link as a refresh that failed for now has left it."""
    return attrs.evolve(LINK, failure=RefreshFailure(reason, NOW, version, retry_at=NOW))


@pytest.mark.parametrize(
    ("codes", "link", "reason"),
    [
        ((), LINK, "reply_lost"),
        (("reply_timeout", "http_503"), LINK, "reply_lost"),
        (("reply_timeout", "reply_undecodable"), LINK, "reply_unreadable"),
        (("unstorable_tokens",), LINK, "reply_unreadable"),
        ((), marked("reply_undecodable"), "reply_unreadable"),
        ((), marked("reply_undecodable", version=2), "reply_lost"),
        ((), marked("reply_timeout"), "reply_lost"),
    ],
)
def test_why_a_grant_is_lost(codes: tuple[str, ...], link: Link, reason: str) -> None:
    """An answer that came and could not be read is told from one that never came."""
    assert loss_reason(codes, link) == reason
