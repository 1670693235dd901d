"""``begin_authorization`` and ``take_authorization``: each state is good for one callback of one user."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import product

import attrs
import pytest

from extauth.domain.link import LinkKey
from extauth.domain.linking_outcomes import (
    AlreadyTaken,
    AnothersState,
    NoSuchState,
    StateExpired,
    Taken,
    Waiting,
)
from extauth.domain.linking_ports import Store
from extauth.testing.contract.expect import expect, expect_refusal, expect_that
from extauth.testing.contract.linking.harness import LinkingHarness, with_linking_store
from extauth.testing.contract.linking.steps import begun, expired, pending, taken
from extauth.testing.contract.linking.witness import linking_beneath
from extauth.testing.contract.steps import BRIEF, KEY, TTL
from extauth.testing.contract.values import ODD_IDS, ODD_TEXTS

ONCE = "take_authorization of one authorization 20 times at once must give one Taken and 19 AlreadyTaken"


class AuthorizationsContract(LinkingHarness):
    """Users sent to a provider, until they come back."""

    @with_linking_store
    async def test_what_was_begun_can_be_taken(self, store: Store) -> None:
        """Every field comes back, the salt too, with or without the user's name."""
        full = await begun(store, 1, scopes={"repo", "écrire"}, resources=("https://b.example", "https://a/"))
        least = await begun(store, 2)
        await taken(store, full, user_id="alice")
        await taken(store, least)

    @with_linking_store
    async def test_what_was_sent_comes_back(self, store: Store) -> None:
        """Whether a challenge and a nonce were sent is kept apart, and so is that it was not noted."""
        noted = (None, False, True)
        for number, (challenge, nonce) in enumerate(product(noted, noted)):
            authorization = await begun(store, number, sent_challenge=challenge, sent_nonce=nonce)
            promise = "begin_authorization must keep what was sent, as it was given"
            seen = await store.find_authorization(authorization.state_hash)
            waiting = Waiting(attrs.evolve(authorization, salt=""))
            expect(seen, waiting, f"{promise}, for find_authorization")
            given = await store.take_authorization(authorization.state_hash)
            expect(given, Taken(authorization), f"{promise}, for take_authorization")

    @with_linking_store
    async def test_the_client_of_the_code_comes_back(self, store: Store) -> None:
        """The client that was begun with is kept, and so is that it was not noted."""
        for number, client_id in enumerate((None, *ODD_TEXTS)):
            authorization = await begun(store, number, client_id=client_id)
            promise = "begin_authorization must keep the client that the code is for"
            seen = await store.find_authorization(authorization.state_hash)
            expect(seen, Waiting(attrs.evolve(authorization, salt="")), f"{promise}, for find_authorization")
            given = await store.take_authorization(authorization.state_hash)
            expect(given, Taken(authorization), f"{promise}, for take_authorization")

    @with_linking_store
    async def test_an_authorization_is_taken_once(self, store: Store) -> None:
        """The second callback with a state is told that it is the second, again and again."""
        authorization = await begun(store)
        await taken(store, authorization)
        for user_id in (None, "alice", "alice"):
            outcome = await store.take_authorization(authorization.state_hash, user_id=user_id)
            expect(outcome, AlreadyTaken(), "take_authorization must give Taken once and then AlreadyTaken")

    @with_linking_store
    async def test_a_state_never_begun_is_unknown(self, store: Store) -> None:
        """A forged state finds nothing, however much it looks like another."""
        promise = "take_authorization of a state that was never begun must give NoSuchState"
        expect(await store.take_authorization("hash-1"), NoSuchState(), promise)
        authorization = await begun(store)
        for forged in ("hash-2", "HASH-1", "hash-1 ", "hash-", "%", ""):
            expect(await store.take_authorization(forged), NoSuchState(), promise)
            outcome = await store.take_authorization(forged, user_id="alice")
            expect(outcome, NoSuchState(), promise)
        await taken(store, authorization)

    @with_linking_store
    async def test_another_user_takes_nothing(self, store: Store) -> None:
        """Who did not begin it cannot complete it, and whoever did still can."""
        authorization = await begun(store)
        promise = "take_authorization by another user must give AnothersState"
        for user_id in ("bob", "ALICE", "alice ", "a"):
            outcome = await store.take_authorization(authorization.state_hash, user_id=user_id)
            expect(outcome, AnothersState(), promise)
        await taken(store, authorization, user_id="alice")
        outcome = await store.take_authorization(authorization.state_hash, user_id="bob")
        expect(outcome, AnothersState(), f"{promise}, also when it was taken")

    @with_linking_store
    async def test_authorizations_are_independent(self, store: Store) -> None:
        """A user may have begun several, for one link or many; taking one leaves the others."""
        keys = [
            KEY,
            KEY,
            LinkKey("gitlab", "alice"),
            LinkKey("github", "bob"),
            LinkKey("github/work", "alice"),
        ]
        authorizations = [await begun(store, number, key=key) for number, key in enumerate(keys)]
        for authorization in reversed(authorizations):
            await taken(store, authorization, user_id=authorization.key.user_id)

    @with_linking_store
    async def test_beginning_again_changes_nothing(self, store: Store) -> None:
        """A state that is pending stays as it is, and one that was taken stays taken."""
        authorization = await begun(store)
        await begun(store)
        await begun(store, salt="salt-2", key=LinkKey("github", "bob"))
        outcome = await store.take_authorization(authorization.state_hash, user_id="alice")
        promise = "begin_authorization of a state that is pending must leave it as it is: take_authorization"
        expect(outcome, Taken(authorization), promise)
        await begun(store)
        promise = "begin_authorization of a state that was taken must not make it good again"
        outcome = await store.take_authorization(authorization.state_hash)
        expect(outcome, AlreadyTaken(), f"{promise}: take_authorization")

    @with_linking_store
    async def test_an_authorization_expires(self, store: Store) -> None:
        """When its time is up it can no longer be taken, by nobody."""
        promise = f"take_authorization must give StateExpired once the ttl of {BRIEF} has passed"
        authorization = await expired(store, promise)
        for user_id, expected in (
            (None, StateExpired()),
            ("alice", StateExpired()),
            ("bob", AnothersState()),
        ):
            outcome = await store.take_authorization(authorization.state_hash, user_id=user_id)
            expect(outcome, expected, f"{promise}, and AnothersState to another user")

    @with_linking_store
    async def test_no_authorization_is_over_before_it_begins(self, store: Store) -> None:
        """A time that is not positive is a mistake in the caller, and remembers nothing."""
        for ttl in (timedelta(0), -TTL):
            call = linking_beneath(store).begin_authorization(pending(), ttl)
            await expect_refusal(call, f"begin_authorization with a ttl of {ttl} must raise ValueError")
            outcome = await store.take_authorization(pending().state_hash)
            promise = f"begin_authorization with a ttl of {ttl} must remember nothing: take_authorization"
            expect(outcome, NoSuchState(), promise)

    @with_linking_store
    async def test_one_of_many_takes_wins(self, store: Store) -> None:
        """Of simultaneous callbacks with one state one may go on."""
        authorization = await begun(store)
        takes = (store.take_authorization(authorization.state_hash, user_id="alice") for _ in range(20))
        outcomes = await asyncio.gather(*takes)
        won = [outcome for outcome in outcomes if outcome == Taken(authorization)]
        lost = [outcome for outcome in outcomes if outcome == AlreadyTaken()]
        expect_that(
            (len(won), len(lost)) == (1, 19), ONCE, f"{len(won)} were Taken and {len(lost)} AlreadyTaken"
        )

    @with_linking_store
    async def test_a_race_with_another_user_is_won(self, store: Store) -> None:
        """However the callbacks of others fall together with the user's own, it is the user's."""
        authorization = await begun(store)
        users = ["bob"] * 6 + ["alice"] + ["bob"] * 6
        takes = (store.take_authorization(authorization.state_hash, user_id=user) for user in users)
        outcomes = await asyncio.gather(*takes)
        promise = "take_authorization must give Taken to whoever began it and AnothersState to others"
        expected = [Taken(authorization) if user == "alice" else AnothersState() for user in users]
        expect(outcomes, expected, promise)

    @with_linking_store
    async def test_the_salt_is_gone_once_it_is_taken(self, store: Store) -> None:
        """What was taken is remembered without what the verifier is derived from."""
        authorization = await begun(store, salt="the-salt-of-this-test")
        before = await self.dump_storage()
        if before is None:
            pytest.skip("dump_storage() is not overridden: nothing says what this store keeps")
        if self.encrypts:
            promise = "begin_authorization of a store that encrypts must encrypt the salt"
            expect_that(authorization.salt not in before, promise, "it was there in plain text")
        else:
            promise = "begin_authorization must store the salt, for dump_storage to show it"
            expect_that(authorization.salt in before, promise, "it was not there")
        await taken(store, authorization)
        after = await self.dump_storage() or ""
        promise = "take_authorization must erase the salt and remember the state"
        expect_that(authorization.state_hash in after, promise, "the state is not there")
        expect_that(authorization.salt not in after, promise, "the salt is still there")

    @with_linking_store
    async def test_odd_authorizations_come_back(self, store: Store) -> None:
        """Ids, texts and the order of resources are kept character for character."""
        for number, user_id in enumerate(ODD_IDS):
            key = LinkKey(user_id, user_id)
            authorization = await begun(store, number, key=key)
            await taken(store, authorization, user_id=user_id)
        for number, text in enumerate(ODD_TEXTS, len(ODD_IDS)):
            resources = (text, "https://b.example", "https://a.example", text)
            authorization = await begun(
                store, number, redirect_uri=text, salt=text, scopes={text, "a"}, resources=resources
            )
            await taken(store, authorization)
