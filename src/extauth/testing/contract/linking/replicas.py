"""Linking on several store objects on one database: a callback reaches any replica, also after a restart.

A store that overrides ``open_another`` runs these; they are skipped for others.
"""

from __future__ import annotations

import asyncio

import pytest

from extauth.domain.link import LinkKey
from extauth.domain.linking_outcomes import AlreadyTaken, AnothersState, NoSuchState, Taken
from extauth.domain.linking_ports import Store
from extauth.testing.contract.expect import expect, expect_that
from extauth.testing.contract.linking.authorizations import ONCE
from extauth.testing.contract.linking.harness import (
    LinkingHarness,
    linking_another,
    linking_opened,
    with_linking_replicas,
)
from extauth.testing.contract.linking.registrations import expect_one
from extauth.testing.contract.linking.steps import ACCOUNT, NAME, begun, found, known, registered, taken
from extauth.testing.contract.steps import KEY, stored, tokens


class LinkingReplicasContract(LinkingHarness):
    """What another replica has begun, taken and kept."""

    @with_linking_replicas
    async def test_a_callback_may_reach_another_replica(self, store: Store, other: Store) -> None:
        """It is taken there, once for all replicas, and by the user who began it."""
        authorization = await begun(store)
        outcome = await other.take_authorization(authorization.state_hash, user_id="bob")
        promise = "take_authorization on another replica by another user must give AnothersState"
        expect(outcome, AnothersState(), promise)
        await found(other, authorization)
        await taken(other, authorization, user_id="alice")
        outcome = await store.take_authorization(authorization.state_hash)
        promise = "take_authorization of what another replica has taken must give AlreadyTaken"
        expect(outcome, AlreadyTaken(), promise)
        authorization = await begun(store, 2)
        expect(await other.forget_authorizations(KEY), 1, "forget_authorizations must find another replica's")
        outcome = await store.take_authorization(authorization.state_hash)
        expect(
            outcome, NoSuchState(), "take_authorization of what was forgotten elsewhere must give NoSuchState"
        )

    @with_linking_replicas
    async def test_one_take_of_many_replicas_wins(self, store: Store, other: Store) -> None:
        """Of simultaneous callbacks on both replicas one may go on."""
        for number in range(5):
            authorization = await begun(store, number)
            takes = [replica.take_authorization(authorization.state_hash) for replica in [store, other] * 10]
            outcomes = await asyncio.gather(*takes)
            won = outcomes.count(Taken(authorization))
            lost = outcomes.count(AlreadyTaken())
            came = f"on two replicas {won} were Taken and {lost} AlreadyTaken"
            expect_that((won, lost) == (1, 19), ONCE, came)

    @with_linking_replicas
    async def test_one_registration_of_many_replicas_is_kept(self, store: Store, other: Store) -> None:
        """Replicas that register at the same moment go on with the same client."""
        keeping = [
            replica.keep_registration(NAME, registered(number))
            for number, replica in enumerate([store, other] * 10, 1)
        ]
        kept = await asyncio.gather(*keeping)
        promise = "keep_registration 20 times on two replicas must return one client to all"
        await expect_one(store, kept, promise)
        await expect_one(other, kept, promise)

    @with_linking_replicas
    async def test_an_account_is_seen_by_all_replicas(self, store: Store, other: Store) -> None:
        """Who reads the link elsewhere sees whose account it is for."""
        await store.put(KEY, tokens())
        await stored(other)
        link = await known(store)
        expect(await other.get(KEY), link, "get must see what record_account of another replica has written")

    def test_linking_outlives_a_restart(self) -> None:
        """A callback may come after a restart, and what was found out or registered is still there."""
        asyncio.run(self._restart_while_linking())

    async def _restart_while_linking(self) -> None:
        if self.open_another() is None:
            pytest.skip("open_another() is not overridden: this store cannot be opened twice")
        async with linking_opened(self) as (store,):
            pending = await begun(store, 1)
            gone = await begun(store, 2)
            await taken(store, gone)
            forgotten = await begun(store, 3, key=LinkKey("gitlab", "alice"))
            await store.forget_authorizations(forgotten.key)
            await store.put(KEY, tokens())
            link = await known(store, ACCOUNT)
            await store.keep_registration(NAME, registered(1))
        async with linking_another(self) as store:
            outcome = await store.take_authorization(pending.state_hash, user_id="alice")
            expect(outcome, Taken(pending), "begin_authorization must outlive a restart: take_authorization")
            outcome = await store.take_authorization(gone.state_hash)
            expect(outcome, AlreadyTaken(), "take_authorization must outlive a restart: the next one")
            outcome = await store.take_authorization(forgotten.state_hash)
            promise = "forget_authorizations must outlive a restart: take_authorization"
            expect(outcome, NoSuchState(), promise)
            expect(await store.get(KEY), link, "record_account must outlive a restart")
            kept = await store.keep_registration(NAME, registered(2))
            expect(kept, registered(1), "keep_registration must outlive a restart")
