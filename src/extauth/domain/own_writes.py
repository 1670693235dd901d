"""A store tells who remembers its links which of them were written through it.

What was read before a write must not be served after it. Another process finds that out by reading; this one
is told, by the store that all its services share.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final, Protocol, TypeVar, final

from extauth.domain.acting import foundation
from extauth.domain.link import LinkKey

_T = TypeVar("_T")

_OF_ONE_LINK: Final = frozenset(
    {"put", "delete", "claim", "save", "record_failure", "release", "reseal", "record_account"}
)
_OF_MANY: Final = frozenset({"lift_failure"})


class Hearer(Protocol):
    """Is told which links were written; called on the store's event loop, so it must be quick."""

    def written(self, key: LinkKey | None, *, ended: bool) -> None:
        """Take note that a link may be another now, or any link, for a key of None.

        ``ended`` says that the write is over; one that failed or was cancelled may yet be carried out.
        """
        ...


@final
class OwnWrites:
    """Passes on what is written through one store; keeps nobody alive."""

    def __init__(self) -> None:
        self._hearers: weakref.WeakSet[Hearer] = weakref.WeakSet()

    def hear(self, hearer: Hearer) -> None:
        """Tell this one of each write from now on, before whoever wrote goes on."""
        self._hearers.add(hearer)

    @contextmanager
    def of(self, key: LinkKey | None) -> Generator[None]:
        """Tell of the write in this block when it ends, however it ends."""
        try:
            yield
        except BaseException:
            self.tell(key, ended=False)
            raise
        self.tell(key, ended=True)

    def tell(self, key: LinkKey | None, *, ended: bool) -> None:
        """Tell of a write that has ended somehow: see :meth:`Hearer.written`."""
        for hearer in list(self._hearers) if self._hearers else ():
            hearer.written(key, ended=ended)


def own_writes_of(store: object) -> OwnWrites | None:
    """Return what tells of writes through the store; None for one that does not."""
    found: object = getattr(foundation(store), "own_writes", None)
    return found if isinstance(found, OwnWrites) else None


def tells_of_writes(store: type[_T]) -> type[_T]:
    """Let a store tell of what is written through it: decorate its class, and make ``self.own_writes`` an
    :class:`OwnWrites` in its ``__init__``.

    Its methods that write are those of :class:`~extauth.LinkStore`. What else it has that writes links says
    so itself, ``with self.own_writes.of(key):`` around the write.
    """
    for name, method in list(vars(store).items()):
        if name in _OF_ONE_LINK | _OF_MANY and inspect.iscoroutinefunction(method):
            setattr(store, name, _telling(method, of_one=name in _OF_ONE_LINK))
    return store


def _telling(method: Callable[..., Any], *, of_one: bool) -> Callable[..., Any]:
    @wraps(method)
    async def telling(self: Any, *args: Any, **kwargs: Any) -> Any:
        key = (args[0] if args else kwargs["key"]) if of_one else None
        # As ``with self.own_writes.of(key)``, in less time: each rotation comes here twice.
        try:
            returned = await method(self, *args, **kwargs)
        except BaseException:
            self.own_writes.tell(key, ended=False)
            raise
        self.own_writes.tell(key, ended=True)
        return returned

    return telling
