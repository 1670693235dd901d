"""A complete answer of a provider, before anybody has judged it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import final

import attrs

from extauth.adapters.oauth2.reading.members import read_members

TRY_LATER = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS},
)
"""Statuses that say nothing about the grant, whatever the body does."""

UNRECOGNIZED = "unrecognized_error"
"""Stands for every error code that is on no list. The provider's own text goes nowhere: a faulty or
hostile one may echo the token there."""


@final
@attrs.frozen
class Reply:
    """A complete answer. Its ``repr`` shows the status only: the rest may hold secrets."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    """By lower-case name."""
    body: bytes = attrs.field(repr=False)
    end_marked: bool = attrs.field(default=True, repr=False)
    """Whether it is certain that the body has not been cut off. JSON has an end mark of its own."""

    def members(self) -> Mapping[str, object]:
        """Return the members of a JSON object or of a form, none if the body is neither.

        Nor are there any in a form that may have been cut off: half a token looks like a token.
        """
        return read_members(self.body, form=self.end_marked) or {}
