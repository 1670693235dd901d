"""What an application allows itself at one provider."""

from __future__ import annotations

from typing import final

import attrs


@final
@attrs.frozen(kw_only=True)
class RateLimit:
    """The most that one process sends to a provider's token endpoint in order to refresh.

    For :attr:`RefreshPolicy.rate_limits`. Several processes share a provider's limit: give each its part.

    :raises ValueError: for a number that is not positive.
    """

    per_second: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.gt(0))
    )
    """How many requests in a second, evenly spaced; less than one for fewer."""
    concurrent: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.ge(1))
    )
    """How many may be under way at once."""
