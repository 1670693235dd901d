"""When trouble with single links speaks of their provider. Pure.

One link's refusal is that link's alone, however often it comes: a dead grant that a server reports in an odd
way, one tenant that has dropped the application, one user's rate limit. Only several different links that
fail alike, with no success between, say something about all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

import attrs

from extauth.domain.link import LinkKey

SEVERAL_REJECTED: Final = 3
"""How many links must be refused in the name of the client before no other is tried."""

SEVERAL_THROTTLED: Final = 2
"""How many links must be told to wait before all wait. Fewer, since the provider itself asks for it."""

_MOST_LINKS: Final = max(SEVERAL_REJECTED, SEVERAL_THROTTLED)
"""Remembered of each kind; more would only take memory."""


@final
@attrs.frozen
class Troubles:
    """What which links of one provider have met since it last served one of them."""

    met: Mapping[str, Mapping[LinkKey, float]] = attrs.field(
        factory=dict[str, Mapping[LinkKey, float]], hash=False
    )
    """By kind of trouble, and by link, when it was last met, on the monotonic clock."""

    def after_failure(self, kind: str, key: LinkKey, at: float) -> Troubles:
        """Add that this link met trouble of this kind. The same link counts once."""
        links = {**self.met.get(kind, {}), key: at}
        newest = sorted(links.items(), key=lambda item: item[1])[-_MOST_LINKS:]
        return Troubles({**self.met, kind: dict(newest)})

    def after_success(self, asked_at: float) -> Troubles:
        """Forget all trouble that was known before the request of this success was sent.

        A success that was asked for before a failure came in says nothing about what is now.
        """
        left = {
            kind: {key: when for key, when in links.items() if when > asked_at}
            for kind, links in self.met.items()
        }
        return Troubles({kind: links for kind, links in left.items() if links})

    def of_provider(self, kind: str, several: int) -> bool:
        """Whether this many different links have met the same trouble, with no success between."""
        return len(self.met.get(kind, {})) >= several
