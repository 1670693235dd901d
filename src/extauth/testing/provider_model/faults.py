"""What can go wrong with one refresh, on demand and by chance.

Pure and deterministic: the same seed deals the same faults. Both test doubles take their faults here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from math import fsum
from random import Random
from typing import final

DEFAULT_RETRY_AFTER = timedelta(seconds=1)
"""What a rate limit asks for unless the test says otherwise."""

DEFAULT_DELAY = timedelta(seconds=1)
"""How long a delayed answer takes unless the test says otherwise."""


class Fault(StrEnum):
    """One thing that goes wrong with one request to the token endpoint.

    *Processed* means that the provider carried the refresh out, so that a single-use refresh token is
    used up whatever the client learns of it.
    """

    LOST_REPLY = "lost_reply"
    """Processed; then the connection breaks before the reply."""
    CUT_REPLY = "cut_reply"
    """Processed; the connection breaks in the middle of the reply."""
    UNAVAILABLE_BEFORE = "unavailable_before"
    """503, not processed. The client cannot tell it from the next."""
    UNAVAILABLE_AFTER = "unavailable_after"
    """503 although it was processed, as a gateway answers that lost patience."""
    RATE_LIMITED = "rate_limited"
    """429 with ``Retry-After``; not processed."""
    NOT_SENT = "not_sent"
    """The connection is refused. In memory only: a server that was reached cannot do it."""
    WRONG_CLIENT = "wrong_client"
    """401 ``invalid_client`` (RFC 6749 section 5.2); not processed."""
    JUNK_BODY = "junk_body"
    """Processed; 200 with a page of HTML."""
    OVERSIZED_BODY = "oversized_body"
    """Processed; 200 with more than any client should read."""
    ERROR_IN_200 = "error_in_200"
    """200 with ``{"error": "bad_refresh_token"}``, as GitHub refuses; not processed. A client that was
    not told that this code means a dead grant must take it for temporary."""
    FORM_ENCODED = "form_encoded"
    """Processed; a form-encoded reply in place of JSON."""
    OMITTED_REFRESH_TOKEN = "omitted_refresh_token"  # noqa: S105 - a fault's name
    """Processed; the reply holds no refresh token. The client keeps the one that it has (RFC 6749
    section 6), so a provider that omits it keeps it valid: where it would rotate, this once it gives a
    new access token only. A replay that is answered with another refresh token is answered as ever."""
    EMPTY_REFRESH_TOKEN = "empty_refresh_token"  # noqa: S105 - a fault's name
    """The same, with ``""`` as the refresh token."""
    EXPIRES_IN_MISSING = "expires_in_missing"
    """Processed; the reply does not say how long the access token works."""
    EXPIRES_IN_STRING = "expires_in_string"
    """Processed; the seconds are a JSON string."""
    EXPIRES_IN_ZERO = "expires_in_zero"
    """Processed; 0 seconds, which some providers send for "never"."""
    EXPIRES_IN_NEGATIVE = "expires_in_negative"
    """Processed; -1 seconds."""
    DELAYED_BEFORE = "delayed_before"
    """Processed after a delay; nothing else is wrong."""
    DELAYED_AFTER = "delayed_after"
    """Processed at once; the reply arrives after a delay, and nothing else is wrong."""


KEEPING = frozenset({Fault.OMITTED_REFRESH_TOKEN, Fault.EMPTY_REFRESH_TOKEN})
"""Faults under which the presented refresh token stays valid where it would be rotated."""

BROKEN_OFF = frozenset({Fault.LOST_REPLY, Fault.CUT_REPLY})
"""Faults that break the connection."""

NO_LIFETIME = frozenset({Fault.EXPIRES_IN_MISSING, Fault.EXPIRES_IN_ZERO, Fault.EXPIRES_IN_NEGATIVE})
"""Faults under which the reply says nothing of use about the access token's lifetime."""


@final
class Faults:
    """Which request fails how: planned ones first, then by chance.

    ``rates`` are the probabilities of faults, for each request with no planned one; together at most 1.
    ``seed`` makes them repeatable: the same seed and rates deal the same faults, request by request.
    ``retry_after`` is what a rate limit asks for, and ``delay`` how long a delayed answer takes.

    :raises ValueError: for a rate below 0, rates that add up to more than 1, a negative delay, or a
        ``retry_after`` that is not a positive number of whole seconds, as on the wire.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        rates: Mapping[Fault, float] | None = None,
        retry_after: timedelta = DEFAULT_RETRY_AFTER,
        delay: timedelta = DEFAULT_DELAY,
    ) -> None:
        # A fixed order, so that the order in which a test writes the rates changes nothing.
        self._rates = [(fault, (rates or {}).get(fault, 0.0)) for fault in Fault]
        if any(rate < 0 for _, rate in self._rates) or fsum(rate for _, rate in self._rates) > 1:
            msg = f"rates must be at least 0 each and at most 1 together, not {dict(rates or {})}"
            raise ValueError(msg)
        if retry_after < timedelta(seconds=1) or retry_after % timedelta(seconds=1):
            msg = f"retry_after must be whole seconds, at least one, not {retry_after}"
            raise ValueError(msg)
        if delay < timedelta(0):
            msg = f"delay must not be negative, not {delay}"
            raise ValueError(msg)
        self.retry_after = retry_after
        self.delay = delay
        self.dealt: list[Fault | None] = []
        """What each request met with, in order; None if nothing."""
        self._random = Random(seed)  # noqa: S311 - repeatable, not secret
        self._planned: deque[Fault | None] = deque()

    def plan(self, *faults: Fault | None) -> None:
        """Let the next requests meet with these, first come first served; None lets one pass."""
        self._planned.extend(faults)

    def possible(self, fault: Fault) -> bool:
        """Whether the rates or the plan can deal ``fault``."""
        return fault in self._planned or any(each == fault and rate > 0 for each, rate in self._rates)

    def deal(self) -> Fault | None:
        """Return what the next request meets with."""
        fault = self._planned.popleft() if self._planned else self._by_chance()
        self.dealt.append(fault)
        return fault

    def _by_chance(self) -> Fault | None:
        drawn = self._random.random()
        for fault, rate in self._rates:
            if drawn < rate:
                return fault
            drawn -= rate
        return None
