"""Moving links into a store and out of it: what an application, or the command, calls."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from typing import TYPE_CHECKING

from extauth.clock import SystemClock
from extauth.domain.fence import FENCED
from extauth.domain.hidden import Hidden
from extauth.domain.imports import ImportedLink, RowRefused
from extauth.domain.ports import LinkStore
from extauth.services.transfer.exporting import Exporting
from extauth.services.transfer.importing import Progress, Row, RowMapping, import_rows
from extauth.services.transfer.report import ExportReport, ImportReport, LeftOut, RefusedRow

if TYPE_CHECKING:  # a store that does not encrypt must not need the package that it takes
    from extauth.adapters.encryption.keyring import Keys

__all__ = [
    "ExportReport",
    "ImportReport",
    "ImportedLink",
    "LeftOut",
    "Progress",
    "RefusedRow",
    "Row",
    "RowMapping",
    "RowRefused",
    "export_links",
    "import_links",
    "lift_fence",
    "read_export",
]


async def import_links(
    store: LinkStore,
    rows: Iterable[Row] | AsyncIterable[Row],
    *,
    mapping: RowMapping | None = None,
    frozen: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Add a link for each row, unless there is one with its key, and report what became of each.

    ``mapping`` makes links of rows: :class:`~extauth.adapters.importing.Columns`, or one made for another
    library's table; rows that are links already need none. A row that is not right is listed and left out,
    and so is a second one for the same user and provider or with the same refresh token; put the best one
    first. A link that is there stays as it is: what the user has authorized here is newer. With ``dry_run``
    nothing is written; the report says what would be.

    Links are **fenced**: their access tokens are handed out for as long as they work, and then
    :class:`~extauth.LinkFenced` is raised, but their refresh tokens are not presented, since whoever had them
    may do that, too, and a server that sees one twice may end the grant.

    ``frozen=True`` says that the other side has stopped for good, **before the rows were read**: then there
    is no fence, and links that are here and still fenced get the tokens of their rows, which that side may
    have refreshed since they were first read; unless the rows are older by ``updated_at``. So the safe way is
    two runs: one while the other side is at work, and one with ``frozen=True`` after it has stopped. Where
    rows that were read before it stopped are still the newest, :func:`lift_fence` does as well. A grant that
    was rejected there is marked so here.

    Each link is added, or renewed, by one atomic statement. An import that was interrupted, by an error or a
    cancellation, is repeated whole: what it has added before is already there.

    :raises TypeError: for a store that cannot take links over, before any row is read.
    :raises StoreUnavailable: if the store fails; also what reading the rows raises.
    """
    given: Hidden[Iterable[Row] | AsyncIterable[Row]] = Hidden(rows)
    del rows  # they hold tokens, and tools that report errors show the local variables of each frame
    return await import_rows(
        store,
        given,
        now=SystemClock().now(),
        mapping=mapping,
        frozen=frozen,
        dry_run=dry_run,
        progress=progress,
    )


async def lift_fence(store: LinkStore, provider_id: str, *, user_id: str | None = None) -> int:
    """Let fenced links of a provider be refreshed here from now on, and return how many.

    Those that are named below the provider are its links, too. Only when the other side refreshes them no
    more, and has not since they were read there: else read them again, with ``import_links(frozen=True)``.
    With ``user_id`` that user's alone: the way to try it out.

    One atomic statement; a cancelled call may have been carried out, and can be repeated.

    :raises StoreUnavailable: if the store fails.
    """
    return await store.lift_failure(provider_id, user_id=user_id, reason=FENCED)


async def export_links(
    store: LinkStore,
    file: str | os.PathLike[str],
    *,
    key: Keys,
    freeze: bool = False,
    provider_id: str | None = None,
    progress: Progress | None = None,
) -> ExportReport:
    """Write links to a new file, encrypted, which :func:`read_export` reads.

    All of them, or those of one provider and named below it, whole: tokens with those for resources, scopes,
    expiries, account, origin and marks. The file is its owner's alone (mode 0600), and comes into being when
    all is written; its format is that of :mod:`extauth.adapters.encryption.link_lines`. ``key`` is an
    ``EncryptionKey`` that the other side has, too, or whatever else a store may be given as keys.

    **The links stay here.** If they go on being refreshed here and are refreshed where the file is imported
    as well, a server with single-use refresh tokens ends their grants. So move with ``freeze=True``: each
    link is fenced before it is written, when no refresh of it is under way. Its access token is handed out
    here for as long as it works. If the move is called off, :func:`lift_fence`. Without ``freeze`` the file
    is a backup of tokens that the next refresh may spend.

    A link that does not open, or cannot be read, is listed and left out. An export that was interrupted
    leaves no file, and its fences stand: repeat it, or lift them.

    :raises TypeError: for a store whose links cannot be listed.
    :raises FileExistsError: if there is a file of that name.
    :raises StoreUnavailable: if the store fails.
    :raises ModuleNotFoundError: if the package that encrypts is not installed; it names the extra to install.
    """
    from extauth.adapters.encryption.link_files import write_links  # noqa: PLC0415 - only where it is wanted

    exporting = Exporting(store, freeze=freeze, now=SystemClock().now(), progress=progress)
    await write_links(file, exporting.links(provider_id), key)
    return exporting.report()


async def read_export(file: str | os.PathLike[str], *, key: Keys) -> AsyncGenerator[ImportedLink, None]:
    """Yield the links of a file that :func:`export_links` wrote, as rows for :func:`import_links`.

    The file is read to its end before the first one: one that was cut off or changed, or does not open with
    this key, yields nothing.

    :raises CannotDecrypt: if it does not open with this key, or was changed.
    :raises ConfigurationError: if it is no such file, or was cut off.
    :raises OSError: if it cannot be read.
    """
    from extauth.adapters.encryption.link_files import read_links  # noqa: PLC0415 - only where it is wanted

    async for link in read_links(file, key):
        yield link
