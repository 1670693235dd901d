"""Reading ``WWW-Authenticate`` (RFC 9110 section 11.6.1), as servers write it.

Forgiving where the meaning is plain: values that should be quoted and are not, and white space for a comma.
What makes no sense is passed over; an unfinished quotation ends the reading, since all that follows
may belong to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, final

import attrs

LONGEST_CHALLENGES: Final = 16 * 1024
"""In characters. Servers write a few hundred."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110's word for it
_BETWEEN = re.compile(r"[ \t,]*")
_PARAM = re.compile(rf'({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))', re.DOTALL)
_SCHEME = re.compile(rf"({_TOKEN})(?=[ \t,]|$)")
_TOKEN68 = re.compile(r"[ \t]+([A-Za-z0-9._~+/-]+=*)(?=[ \t]*(?:,|$))")
_NONSENSE = re.compile(r'"(?:[^"\\]|\\.)*"|[^ \t,"]+', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


@final
@attrs.frozen
class Challenge:
    """One way to authenticate that a server offers."""

    scheme: str
    """In lower case."""
    params: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """By name in lower case; of a name given twice the first counts."""
    token68: str | None = None
    """Data in place of parameters, as Negotiate has it."""


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Return the challenges in a field's value, in their order. Never raises.

    Takes time in proportion to the length; of one longer than :data:`LONGEST_CHALLENGES` it returns none.
    """
    if len(header) > LONGEST_CHALLENGES:
        return ()
    found: list[Challenge] = []
    params: dict[str, str] = {}
    at = 0
    while (at := _end(_BETWEEN.match(header, at), at)) < len(header):
        if match := _PARAM.match(header, at):
            name, quoted, bare = match.groups()
            params.setdefault(name.lower(), bare if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted))
        elif match := _SCHEME.match(header, at):
            params = {}
            token68 = _TOKEN68.match(header, match.end())
            found.append(Challenge(match[1].lower(), params, token68[1] if token68 else None))
            match = token68 or match
        else:
            match = _NONSENSE.match(header, at)
            if match is None:
                break
        at = match.end()
    return tuple(found)


def missing_scopes(header: str, granted: Iterable[str]) -> frozenset[str] | None:
    """Return the scopes that an API refused a token for want of; None if that is not what it says.

    ``header`` is the ``WWW-Authenticate`` of its answer, ``granted`` what the link has. Ask the user for both
    together: who asks for the missing ones alone may lose the others. None are missing where the API names no
    scope, which RFC 6750 section 3.1 leaves to it, or only those that are granted: then asking again is no
    help.
    """
    for challenge in parse_challenges(header):
        if challenge.scheme == "bearer" and challenge.params.get("error") == "insufficient_scope":
            return frozenset(challenge.params.get("scope", "").split()) - frozenset(granted)
    return None


def _end(match: re.Match[str] | None, otherwise: int) -> int:
    return otherwise if match is None else match.end()
