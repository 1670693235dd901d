"""Text with places for a link's tokens in it.

Its places are those that :class:`~extauth.adapters.oauth2.endpoints.calls.Call` documents.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from string import Formatter
from typing import Final, final
from urllib.parse import quote

import attrs

from extauth.adapters.oauth2.http.endpoint import endpoint_url
from extauth.adapters.oauth2.reading.json_paths import text_at
from extauth.domain.token_set import TokenSet

_NAMES: Final = frozenset({"access_token", "refresh_token", "token", "token_type_hint", "client_id"})
_EXTRA: Final = re.compile(r"extra(?:\[[^\[\]]+\])+")
_VARIABLE: Final = re.compile(r"variable\[[a-z_]+\]")
"""Filled in by whoever keeps the call as a template for several hosts; no link has a value for it."""


class MissingValueError(Exception):
    """A template has a place for something that this link does not have. Holds the name of the place."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@final
@attrs.frozen
class Values:
    """What templates are filled from."""

    tokens: TokenSet
    client_id: str

    def value(self, name: str) -> str:
        """Return what goes to a place.

        :raises MissingValueError: if there is none.
        """
        refresh_token = self.tokens.refresh_token
        found: str | None
        match name:
            case "access_token":
                found = self.tokens.access_token
            case "refresh_token":
                found = refresh_token
            case "token":
                found = refresh_token or self.tokens.access_token
            case "token_type_hint":
                found = "access_token" if refresh_token is None else "refresh_token"
            case "client_id":
                found = self.client_id
            case _ if _VARIABLE.fullmatch(name):
                found = None
            case _:
                extra: object = self.tokens.extra
                found = text_at(extra, name.removeprefix("extra[").removesuffix("]").split("]["))
        if found is None:
            raise MissingValueError(name)
        return found


def _known(name: str) -> bool:
    return name in _NAMES or bool(_EXTRA.fullmatch(name) or _VARIABLE.fullmatch(name))


def _parts(template: str) -> Iterator[tuple[str, str | None]]:
    for literal, name, spec, conversion in Formatter().parse(template):
        if name is not None and (spec or conversion or not _known(name)):
            msg = f"{{{name}}} is not known; a brace itself is written twice"
            raise ValueError(msg)
        yield literal, name


def checked_template(template: str, what: str) -> str:
    """Return the template unchanged.

    :raises ValueError: if it names what is not known, or has a lone brace.
    """
    try:
        for _ in _parts(template):
            pass
    except ValueError as error:
        msg = f"{what}: {error}"
        raise ValueError(msg) from None
    return template


def filled(template: str, values: Values, escape: Callable[[str], str] = str) -> str:
    """Return the template with each place filled.

    :raises MissingValueError: if something is missing.
    """
    return "".join(
        literal + ("" if name is None else escape(values.value(name))) for literal, name in _parts(template)
    )


def _begins_with_url(template: str) -> bool:
    return template.startswith(("{extra[", "{variable["))


def checked_url_template(template: str, what: str) -> str:
    """Return the template unchanged if secrets may be sent where it leads.

    Where its beginning is a place itself, as in ``{extra[instance_url]}/userinfo``, that is looked at when it
    is filled.

    :raises ValueError: otherwise, or as :func:`checked_template`.
    """
    checked_template(template, what)
    if not _begins_with_url(template):
        sample = "".join(literal + ("" if name is None else "x") for literal, name in _parts(template))
        endpoint_url(sample, what)
    return template


def names_in(template: str) -> frozenset[str]:
    """Return the names of all places."""
    return frozenset(name for _, name in _parts(template) if name is not None)


def names_in_host(template: str) -> frozenset[str]:
    """Return the names of what is kept in ``TokenSet.extra`` that decides where a URL leads."""
    found: set[str] = set()
    before = ""
    for literal, name in _parts(template):
        before += literal
        if re.search(r"[/?#]", before.partition("//")[2]):
            break
        if name is not None and name.startswith("extra["):
            found.add(name.removeprefix("extra[").partition("]")[0])
        before += "x" if before else "https://x"
    return frozenset(found)


def filled_url(template: str, values: Values) -> str:
    """Return the template with each place filled and percent-encoded, one at the very beginning as it is.

    :raises MissingValueError: if something is missing, or is nothing that a URL can have at its place.
    """

    def escape(value: str) -> str:
        # A dot is never encoded, and a segment of them would lead to another path.
        if value in {".", ".."}:
            raise MissingValueError(template)
        return quote(value, safe="")

    beginning = ""
    if _begins_with_url(template):
        end = template.index("}") + 1
        beginning, template = filled(template[:end], values), template[end:]
    url = beginning + filled(template, values, escape)
    try:
        return endpoint_url(url, "url")
    except ValueError:
        raise MissingValueError(template) from None
