"""Where the entries of an audit trail go, and which are made."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Literal, Protocol, Self, TypeAlias, final, get_args

import attrs

from extauth.adapters.audit.delivery import Delivery
from extauth.domain.actors import Actor
from extauth.domain.audit import AuditEntry, AuditKind, AuditSink, AuditStore, audit_of, entry_beside
from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import Link, LinkKey
from extauth.domain.token_set import TokenSet
from extauth.domain.wrong_types import must_be

_log: Final = logging.getLogger("extauth")

HandedOut: TypeAlias = Literal["all", "sampled"]
"""Which of the access tokens that callers get are entered: all, each time, or each the first time that this
process hands it to somebody."""

_MOST_SEEN: Final = 10_000
"""Hand-outs that are remembered for ``sampled``: the oldest are forgotten, and entered again."""


@final
@attrs.frozen
class AuditTrail:
    """Says where entries go: make it by :meth:`in_store` or :meth:`to`."""

    sink: AuditSink | None
    handed_out: HandedOut | None = attrs.field(
        validator=attrs.validators.optional(attrs.validators.in_(get_args(HandedOut)))
    )

    @classmethod
    def in_store(cls, *, handed_out: HandedOut | None = "sampled") -> Self:
        """Keep entries in a table of the links' database: ``store.audit``, an
        :class:`~extauth.domain.audit.AuditStore`.

        An entry about a write is written in the transaction of the write: both are there, or neither is. With
        ``handed_out`` an access token is entered before its caller gets it, and not given if that fails.
        """
        return cls(None, handed_out)

    @classmethod
    def to(cls, sink: AuditSink, *, handed_out: HandedOut | None = "sampled") -> Self:
        """Give entries to a sink, in the background: at least once, as long as the process lives.

        No caller waits for it. What is not taken is kept in memory, up to 10,000 entries, and lost with the
        process; what is lost otherwise is logged.

        :raises TypeError: for what has no ``write``.
        """
        if isinstance(sink, type) or not callable(getattr(sink, "write", None)):
            hint = "write a class with a method async write(self, entries)"
            raise TypeError(must_be("an AuditSink", sink, "sink", hint))
        return cls(sink, handed_out)

    def recorder(self, store: object) -> Recorder:
        """Return what writes the entries of that store.

        :raises ConfigurationError: if they are to be kept in a store that cannot.
        """
        return InStore(audit_of(store)) if self.sink is None else ToSink(Delivery(self.sink))


class Recorder(Protocol):
    """Writes entries."""

    def beside(self, entry: AuditEntry) -> AbstractContextManager[None]:
        """Let the write that is called in this block be written with the entry."""
        ...

    def wrote(self, entry: AuditEntry) -> None:
        """Take note that a write with this entry beside it was carried out."""
        ...

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Write entries of no write."""
        ...

    async def aclose(self) -> None:
        """Write what is not written yet."""
        ...


@final
@attrs.frozen
class InStore:
    """A :class:`Recorder` in the links' database."""

    audit: AuditStore

    def beside(self, entry: AuditEntry) -> AbstractContextManager[None]:
        return entry_beside(entry)

    def wrote(self, entry: AuditEntry) -> None:
        """It is there already."""

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        await self.audit.append(entries)

    async def aclose(self) -> None:
        """All is."""


@final
@attrs.frozen
class ToSink:
    """A :class:`Recorder` that gives entries away."""

    delivery: Delivery

    def beside(self, entry: AuditEntry) -> AbstractContextManager[None]:  # noqa: ARG002 - the port's
        return nullcontext()

    def wrote(self, entry: AuditEntry) -> None:
        self.delivery.take([entry])

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        self.delivery.take(entries)

    async def aclose(self) -> None:
        await self.delivery.aclose()


@final
@attrs.frozen
class RecordedTrail:
    """What services tell: a :class:`~extauth.domain.audit.Trail`."""

    recorder: Recorder
    mode: HandedOut | None
    actor: Actor | None = None
    """Who tells; None: whoever the code runs for."""
    _seen: dict[tuple[object, ...], None] = attrs.field(factory=dict[tuple[object, ...], None], eq=False)
    """What was handed out to whom, the oldest first."""

    async def handed_out(self, link: Link) -> Link:
        if self.mode is None:
            return link
        tokens = attrs.evolve(link.tokens, refresh_token=None)
        entry = AuditEntry.of(
            AuditKind.HANDED_OUT, link.key, tokens=tokens, version=link.version, actor=self.actor
        )
        seen = (link.key, entry.hashed_access_token, entry.actor)
        if self.mode == "all" or seen not in self._seen:
            await self.recorder.append([entry])
            self._remember(seen)
        return link

    async def note(
        self,
        kind: AuditKind,
        about: LinkKey | str | None = None,
        *,
        tokens: TokenSet | None = None,
        reason: str | None = None,
    ) -> None:
        entry = AuditEntry.of(kind, about, tokens=tokens, reason=reason, actor=self.actor)
        try:
            await self.recorder.append([entry])
        except StoreUnavailable as error:
            _log.error("an entry of the audit trail is lost: %r; %s", entry, error)

    def _remember(self, seen: tuple[object, ...]) -> None:
        if self.mode == "sampled":
            self._seen[seen] = None
            if len(self._seen) > _MOST_SEEN:
                del self._seen[next(iter(self._seen))]
