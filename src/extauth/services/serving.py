"""Whether a service takes a call: of one event loop of one process, until it is closed, by who may."""

from __future__ import annotations

from typing import TypeVar, final

from extauth.domain.acting import authorization_of, foundation
from extauth.domain.actors import Action, Target
from extauth.domain.audit import trail_of
from extauth.domain.link import Link, LinkKey
from extauth.domain.wrong_types import id_text
from extauth.one_loop import OneLoop

About = TypeVar("About", bound=LinkKey | Target)


@final
class Serving:
    """What a service asks before each call; ``owner`` is its name, and ``store`` what it was given."""

    def __init__(self, owner: str, store: object) -> None:
        self._owner = owner
        self._foundation = foundation(store)
        self._authorize = authorization_of(store)
        self._trail = trail_of(store)
        self._home = OneLoop(owner)
        self._closed = False
        """Set once by :meth:`close`."""

    def check(self) -> None:
        """Let a call begin; the first one, or entering, says which loop the service serves.

        :raises RuntimeError: if it is closed, on another loop, and in a forked process.
        """
        self._home.check()
        if self._closed:
            msg = f"this {self._owner} is closed"
            raise RuntimeError(msg)

    def allow(self, action: Action, about: About) -> About:
        """Let a call begin by whoever may do that, and return what it is about.

        What the service then does it does in its own name, in tasks that several callers may share: so who
        calls is asked here, and no further in, also for what the service has in memory.

        :raises NotAuthorized: for whoever may not, if the store is guarded.
        :raises RuntimeError: as :meth:`check`.
        """
        self.check()
        self._authorize(action, Target.of(about) if isinstance(about, LinkKey) else about)
        return about

    async def handed_out(self, link: Link) -> Link:
        """Return a link to a caller, once that is entered in the audit trail, if there is one.

        :raises StoreUnavailable: if it is to be entered, and cannot be.
        """
        return link if self._trail is None else await self._trail.handed_out(link)

    def allow_link(self, action: Action, provider_id: str, user_id: str) -> LinkKey:
        """Do the same for a link, and return its key.

        :raises ValueError: for ids that cannot be those of a link.
        :raises TypeError: for ids that are no ``str``.
        """
        self.check()
        return self.allow(action, LinkKey(provider_id, user_id))

    def allow_links(self, action: Action, user_id: str) -> None:
        """Do the same for all of a user's; raises as that."""
        self.check()
        self._authorize(action, Target(user_id=id_text(user_id, "user_id")))

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
