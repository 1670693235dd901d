"""Keywords that an application's own store or provider may not know."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from extauth import Link, LinkKey, TokenSet
from extauth.domain import optional_keywords
from extauth.domain.optional_keywords import as_written, takes

AT = datetime(2026, 11, 30, tzinfo=UTC)
LINK = Link(LinkKey("github", "alice"), TokenSet("at"), 1, AT, AT)


class Store:
    """With one method of today, one of yesterday, and one that passes all on."""

    async def save(self, key: LinkKey, *, written_at: datetime | None = None) -> None:
        """Know it."""

    async def release(self, key: LinkKey) -> None:
        """Do not."""

    async def claim(self, *arguments: Any, **keywords: Any) -> None:
        """Pass it on."""


def test_who_is_told():
    """Whoever knows the keyword; methods of an object and plain functions."""
    store = Store()
    assert [takes(each, "written_at") for each in (store.save, store.release, store.claim)] == [
        *(True, False, True)
    ]
    assert takes(Store.save, "written_at")
    assert not takes(store.save, "other")
    assert as_written(store.save, LINK) == {"written_at": AT}
    assert as_written(store.release, LINK) == {}


def test_each_object_is_not_looked_at_anew():
    """What was found of a method holds for the methods of all its kind."""
    kept = optional_keywords._takes
    kept.cache_clear()
    for _ in range(3):
        takes(Store().save, "written_at")
    assert kept.cache_info().misses == 1
