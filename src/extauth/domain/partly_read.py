"""Parts of a stored value that are made when they are looked at.

Every token that is handed out reads a link, and nearly all of them look at its tokens, its marks and its
expiry alone. Making a ``datetime`` takes as long as all of those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol


class Unread(Protocol):
    """What a store has read and nobody has looked at yet.

    Whoever makes one has seen that each part is such that it can be made: looking never fails.
    """

    def link_parts(self) -> Mapping[str, Any]:
        """Return the attributes of the link that are unset."""
        ...

    def token_parts(self) -> Mapping[str, Any]:
        """Return the attributes of its tokens that are unset."""
        ...

    def micros(self, name: str) -> int | None:
        """Return the instant of that name as whole microseconds since 1970."""
        ...


class PartlyRead:
    """A value whose attributes may be unset as long as ``_unread`` has them. Once one of them is looked at
    all are set: whoever looks at one mostly looks at others.

    Nothing that it says depends on whether they are: it is equal, shown, copied and pickled as ever.
    """

    __slots__ = ("__weakref__", "_unread")

    _unread: Unread
    """Set in what a store has read."""

    def _parts(self, unread: Unread) -> Mapping[str, Any]:
        raise NotImplementedError

    if not TYPE_CHECKING:  # else every misspelled attribute would be one

        def __getattr__(self, name: str) -> Any:
            """Make the attributes that are not set."""
            unread = None if name.startswith("_") else unread_of(self)
            if unread is not None:
                parts = self._parts(unread)
                for part, value in parts.items():
                    object.__setattr__(self, part, value)
                if name in parts:
                    return parts[name]
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(msg, name=name, obj=self)


def unread_of(value: PartlyRead) -> Unread | None:
    """Return what is unread of a value, if it was made so."""
    try:
        return value._unread  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - of this module
    except AttributeError:
        return None
