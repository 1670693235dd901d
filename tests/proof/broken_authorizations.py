"""Stores with one bug each: states good for too many callbacks, too many users, or too long.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs

from extauth import StoreUnavailable
from extauth.adapters.memory.linking import _Begun
from extauth.domain.linking_outcomes import AlreadyTaken, AnothersState, NoSuchState, StateExpired, Taken
from tests.proof.breakable_store import HealthyStore, broken


@broken("take_authorization", "test_an_authorization_is_taken_once")
class TakenTwice(HealthyStore):
    """A callback that is replayed goes through."""

    async def take_authorization(self, state_hash, *, user_id=None):
        before = self.begun.get(state_hash)
        outcome = await super().take_authorization(state_hash, user_id=user_id)
        if isinstance(outcome, Taken):
            self.begun[state_hash] = before
        return outcome


@broken("take_authorization", "test_one_of_many_takes_wins")
class TakeReadsThenWrites(HealthyStore):
    """Two callbacks look, both find it there, both take it."""

    async def take_authorization(self, state_hash, *, user_id=None):
        before = self.begun.get(state_hash)
        await asyncio.sleep(0)
        if before is not None:
            self.begun[state_hash] = before
        return await super().take_authorization(state_hash, user_id=user_id)


@broken("take_authorization", "test_one_take_of_many_replicas_wins")
class TakenInTheProcess(HealthyStore):
    """Each replica remembers what it has taken itself."""

    def another(self):
        twin = super().another()
        twin.__dict__ = {**self.__dict__, "taken": set()}
        return twin

    async def take_authorization(self, state_hash, *, user_id=None):
        taken = self.__dict__.setdefault("taken", set())
        if state_hash not in self.begun or state_hash in taken:
            return await super().take_authorization(state_hash, user_id=user_id)
        taken.add(state_hash)
        pending = attrs.evolve(self.begun[state_hash].pending, salt=f"salt-{state_hash[5:]}")
        await super().take_authorization(state_hash, user_id=user_id)
        return Taken(pending)


@broken("take_authorization", "test_another_user_takes_nothing")
class TakenByAnybody(HealthyStore):
    """A link is made for whoever was lured into the callback."""

    async def take_authorization(self, state_hash, *, user_id=None):
        return await super().take_authorization(state_hash)


@broken("take_authorization", "test_a_race_with_another_user_is_won")
class AnothersCallbackTakes(HealthyStore):
    """The other user gets nothing, and the right one finds it taken."""

    async def take_authorization(self, state_hash, *, user_id=None):
        begun = self.begun.get(state_hash)
        if begun is not None and user_id not in {None, begun.pending.key.user_id}:
            await super().take_authorization(state_hash)
            return AnothersState()
        return await super().take_authorization(state_hash, user_id=user_id)


@broken("take_authorization", "test_an_authorization_expires")
class ExpiredTaken(HealthyStore):
    """A state from an old browser tab still works."""

    async def begin_authorization(self, pending, ttl, **options):
        longer = ttl + timedelta(hours=1) if ttl > timedelta(0) else ttl
        await super().begin_authorization(pending, longer, **options)


@broken("take_authorization", "test_the_salt_is_gone_once_it_is_taken")
class SaltKept(HealthyStore):
    """Whoever reads the store later can derive the verifier of a code that was stolen."""

    async def take_authorization(self, state_hash, *, user_id=None):
        outcome = await super().take_authorization(state_hash, user_id=user_id)
        if isinstance(outcome, Taken):
            self.begun[state_hash] = attrs.evolve(self.begun[state_hash], pending=outcome.pending)
        return outcome


@broken("take_authorization", "test_a_state_never_begun_is_unknown")
class StatesFolded(HealthyStore):
    """Hashes are compared by a collation that folds case."""

    async def take_authorization(self, state_hash, *, user_id=None):
        return await super().take_authorization(state_hash.lower(), user_id=user_id)


@broken("take_authorization", "test_what_was_begun_can_be_taken")
class ResourcesSorted(HealthyStore):
    """Resources are kept as a set."""

    async def begin_authorization(self, pending, ttl, **options):
        resources = tuple(sorted(pending.resources))
        await super().begin_authorization(attrs.evolve(pending, resources=resources), ttl, **options)


@broken("take_authorization", "test_odd_authorizations_come_back")
class RedirectCutOff(HealthyStore):
    """VARCHAR(2000): a long redirect URI loses its end, and the exchange is refused."""

    async def begin_authorization(self, pending, ttl, **options):
        await super().begin_authorization(
            attrs.evolve(pending, redirect_uri=pending.redirect_uri[:2000]), ttl, **options
        )


@broken("take_authorization", "test_authorizations_are_independent")
class OnePerLink(HealthyStore):
    """A second tab makes the first one's state void."""

    async def begin_authorization(self, pending, ttl, **options):
        await self.forget_authorizations(pending.key)
        await super().begin_authorization(pending, ttl, **options)


@broken("begin_authorization", "test_beginning_again_changes_nothing")
class BeginByUpsert(HealthyStore):
    """Beginning again makes a state good again that was taken."""

    async def begin_authorization(self, pending, ttl, **options):
        self.begun.pop(pending.state_hash, None)
        await super().begin_authorization(pending, ttl, **options)


