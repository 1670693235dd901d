"""Parts of a stored value that are made when they are looked at.

Every token that is handed out reads a link, and nearly all of them look at its tokens, its marks and its
expiry alone. Making a ``datetime`` takes as long as all of those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol


class Unread(Protocol):
    """What a store has read and nobody has looked at yet.

    Whoever makes one has seen that each part is such that it can be made: looking never fails.
    """

    def part(self, name: str) -> Any:
        """Return the attribute of that name.

        :raises KeyError: if there is no such part.
        """
        ...

    def micros(self, name: str) -> int | None:
        """Return the instant of that name as whole microseconds since 1970."""
        ...


class PartlyRead:
    """A value whose attributes may be unset as long as ``_unread`` has them. Once looked at they are set.

    Nothing that it says depends on whether they are: it is equal, shown, copied and pickled as ever.
    """

    __slots__ = ("_unread",)

    if not TYPE_CHECKING:  # else every misspelled attribute would be one

        def __getattr__(self, name: str) -> Any:
            """Make an attribute that is not set."""
            try:
                if not name.startswith("_"):
                    value = self._unread.part(name)
                    object.__setattr__(self, name, value)
                    return value
            except (AttributeError, KeyError):
                pass
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(msg, name=name, obj=self)


def unread_of(value: PartlyRead) -> Unread | None:
    """Return what is unread of a value, if it was made so."""
    try:
        unread: Unread = value._unread  # type: ignore[attr-defined]  # noqa: SLF001 - of this module
    except AttributeError:
        return None
    return unread
