"""What was put comes back the same, and reads see what was written before them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from extauth.domain.link import GrantOrigin, JsonValue, LinkKey, TokenSet
from extauth.domain.outcomes import Saved
from extauth.domain.ports import LinkStore
from extauth.testing.contract.harness import KEY, TTL, StoreHarness, settled, tokens, with_store

ODD_IDS = (
    " ",
    "a" * 255,
    "🗝" * 255,
    "e\u0301",
    "\u00e9",
    "ALICE",
    "alice",
    "alice ",
    "o'brien; DROP TABLE",
    '"%_\\',
    "\t\r\n",
    "\u202e",
    "\U0010ffff",
)
ODD_TEXTS = ("x", "t" * 65536, "🗝" * 16384, "a b+c/d=&%\"'\\", "\x01\x7f\x85", "\ufeff", "\U0010ffff")


class ReadingContract(StoreHarness):
    """``get``, ``links_of`` and ``due``, and the fidelity of all values."""

    @with_store
    async def test_get_of_nothing_is_none(self, store: LinkStore) -> None:
        """A link that was never put is None."""
        assert await store.get(KEY) is None

    @with_store
    async def test_get_returns_what_put_returned(self, store: LinkStore) -> None:
        """Put returns the link as get does."""
        put = await store.put(KEY, tokens(), origin=GrantOrigin("client", "https://as.example/token"))
        assert await store.get(KEY) == put

    @with_store
    async def test_every_field_comes_back(self, store: LinkStore) -> None:
        """All of a token set and its origin are stored."""
        full = TokenSet(
            "at",
            refresh_token="rt",  # noqa: S106 - a test's
            expires_at=datetime(2031, 2, 3, 4, 5, 6, 789012, tzinfo=UTC),
            scopes={"repo", "user:email", "écrire"},
            token_type="MAC",  # noqa: S106 - not a secret
            extra={"team": {"id": 7}},
            access_token_key_id="k1",  # noqa: S106 - not a secret
            refresh_token_key_id="k2",  # noqa: S106 - not a secret
            issued_at=datetime(2031, 2, 3, 3, 5, 6, 1, tzinfo=UTC),
        )
        origin = GrantOrigin("client", "https://as.example/token")
        await store.put(KEY, full, origin=origin)
        link = settled(await store.get(KEY))
        assert link.tokens == full
        assert link.origin == origin
        assert link.failure is None
        assert link.pending is None

    @with_store
    async def test_the_least_of_tokens_comes_back(self, store: LinkStore) -> None:
        """What the provider did not give stays not given."""
        least = TokenSet("at")
        await store.put(KEY, least)
        link = settled(await store.get(KEY))
        assert link.tokens == least
        assert link.origin is None

    @with_store
    async def test_odd_ids_are_different_links(self, store: LinkStore) -> None:
        """Ids are compared character for character: no folding, trimming, normalizing or escaping."""
        keys = [LinkKey(provider, user) for provider in ODD_IDS for user in ODD_IDS]
        for number, key in enumerate(keys):
            await store.put(key, tokens(number))
        for number, key in enumerate(keys):
            assert settled(await store.get(key)).tokens == tokens(number), f"for {key!r}"

    @with_store
    async def test_odd_texts_come_back(self, store: LinkStore) -> None:
        """Tokens of 64 KB, emoji, control characters and quotes are stored unchanged."""
        for text in ODD_TEXTS:
            odd = TokenSet(text, refresh_token=text, token_type=text, scopes={text})
            await store.put(KEY, odd)
            assert settled(await store.get(KEY)).tokens == odd
            saved = await store.save(KEY, settled(await store.get(KEY)).version, odd)
            assert isinstance(saved, Saved)
            assert saved.link.tokens == odd

    @with_store
    async def test_nested_extra_comes_back(self, store: LinkStore) -> None:
        """Any JSON in ``extra`` is stored unchanged, NUL and lone surrogates in its strings included."""
        extra: dict[str, JsonValue] = {
            "": None,
            "deep": [{"a": [1, 2.5, -0.0, 1e300, 2**70, True, False, None, "é🗝\u0000\ud800"]}],
            "\u0000\udfff": {},
        }
        await store.put(KEY, tokens(extra=extra))
        assert settled(await store.get(KEY)).tokens.extra == extra

    @with_store
    async def test_instants_come_back_to_the_microsecond(self, store: LinkStore) -> None:
        """Instants keep their microseconds, from the first century to the last."""
        for instant in (
            datetime(1, 1, 2, tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
            datetime(2038, 1, 19, 3, 14, 8, 1, tzinfo=UTC),
            datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC),
        ):
            await store.put(KEY, tokens(expires_at=instant, issued_at=instant))
            link = settled(await store.get(KEY))
            assert link.tokens.expires_at == instant
            assert link.tokens.issued_at == instant

    @with_store
    async def test_reads_see_writes_that_returned_before(self, store: LinkStore) -> None:
        """A read asked for after a write returned sees it, however many reads are under way."""
        link = await store.put(KEY, tokens())

        async def keep_reading() -> None:
            while True:
                await store.get(KEY)

        readers = [asyncio.create_task(keep_reading()) for _ in range(8)]
        try:
            for number in range(2, 40):
                saved = await store.save(KEY, link.version, tokens(number))
                assert isinstance(saved, Saved)
                link = saved.link
                assert await store.get(KEY) == link, "a read did not see the save before it"
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    @with_store
    async def test_simultaneous_reads_get_their_own_links(self, store: LinkStore) -> None:
        """Reads asked for together each get the link of their key, or None."""
        keys = [LinkKey("github", f"user-{number}") for number in range(40)]
        for number, key in enumerate(keys[:30]):
            await store.put(key, tokens(number))
        links = await asyncio.gather(*(store.get(key) for key in keys * 3))
        found = [None if link is None else link.key for link in links]
        assert found == [*keys[:30], *[None] * 10] * 3

    @with_store
    async def test_a_cancelled_read_takes_nobody_along(self, store: LinkStore) -> None:
        """Cancelling some of many simultaneous reads leaves the others, and the store, working."""
        await store.put(KEY, tokens())
        reads = [asyncio.create_task(store.get(KEY)) for _ in range(12)]
        await asyncio.sleep(0)
        for read in reads[::2]:
            read.cancel()
        results = await asyncio.gather(*reads, return_exceptions=True)
        assert [settled(link).tokens for link in results[1::2] if not isinstance(link, BaseException)] == [
            tokens()
        ] * 6
        assert settled(await store.get(KEY)).tokens == tokens()

    @with_store
    async def test_links_of_a_user_are_ordered_by_provider(self, store: LinkStore) -> None:
        """The user's links, and nobody else's, by provider id in code point order."""
        for provider in ("b", "a", "é", "Z", "🗝", "a-b", "ab"):
            await store.put(LinkKey(provider, "alice"), tokens())
            await store.put(LinkKey(provider, "bob"), tokens())
        links = await store.links_of("alice")
        expected = [LinkKey(provider, "alice") for provider in ("Z", "a", "a-b", "ab", "b", "é", "🗝")]
        assert [link.key for link in links] == expected
        assert await store.links_of("carol") == []

    @with_store
    async def test_due_finds_what_upkeep_should_refresh(self, store: LinkStore) -> None:
        """Due are links with a refresh token that expire before the limit, by user id, page by page."""
        limit = datetime(2030, 6, 1, tzinfo=UTC)
        soon, late = limit - timedelta(microseconds=1), limit
        users: dict[str, dict[str, Any]] = {
            "soon-2": {"expires_at": soon},
            "soon-1": {"expires_at": soon},
            "late": {"expires_at": late},
            "never": {"expires_at": None},
            "no-refresh-token": {"expires_at": soon, "refresh_token": None},
        }
        for user, values in users.items():
            await store.put(LinkKey("github", user), tokens(**values))
        await store.put(LinkKey("gitlab", "soon-1"), tokens(expires_at=soon))
        due = await store.due("github", expiring_before=limit)
        assert [link.key.user_id for link in due] == ["soon-1", "soon-2"]
        page = await store.due("github", expiring_before=limit, after="soon-1")
        assert [link.key.user_id for link in page] == ["soon-2"]
        page = await store.due("github", expiring_before=limit, limit=1)
        assert [link.key.user_id for link in page] == ["soon-1"]

    @with_store
    async def test_due_finds_links_unused_for_long(self, store: LinkStore) -> None:
        """With ``unused_since``, links whose credentials are older are due too, known expiry or not."""
        link = await store.put(KEY, tokens(expires_at=None))
        early = datetime(2000, 1, 1, tzinfo=UTC)
        after = link.updated_at + timedelta(microseconds=1)
        assert await store.due("github", expiring_before=early, unused_since=link.updated_at) == []
        assert await store.due("github", expiring_before=early, unused_since=after) == [link]

    @with_store
    async def test_pending_says_whether_a_lease_is_live(self, store: LinkStore) -> None:
        """A link read while a lease is live says so."""
        await store.put(KEY, tokens())
        await store.claim(KEY, 1, "owner-1", TTL)
        pending = settled(await store.get(KEY)).pending
        assert pending is not None
        assert pending.live
