"""Broken ways to remember links."""

from __future__ import annotations

from contextlib import contextmanager

from extauth.domain.known_links import KnownLinks
from extauth.services.refresh.remembered import Remembered, RememberedLinks
from tests.proof.breaking import replacing

_end = RememberedLinks.end
_made = Remembered.__init__


def _hears_nothing(self, key, *, ended):
    """A write is told, and nothing comes of it."""


own_writes_ignored = replacing(RememberedLinks, "written", _hears_nothing)
"""What this process writes leaves memory as it is."""


def _forgets_nothing(self, key):
    """Whoever says that a link is to be forgotten is not heard."""


refusals_ignored = replacing(RememberedLinks, "forget", _forgets_nothing)
"""Neither a refused token nor a flight or a write drops what is remembered."""


def _keeps_late_reads(self, key, begun, link, provider):
    self._reads[key] = begun[0]
    _end(self, key, begun, link, provider)


def _takes_what_it_gets(self, link, key=None):
    """Nothing is known of a link but what was read last."""


@contextmanager
def puts_back():
    """A read that a write has overtaken is remembered all the same, and not compared with what is known."""
    with (
        replacing(RememberedLinks, "end", _keeps_late_reads)(),
        replacing(KnownLinks, "note", _takes_what_it_gets)(),
    ):
        yield


def _for_ever(self, link, provider, *, forgotten_at, served_until):
    _made(self, link, provider, forgotten_at=float("inf"), served_until=served_until)


never_forgets = replacing(Remembered, "__init__", _for_ever)
"""What another replica does is never seen."""


def _past_its_end(self, link, provider, *, forgotten_at, served_until):
    _made(self, link, provider, forgotten_at=forgotten_at, served_until=float("inf"))


serves_expired_tokens = replacing(Remembered, "__init__", _past_its_end)
"""A token is served from memory after its end."""


def _unbounded(self, key, begun, link, provider):
    self._most = float("inf")
    _end(self, key, begun, link, provider)


unbounded = replacing(RememberedLinks, "end", _unbounded)
"""As many links are remembered as there are."""
