"""What was put comes back the same."""

from __future__ import annotations

from datetime import UTC, datetime

from extauth.domain.due import Due, DueBy
from extauth.domain.link import LinkKey
from extauth.domain.ports import LinkStore
from extauth.domain.storable import JsonValue
from extauth.domain.token_set import ResourceToken, TokenSet
from extauth.testing.contract.expect import expect, shown
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import DEAD, FOR_NOW, KEY, ORIGIN, full_tokens, saved, stored, tokens

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


class ValuesContract(StoreHarness):
    """The fidelity of all values."""

    @with_store
    async def test_every_field_comes_back(self, store: LinkStore) -> None:
        """All of a token set and its origin are stored."""
        full = tokens(
            1,
            expires_at=datetime(2031, 2, 3, 4, 5, 6, 789012, tzinfo=UTC),
            scopes={"repo", "user:email", "écrire"},
            token_type="MAC",
            extra={"team": {"id": 7}},
            access_token_key_id="k1",
            refresh_token_key_id="k2",
            issued_at=datetime(2031, 2, 3, 3, 5, 6, 1, tzinfo=UTC),
            refresh_token_expires_at=datetime(2032, 2, 3, 4, 5, 6, 7, tzinfo=UTC),
            resource_tokens=full_tokens().resource_tokens,
        )
        await store.put(KEY, tokens(2), origin=ORIGIN)
        link = await saved(store, 1, full)
        full = self.given_out(full)
        expect(link.tokens, full, "save must store every field of the tokens")
        link = await store.put(KEY, full, origin=ORIGIN)
        expect(link.tokens, full, "put must store every field of the tokens")
        expect(link.origin, ORIGIN, "put must store the origin")
        expect(await store.get(KEY), link, "get must return every field as it was put")

    @with_store
    async def test_the_least_of_tokens_comes_back(self, store: LinkStore) -> None:
        """What the provider did not give stays not given."""
        least = TokenSet("at-1")
        await store.put(KEY, least)
        link = await stored(store)
        expect(link.tokens, least, "get must return as None what was put as None")
        expect(link.origin, None, "get must return no origin where none was put")

    @with_store
    async def test_an_empty_refresh_token_is_none(self, store: LinkStore) -> None:
        """A provider that gives '' gives none: it reads as None and is nothing to refresh with."""
        empty = tokens(1, refresh_token="")
        await store.put(KEY, empty)
        expect(
            (await stored(store)).tokens.refresh_token, None, "get must return an empty refresh token as None"
        )
        due = [await store.due("github", by, datetime(2999, 1, 1, tzinfo=UTC)) for by in DueBy]
        expect(sum(due, list[Due]()), list[Due](), "due must not list a link whose refresh token is empty")

    @with_store
    async def test_marks_come_back(self, store: LinkStore) -> None:
        """All of a failure mark is stored, to the microsecond."""
        await store.put(KEY, tokens())
        for failure in (FOR_NOW, DEAD):
            await store.record_failure(KEY, 1, failure)
            expect(
                (await stored(store)).failure, failure, "record_failure must store every field of the mark"
            )

    @with_store
    async def test_odd_ids_are_different_links(self, store: LinkStore) -> None:
        """Ids are compared character for character: no folding, trimming, normalizing or escaping."""
        keys = [LinkKey(provider, user) for provider in ODD_IDS for user in ODD_IDS]
        for number, key in enumerate(keys):
            await store.put(key, tokens(number))
        for number, key in enumerate(keys):
            promise = f"get must compare ids character for character: for {shown(key)} it"
            expect((await stored(store, key)).tokens, tokens(number), promise)

    @with_store
    async def test_writes_tell_similar_ids_apart(self, store: LinkStore) -> None:
        """A save or a delete for one user never reaches another whose id looks the same."""
        keys = [LinkKey("github", user) for user in ("alice", "ALICE", "alice ", "e\u0301", "\u00e9", "%")]
        for key in keys:
            await store.put(key, tokens(0))
        for number, key in enumerate(keys, 1):
            await saved(store, 1, tokens(number), key)
        for number, key in enumerate(keys, 1):
            promise = f"save must change the link of {shown(key)} alone: it"
            expect((await stored(store, key)).tokens, tokens(number), promise)
        for number, key in enumerate(keys, 1):
            await store.delete(key)
            left = [key for key in keys if await store.get(key) is not None]
            expect(left, keys[number:], f"delete must remove the link of {shown(key)} alone")

    @with_store
    async def test_odd_texts_come_back(self, store: LinkStore) -> None:
        """Tokens of 64 KB, emoji, control characters and quotes are stored unchanged."""
        for text in ODD_TEXTS:
            odd = TokenSet(text, refresh_token=text, token_type=text, scopes={text})
            link = await store.put(KEY, odd)
            expect((await stored(store)).tokens, odd, "put must store texts unchanged")
            link = await saved(store, link.version, odd)
            expect(link.tokens, odd, "save must store texts unchanged")

    @with_store
    async def test_nested_extra_comes_back(self, store: LinkStore) -> None:
        """Any JSON in ``extra`` is stored unchanged, NUL and lone surrogates in its strings included."""
        extra: dict[str, JsonValue] = {
            "": None,
            "deep": [{"a": [1, 2.5, -0.0, 1e300, 2**70, True, False, None, "é🗝\u0000\ud800"]}],
            "\u0000\udfff": {},
        }
        await store.put(KEY, tokens(extra=extra))
        expect((await stored(store)).tokens.extra, extra, "put must store any JSON in extra unchanged")

    @with_store
    async def test_instants_come_back_to_the_microsecond(self, store: LinkStore) -> None:
        """Instants keep their microseconds, from the first century to the last."""
        for instant in (
            datetime(1, 1, 2, tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
            datetime(2038, 1, 19, 3, 14, 8, 1, tzinfo=UTC),
            datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC),
        ):
            resource_tokens = {"r": ResourceToken("at-2", expires_at=instant, issued_at=instant)}
            put = tokens(
                expires_at=instant,
                issued_at=instant,
                refresh_token_expires_at=instant,
                resource_tokens=resource_tokens,
            )
            await store.put(KEY, put)
            now = (await stored(store)).tokens
            expect(now.expires_at, instant, "put must store expires_at to the microsecond, in UTC")
            expect(now.issued_at, instant, "put must store issued_at to the microsecond, in UTC")
            expect(now, put, "put must store the instants of all tokens to the microsecond, in UTC")
