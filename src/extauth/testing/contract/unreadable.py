"""A link that cannot be read fails whoever reads it, by name, and nobody else.

A store that overrides ``spoil`` runs these; they are skipped for others.
"""

from __future__ import annotations

import asyncio

import pytest

from extauth.domain.due import Due, DueBy
from extauth.domain.errors import LinkUnreadable
from extauth.domain.link import LinkKey
from extauth.domain.ports import LinkStore
from extauth.testing.contract.expect import expect, fail, shown
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import KEY, tokens
from extauth.testing.contract.upkeep import LIMIT, SOON
from extauth.testing.contract.witness import beneath

_OTHERS = [LinkKey(KEY.provider_id, user_id) for user_id in ("aaron", "zoe")]


class UnreadableLinkContract(StoreHarness):
    """One damaged row among good ones."""

    @with_store
    async def test_an_unreadable_link_fails_its_own_readers_alone(self, store: LinkStore) -> None:
        """However reads are put together: LinkUnreadable for the one key, and the links of all others."""
        await put_and_spoil(self, store)
        inner = beneath(store)
        for _ in range(2):
            reads = (inner.get(key) for key in [*_OTHERS, KEY, *_OTHERS, KEY])
            *others, own = await asyncio.gather(*reads, return_exceptions=True)
            expect_unreadable("get", own)
            expect_unreadable("get", others.pop(len(_OTHERS)))
            for other in others:
                if isinstance(other, BaseException):
                    came = f"it raised {type(other).__name__}"
                    fail("get of a link must not fail because another one cannot be read", came)

    @with_store
    async def test_a_list_with_an_unreadable_link_fails(self, store: LinkStore) -> None:
        """A part of a user's links would be a lie."""
        await put_and_spoil(self, store)
        await store.put(LinkKey("gitlab", KEY.user_id), tokens(1))
        [listed] = await asyncio.gather(beneath(store).links_of(KEY.user_id), return_exceptions=True)
        expect_unreadable("links_of", listed)

    @with_store
    async def test_due_goes_on_beyond_an_unreadable_link(self, store: LinkStore) -> None:
        """Upkeep of all others must go on: nothing but its key is read, if at all."""
        await put_and_spoil(self, store)
        inner = beneath(store)
        after: Due | None = None
        due: list[LinkKey] = []
        while page := await inner.due(KEY.provider_id, DueBy.EXPIRY, LIMIT, after=after, limit=1):
            due += [each.key for each in page]
            after = page[-1]
        expect([key for key in due if key != KEY], _OTHERS, "due must go on beyond a link that is unreadable")

    @with_store
    async def test_an_unreadable_link_can_be_replaced(self, store: LinkStore) -> None:
        """The user's own authorization always wins."""
        await put_and_spoil(self, store)
        await store.put(KEY, tokens(2))
        link = await store.get(KEY)
        expect(link and link.tokens, tokens(2), "put must replace a link that cannot be read")


async def put_and_spoil(harness: StoreHarness, store: LinkStore) -> None:
    """Store three links and make one of them unreadable, or skip the test."""
    for key in (KEY, *_OTHERS):
        await store.put(key, tokens(1, expires_at=SOON))
    if not await harness.spoil(KEY):
        pytest.skip("spoil() is not overridden: nothing says how a link of this store can be unreadable")


def expect_unreadable(method: str, end: object) -> None:
    """Expect the error of a link that cannot be read, for the one that was spoilt."""
    __tracebackhide__ = True
    promise = f"{method} of a link that cannot be read must raise LinkUnreadable"
    if not isinstance(end, LinkUnreadable):
        fail(promise, f"it ended with {type(end).__name__ if isinstance(end, BaseException) else shown(end)}")
    expect(end.key, KEY, f"{promise} with its key")
    if KEY.user_id not in str(end):
        fail(f"{promise} that names the link", "its message did not")
