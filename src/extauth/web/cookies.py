"""The cookies that are set, and what binds a flow to the browser that began it. Pure.

The prefix ``__Host-`` lets a browser take a cookie from this very host alone, over https alone (RFC 6265bis
section 4.1.3.2): nobody below the same domain can plant one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Final, final

import attrs

MOST_BEGUN: Final = 8
"""Flows of one browser that are remembered: more would not fit into the headers that servers take."""

_BEGUN: Final = "connecting-"
_BEGUN_BASE: Final = re.compile(f"{_BEGUN}[0-9a-f]{{16}}")
_DIGITS: Final = 12
_LONGEST: Final = 3500
"""Of a cookie's value; browsers keep 4096 bytes of the whole."""


@final
@attrs.frozen
class Cookies:
    """Names and writes cookies, for https or for a developer's own machine."""

    secure: bool

    def name(self, base: str) -> str:
        """Return the name that the browser sees."""
        return f"__Host-{base}" if self.secure else base

    def set(
        self, base: str, value: str, *, max_age: int | None = None, cross_site: bool = False
    ) -> tuple[str, str]:
        """Return the header that sets a cookie; ``cross_site`` for one that a foreign site's post brings."""
        # A browser takes SameSite=None with Secure only, and loopback for secure.
        secure = "; Secure" if self.secure or cross_site else ""
        age = "" if max_age is None else f"; Max-Age={max_age}"
        same_site = "None" if cross_site else "Lax"
        return "Set-Cookie", f"{self.name(base)}={value}{age}; Path=/{secure}; HttpOnly; SameSite={same_site}"

    def clear(self, base: str) -> tuple[str, str]:
        """Return the header that removes a cookie."""
        return self.set(base, "", max_age=0)


@final
@attrs.frozen
class Begun:
    """What the cookie of one flow says. It holds no secret."""

    at: int
    """When it was begun, in seconds since 1970."""
    then: str | None = None
    """Where to go afterwards. Not believed: it is judged again when it is read."""

    def written(self) -> str:
        """Return the cookie's value."""
        return f"{self.at}.{packed(self.then or '')}"


def begun_base(state: str) -> str:
    """Return the name of the cookie of the flow with this state, without the prefix."""
    return _BEGUN + hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()[:16]


def read_begun(value: str) -> Begun:
    """Return what a cookie says; one that an application wrote by itself, or that is damaged, says little."""
    at, _, then = value.partition(".")
    known = len(at) <= _DIGITS and at.isascii() and at.isdigit()
    return Begun(int(at) if known else 0, unpacked(then) or None)


def outdated(cookies: Mapping[str, str], naming: Cookies) -> list[str]:
    """Return the names, without prefix, of the cookies that must go if another flow begins: the oldest."""
    prefix = naming.name("")
    named = {name.removeprefix(prefix): read_begun(value).at for name, value in cookies.items()}
    # Names come from the browser and go into a header: those of ours alone.
    found = sorted((at, base) for base, at in named.items() if _BEGUN_BASE.fullmatch(base))
    surplus = max(0, len(found) + 1 - MOST_BEGUN)
    return [base for _, base in found[:surplus]]


def packed(text: str) -> str:
    """Return text as a cookie can hold it."""
    return base64.urlsafe_b64encode(text.encode("utf-8", "replace")).decode().rstrip("=")


def unpacked(value: str) -> str:
    """Return what was packed; nothing if that is none."""
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def fits(values: Iterable[str]) -> bool:
    """Whether a browser keeps these as one cookie."""
    return sum(map(len, values)) <= _LONGEST