@broken("begin_authorization", "test_what_was_sent_comes_back")
class ForgetsWhatWasSent(HealthyStore):
    """An upgrade while users are at a provider: their codes are exchanged as they were not asked for."""

    async def begin_authorization(self, pending, ttl, **options):
        forgotten = attrs.evolve(pending, sent_challenge=None, sent_nonce=None)
        await super().begin_authorization(forgotten, ttl, **options)


@broken("begin_authorization", "test_the_client_of_the_code_comes_back")
class ForgetsTheClient(HealthyStore):
    """The client was replaced meanwhile: the code goes to the token endpoint in the new one's name."""

    async def begin_authorization(self, pending, ttl, **options):
        await super().begin_authorization(attrs.evolve(pending, client_id=None), ttl, **options)


@broken("begin_authorization", "test_what_was_sent_comes_back")
class NotNotedAsNotSent(HealthyStore):
    """Whoever began before the upgrade is taken for one who was sent no challenge."""

    async def begin_authorization(self, pending, ttl, **options):
        await super().begin_authorization(
            attrs.evolve(pending, sent_challenge=bool(pending.sent_challenge)), ttl, **options
        )


@broken("begin_authorization", "test_no_authorization_is_over_before_it_begins")
class NoTimeAccepted(HealthyStore):
    """What nobody can take is remembered."""

    async def begin_authorization(self, pending, ttl, **options):
        self.begun.setdefault(pending.state_hash, _Begun(pending, self._now() + ttl))


@broken("forget_authorizations", "test_forgotten_authorizations_are_unknown")
class ForgetsUser(HealthyStore):
    """Unlinking one provider breaks the linking of another."""

    async def forget_authorizations(self, key):
        same = [begun for begun in self.begun.values() if begun.pending.key.user_id == key.user_id]
        return sum(
            [await super(ForgetsUser, self).forget_authorizations(begun.pending.key) for begun in same]
        )


@broken("forget_authorizations", "test_what_was_taken_is_not_forgotten")
class ForgetsTaken(HealthyStore):
    """A second callback looks forged."""

    async def forget_authorizations(self, key):
        return self.authorizations._remove(lambda begun: begun.pending.key == key)


@broken("purge_authorizations", "test_what_has_expired_is_purged")
class PurgesAll(HealthyStore):
    """The sweep takes along who is on the way back."""

    async def purge_authorizations(self):
        return self.authorizations._remove(lambda begun: True)


@broken("purge_authorizations", "test_what_was_taken_is_purged_in_its_time")
class TakenStays(HealthyStore):
    """What was taken is remembered for ever: the table only grows."""

    async def purge_authorizations(self):
        now = self._now()
        return self.authorizations._remove(lambda begun: not begun.taken and begun.expires_at <= now)


@broken("begin_authorization", "test_authorizations_touch_no_link")
class BeginUnlinks(HealthyStore):
    """Whoever begins to reconnect and gives up has lost the old link."""

    async def begin_authorization(self, pending, ttl, **options):
        await super().begin_authorization(pending, ttl, **options)
        await self.delete(pending.key)


@broken("begin_authorization", "test_a_cancelled_begin_can_be_repeated")
class BeginInTwoSteps(HealthyStore):
    """The row first, what was asked for next: cancelled in between, the half of it stays."""

    async def begin_authorization(self, pending, ttl, **options):
        new = pending.state_hash not in self.begun
        await super().begin_authorization(
            attrs.evolve(pending, scopes=()) if new else pending, ttl, **options
        )
        await asyncio.sleep(0)
        if new:
            begun = self.begun[pending.state_hash]
            self.begun[pending.state_hash] = attrs.evolve(begun, pending=pending)


@broken("take_authorization", "test_a_cancelled_take_is_all_or_nothing")
class TakeInTwoSteps(HealthyStore):
    """The salt goes first: cancelled in between, the state is there and of no use."""

    async def take_authorization(self, state_hash, *, user_id=None):
        begun = self.begun.get(state_hash)
        if begun is None or begun.taken:
            return await super().take_authorization(state_hash, user_id=user_id)
        half = attrs.evolve(begun, pending=attrs.evolve(begun.pending, salt=""))
        self.begun[state_hash] = half
        await asyncio.sleep(0)
        outcome = await super().take_authorization(state_hash, user_id=user_id)
        return Taken(begun.pending) if isinstance(outcome, Taken) else outcome


@broken("take_authorization", "test_a_callback_may_reach_another_replica")
class StatesInTheProcess(HealthyStore):
    """States are kept in the process: half of the callbacks look forged."""

    def another(self):
        twin = super().another()
        twin.__dict__ = {**self.__dict__, "authorizations": type(self.authorizations)(self._now)}
        return twin


@broken("take_authorization", "test_linking_outlives_a_restart")
class StatesForgottenAtRestart(StatesInTheProcess):
    """A deployment breaks the linking of everybody who is at a provider then."""


@broken("take_authorization", "test_a_broken_store_is_no_forged_state")
class ErrorAsForgedState(HealthyStore):
    """While the database is down every user is told to have forged a state."""

    async def take_authorization(self, state_hash, *, user_id=None):
        try:
            return await super().take_authorization(state_hash, user_id=user_id)
        except StoreUnavailable:
            return NoSuchState()


@broken("take_authorization", "test_an_authorization_is_taken_once")
class ExpiredForTaken(HealthyStore):
    """Whoever clicks twice is told to be late."""

    async def take_authorization(self, state_hash, *, user_id=None):
        outcome = await super().take_authorization(state_hash, user_id=user_id)
        return StateExpired() if isinstance(outcome, AlreadyTaken) else outcome
