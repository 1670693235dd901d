"""A store around a store: who may not do something is refused before the one beneath is touched."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Final, final

from extauth.adapters.authorization.ports import guarded
from extauth.domain.access import RULES, AccessPolicy, AccessRules
from extauth.domain.acting import acting, current_actor
from extauth.domain.actors import Action, Actor, Target, target_of
from extauth.domain.due import Due, DueBy
from extauth.domain.errors import NotAuthorized
from extauth.domain.fence import FENCED
from extauth.domain.link import Account, GrantOrigin, Link, LinkKey, RefreshFailure
from extauth.domain.linking import MOST_BEGUN, ClientRegistration, PendingAuthorization
from extauth.domain.linking_outcomes import FindOutcome, TakeOutcome
from extauth.domain.linking_ports import Store
from extauth.domain.optional_keywords import understood
from extauth.domain.outcomes import ClaimOutcome, RecordOutcome, ResealOutcome, SaveOutcome
from extauth.domain.ports import Takeover
from extauth.domain.readiness import ping
from extauth.domain.token_set import TokenSet
from extauth.domain.wrong_types import must_be

_NOT_ASYNC: Final = "allows of an access policy must be no async function: nobody would wait for its answer"


@final
class GuardedStore:
    """A :class:`~extauth.domain.linking_ports.Store` that lets each actor do what ``policy`` allows.

    Every operation is done in somebody's name: in that of the ``actor`` given, else of the one that
    :func:`extauth.acting_as` says for the code that calls, else in nobody's, who may do nothing. Who may not
    is told so, with :class:`~extauth.NotAuthorized`, before the store beneath is touched: nothing in the
    error, or in how long it takes, depends on what is stored. All promises beyond that are the other store's,
    whose loop and lifetime it shares.

    A service on it asks whether its caller may where it is called, also for what it has in memory, and then
    works in its own name: see :data:`~extauth.domain.actors.REFRESHING` and its neighbours.

    It keeps an application from mistakes, not from itself: whoever has the store can name any actor. Put it
    outside of encryption.

    :raises TypeError: for what is no store that is open, and no policy; also from a call, if the policy gives
        it something to be awaited.
    """

    def __init__(
        self, store: Store, policy: AccessRules | None = None, *, actor: Actor | None = None
    ) -> None:
        if isinstance(store, type) or not hasattr(store, "claim"):
            hint = "write: async with open_store(url) as store"
            raise TypeError(must_be("a store that is open", store, "store", hint))
        self.beneath = store
        self._policy: AccessRules = AccessPolicy() if policy is None else policy
        if not hasattr(self._policy, "allows") or isinstance(policy, type):
            raise TypeError(must_be("an AccessPolicy", policy, "policy", "write AccessPolicy()"))
        if iscoroutinefunction(self._policy.allows):
            raise TypeError(_NOT_ASYNC)
        self._actor = actor

    def acting_as(self, actor: Actor) -> GuardedStore:
        """Return the same store as ``actor`` has it, whatever block of code it is used in."""
        return GuardedStore(acting(self.beneath, actor), self._policy, actor=actor)

    def authorize(self, action: Action, target: Target) -> None:
        """Let whoever this code runs for do that.

        :raises NotAuthorized: if they may not.
        """
        actor = self._actor or current_actor()
        if actor is None:
            msg = (
                "it is not said who acts here, so nothing is allowed;"
                ' write: with extauth.acting_as(extauth.User("...")), or store.acting_as(...)'
            )
            raise NotAuthorized(msg)
        allowed: object = self._policy.allows(actor, action, target)
        if isawaitable(allowed):  # which is true, whatever would come of it
            raise TypeError(_NOT_ASYNC)
        if not allowed:
            msg = f"{actor} may not {action} {target}"
            raise NotAuthorized(msg)

    def __getattr__(self, name: str) -> Any:
        # Only what is not defined below comes here: further ports, which are attributes.
        if name.startswith("_") or name == "beneath":
            raise AttributeError(name, name=name, obj=self)
        return guarded(self.beneath, name, self._allow)

    def _allow(self, method: str, arguments: Mapping[str, object]) -> None:
        self.authorize(RULES[method], target_of(arguments))

    async def get(self, key: LinkKey) -> Link | None:
        self.authorize(RULES["get"], Target.of(key))
        return await self.beneath.get(key)

    async def links_of(self, user_id: str) -> list[Link]:
        self.authorize(RULES["links_of"], Target(user_id=user_id))
        return await self.beneath.links_of(user_id)

    async def put(self, key: LinkKey, tokens: TokenSet, *, origin: GrantOrigin | None = None) -> Link:
        self.authorize(RULES["put"], Target.of(key))
        return await self.beneath.put(key, tokens, origin=origin)

    async def delete(self, key: LinkKey) -> Link | None:
        self.authorize(RULES["delete"], Target.of(key))
        return await self.beneath.delete(key)

    async def claim(
        self, key: LinkKey, version: int, owner: str, ttl: timedelta, *, takeover: Takeover = True
    ) -> ClaimOutcome:
        self.authorize(RULES["claim"], Target.of(key))
        return await self.beneath.claim(key, version, owner, ttl, takeover=takeover)

    async def time(self) -> datetime:
        self.authorize(RULES["time"], Target())
        return await self.beneath.time()

    async def ping(self) -> None:
        self.authorize(RULES["ping"], Target())
        await ping(self.beneath)

    async def save(
        self,
        key: LinkKey,
        version: int,
        tokens: TokenSet,
        *,
        origin: GrantOrigin | None = None,
        written_at: datetime | None = None,
        other_grant: bool = False,
    ) -> SaveOutcome:
        self.authorize(RULES["save"], Target.of(key))
        other = understood(self.beneath.save, other_grant=other_grant or None)
        return await self.beneath.save(key, version, tokens, origin=origin, written_at=written_at, **other)

    async def record_failure(
        self, key: LinkKey, version: int, failure: RefreshFailure, *, written_at: datetime | None = None
    ) -> RecordOutcome:
        self.authorize(RULES["record_failure"], Target.of(key))
        return await self.beneath.record_failure(key, version, failure, written_at=written_at)

    async def lift_failure(
        self,
        provider_id: str,
        *,
        user_id: str | None = None,
        reason: str | None = None,
        since: datetime | None = None,
    ) -> int:
        # A fence is no failure: whoever lifts one says that nobody refreshes these grants elsewhere.
        action = Action.IMPORT if reason == FENCED else RULES["lift_failure"]
        self.authorize(action, Target(provider_id, user_id))
        return await self.beneath.lift_failure(provider_id, user_id=user_id, reason=reason, since=since)

    async def release(self, key: LinkKey, version: int, owner: str, *, unresolved: bool = False) -> bool:
        self.authorize(RULES["release"], Target.of(key))
        return await self.beneath.release(key, version, owner, unresolved=unresolved)

    async def reseal(
        self, key: LinkKey, version: int, tokens: TokenSet, *, written_at: datetime | None = None
    ) -> ResealOutcome:
        self.authorize(RULES["reseal"], Target.of(key))
        written = understood(self.beneath.reseal, written_at=written_at)
        return await self.beneath.reseal(key, version, tokens, **written)

    async def due(
        self, provider_id: str, by: DueBy, before: datetime, *, after: Due | None = None, limit: int = 100
    ) -> list[Due]:
        self.authorize(RULES["due"], Target(provider_id))
        return await self.beneath.due(provider_id, by, before, after=after, limit=limit)

    async def wait_for_change(self, key: LinkKey, version: int, timeout: timedelta) -> Link | None:
        self.authorize(RULES["wait_for_change"], Target.of(key))
        return await self.beneath.wait_for_change(key, version, timeout)

    async def record_account(self, key: LinkKey, version: int, account: Account) -> RecordOutcome:
        self.authorize(RULES["record_account"], Target.of(key))
        return await self.beneath.record_account(key, version, account)

    async def begin_authorization(
        self, pending: PendingAuthorization, ttl: timedelta, *, at_most: int = MOST_BEGUN
    ) -> None:
        self.authorize(RULES["begin_authorization"], Target.of(pending.key))
        await self.beneath.begin_authorization(pending, ttl, at_most=at_most)

    async def find_authorization(self, state_hash: str, *, user_id: str | None = None) -> FindOutcome:
        self.authorize(RULES["find_authorization"], Target(user_id=user_id, state_hash=state_hash))
        return await self.beneath.find_authorization(state_hash, user_id=user_id)

    async def take_authorization(self, state_hash: str, *, user_id: str | None = None) -> TakeOutcome:
        self.authorize(RULES["take_authorization"], Target(user_id=user_id, state_hash=state_hash))
        return await self.beneath.take_authorization(state_hash, user_id=user_id)

    async def forget_authorizations(self, key: LinkKey) -> int:
        self.authorize(RULES["forget_authorizations"], Target.of(key))
        return await self.beneath.forget_authorizations(key)

    async def purge_authorizations(self) -> int:
        self.authorize(RULES["purge_authorizations"], Target())
        return await self.beneath.purge_authorizations()

    async def registration(self, name: str) -> ClientRegistration | None:
        self.authorize(RULES["registration"], Target(name=name))
        return await self.beneath.registration(name)

    async def keep_registration(
        self, name: str, registration: ClientRegistration, *, instead_of: str | None = None
    ) -> ClientRegistration:
        self.authorize(RULES["keep_registration"], Target(name=name))
        return await self.beneath.keep_registration(name, registration, instead_of=instead_of)
