"""Refusals that no error code tells, as data: by status, members, text or an empty body."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Literal, TypeAlias, final, get_args

import attrs

from extauth.adapters.oauth2.http.reply import TRY_LATER, Reply
from extauth.adapters.oauth2.reading.members import error_places
from extauth.domain.wrong_types import must_be

ALREADY_PROCESSING: Final = "already_processing"
"""Another request with the same refresh token is under way: this one did nothing, and a later one will."""

Presented: TypeAlias = Literal["refresh", "code"]
"""A refresh token, or an authorization or device code."""


def _plain(text: str) -> str:
    return text.strip().casefold()


def _patterns(value: Mapping[str, str | int]) -> dict[str, str]:
    return {name: _plain(str(pattern)) for name, pattern in value.items()}


def _pattern(value: str | None) -> str | None:
    return None if value is None else _plain(value)


def _says_something(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not isinstance(value, int):
        msg = must_be("an int", value, attribute.name)
        raise TypeError(msg)
    if value is not None and (value >= HTTPStatus.INTERNAL_SERVER_ERROR or value in TRY_LATER):
        msg = f"{attribute.name} {value} never says anything about a grant, so no rule may say it does"
        raise ValueError(msg)


def _known(_: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value not in {None, *get_args(Presented)}:
        msg = f"{attribute.name} must be 'refresh' or 'code', or None for both"
        raise ValueError(msg)


def matches(text: str, pattern: str) -> bool:
    """Whether the whole text is as the pattern says, in which ``*`` stands for any text or none."""
    first, *others = pattern.split("*")
    if not others:
        return text == first
    *between, last = others
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    rest = text[len(first) : len(text) - len(last)]
    for part in between:
        _, found, rest = rest.partition(part) if part else ("", "*", rest)
        if not found:
            return False
    return True


@final
@attrs.frozen(kw_only=True)
class RefusalRule:
    """An answer that is a refusal, and the error code that it stands for.

    What that code means the lists of :class:`ReplyRules` say, one of which must have it. A rule wins over the
    code that stands in the answer itself. All that a rule says must hold, and it must say something of the
    answer. Texts match whole, but for case and white space around them; ``*`` in them stands for any text.

    :raises ValueError: for a rule that fits any answer, for a status that says nothing about a grant,
        whatever comes with it (408, 425, 429 and 5xx), and for an ``on`` that is none.
    :raises TypeError: for a status that is no number.
    """

    code: str
    status: int | None = attrs.field(default=None, validator=_says_something)
    members: Mapping[str, str] = attrs.field(factory=dict[str, str], converter=_patterns)
    """Members that stand together: at the top, in an object ``error``, or in one item of a list ``errors``.
    Numbers are compared as text."""
    text: str | None = attrs.field(default=None, converter=_pattern)
    """The whole body as text; ``""`` is an empty one."""
    on: Presented | None = attrs.field(default=None, validator=_known)
    """What was presented, ``"refresh"`` or ``"code"``, if the answer means something else, or nothing, where
    the other was."""

    def __attrs_post_init__(self) -> None:
        if self.status is None and not self.members and self.text is None:
            msg = "a RefusalRule needs a status, members or a text: it would fit any answer"
            raise ValueError(msg)

    def describes(self, reply: Reply, members: Mapping[str, object], *, refreshed: bool) -> bool:
        """Whether this is such an answer; ``members`` are those that were read from it."""
        return (
            self.status in {None, reply.status}
            and self.on in {None, "refresh" if refreshed else "code"}
            and (self.text is None or matches(_plain(reply.body.decode(errors="replace")), self.text))
            and (not self.members or any(self._fits(place) for place in error_places(members)))
        )

    def _fits(self, place: Mapping[str, object]) -> bool:
        return all(
            (said := _said(place.get(name))) is not None and matches(said, pattern)
            for name, pattern in self.members.items()
        )


def _said(value: object) -> str | None:
    if isinstance(value, str):
        return _plain(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _being_processed(member: str, pattern: str) -> RefusalRule:
    return RefusalRule(code=ALREADY_PROCESSING, members={member: pattern})


_CONCURRENT: Final = "*multiple concurrent requests using the same token*"

EVERYWHERE: Final = (
    # Salesforce's release notes of Winter '25, "Simultaneous Token Requests Are Blocked".
    _being_processed("error_description", "token request is already being processed*"),
    # fosite, which Ory Hydra and others are built on (handler/oauth2/flow_refresh.go), with invalid_request.
    _being_processed("error_description", _CONCURRENT),
    _being_processed("error_hint", _CONCURRENT),
)
"""Refusals whose words leave no doubt, whoever sends them. They cost nobody anything."""
