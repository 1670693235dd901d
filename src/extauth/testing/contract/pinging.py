"""Whether a store works can be asked without a link; one without ``ping`` is asked for a link of nobody."""

from __future__ import annotations

from extauth.domain.ports import LinkStore
from extauth.domain.readiness import ping
from extauth.testing.contract.broken_storage import expect_broken, expect_unavailable
from extauth.testing.contract.expect import expect
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import KEY, claimed, tokens
from extauth.testing.contract.witness import beneath


class PingContract(StoreHarness):
    """What a readiness probe relies on."""

    @with_store
    async def test_a_store_that_works_answers_a_ping(self, store: LinkStore) -> None:
        """Empty or not, and no link changes by it: neither version, lease nor mark."""
        await ping(beneath(store))
        await store.put(KEY, tokens(1))
        await claimed(store)
        before = await store.get(KEY)
        await ping(beneath(store))
        after = await store.get(KEY)
        expect(after, before, "ping must change no link")

    @with_store
    async def test_a_broken_store_answers_no_ping(self, store: LinkStore) -> None:
        """It raises StoreUnavailable, with the driver's error as its cause."""
        await store.put(KEY, tokens(1))
        await expect_broken(self)
        end: BaseException | None = None
        try:
            await ping(beneath(store))
        except Exception as error:  # noqa: BLE001 - which it must be is asked next
            end = error
        expect_unavailable("ping", end)
