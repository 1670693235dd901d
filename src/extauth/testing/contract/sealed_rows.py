"""Which rows are encrypted with which key, as a store without keys can tell."""

from __future__ import annotations

import asyncio
from typing import cast

import attrs

from extauth.domain.link import LinkKey
from extauth.domain.linking import ClientRegistration
from extauth.domain.linking_ports import Store
from extauth.domain.outcomes import Resealed
from extauth.domain.sealed_rows import SealedCounts, SealedRows
from extauth.domain.token_set import ResourceToken, TokenSet
from extauth.testing.contract.expect import expect, expect_kind, expect_that, fail
from extauth.testing.contract.interruptions import MOMENTS, interrupted
from extauth.testing.contract.linking.harness import LinkingHarness, with_linking_store
from extauth.testing.contract.linking.steps import NAME, pending, purged, registered
from extauth.testing.contract.linking.witness import linking_beneath
from extauth.testing.contract.steps import BRIEF, KEY, TTL

MANY = 1100
"""Links: more than fit in any slice that a store may read at once."""


def sealed(key_id: str, text: str = "text") -> str:
    """Return what a text that is encrypted with that key looks like to whoever has no key."""
    return f"$extauth1${key_id}$${text}"


def under(key_id: str, text: str = "text") -> TokenSet:
    """Return tokens that are encrypted with one key."""
    return TokenSet(sealed(key_id, f"at-{text}"), sealed(key_id, f"rt-{text}"))


