"""Giving links away to another place: each is read when no refresh of it is under way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final, final

from extauth.domain.audit import AuditKind, trail_of
from extauth.domain.doubt import is_held
from extauth.domain.errors import CannotDecrypt, LinkUnreadable
from extauth.domain.fence import fence, is_fenced
from extauth.domain.imports import ImportedLink, imports_of
from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import Recorded
from extauth.domain.ports import LinkStore
from extauth.services.transfer.importing import Progress
from extauth.services.transfer.report import ExportReport, LeftOut

_PATIENCE: Final = timedelta(minutes=2)
"""How long a refresh that is under way is waited for: longer than leases last by default."""

_MOST_TRIES: Final = 5
_PAGE: Final = 200


@final
class Exporting:
    """One export; with ``freeze`` each link is fenced here before it is read."""

    def __init__(self, store: LinkStore, *, freeze: bool, now: datetime, progress: Progress | None) -> None:
        self._store = store
        self._imports = imports_of(store)
        self._trail = trail_of(store)
        self._freeze = freeze
        self._now = now
        self._progress = progress
        self._exported = self._frozen = 0
        self._left_out: list[LeftOut] = []

    async def links(self, provider_id: str | None) -> AsyncIterator[ImportedLink]:
        """Yield the links of a provider, or of all."""
        after: LinkKey | None = None
        while keys := await self._imports.keys(provider_id=provider_id, after=after, limit=_PAGE):
            for key in keys:
                link = await self._settled(key)
                if link is not None:
                    self._exported += 1
                    self._frozen += is_fenced(link)
                    if self._trail is not None:
                        await self._trail.note(AuditKind.EXPORTED, key, tokens=link.tokens)
                    yield _given_away(link)
                    if self._progress is not None:
                        self._progress(self._exported)
            after = keys[-1]

    def report(self) -> ExportReport:
        """Say what it came to."""
        return ExportReport(self._exported, self._frozen, tuple(self._left_out))

    async def _settled(self, key: LinkKey) -> Link | None:
        """Return the link when no exchange of it is under way; None if it is gone, or is left out."""
        reason = "it is being refreshed again and again; export it again later"
        try:
            for _ in range(_MOST_TRIES):
                link = await self._store.get(key)
                if link is not None and self._freeze and _is_presented(link):
                    link = await self._fenced(link)
                    if link is None:
                        continue
                if link is None:
                    return None
                if link.pending is None or not link.pending.live:
                    return link
                # Its tokens may be spent by the time that this is written; and its save clears the fence.
                await self._store.wait_for_change(key, link.version, _PATIENCE)
        except (CannotDecrypt, LinkUnreadable) as error:
            reason = str(error)
        self._left_out.append(LeftOut(key, reason))
        return None

    async def _fenced(self, link: Link) -> Link | None:
        """Put up the fence, and return the link as it is then; None if it has changed meanwhile.

        Who claims the link after that sees the fence in what the claim returns. Who has claimed it before is
        seen here.
        """
        mark = fence(self._now, link.version)
        outcome = await self._store.record_failure(link.key, link.version, mark)
        return outcome.link if isinstance(outcome, Recorded) else None


def _is_presented(link: Link) -> bool:
    """Whether its refresh token would be presented here. A doubt holds it back, and is given away with it."""
    return link.tokens.refresh_token is not None and not is_held(link)


def _given_away(link: Link) -> ImportedLink:
    pending, mark = link.pending, link.current_failure
    return ImportedLink(
        link.key,
        link.tokens,
        origin=link.origin,
        account=link.account,
        failure=None if is_fenced(link) else mark,  # a fence is about the store that it stands in
        unresolved_since=None if pending is None else pending.since,
        created_at=link.created_at,
        updated_at=link.updated_at,
    )
