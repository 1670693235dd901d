"""A store as the tests of linking see it: each answer is of a kind that the ports allow."""

from __future__ import annotations

from datetime import timedelta

from extauth.domain.link import Account, LinkKey
from extauth.domain.linking import MOST_BEGUN, ClientRegistration, PendingAuthorization
from extauth.domain.linking_outcomes import (
    AlreadyTaken,
    AnothersState,
    FindOutcome,
    NoSuchState,
    StateExpired,
    Taken,
    TakeOutcome,
    Waiting,
)
from extauth.domain.linking_ports import Store
from extauth.domain.outcomes import Absent, Recorded, RecordOutcome, Stale
from extauth.testing.contract.expect import expect_kind
from extauth.testing.contract.witness import Witness, kind_of, outcome_of

_NOT_TAKEN = (AlreadyTaken, StateExpired, AnothersState, NoSuchState)
_FIND_OUTCOMES = (Waiting, *_NOT_TAKEN)
_TAKE_OUTCOMES = (Taken, *_NOT_TAKEN)


class LinkingWitness(Witness):
    """Passes the calls of linking on too, and says which method failed and how."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.linking_store = store

    async def record_account(self, key: LinkKey, version: int, account: Account) -> RecordOutcome:
        """See the port."""
        outcome = await self.call("record_account", self.linking_store.record_account(key, version, account))
        return outcome_of("record_account", key, version, outcome, (Recorded, Stale, Absent))

    async def begin_authorization(
        self, pending: PendingAuthorization, ttl: timedelta, *, at_most: int = MOST_BEGUN
    ) -> None:
        """See the port."""
        beginning = self.linking_store.begin_authorization(pending, ttl, at_most=at_most)
        await self.call("begin_authorization", beginning)

    async def find_authorization(self, state_hash: str, *, user_id: str | None = None) -> FindOutcome:
        """See the port."""
        finding = self.linking_store.find_authorization(state_hash, user_id=user_id)
        return kind_of("find_authorization", await self.call("find_authorization", finding), _FIND_OUTCOMES)

    async def take_authorization(self, state_hash: str, *, user_id: str | None = None) -> TakeOutcome:
        """See the port."""
        taking = self.linking_store.take_authorization(state_hash, user_id=user_id)
        return kind_of("take_authorization", await self.call("take_authorization", taking), _TAKE_OUTCOMES)

    async def forget_authorizations(self, key: LinkKey) -> int:
        """See the port."""
        count = await self.call("forget_authorizations", self.linking_store.forget_authorizations(key))
        return expect_kind(count, int, "forget_authorizations must return how many it removed")

    async def purge_authorizations(self) -> int:
        """See the port."""
        count = await self.call("purge_authorizations", self.linking_store.purge_authorizations())
        return expect_kind(count, int, "purge_authorizations must return how many it removed")

    async def registration(self, name: str) -> ClientRegistration | None:
        """See the port."""
        kept = await self.call("registration", self.linking_store.registration(name))
        if kept is None:
            return None
        return expect_kind(kept, ClientRegistration, "registration must return a ClientRegistration or None")

    async def keep_registration(
        self, name: str, registration: ClientRegistration, *, instead_of: str | None = None
    ) -> ClientRegistration:
        """See the port."""
        keeping = self.linking_store.keep_registration(name, registration, instead_of=instead_of)
        kept = await self.call("keep_registration", keeping)
        return expect_kind(kept, ClientRegistration, "keep_registration must return what is kept")


def linking_beneath(store: Store) -> Store:
    """Return the store itself, for a call that is expected to raise."""
    return store.linking_store if isinstance(store, LinkingWitness) else store
