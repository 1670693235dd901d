"""``find_authorization``: what a callback is about is known before its state is spent."""

from __future__ import annotations

import attrs

from extauth.domain.linking_outcomes import AlreadyTaken, AnothersState, NoSuchState, StateExpired, Waiting
from extauth.domain.linking_ports import Store
from extauth.testing.contract.expect import expect
from extauth.testing.contract.linking.harness import LinkingHarness, with_linking_store
from extauth.testing.contract.linking.steps import begun, expired, found, taken


class FoundAuthorizationsContract(LinkingHarness):
    """A look at an authorization."""

    @with_linking_store
    async def test_what_was_begun_is_found_and_stays(self, store: Store) -> None:
        """Every field comes back but the salt, as often as one looks, and it can be taken still."""
        full = await begun(store, 1, scopes={"repo", "écrire"}, resources=("https://b.example", "https://a/"))
        least = await begun(store, 2)
        for authorization in (full, least, full):
            await found(store, authorization)
        expected = Waiting(attrs.evolve(full, salt=""))
        outcome = await store.find_authorization(full.state_hash, user_id="alice")
        expect(outcome, expected, "find_authorization by whoever began it must give Waiting without the salt")
        for authorization in (full, least):
            await taken(store, authorization)

    @with_linking_store
    async def test_what_cannot_be_taken_is_not_found(self, store: Store) -> None:
        """It says why, as taking it would; another user is told that it is another's in any case."""
        promise = "find_authorization must say why an authorization cannot be taken"
        expect(await store.find_authorization("hash-1"), NoSuchState(), f"{promise}: never begun")
        authorization = await begun(store)
        outcome = await store.find_authorization(authorization.state_hash, user_id="bob")
        expect(outcome, AnothersState(), f"{promise}: another user began it")
        await taken(store, authorization)
        for user_id, expected in (
            (None, AlreadyTaken()),
            ("alice", AlreadyTaken()),
            ("bob", AnothersState()),
        ):
            outcome = await store.find_authorization(authorization.state_hash, user_id=user_id)
            expect(outcome, expected, f"{promise}: it was taken")

    @with_linking_store
    async def test_what_has_expired_is_not_found(self, store: Store) -> None:
        """It is told apart from what was never begun."""
        promise = "find_authorization must give StateExpired once the ttl has passed"
        authorization = await expired(store, promise)
        for user_id, expected in (
            (None, StateExpired()),
            ("alice", StateExpired()),
            ("bob", AnothersState()),
        ):
            outcome = await store.find_authorization(authorization.state_hash, user_id=user_id)
            expect(outcome, expected, f"{promise}, and AnothersState to another user")
