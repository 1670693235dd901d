"""Bringing everything that is stored under the primary key, while replicas go on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, TypeAlias, cast, final

from extauth.domain.audit import AuditKind, trail_of
from extauth.domain.errors import CannotDecrypt, ConfigurationError, LinkUnreadable
from extauth.domain.key_use import KeysStatus, RotationProgress, RotationReport, RowLeft, keys_status_of
from extauth.domain.link import LinkKey
from extauth.domain.sealed_rows import ResealingStore
from extauth.services.keys.reseal_link import Resealing, reseal_link
from extauth.services.keys.status import rows_of

PAGE: Final = 1000
"""Links that are looked for at once."""
CHUNK: Final = 50
"""Of those, links that are written before the next are looked at again: others may have done them."""

OnProgress: TypeAlias = Callable[[RotationProgress], object]


async def rotate(
    store: object,
    *,
    progress: OnProgress | None = None,
    at_once: int = 4,
    rng: random.Random | None = None,
) -> RotationReport:
    """Encrypt everything that is not under the primary key with it: links and registered clients.

    ``store`` is one that was opened with ``keys``, the new key first. What is plain is encrypted, too.
    Authorizations under way are left to expire, within minutes, and count until then; those that have
    expired are purged at the beginning.

    Give the new key to every replica first. Refreshes go on meanwhile and are never disturbed: each link is
    written by ``reseal`` at the version it was read at, which leaves version and lease; a link that has moved
    on is read again. ``at_once`` links are written at the same time, so that saves of refreshes wait for no
    more than those.

    It keeps no notes: what is left to do is what the rows say. So it can be cancelled, killed and begun again
    anywhere, and goes on with the rest. Two at once, on one replica or two, share the work: each takes the
    links of a page in an order of its own (``rng``), and looks again before it writes. A link that cannot be
    opened or read is left as it is, listed in the report, and the rest goes on.

    In the trail of a store that is audited it is entered when it begins, if there is something to do.

    ``progress`` is called at the beginning, after every 50 links or so, and at the end. What it raises
    ends the rotation.

    :raises ConfigurationError: if the store does not encrypt, or cannot say which rows are encrypted with
        which key; or a key service refuses.
    :raises StoreUnavailable: if the store, or a key service, fails; begin again when it works.
    :raises ValueError: if ``at_once`` is not positive.
    """
    if at_once < 1:
        msg = "at_once must be at least 1"
        raise ValueError(msg)
    if not hasattr(rows_of(store), "primary_key_id"):
        msg = (
            "this store encrypts nothing: open it with keys, the new one first; give them to the command by"
            " --keys-file or EXTAUTH_KEYS"
        )
        raise ConfigurationError(msg)
    given = cast("ResealingStore", store)
    key_id = await given.sealed.primary_key_id()
    await given.purge_authorizations()
    counts = await given.sealed.count()
    before = keys_status_of(counts, key_id).remaining
    total = before.links + before.registrations
    if total and (trail := trail_of(store)) is not None:
        await trail.note(AuditKind.KEYS_ROTATED, reason=key_id)
    run = _Rotation(given, key_id, total, progress, at_once)
    await run.all(rng or random.Random())  # noqa: S311 - it shares work, and keeps no secret
    after = keys_status_of(await given.sealed.count(), key_id, given.sealed.given_key_ids())
    return run.report(after)


@final
class _Rotation:
    """One call of :func:`rotate`."""

    def __init__(
        self, store: ResealingStore, key_id: str, total: int, progress: OnProgress | None, at_once: int
    ) -> None:
        self._store = store
        self._key_id = key_id
        self._total = total
        self._progress = progress
        self._at_once = at_once
        self._done = 0
        self._failed: list[RowLeft] = []

    async def all(self, rng: random.Random) -> None:
        self._tell()
        for name in await self._store.sealed.registrations(self._key_id):
            await self._settle(None, name, self._registration(name))
        self._tell()
        after: LinkKey | None = None
        while page := await self._store.sealed.links(self._key_id, after=after, limit=PAGE):
            after = page[-1]
            rng.shuffle(page)
            for start in range(0, len(page), CHUNK):
                await self._chunk(page[start : start + CHUNK])
                self._tell()

    def report(self, status: KeysStatus) -> RotationReport:
        left = status.remaining.links + status.remaining.registrations
        remaining = max(left - len(self._failed), 0)
        self._done = max(self._done, self._total - len(self._failed) - remaining)
        self._total = self._done + len(self._failed) + remaining
        self._tell()
        return RotationReport(self._key_id, self._total, self._done, tuple(self._failed), status)

    async def _chunk(self, keys: Sequence[LinkKey]) -> None:
        # Another rotation, or a refresh, may have done some since the page was read.
        left = await self._store.sealed.links_among(keys, self._key_id)
        self._done += len(keys) - len(left)
        waiting = iter(left)
        workers = [asyncio.create_task(self._links(waiting)) for _ in range(min(self._at_once, len(left)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _links(self, waiting: Iterator[LinkKey]) -> None:
        for key in waiting:
            await self._settle(key, None, reseal_link(self._store, key))

    async def _registration(self, name: str) -> Resealing:
        await self._store.sealed.renew_registration(name)
        return "done"

    async def _settle(self, key: LinkKey | None, name: str | None, sealing: Awaitable[Resealing]) -> None:
        try:
            outcome = await sealing
        except CannotDecrypt as error:
            self._failed.append(RowLeft(key, name, error.reason, error.key_id))
        except LinkUnreadable:
            self._failed.append(RowLeft(key, name, "unreadable"))
        else:
            if outcome == "busy":
                self._failed.append(RowLeft(key, name, "busy"))
            else:
                self._done += 1

    def _tell(self) -> None:
        if self._progress is not None:
            failed = len(self._failed)
            total = max(self._total, self._done + failed)
            self._progress(RotationProgress(self._done, total, failed, total - self._done - failed))
