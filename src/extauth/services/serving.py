"""Whether a service takes a call: of one event loop of one process, until it is closed, by who may."""

from __future__ import annotations

from typing import Final, Self, TypeVar, final

from extauth.domain.acting import anybody, authorization_of, foundation
from extauth.domain.actors import Action, Target
from extauth.domain.audit import trail_of
from extauth.domain.link import Link, LinkKey
from extauth.one_loop import OneLoop

About = TypeVar("About", bound=LinkKey | Target)


@final
class Serving:
    """What a service asks before each call; ``owner`` is its name, and ``store`` what it was given."""

    def __init__(self, owner: str, store: object) -> None:
        self._owner = owner
        self._foundation = foundation(store)
        self._authorize = authorization_of(store)
        self.asks: Final = self._authorize is not anybody
        """Whether it matters who calls: :meth:`allow` lets not everybody do everything."""
        self._trail = trail_of(store)
        self.tells: Final = self._trail is not None
        """Whether there is an audit trail."""
        self._home = OneLoop(owner)
        self._closed = False
        """Set once by :meth:`close`."""

    def check(self) -> Self:
        """Let a call begin, and return this; the first one, or entering, says which loop the service serves.

        :raises RuntimeError: if it is closed, on another loop, and in a forked process.
        """
        self._home.check()
        if self._closed:
            msg = f"this {self._owner} is closed"
            raise RuntimeError(msg)
        return self

    def allow(self, action: Action, about: About) -> About:
        """Let whoever calls go on, after :meth:`check`, if they may do that; returns what it is about.

        What the service then does it does in its own name, in tasks that several callers may share: so who
        calls is asked here, and no further in, also for what the service has in memory.

        :raises NotAuthorized: for whoever may not, if the store is guarded.
        """
        if self.asks:
            self._authorize(action, Target.of(about) if isinstance(about, LinkKey) else about)
        return about

    async def handed_out(self, link: Link) -> Link:
        """Return a link to a caller, once that is entered in the audit trail, if there is one.

        :raises StoreUnavailable: if it is to be entered, and cannot be.
        """
        return link if self._trail is None else await self._trail.handed_out(link)

    def on(self, store: object) -> bool:
        """Whether the service keeps its links in that very store."""
        return self._foundation is foundation(store)

    def close(self, *, idle: bool) -> bool:
        """Let no call begin any more; False if what is under way is not this process's to finish.

        :raises RuntimeError: on another loop, unless its own is closed and it is ``idle``.
        """
        if self._home.inherited:
            return False
        self._home.check_closing(idle=idle)
        self._closed = True
        return True
