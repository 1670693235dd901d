"""The spans: a refresh is a trace of its own, to which each caller that waits for it is linked.

A refresh belongs to nobody who waits for it: it outlives a caller that is cancelled, and serves thousands. So
its span is in no caller's trace, and a caller's span has a link to it, which a backend shows as a jump.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, final

import attrs
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, Status, StatusCode, Tracer, get_current_span, use_span

from extauth.adapters.opentelemetry.names import (
    ERROR_TYPE,
    EXCHANGES,
    PROVIDER,
    REPLAYED,
    RESULT,
    provider_of,
)
from extauth.adapters.opentelemetry.refresh import Refresh
from extauth.domain.link import LinkKey

_ROOT: Final = Context()


@final
@attrs.define(eq=False)
class _Waiter:
    span: Span
    linked: bool = False

    def link(self, refresh: SpanContext) -> None:
        """Link it to the refresh that it waits for: the first, since it may be slow to hear of its end."""
        if not self.linked:
            self.linked = True
            self.span.add_link(refresh)


@final
class Spans:
    """Begins and ends spans. None bears a user's id, or an error's message or traceback: it may name one."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._refreshing: dict[LinkKey, SpanContext] = {}
        """Added and removed by :meth:`refreshing`."""
        self._waiting: dict[LinkKey, dict[_Waiter, None]] = {}
        """Added and removed by :meth:`waiting`, in the order in which they came."""

    @contextmanager
    def refreshing(self, key: LinkKey, refresh: Refresh) -> Generator[None]:
        """Be the span of a refresh, and the current one: requests to the provider are beneath it."""
        provider = provider_of(key.provider_id)
        span = self._tracer.start_span(f"refresh {provider}", _ROOT, attributes={PROVIDER: provider})
        about = span.get_span_context()
        self._refreshing[key] = about
        for waiter in self._waiting.get(key, ()):
            waiter.link(about)
        try:
            with use_span(span, record_exception=False, set_status_on_exception=False):
                yield
        finally:
            if self._refreshing.get(key) is about:
                del self._refreshing[key]
            span.set_attributes(
                {RESULT: refresh.result, EXCHANGES: refresh.exchanges, REPLAYED: refresh.replayed}
            )
            _end(span, refresh.problem)

    @contextmanager
    def waiting(self, key: LinkKey) -> Generator[list[str]]:
        """Be the span of a caller that waits, within the trace that it is in; none outside of one.

        What is put into the list is why it ended in an error.
        """
        errors: list[str] = []
        if not get_current_span().get_span_context().is_valid:
            yield errors
            return
        provider = provider_of(key.provider_id)
        span = self._tracer.start_span(f"wait_for_refresh {provider}", attributes={PROVIDER: provider})
        waiter = _Waiter(span)
        waiting = self._waiting.setdefault(key, {})
        waiting[waiter] = None
        if key in self._refreshing:
            waiter.link(self._refreshing[key])
        try:
            yield errors
        finally:
            del waiting[waiter]
            if not waiting and self._waiting.get(key) is waiting:
                del self._waiting[key]
            _end(span, errors[0] if errors else None)


def _end(span: Span, problem: str | None) -> None:
    if problem is not None:
        span.set_attribute(ERROR_TYPE, problem)
        span.set_status(Status(StatusCode.ERROR))
    span.end()
