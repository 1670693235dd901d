r"""Where to go afterwards: a path of the own origin, or nowhere. Pure.

Browsers take more for another site than ``https://``: ``//evil.example``, ``/\evil.example``, and either with
tabs and line breaks in it, which they leave out (WHATWG URL, section 4.4). Proxies and frameworks decode what
is percent-encoded before they send it on. So whatever is not plainly a path is refused, not mended.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

LONGEST: Final = 512
"""In characters: it is kept in a cookie."""

_PLAIN: Final = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_DECODED: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\\]*")
_ROUNDS: Final = 4
"""More than any chain of proxies decodes."""


def own_path(given: str, origin: str) -> str | None:
    """Return ``given`` as a path with its query, if it leads to the own origin and nowhere else.

    Neither it nor what it is percent-decoded to, however often, may have a backslash or a control character,
    or an empty or dot segment in its path.
    """
    text = given.removeprefix(origin) if given.startswith(f"{origin}/") else given
    if len(text) > LONGEST or not _PLAIN.fullmatch(text):
        return None
    seen = text
    for _ in range(_ROUNDS):
        if not _is_path(seen):
            return None
        seen, before = unquote(seen, errors="replace"), seen
        if seen == before:
            return text
    return None


def _is_path(text: str) -> bool:
    path = text.partition("?")[0].partition("#")[0]
    return (
        path.startswith("/")
        and "//" not in path
        and not {".", ".."} & set(path.split("/"))
        and bool(_DECODED.fullmatch(text))
    )
