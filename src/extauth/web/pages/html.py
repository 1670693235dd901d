"""HTML that is escaped by the way it is made. Pure.

Whatever is a plain ``str`` is text and escaped; only what :func:`element` has made is markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final, TypeAlias, final
from urllib.parse import urlsplit

_VOID: Final = frozenset({"input", "meta", "link", "br"})
_LINKED: Final = frozenset({"https", "http"})


@final
class Html(str):
    """Markup: what is in it was escaped when it was made."""

    __slots__ = ()


Attributes: TypeAlias = Mapping[str, str | bool]


def element(name: str, attributes: Attributes | None = None, *children: str) -> Html:
    """Return an element; children that are no :class:`Html` are text, an attribute that is False is left out.

    Attributes that name a URL are the caller's own, or went through :func:`web_url`.
    """
    given = "".join(
        f" {key}" if value is True else f' {key}="{escape(value)}"'
        for key, value in (attributes or {}).items()
        if value is not False
    )
    if name in _VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: str) -> Html:
    """Return children one after the other, text escaped."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def web_url(given: str) -> str | None:
    """Return a URL that a page may link to, though a provider named it; None for ``javascript:`` and such."""
    try:
        parts = urlsplit(given)
    except ValueError:
        return None
    return given if parts.scheme in _LINKED and parts.netloc else None