class SealedRowsContract(LinkingHarness):
    """Every sentence of :class:`~extauth.domain.sealed_rows.SealedRows` as a test, for a store's ``sealed``.

    Subclass it as :class:`~extauth.testing.LinkStoreContract`; the store is one that does not encrypt itself.
    """

    @with_linking_store
    async def test_an_empty_store_has_nothing_sealed(self, store: Store) -> None:
        """Nothing is counted and nothing is found."""
        rows = sealed_rows(store)
        expect(await rows.count(), SealedCounts(), "count of an empty store must be empty")
        expect(await rows.links("k1"), [], "links of an empty store must be empty")
        expect(await rows.links_among([KEY], "k1"), [], "links_among must leave out what is not there")
        expect(await rows.registrations("k1"), [], "registrations of an empty store must be empty")

    @with_linking_store
    async def test_links_are_counted_by_what_their_texts_say(self, store: Store) -> None:
        """Every text of a row counts, wherever it stands; the columns of key ids do not."""
        resource = {"https://a.example": ResourceToken(sealed("k2"))}
        of_each: dict[frozenset[str | None], TokenSet] = {
            frozenset({"k1"}): under("k1"),
            frozenset({"k2"}): TokenSet(sealed("k2"), extra={"id": sealed("k2")}, resource_tokens=resource),
            frozenset({None}): TokenSet("at", "rt", access_token_key_id="k1", refresh_token_key_id="k1"),
            frozenset({"k1", "k2"}): TokenSet(sealed("k1"), sealed("k2")),
            frozenset({"k3", "k1"}): attrs.evolve(under("k1"), extra={"id": sealed("k1"), "b": sealed("k3")}),
            frozenset({"k1", None}): attrs.evolve(under("k1"), extra={"team": {"id": sealed("k1")}}),
            frozenset({"k4", "k2"}): attrs.evolve(under("k4"), resource_tokens=resource),
            frozenset({""}): TokenSet("$extauth9"),
            frozenset({"arn:aws:kms/1"}): TokenSet("$extauth1$arn:aws:kms/1$" + "w" * 900 + "$text"),
            frozenset({"k" * 255}): TokenSet(sealed("k" * 255, "x" * 5000)),
        }
        for number, tokens in enumerate(of_each.values()):
            await store.put(LinkKey("github", f"{number}"), tokens)
        await store.put(LinkKey("gitlab", "alice"), under("k1"))
        expected = {**dict.fromkeys(of_each, 1), frozenset({"k1"}): 2}
        found = dict((await sealed_rows(store).count()).links)
        expect(found, expected, "count must give each link to the keys that its texts name")

    @with_linking_store
    async def test_links_not_under_a_key_are_found_in_order(self, store: Store) -> None:
        """Also plain ones and those that say nothing; by provider and user, and on from any key."""
        users = ["A", "a", "ab", "b", "ä", "ﬀ", "𐐷"]
        left = [LinkKey(provider, user) for provider in ("Git", "git", "git/work") for user in users]
        texts = [under("k2"), TokenSet("at"), TokenSet(sealed("k1"), "rt"), TokenSet("$extauth9")]
        for number, key in enumerate(reversed(left)):
            await store.put(key, texts[number % 4])
            await store.put(attrs.evolve(key, user_id=f"{key.user_id}-done"), under("k1"))
        rows = sealed_rows(store)
        promise = "links must give all that are not under that key, ordered by provider and user"
        expect(await rows.links("k1"), left, promise)
        expect(await rows.links("k1", limit=4), left[:4], "links must give at most limit of them, the first")
        promise = "links must go on after the key given, and give fewer than limit only at the end"
        for number, key in enumerate(left):
            found = await rows.links("k1", after=key, limit=3)
            expect(found, left[number + 1 : number + 4], promise)
        asked = [left[3], LinkKey("Git", "nobody"), LinkKey("Git", "a-done"), left[0]]
        promise = "links_among must give those asked for that are not under that key, in the order given"
        expect(await rows.links_among(asked, "k1"), [left[3], left[0]], promise)
        expect(await rows.links_among([], "k1"), [], promise)

    @with_linking_store
    async def test_no_link_of_many_is_missed(self, store: Store) -> None:
        """However they are read in slices, each is counted once and found once."""
        keys = [LinkKey("github", f"user-{number:04}") for number in range(MANY)]
        for start in range(0, MANY, 300):
            some = keys[start : start + 300]
            await asyncio.gather(*(store.put(key, under("k1" if key in keys[::7] else "k2")) for key in some))
        rows = sealed_rows(store)
        expected = {frozenset({"k1"}): len(keys[::7]), frozenset({"k2"}): MANY - len(keys[::7])}
        expect(dict((await rows.count()).links), expected, "count must count each link once")
        found: list[LinkKey] = []
        while page := await rows.links("k2", after=found[-1] if found else None, limit=60):
            found += page
            if len(found) > MANY:
                break
        expect(found, keys[::7], "links, asked page by page, must give each once")
        others = [key for key in keys if key not in found]
        promise = "links, asked for all at once, must give each once"
        expect(await rows.links("k1", limit=MANY), others, promise)

    @with_linking_store
    async def test_sealed_rows_see_every_write(self, store: Store) -> None:
        """What a write has brought under another key is seen by the next call."""
        rows = sealed_rows(store)
        link = await store.put(KEY, under("k1"))
        expect(await rows.links("k1"), [], "links must see a put")
        promise = "reseal of the stored version must give Resealed"
        expect_kind(await store.reseal(KEY, link.version, under("k2")), Resealed, promise)
        expect(await rows.links("k1"), [KEY], "links must see a reseal")
        expect((await rows.count()).links, {frozenset({"k2"}): 1}, "count must see a reseal")
        await store.save(KEY, link.version, under("k1"))
        expect(await rows.links_among([KEY], "k1"), [], "links_among must see a save")
        await store.delete(KEY)
        expect((await rows.count()).links, {}, "count must see a delete")

    @with_linking_store
    async def test_authorizations_count_until_they_are_taken_or_purged(self, store: Store) -> None:
        """Their salts are sealed, and by when the last has expired is told."""
        rows = sealed_rows(store)
        started = await store.time()
        for number, (salt, ttl) in enumerate(
            [(sealed("k1"), TTL), (sealed("k1", "2"), TTL * 2), (sealed("k2"), TTL), ("salt", TTL)]
        ):
            await store.begin_authorization(pending(number, salt=salt), ttl)
        await store.take_authorization("hash-2")
        counts = await rows.count()
        promise = "count must have the authorizations that are to be taken"
        expect(counts.authorizations, {frozenset({"k1"}): 2, frozenset({None}): 1}, promise)
        latest = counts.latest_expiry[frozenset({"k1"})]
        lasts = started + TTL * 2 <= latest <= await store.time() + TTL * 2
        expect_that(lasts, "count must say when the last of them expires", f"it said {latest}")
        await store.begin_authorization(pending(9, salt=sealed("k3")), BRIEF)
        expect((await rows.count()).authorizations.get(frozenset({"k3"})), 1, promise)
        await purged(store)
        promise = "count must have nothing of what was purged"
        expect((await rows.count()).authorizations.get(frozenset({"k3"})), None, promise)

    @with_linking_store
    async def test_registrations_are_counted_and_found(self, store: Store) -> None:
        """By both of their secrets; one without a secret is nobody's."""
        of_each = {
            "both": client(sealed("k1"), sealed("k1")),
            "both, too": client(sealed("k1", "2"), sealed("k1", "2")),
            "mixed": client(sealed("k2"), sealed("k1")),
            "token": client(None, sealed("k2")),
            "Plain": client("secret", None),
            "public": client(None, None),
        }
        for name, registration in of_each.items():
            await store.keep_registration(name, registration)
        rows = sealed_rows(store)
        expected = {
            frozenset({"k1"}): 2,
            frozenset({"k1", "k2"}): 1,
            frozenset({"k2"}): 1,
            frozenset({None}): 1,
        }
        counted = (await rows.count()).registrations
        expect(counted, expected, "count must have the registered clients that have secrets")
        found = await rows.registrations("k1")
        promise = "registrations must give all that are not under that key, in order"
        expect(found, ["Plain", "mixed", "token"], promise)

    @with_linking_store
    async def test_a_registration_is_resealed_as_it_was_read(self, store: Store) -> None:
        """Its secrets are replaced and nothing else; not where they have changed since, or the client has."""
        rows = sealed_rows(store)
        old = registered(client_secret=sealed("k1"), registration_token=sealed("k1", "2"))
        new = attrs.evolve(old, client_secret=sealed("k2"), registration_token=sealed("k2", "2"))
        other = registered(2)
        gone = await rows.reseal_registration(NAME, old, new)
        expect(gone, False, "reseal_registration of what is not there must return False")
        expect(await store.registration(NAME), None, "reseal_registration must never make a registration")
        await store.keep_registration(NAME, old)
        await store.keep_registration("other", other)
        promise = "reseal_registration must change nothing where the client or a secret has changed"
        for changed in (
            attrs.evolve(old, client_id="client-9"),
            attrs.evolve(old, client_secret=sealed("k9")),
            attrs.evolve(old, client_secret=None),
            attrs.evolve(old, registration_token=sealed("k9")),
        ):
            expect(await rows.reseal_registration(NAME, changed, new), False, promise)
            expect(await store.registration(NAME), old, promise)
        written = await rows.reseal_registration(NAME, old, attrs.evolve(new, issuer="https://no.example"))
        expect(written, True, "reseal_registration of what is stored must return True")
        expect(await store.registration(NAME), new, "reseal_registration must replace the secrets alone")
        promise = "reseal_registration must leave other clients"
        expect(await store.registration("other"), other, promise)

    @with_linking_store
    async def test_a_registration_without_one_of_its_secrets_is_resealed(self, store: Store) -> None:
        """A secret that is not there is equal to one that is not there."""
        rows = sealed_rows(store)
        for name, old, new in (
            ("secret", client(sealed("k1"), None), client(sealed("k2"), None)),
            ("token", client(None, sealed("k1")), client(None, sealed("k2"))),
        ):
            await store.keep_registration(name, old)
            written = await rows.reseal_registration(name, old, new)
            expect(written, True, "reseal_registration must do without one of the secrets")
            expect(await store.registration(name), new, "reseal_registration must replace the other")

    @with_linking_store
    async def test_a_cancelled_reseal_of_a_registration_is_all_or_nothing(self, store: Store) -> None:
        """Both secrets are old or both are new, and it can be repeated."""
        rows = sealed_rows(store)
        old, new = client(sealed("k1"), sealed("k1")), client(sealed("k2"), sealed("k2"))
        for turns in MOMENTS:
            name = f"after {turns}"
            await store.keep_registration(name, old)
            await interrupted(rows.reseal_registration(name, old, new), turns)
            found = await store.registration(name)
            promise = "reseal_registration that was cancelled must leave both secrets old or both new"
            expect_that(found in (old, new), promise, "it left something else")
            await rows.reseal_registration(name, old, new)
            expect(await store.registration(name), new, "reseal_registration must be repeatable")


def client(secret: str | None, token: str | None) -> ClientRegistration:
    """Return a registered client with these secrets."""
    return ClientRegistration(
        issuer="https://as.example", client_id="client", client_secret=secret, registration_token=token
    )


def sealed_rows(store: Store) -> SealedRows:
    """Return the store's ``sealed``."""
    rows = getattr(linking_beneath(store), "sealed", None)
    if rows is None:
        fail("a store whose keys can be rotated has the attribute sealed", "it has none")
    return cast("SealedRows", rows)
