"""A store around a store: what is written to it is entered in an audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any, final

import attrs

from extauth.adapters.audit.trail import AuditTrail, RecordedTrail
from extauth.domain.acting import acting, authorization_of
from extauth.domain.actors import Action, Actor, Target
from extauth.domain.audit import AuditEntry, AuditKind
from extauth.domain.link import GrantOrigin, Link, LinkKey, RefreshFailure
from extauth.domain.linking_ports import Store
from extauth.domain.optional_keywords import understood
from extauth.domain.outcomes import Recorded, RecordOutcome, Saved, SaveOutcome
from extauth.domain.token_set import TokenSet
from extauth.domain.wrong_types import must_be


@final
class AuditedStore:
    """A :class:`~extauth.domain.linking_ports.Store` that says who wrote what, in the trail that is given.

    It makes entries of what is written: ``connected``, ``refreshed``, ``rejected``, ``unlinked``, ``lifted``.
    Services on it add what is no write: ``handed_out``, ``replayed_callback``, ``wrong_user``, ``revoked``. A
    write that lost its race, or failed, leaves none. Reading and everything else is the other store's own,
    without a step between. All promises beyond that are the other store's, whose loop and lifetime it shares;
    :meth:`aclose` delivers what waits for a sink.

    Put it outside of encryption, so that fingerprints are those of the tokens, and inside a guard.

    :raises ConfigurationError: if entries are to be kept in a store that has no ``audit``.
    :raises TypeError: for what is no store that is open, and no trail.
    """

    def __init__(
        self,
        store: Store,
        trail: AuditTrail,
        *,
        actor: Actor | None = None,
        _told: RecordedTrail | None = None,
    ) -> None:
        if isinstance(store, type) or not hasattr(store, "claim"):
            hint = "write: async with open_store(url) as store"
            raise TypeError(must_be("a store that is open", store, "store", hint))
        if not isinstance(trail, AuditTrail):  # pyright: ignore[reportUnnecessaryIsInstance] - a slip
            raise TypeError(must_be("an AuditTrail", trail, "audit", "write AuditTrail.in_store()"))
        self.beneath = store
        self._trail = trail
        self._actor = actor
        self.trail = _told or RecordedTrail(trail.recorder(store), trail.handed_out, actor)
        self._recorder = self.trail.recorder
        self.get = store.get
        self.links_of = store.links_of
        self.claim = store.claim
        self.time = store.time
        self.release = store.release
        self.reseal = store.reseal
        self.due = store.due
        self.wait_for_change = store.wait_for_change
        self.record_account = store.record_account
        self.begin_authorization = store.begin_authorization
        self.find_authorization = store.find_authorization
        self.take_authorization = store.take_authorization
        self.forget_authorizations = store.forget_authorizations
        self.purge_authorizations = store.purge_authorizations
        self.registration = store.registration
        self.keep_registration = store.keep_registration

    def acting_as(self, actor: Actor) -> AuditedStore:
        """Return the same store as ``actor`` has it, whatever block of code it is used in."""
        beneath = acting(self.beneath, actor)
        told = attrs.evolve(self.trail, actor=actor)
        return AuditedStore(beneath, self._trail, actor=actor, _told=told)

    def authorize(self, action: Action, target: Target) -> None:
        """Let everybody do everything, but where the other store asks."""
        authorization_of(self.beneath)(action, target)

    def __getattr__(self, name: str) -> Any:
        # Only what is not set above comes here: further ports, which are attributes.
        if name.startswith("_") or name == "beneath":
            raise AttributeError(name, name=name, obj=self)
        return getattr(self.beneath, name)

    async def put(self, key: LinkKey, tokens: TokenSet, *, origin: GrantOrigin | None = None) -> Link:
        entry = self._entry(AuditKind.CONNECTED, key, tokens)
        with self._recorder.beside(entry):
            link = await self.beneath.put(key, tokens, origin=origin)
        self._wrote(entry, link)
        return link

    async def delete(self, key: LinkKey) -> Link | None:
        entry = self._entry(AuditKind.UNLINKED, key)
        with self._recorder.beside(entry):
            link = await self.beneath.delete(key)
        if link is not None:
            self._wrote(entry, link)
        return link

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
        entry = self._entry(AuditKind.REFRESHED, key, tokens)
        other = understood(self.beneath.save, other_grant=other_grant or None)
        with self._recorder.beside(entry):
            outcome = await self.beneath.save(
                key, version, tokens, origin=origin, written_at=written_at, **other
            )
        if isinstance(outcome, Saved):
            self._wrote(entry, outcome.link)
        return outcome

    async def record_failure(
        self, key: LinkKey, version: int, failure: RefreshFailure, *, written_at: datetime | None = None
    ) -> RecordOutcome:
        if not failure.permanent:
            return await self.beneath.record_failure(key, version, failure, written_at=written_at)
        entry = self._entry(AuditKind.REJECTED, key, reason=failure.reason)
        with self._recorder.beside(entry):
            outcome = await self.beneath.record_failure(key, version, failure, written_at=written_at)
        if isinstance(outcome, Recorded):
            self._wrote(entry, outcome.link)
        return outcome

    async def lift_failure(
        self,
        provider_id: str,
        *,
        user_id: str | None = None,
        reason: str | None = None,
        since: datetime | None = None,
    ) -> int:
        entry = attrs.evolve(
            self._entry(AuditKind.LIFTED, reason=reason), provider_id=provider_id, user_id=user_id
        )
        with self._recorder.beside(entry):
            lifted = await self.beneath.lift_failure(provider_id, user_id=user_id, reason=reason, since=since)
        if lifted:
            self._recorder.wrote(entry)
        return lifted

    async def aclose(self) -> None:
        """Deliver what waits for a sink, for ten seconds at most."""
        await self._recorder.aclose()

    def _entry(
        self,
        kind: AuditKind,
        key: LinkKey | None = None,
        tokens: TokenSet | None = None,
        *,
        reason: str | None = None,
    ) -> AuditEntry:
        return AuditEntry.of(kind, key, tokens=tokens, reason=reason, actor=self._actor)

    def _wrote(self, entry: AuditEntry, link: Link) -> None:
        self._recorder.wrote(attrs.evolve(entry, version=link.version))
