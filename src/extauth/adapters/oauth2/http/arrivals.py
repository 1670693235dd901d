"""Having an answer pass by us before the HTTP client reads it."""

from __future__ import annotations

from typing import Any, Final, TypeVar, cast, final

from extauth.adapters.oauth2.http.heads import LONGEST_HEAD, head_end, put_in_order

_NAME: Final = "data_received"
_MOST_INTERIM: Final = 100
"""Interim answers (RFC 9110 section 15.2), of which servers send one or two. Each is a few bytes, and work
for two parsers: a server that sends them without end would keep the event loop busy until its time is up."""
_Bytes = TypeVar("_Bytes", bytes, bytearray)


@final
class Arrivals:
    """Puts the head of one answer in order on its way from a connection to the HTTP client.

    It takes the place of the method by which an asyncio protocol is told of data, for as long as the answer
    lasts. Loops that remember the method, as uvloop does, leave it out, and the HTTP client judges alone.
    """

    def __init__(self) -> None:
        self.too_long = False
        """Whether the head was longer than anybody should have to keep, or after too many interim ones."""
        self.beyond = bytearray()
        """What came with the end of the body beyond its length: the body may be cut off."""
        self._protocol: Any = None
        self._waiting = bytearray()
        """What has come of a head."""
        self._searched = 0
        """How much of that is known not to end it."""
        self._left: int | None = None
        """How much of the body is still to come; None before it begins."""
        self._interim = 0
        """How many interim answers have come."""

    def await_on(self, protocol: Any) -> None:
        """Look at the next answer that this protocol is told of."""
        if isinstance(getattr(protocol, "__dict__", None), dict) and callable(getattr(protocol, _NAME, None)):
            self._protocol = protocol
            vars(protocol)[_NAME] = self._received

    def end(self) -> None:
        """Look no longer."""
        if self._protocol is None:
            return
        attributes: dict[str, Any] = self._protocol.__dict__
        # The connection may be another request's by now.
        if attributes.get(_NAME) == self._received:
            del attributes[_NAME]

    def _received(self, data: bytes) -> None:
        if self._left is not None:
            # What is more than the body is no answer to anything, and neither is what follows it.
            if len(data) > self._left:
                self._protocol.force_close()
            data = self._within(data, self._left)
            self._left -= len(data)
            if not self._left:
                self.end()
            self._hand_on(data)
            return
        self._waiting += data
        if ready := self._in_order():
            self._hand_on(ready)

    def _hand_on(self, data: bytes) -> None:
        kind = cast("Any", type(self._protocol))
        kind.data_received(self._protocol, data)

    def _within(self, data: _Bytes, length: int) -> _Bytes:
        if data[length:].strip():
            self.beyond += data[length:]
        return data[:length]

    def _in_order(self) -> bytes:
        """Return what can be handed on of that which has come."""
        ready = bytearray()
        while (end := head_end(self._waiting, self._searched)) is not None and end <= LONGEST_HEAD:
            head = put_in_order(bytes(self._waiting[:end]), len(self._waiting) - end)
            ready += head.content
            del self._waiting[:end]
            self._searched = 0
            if head.interim:
                self._interim += 1
                if self._interim > _MOST_INTERIM:
                    return self._given_up()
                continue
            body = self._waiting if head.length is None else self._within(self._waiting, head.length)
            if head.length is not None and len(body) < head.length:
                self._left = head.length - len(body)
            else:
                self.end()
            return bytes(ready + body)
        self._searched = len(self._waiting)
        if end is not None or self._searched > LONGEST_HEAD:
            return self._given_up()
        return bytes(ready)

    def _given_up(self) -> bytes:
        """Hand on nothing any more."""
        self.too_long = True
        self.end()
        if self._protocol.transport is not None:
            self._protocol.transport.abort()
        return b""
