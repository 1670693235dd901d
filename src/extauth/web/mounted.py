"""What a router needs of pages, whosever they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from extauth.web.request import WebRequest
from extauth.web.response import WebResponse


class Mounted(Protocol):
    """Pages below one path: :class:`~extauth.web.ConnectedAccounts`, :class:`~extauth.web.OperatorPage`."""

    @property
    def prefix(self) -> str:
        """The path that they are below, without a slash at its end."""
        ...

    @property
    def paths(self) -> Sequence[str]:
        """The paths that there are, beside the empty one."""
        ...

    @property
    def parents(self) -> Sequence[str]:
        """What the paths begin with that have a provider's id behind them."""
        ...

    async def respond(self, request: WebRequest) -> WebResponse:
        """Answer a request."""
        ...
