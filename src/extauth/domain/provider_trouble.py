"""When trouble with single links speaks of their provider. Pure.

One link's refusal is that link's alone, however often it comes: a dead grant that a server reports in an odd
way, one tenant that has dropped the application, one user's rate limit. Only several different links that
fail alike, with no success between, say something about all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, final

import attrs

from extauth.domain.link import LinkKey

SEVERAL_REJECTED: Final = 3
"""How many links must be refused in the name of the client before no other is tried. Two dead ones that are
polled side by side are nothing rare; a wrong secret reaches three within moments, at the cost of one request
each."""

SEVERAL_THROTTLED: Final = 2
"""How many links must be told to wait before all wait. Fewer, since the provider itself asks for it."""

ONE_CAUSE: Final = timedelta(minutes=5)
"""How far apart two links' troubles may be to have one cause: as long as the longest pause of a link, so that
each has been tried within it."""

REQUEST_CODES: Final = frozenset(
    {
        "invalid_request",
        "invalid_resource",
        "invalid_scope",
        "invalid_target",
        "redirect_uri_mismatch",
        "unauthorized_client",
    }
)
"""Refusals of a refresh that are about what this link's request says, or about its grant: servers answer a
dead refresh token with them, and a tenant that has dropped the application. Of RFC 6749's codes only
``invalid_client`` is about who asks (section 5.2)."""

UNKNOWN_RESOURCE: Final = frozenset({"invalid_resource", "invalid_target"})
"""What is said of a resource that is not known (RFC 8707 section 2, and its first drafts)."""

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

    def after_failure(self, kind: str, key: LinkKey, at: float, *, last: str | None = None) -> Troubles:
        """Add that this link met trouble of this kind. The same link counts once.

        ``last`` is how its last refresh failed, if none has succeeded since. The same again is no news: else
        a few dead links that are asked for again and again would speak for everybody, for ever.
        """
        if kind == last:
            return self
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

    def of_provider(self, kind: str, several: int, *, since: float = 0.0) -> bool:
        """Whether this many different links have met the same trouble, with no success between.

        What was met before ``since`` is too long ago to have one cause with what is met now.
        """
        return sum(at >= since for at in self.met.get(kind, {}).values()) >= several


def speaks_of_client(code: str) -> bool:
    """Whether a refusal of a refresh with this code can be about the client, not about one link's request."""
    return code not in REQUEST_CODES
