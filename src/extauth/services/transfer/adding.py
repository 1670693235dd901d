"""What becomes of one link that comes from elsewhere."""

from __future__ import annotations

import enum
import secrets
from datetime import timedelta
from typing import Final, final

import attrs

from extauth.domain.audit import AuditKind, trail_of
from extauth.domain.errors import CannotDecrypt, LinkUnreadable
from extauth.domain.fence import is_fenced
from extauth.domain.imports import Added, ImportedLink, imports_of
from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import Claimed, Saved
from extauth.domain.ports import LinkReader, LinkStore

_BRIEF: Final = timedelta(seconds=1)


class Outcome(enum.Enum):
    """What was done, or would be."""

    ADDED = "added"
    RENEWED = "renewed"
    ALREADY_THERE = "already there"


@final
class Adding:
    """Adds links. A fenced one takes newer tokens from a side that is ``frozen``.

    Since it was read there before, that side may have spent its refresh token; and as it is fenced, it has
    not been refreshed here since, nor has the user authorized anew. So what is there is no newer grant.
    """

    def __init__(self, store: LinkStore, *, frozen: bool) -> None:
        self._store = store
        self._imports = imports_of(store)
        self._trail = trail_of(store)
        self._frozen = frozen

    async def link(self, link: ImportedLink) -> Outcome:
        """Add or renew the link, unless what is there is to stay."""
        outcome = await self._written(link)
        if self._trail is not None and outcome is not Outcome.ALREADY_THERE:
            await self._trail.note(AuditKind.IMPORTED, link.key, tokens=link.tokens)
        return outcome

    async def _written(self, link: ImportedLink) -> Outcome:
        if isinstance(await self._imports.add(link), Added):
            return Outcome.ADDED
        stored = await _stored(self._store, link.key) if self._frozen else None
        if not (isinstance(stored, Link) and _may_renew(stored, link)):
            return Outcome.ALREADY_THERE
        # On the condition that nothing has happened to it; and whoever claims it after this sees no fence.
        saved = await self._store.save(
            stored.key, stored.version, link.tokens, origin=link.origin, written_at=stored.updated_at
        )
        if not isinstance(saved, Saved):
            return Outcome.ALREADY_THERE
        await self._note(link, saved.link.version)
        return Outcome.RENEWED

    async def _note(self, link: ImportedLink, version: int) -> None:
        """Put beside the tokens what a save does not take along."""
        if link.failure is not None:
            await self._store.record_failure(link.key, version, attrs.evolve(link.failure, version=version))
        if link.unresolved_since is not None:
            owner = secrets.token_hex(16)
            claim = await self._store.claim(link.key, version, owner, _BRIEF)
            if isinstance(claim, Claimed):
                await self._store.release(link.key, version, owner, unresolved=True)


@final
class Dry:
    """Says what :class:`Adding` would do, and writes nothing."""

    def __init__(self, store: LinkStore, *, frozen: bool) -> None:
        imports_of(store)
        self._store = store
        self._frozen = frozen

    async def link(self, link: ImportedLink) -> Outcome:
        """Say what would become of the link."""
        stored = await _stored(self._store, link.key)
        if stored is None:
            return Outcome.ADDED
        renew = self._frozen and isinstance(stored, Link) and _may_renew(stored, link)
        return Outcome.RENEWED if renew else Outcome.ALREADY_THERE


def _may_renew(stored: Link, link: ImportedLink) -> bool:
    """Whether a fenced link is to get these tokens, from a side that is frozen: unless they are older."""
    return is_fenced(stored) and (link.updated_at is None or stored.updated_at <= link.updated_at)


async def _stored(store: LinkReader, key: LinkKey) -> Link | bool | None:
    """Return the link that is there; True for one that does not open, or cannot be read."""
    try:
        return await store.get(key)
    except (CannotDecrypt, LinkUnreadable):
        return True
