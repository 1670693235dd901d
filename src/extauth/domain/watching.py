"""What an observer may do beside taking note: watch what takes time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from extauth.domain.link import LinkKey


class RefreshWatcher(Protocol):
    """An observer that measures or traces what takes time. A refresh is one task's, for all who wait for it.

    Each method is called on the event loop as something begins, and what it returns is entered at once and
    left at the end, with the error if it failed. All must be quick; what they raise is logged, and no error
    is suppressed.
    """

    def refreshing(self, key: LinkKey) -> AbstractContextManager[object]:
        """A refresh of this link begins. Entered and left in the refresh's own task, whose context is empty:
        no caller's variables are in it. Context variables set within it are seen by the exchange, by
        ``notify`` of its events, and by nobody else.

        It ends without an error also where the link was found refreshed by another replica, or where its
        token still works and could not be replaced.
        """
        ...

    def waiting(self, key: LinkKey) -> AbstractContextManager[object]:
        """A caller begins to wait for such a refresh, which may be under way. Entered and left in the
        caller's own task and context, after the refresh has ended, or at once if the caller is cancelled.
        """
        ...
