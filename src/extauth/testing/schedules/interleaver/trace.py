"""What happened, in words; and nothing of it may show a token."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import final

from extauth.domain.events import Event, SaveAbandoned
from extauth.domain.link import Link
from extauth.domain.outcomes import Exchanged
from extauth.testing.schedules.interleaver.oracle import Oracle
from extauth.testing.schedules.interleaver.ports import STORE_VERDICTS


@final
class Listener:
    """A replica's observer."""

    def __init__(self, replica: str, oracle: Oracle, trace: list[str], ending: Callable[[], bool]) -> None:
        self._replica = replica
        self._oracle = oracle
        self._trace = trace
        self._ending = ending

    def notify(self, event: Event) -> None:
        """Write the event down, and judge it."""
        text = repr(event)
        self._trace.append(f"  {self._replica}: {text}")
        self._oracle.judge_text(text)
        if isinstance(event, SaveAbandoned):
            self._oracle.save_abandoned(self._replica, ending=self._ending())


@final
class Log(logging.Handler):
    """Takes what extauth logs during a run, which would be too much for a test's output, and judges it."""

    def __init__(self, oracle: Oracle) -> None:
        super().__init__()
        self._oracle = oracle
        self._logger = logging.getLogger("extauth")
        self._propagated = self._logger.propagate

    def __enter__(self) -> None:
        self._logger.addHandler(self)
        self._logger.propagate = False

    def __exit__(self, *exc_info: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._propagated

    def emit(self, record: logging.LogRecord) -> None:
        """Judge one line."""
        self._oracle.judge_text(self.format(record))


def shown(result: object) -> str:
    """Return a short text of what came of a call, with versions rather than tokens."""
    if isinstance(result, Link):
        return _link(result)
    link = getattr(result, "link", None)
    name = type(result).__name__
    if isinstance(link, Link):
        return f"{name} {_link(link)}"
    if isinstance(result, Exchanged):
        return name
    if isinstance(result, BaseException):
        return f"{name}({result})"
    if isinstance(result, str) and result not in STORE_VERDICTS:
        return "an access token"
    return str(result)


def _link(link: Link) -> str:
    mark = "" if link.failure is None else f", {link.failure.reason}"
    pending = "" if link.pending is None else ", exchange " + ("live" if link.pending.live else "unresolved")
    return f"{link.key.user_id} v{link.version}{mark}{pending}"
