"""What moving links came to."""

from __future__ import annotations

from typing import final

import attrs

from extauth.domain.link import LinkKey


@final
@attrs.frozen
class RefusedRow:
    """A row that was left out."""

    number: int
    """Which it was, from 1 on."""
    reason: str
    """Why, in words that repeat no value of the row."""
    key: LinkKey | None = None
    """Whose link it would have become, where that could be told."""


@final
@attrs.frozen
class ImportReport:
    """What an import did, or would do. It holds no secret."""

    dry_run: bool
    """Whether nothing was written."""
    rows: int
    """How many there were."""
    added: int
    fenced: int
    """How many of the links that were added are not refreshed here until the fence is lifted."""
    renewed: int
    """How many links were there, fenced, and got newer tokens from a side that has stopped since."""
    already_there: tuple[LinkKey, ...]
    """Links that were there before, and were left as they are."""
    refused: tuple[RefusedRow, ...]


@final
@attrs.frozen
class LeftOut:
    """A link that was not exported."""

    key: LinkKey
    reason: str


@final
@attrs.frozen
class ExportReport:
    """What an export did. It holds no secret."""

    exported: int
    frozen: int
    """How many of the links that were exported are fenced here."""
    left_out: tuple[LeftOut, ...]
