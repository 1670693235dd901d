"""Access tokens for single resources, and when the refresh token expires: kept with the others."""

from __future__ import annotations

import attrs

from extauth.domain.outcomes import Resealed
from extauth.domain.ports import LinkStore
from extauth.domain.token_set import ResourceToken
from extauth.testing.contract.expect import expect, expect_kind
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import (
    AT,
    DEAD,
    KEY,
    claimed,
    full_tokens,
    released,
    saved,
    stored,
    tokens,
)
from extauth.testing.contract.upkeep import SOON
from extauth.testing.contract.values import ODD_TEXTS


class ResourceTokensContract(StoreHarness):
    """Tokens for single resources (RFC 8707)."""

    @with_store
    async def test_resource_tokens_come_back(self, store: LinkStore) -> None:
        """Whichever way a link is read, its resource tokens are there."""
        link = await store.put(KEY, full_tokens(1, expires_at=SOON))
        expect(
            link.tokens, full_tokens(1, expires_at=SOON), "put must return resource tokens as they were put"
        )
        expect(await store.get(KEY), link, "get must return resource tokens as they were put")
        expect(await store.links_of("alice"), [link], "links_of must return resource tokens")
        link = await saved(store, 1, full_tokens(2))
        expect(link.tokens, full_tokens(2), "save must store resource tokens as it is given them")
        expect(await store.get(KEY), link, "get must return resource tokens as they were saved")
        expect(await store.delete(KEY), link, "delete must return resource tokens")

    @with_store
    async def test_claims_and_marks_keep_resource_tokens(self, store: LinkStore) -> None:
        """What writes no credentials leaves all of them as they are."""
        given = full_tokens()
        await store.put(KEY, given)
        expect((await claimed(store)).link.tokens, given, "claim must keep all tokens")
        await store.record_failure(KEY, 1, DEAD)
        expect((await stored(store)).tokens, given, "record_failure must keep all tokens")
        await store.lift_failure("github")
        expect((await stored(store)).tokens, given, "lift_failure must keep all tokens")
        await released(store)
        expect((await stored(store)).tokens, given, "release must keep all tokens")

    @with_store
    async def test_no_resource_token_is_carried_forward(self, store: LinkStore) -> None:
        """A save stores exactly those that it is given, and so does an authorization."""
        await store.put(KEY, full_tokens(1))
        fewer = full_tokens(2, resource_tokens={"r": ResourceToken("at-9")}, refresh_token_expires_at=None)
        link = await saved(store, 1, fewer)
        promise = "must store exactly the resource tokens that it is given"
        expect(link.tokens, fewer, f"save {promise}")
        expect(await store.get(KEY), link, f"save {promise}")
        link = await saved(store, 2, tokens(3))
        expect(link.tokens, tokens(3), f"save {promise}")
        expect(await store.get(KEY), link, f"save {promise}")
        for given in (full_tokens(4), tokens(5)):
            link = await store.put(KEY, given)
            expect(link.tokens, given, f"put {promise}, and when the refresh token expires")
        expect(await store.get(KEY), link, f"put {promise}")

    @with_store
    async def test_reseal_replaces_the_texts_of_resource_tokens(self, store: LinkStore) -> None:
        """They are encrypted with the key of the access token; their instants stay."""
        before = (await store.put(KEY, full_tokens())).tokens
        for number in (2, 3):
            sealed = {
                resource: ResourceToken(f"at-{number}{place}", expires_at=AT)
                for place, resource in enumerate(before.resource_tokens)
            }
            given = tokens(number, resource_tokens=sealed, access_token_key_id=f"k{number}")
            promise = "reseal of the stored version must give Resealed"
            link = expect_kind(await store.reseal(KEY, 1, given), Resealed, promise).link
            expected = {
                resource: attrs.evolve(token, access_token=sealed[resource].access_token)
                for resource, token in before.resource_tokens.items()
            }
            promise = "reseal must replace the texts of resource tokens and leave their expiries"
            expect(link.tokens.resource_tokens, expected, promise)
            promise = "reseal must leave when the refresh token expires"
            expect(link.tokens.refresh_token_expires_at, before.refresh_token_expires_at, promise)
            expect(await store.get(KEY), link, "reseal must return the link as get does")

    @with_store
    async def test_odd_resource_tokens_come_back(self, store: LinkStore) -> None:
        """Resource indicators and texts are kept character for character."""
        odd = {text: ResourceToken(text) for text in (*ODD_TEXTS, "R", "r", "r ", "https://é.example/?a=b#c")}
        await store.put(KEY, tokens(resource_tokens=odd))
        promise = "put must store resource indicators and tokens unchanged"
        expect((await stored(store)).tokens.resource_tokens, odd, promise)
        sealed = {text: ResourceToken(f"{text}!") for text in odd}
        await store.reseal(KEY, 1, tokens(resource_tokens=sealed))
        promise = "reseal must store resource indicators and tokens unchanged"
        expect((await stored(store)).tokens.resource_tokens, sealed, promise)
