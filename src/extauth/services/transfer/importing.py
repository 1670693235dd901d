"""Taking links over from another place: each row for itself, and what is there already stays."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import TypeAlias, cast, final

import attrs

from extauth.domain.fence import DOUBTFUL, fence
from extauth.domain.hidden import Hidden
from extauth.domain.imports import ImportedLink, RowRefused
from extauth.domain.link import LinkKey, RefreshFailure
from extauth.domain.ports import LinkStore
from extauth.services.transfer.adding import Adding, Dry, Outcome
from extauth.services.transfer.report import ImportReport, RefusedRow

Row: TypeAlias = Mapping[str, object] | ImportedLink | RowRefused
"""What another place gives: values by column, a link already, or what could not be read there."""

RowMapping: TypeAlias = Callable[[Mapping[str, object]], ImportedLink]
"""Makes a link of a row, or raises :class:`~extauth.domain.imports.RowRefused`."""

Progress: TypeAlias = Callable[[int], None]
"""Is told how many rows, or links, are done."""


@final
class _Rows:
    """Looks at each row, and at what the rows before it were."""

    def __init__(self, mapping: RowMapping | None) -> None:
        self._mapping = mapping
        self._keys: dict[LinkKey, int] = {}
        """In which row a key has come."""
        self._grants: dict[bytes, int] = {}
        """In which row a refresh token has come, by its digest."""

    def link(self, number: int, row: Row) -> ImportedLink | RefusedRow:
        """Return the link of a row, or why it is left out."""
        try:
            link = self._mapped(row)
        except RowRefused as refused:
            return RefusedRow(number, str(refused))
        except Exception as error:  # noqa: BLE001 - a mapping of the application's, whose error may quote a token
            return RefusedRow(number, f"the mapping raised {type(error).__name__}")
        if (earlier := self._keys.setdefault(link.key, number)) != number:
            return RefusedRow(number, f"row {earlier} is the same user's link to the same provider", link.key)
        digest = sha256((link.tokens.refresh_token or f"{number}").encode()).digest()
        if (earlier := self._grants.setdefault(digest, number)) != number:
            reason = f"row {earlier} has the same refresh token, and one grant cannot be two links"
            return RefusedRow(number, reason, link.key)
        return link

    def _mapped(self, row: Row) -> ImportedLink:
        if isinstance(row, RowRefused):
            raise row
        if isinstance(row, ImportedLink):
            return row
        if self._mapping is None:
            msg = "it is no link, and no mapping was given to make one of it"
            raise RowRefused(msg)
        link = cast("object", self._mapping(row))
        if isinstance(link, ImportedLink):
            return link
        if (close := getattr(link, "close", None)) is not None:
            close()  # a coroutine that nobody awaits
        msg = f"the mapping returned no ImportedLink but {type(link).__name__}"
        raise RowRefused(msg)


async def import_rows(
    store: LinkStore,
    rows: Hidden[Iterable[Row] | AsyncIterable[Row]],
    *,
    now: datetime,
    mapping: RowMapping | None,
    frozen: bool,
    dry_run: bool,
    progress: Progress | None,
) -> ImportReport:
    """See :func:`extauth.transfer.import_links`."""
    write = Dry(store, frozen=frozen) if dry_run else Adding(store, frozen=frozen)
    looked_at = _Rows(mapping)
    number = added = fenced = renewed = 0
    already_there: list[LinkKey] = []
    refused: list[RefusedRow] = []
    async for link in _links(looked_at, rows):
        number += 1
        if isinstance(link, RefusedRow):
            refused.append(link)
        else:
            marked = attrs.evolve(link, failure=_mark(link, now, frozen=frozen))
            outcome = await write.link(marked)
            added += outcome is Outcome.ADDED
            fenced += outcome is Outcome.ADDED and marked.failure == fence(now)
            renewed += outcome is Outcome.RENEWED
            if outcome is Outcome.ALREADY_THERE:
                already_there.append(link.key)
        if progress is not None:
            progress(number)
    return ImportReport(dry_run, number, added, fenced, renewed, tuple(already_there), tuple(refused))


async def _links(
    looked_at: _Rows, rows: Hidden[Iterable[Row] | AsyncIterable[Row]]
) -> AsyncIterator[ImportedLink | RefusedRow]:
    # No row is kept in a variable while anything can fail: reports of errors show variables.
    number = 0
    if isinstance(rows.value, AsyncIterable):
        async for row in rows.value:
            number += 1
            link = looked_at.link(number, row)
            del row
            yield link
        return
    for row in rows.value:
        number += 1
        link = looked_at.link(number, row)
        del row
        yield link


def _mark(link: ImportedLink, now: datetime, *, frozen: bool) -> RefreshFailure | None:
    """Return what is to stand beside the tokens here.

    A rejected grant is rejected everywhere, and what may be spent may be so everywhere. Whatever else failed
    there is no matter here, and without a refresh token there is nothing to fence.
    """
    mark = link.failure
    if mark is not None and (mark.permanent or (frozen and mark.reason == DOUBTFUL)):
        return mark
    return None if frozen or link.tokens.refresh_token is None else fence(now)
