"""What pages say, in one language. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias, final

import attrs

from extauth.domain.storable import identifier

Direction: TypeAlias = Literal["ltr", "rtl"]


@final
@attrs.frozen
class Words:
    """The messages of one language, by their ids.

    A message is plain text with places such as ``{provider}``; nothing in it is taken for HTML. For another
    language write ``Words("ar", {...}, direction="rtl")``; :data:`~extauth.web.ENGLISH` has all ids. To say
    one thing otherwise: ``ENGLISH.but({"list.title": "Your accounts"})``.

    :raises ValueError: for a direction that is none.
    """

    language: str = attrs.field(validator=identifier)
    """A language tag, for ``lang`` (BCP 47)."""
    messages: Mapping[str, str] = attrs.field(repr=False, hash=False)
    direction: Direction = "ltr"

    def __attrs_post_init__(self) -> None:
        if self.direction not in {"ltr", "rtl"}:
            msg = "direction must be 'ltr' or 'rtl'"
            raise ValueError(msg)

    def but(self, messages: Mapping[str, str]) -> Words:
        """Return the same with other messages in place of some."""
        return attrs.evolve(self, messages={**self.messages, **messages})

    def __contains__(self, message_id: str) -> bool:
        return message_id in self.messages

    def say(self, message_id: str, **places: str) -> str:
        """Return a message with its places filled in.

        :raises KeyError: if there is none.
        """
        text = self.messages[message_id]
        for name, value in places.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def date(self, at: datetime) -> str:
        """Return a day, in UTC, as this language writes it."""
        month = self.messages["months"].split()[at.month - 1]
        return self.say("date", day=str(at.day), month=month, year=str(at.year))

    def reason(self, reason: str) -> str:
        """Return why a connection needs its user, for a stable code."""
        found = self.messages.get(f"reason.{reason}")
        return self.messages["reason"] if found is None else found


def missing_messages(words: Words, whole: Words) -> list[str]:
    """Return the ids that ``whole`` has and ``words`` has not; reasons and hints need not be there."""
    return sorted(each for each in whole.messages if each not in words.messages)
