"""How long each phase of one request may take."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import final

import attrs

from extauth.deadline import Deadline, overdue, wrote
from extauth.domain.policy import positive


@final
@attrs.frozen(kw_only=True)
class HttpTimeouts:
    """How long each phase of one request may take. All are positive, else ``ValueError``.

    ``total`` belongs below ``RefreshPolicy.exchange_timeout``, which cuts an exchange off unjudged.
    """

    connect: timedelta = attrs.field(default=timedelta(seconds=10), validator=positive)
    """Until the first byte is written: waiting for a connection of the pool, DNS, TCP and TLS."""
    read: timedelta = attrs.field(default=timedelta(seconds=15), validator=positive)
    """Of silence while waiting for the reply or its next part."""
    total: timedelta = attrs.field(default=timedelta(seconds=18), validator=positive)
    """From the first step to the last byte of the reply."""


class WrittenLateError(Exception):
    """The time for connecting, or one further out, was up before the body's write began."""


@final
class Phases:
    """The deadline of one request from now on, which moves as the request goes on.

    Without a body nobody sees where connecting ends and waiting begins: both are one phase then.
    """

    def __init__(self, timeouts: HttpTimeouts, *, body: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._silence = timeouts.read.total_seconds()
        self._end = self._loop.time() + timeouts.total.total_seconds()
        first = timeouts.connect if body else timeouts.connect + timeouts.read
        self.connecting = None if body else timeouts.connect.total_seconds()
        """What only the HTTP client can bound, in seconds. It uses no other timer: one might throw away what
        has arrived."""
        self.deadline = Deadline(min(first, timeouts.total).total_seconds())
        self.late = False
        """Whether the body's write was refused."""
        self._body_begun = 0.0
        """By the loop's clock; set once."""

    def begin_body(self) -> None:
        """Take note that the body is about to be written.

        :raises WrittenLateError: if it must not be, after a turn of the loop that took too long: the token in
            it would be used up, and the answer not waited for.
        """
        self.late = overdue()
        if self.late:
            raise WrittenLateError
        self._body_begun = self._loop.time()
        self.heard()

    def end_body(self) -> None:
        """Take note that the body is written, perhaps after a long pause: what is waited for begins now."""
        self.heard()
        wrote(self._loop.time() - self._body_begun)

    def heard(self) -> None:
        """Take note that a part of the answer has come."""
        left = min(self._silence, self._end - self._loop.time())
        if left > 0:
            self.deadline.extend(left)
