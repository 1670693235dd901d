"""Links that come from elsewhere, and what a store does with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol, TypeAlias, final

import attrs

from extauth.domain.link import Account, GrantOrigin, LinkKey, RefreshFailure
from extauth.domain.storable import optional_instant
from extauth.domain.token_set import TokenSet


@final
@attrs.frozen
class ImportedLink:
    """A link as another place has kept it. Its ``repr`` shows no secret."""

    key: LinkKey
    tokens: TokenSet
    origin: GrantOrigin | None = None
    account: Account | None = None
    failure: RefreshFailure | None = None
    """The mark to put beside the tokens; the version that it names is not looked at."""
    unresolved_since: datetime | None = attrs.field(default=None, converter=optional_instant)
    """When an exchange began there whose end nobody knows: the refresh token may be spent."""
    created_at: datetime | None = attrs.field(default=None, converter=optional_instant)
    """None for now, by the store's clock, as for ``updated_at``."""
    updated_at: datetime | None = attrs.field(default=None, converter=optional_instant)
    """When the tokens were last written there."""


class RowRefused(Exception):
    """A row that no link can be made of. Its message says why, and repeats no value of the row."""


@final
@attrs.frozen
class Added:
    """The link is there now, and was not before."""

    version: int


@final
@attrs.frozen
class AlreadyThere:
    """There is a link with that key; nothing was written."""


AddOutcome: TypeAlias = Added | AlreadyThere


class ImportStore(Protocol):
    """What moving links in and out needs of a store, as its ``imports``.

    Errors and what cancellation leaves behind are as for a :class:`~extauth.domain.ports.LinkStore`.
    """

    async def add(self, link: ImportedLink) -> AddOutcome:
        """Store the link with its mark, unless there is one with its key, in one atomic statement.

        ``Added`` with its version: 1, or after a link of the store was deleted a higher one, never one that
        the key had. Its mark is about that version. ``AlreadyThere`` if there is a link, whatever it is like:
        what a user has authorized here is newer. So a call can be repeated to find out what became of it.
        """
        ...

    async def keys(
        self, *, provider_id: str | None = None, after: LinkKey | None = None, limit: int = 1000
    ) -> list[LinkKey]:
        """Return keys of links, ordered by provider id and user id (by code point), those after ``after``.

        Of all providers, or of one with the links that are named below it. Fewer than ``limit`` mean that
        there are no more.
        """
        ...


def imports_of(store: object) -> ImportStore:
    """Return what a store has to move links in and out.

    :raises TypeError: if it has nothing.
    """
    imports: Any = getattr(store, "imports", None)
    if not (hasattr(imports, "add") and hasattr(imports, "keys")):
        msg = (
            f"links cannot be moved into or out of a {type(store).__name__}: it has no imports"
            " (extauth.domain.imports.ImportStore); give an open store, or implement that for your own"
        )
        raise TypeError(msg)
    return imports  # type: ignore[no-any-return]
