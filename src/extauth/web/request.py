"""A request as the core sees it, whatever framework it came through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, final
from urllib.parse import parse_qsl

import attrs

from extauth.domain.storable import names_only

LONGEST_BODY: Final = 64 * 1024
"""Of a form, in bytes; a provider that posts its answer sends a few thousand."""

_MOST_FIELDS: Final = 100
_FORM: Final = "application/x-www-form-urlencoded"


@final
class Unreadable(ValueError):
    """The query or the body cannot be read; ``status`` says why."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the request cannot be read ({status})")
        self.status = status


@final
@attrs.frozen
class FormField:
    """A hidden field that a framework wants to see in each form, such as Django's token."""

    name: str
    value: str = attrs.field(repr=False)


@final
@attrs.frozen(kw_only=True)
class WebRequest:
    """One request. Its ``repr`` shows no value that may be a secret: codes and states are in the query."""

    method: str
    path: str
    """Below the place where the routes are mounted, percent-decoded."""
    query: str = attrs.field(default="", repr=False)
    """As it came, without the question mark."""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=names_only)
    """By their names in lower case."""
    body: bytes = attrs.field(default=b"", repr=False)
    native: Any = attrs.field(default=None, repr=False)
    """The framework's own request, for the application's functions."""
    form_fields: Callable[[], Sequence[FormField]] = tuple[FormField, ...]
    """Returns what the framework wants to see in forms; called only where there is one."""

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies; of several with one name the first, which is the most specific one."""
        found: dict[str, str] = {}
        for pair in self.headers.get("cookie", "").split(";"):
            name, _, value = pair.strip().partition("=")
            found.setdefault(name, value)
        return found

    def query_fields(self) -> dict[str, list[str]]:
        """Return all values of each parameter of the query.

        :raises Unreadable: if there are too many.
        """
        return _fields(self.query)

    def form(self) -> dict[str, list[str]]:
        """Return all values of each field of a posted form.

        :raises Unreadable: if it is too long, no form, or has too many fields.
        """
        if len(self.body) > LONGEST_BODY:
            raise Unreadable(413)
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if self.body and kind != _FORM:
            raise Unreadable(415)
        return _fields(self.body.decode("utf-8", "replace"))


def _fields(text: str) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Unreadable(400) from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
