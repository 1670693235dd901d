"""The parts of a provider's URLs that differ between its customers: a host, a tenant, a shop.

The application's configuration gives them, sometimes from what a user typed in. Client secrets and
tokens go where they point, so each kind accepts nothing that could lead elsewhere than its place in the
URL: no ``@``, ``/`` or ``#`` in a host, no dot in a label, no brace anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias, final
from urllib.parse import quote

import attrs

from extauth.adapters.oauth2.http.endpoint import endpoint_url
from extauth.domain.wrong_types import must_be, url_text

VariableKind: TypeAlias = Literal["base", "host", "label", "segment", "optional_segment", "country"]
"""``base``: an https URL to which paths are added. ``host``: a full host name. ``label``: one part of a
host name. ``segment``: one part of a path. ``optional_segment``: the same with its slash, or nothing.
``country``: the end of a host name, such as ``com``, ``eu`` or ``com.au``."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_LABEL_ONLY = re.compile(_LABEL)
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_COUNTRY = re.compile(r"com|(?:com\.)?[a-z]{2}")
_BASE = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~-]+)*/?")
_NAME = re.compile(r"[a-z][a-z_]*")


def _base(value: str) -> str:
    if not _BASE.fullmatch(value):
        msg = "must be a URL such as https://code.example.com, without query and fragment"
        raise ValueError(msg)
    return endpoint_url(value, "it").rstrip("/")


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        msg = "must be a host name such as dev-1.example.com, without https:// and path"
        raise ValueError(msg)
    return value


def _label(value: str) -> str:
    if not _LABEL_ONLY.fullmatch(value):
        msg = "must be one part of a host name: letters, digits and hyphens, without a dot"
        raise ValueError(msg)
    return value


def _segment(value: str) -> str:
    if not value or value in {".", ".."} or not value.isprintable():
        msg = "must be one part of a path, not empty"
        raise ValueError(msg)
    return quote(value, safe="")


def _optional_segment(value: str) -> str:
    return f"/{_segment(value)}" if value else ""


def _country(value: str) -> str:
    if not _COUNTRY.fullmatch(value):
        msg = "must be com, two letters such as eu, or com. and two letters"
        raise ValueError(msg)
    return value


_RENDERED: Mapping[VariableKind, Callable[[str], str]] = {
    "base": _base,
    "host": _host,
    "label": _label,
    "segment": _segment,
    "optional_segment": _optional_segment,
    "country": _country,
}


def _named(_: object, __: attrs.Attribute[str], value: str) -> None:
    if not _NAME.fullmatch(value):
        msg = f"a variable's name is of a-z and _, not {value!r}"
        raise ValueError(msg)


@final
@attrs.frozen(kw_only=True)
class Variable:
    """A part of a preset's URLs that the application gives, by keyword.

    :raises ValueError: for a name that could not be one, and for a default or an example that it would
        refuse itself.
    """

    name: str = attrs.field(validator=_named)
    """As it stands in the URLs, in braces."""
    kind: VariableKind
    description: str
    example: str
    default: str | None = None
    """``None``: it must be given."""

    def __attrs_post_init__(self) -> None:
        self.rendered(self.example)
        if self.default is not None:
            self.rendered(self.default)

    def rendered(self, value: object) -> str:
        """Return the text that goes into URLs.

        :raises ValueError: for a value that could send secrets astray. The message does not repeat it.
        :raises TypeError: for one that is no ``str``; a base may be a ``yarl.URL``.
        """
        if self.kind == "base":
            value = url_text(value, self.name)
        if not isinstance(value, str):
            raise TypeError(must_be("a str", value, self.name))
        try:
            return _RENDERED[self.kind](value)
        except ValueError as error:
            msg = f"{self.name} ({self.description}): {error}"
            raise ValueError(msg) from None


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return the template with ``{name}`` replaced by each of the values, and every other brace kept."""
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template
