"""A fence is a mark that nothing but its lifting takes away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth import Link, LinkKey, RefreshFailure, TokenSet
from extauth.domain.fence import FENCED, NEVER, fence, is_fenced, may_replace

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LINK = Link(LinkKey("github", "alice"), TokenSet("at", "rt"), 3, NOW, NOW)
DEAD = RefreshFailure("invalid_grant", NOW, 3)
DOWN = RefreshFailure("http_503", NOW, 3, retry_at=NOW + timedelta(seconds=7))


def test_a_fence_is_a_failure_for_now_whose_time_to_try_again_never_comes():
    """So that an older version of extauth holds it, too, and asks no user to connect again."""
    assert fence(NOW, 3) == RefreshFailure(FENCED, NOW, 3, retry_at=NEVER)
    assert not fence(NOW, 3).permanent
    assert fence(NOW).version == 1, "that of a link that was just imported"


@pytest.mark.parametrize(
    ("mark", "failure", "replaced"),
    [
        (DOWN, DOWN, True),
        (DOWN, DEAD, True),
        (DEAD, DEAD, True),
        (DEAD, DOWN, False),
        (fence(NOW, 3), DOWN, False),
        (fence(NOW, 3), DEAD, False),
        (fence(NOW, 3), fence(NOW, 3), False),
        (DOWN, fence(NOW, 3), True),
        (DEAD, fence(NOW, 3), False),
    ],
    ids=lambda value: value.reason if isinstance(value, RefreshFailure) else str(value),
)
def test_which_marks_give_way(mark, failure, replaced):
    """A dead link stays dead, and a fence stays up, whatever an exchange that was under way brings."""
    assert may_replace(mark, failure) is replaced


def test_a_link_is_fenced_as_long_as_the_mark_is_about_its_version():
    """Not by another mark, nor by the one of a version that a refresh has replaced."""
    assert is_fenced(attrs.evolve(LINK, failure=fence(NOW, 3)))
    assert not is_fenced(attrs.evolve(LINK, failure=fence(NOW, 2)))
    assert not is_fenced(attrs.evolve(LINK, failure=DOWN))
    assert not is_fenced(LINK)
