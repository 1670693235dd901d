"""What to do with a presented refresh token: the habit of reuse, and what else a server goes by. No I/O."""

from __future__ import annotations

from typing import final

import attrs

from extauth.testing.provider_model.families import RefreshToken
from extauth.testing.provider_model.reuse import RULES, Presented, Reuse, Treatment

_FATAL = frozenset({Treatment.REVOKE_FAMILY, Treatment.REVOKE_ACCOUNT})


@final
@attrs.frozen(kw_only=True)
class Rotation:
    """When a server rotates, and when it does not take a reuse for theft."""

    after: float = 0.0
    """A refresh token is given out again until it is this old, in seconds; then it is rotated."""
    forgives_pairs: bool = False
    """Whether a reuse that arrived before the first use was processed is refused and harms nothing."""


EVERY_TIME = Rotation()


def treatment_of(
    record: RefreshToken,
    now: float,
    habit: Reuse,
    replay_window: float,
    rotation: Rotation = EVERY_TIME,
    *,
    together: bool = False,
) -> Treatment:
    """Say what to do with a token that is presented at ``now``; ``together``: see :func:`in_a_pair`."""
    family = record.family
    if not family.usable or now >= record.expires_at:
        return Treatment.REFUSE
    found = RULES[habit](
        Presented(
            family.newest.place - record.place,
            None if record.used_at is None else now - record.used_at,
            replay_window,
            record.superseded,
            gave_newest=family.newest.parent is record,
        )
    )
    young = rotation.after > 0 and now < record.issued_at + rotation.after
    if found is Treatment.ROTATE and record.used_at is None and young:
        return Treatment.KEEP
    return Treatment.REFUSE if together and rotation.forgives_pairs and found in _FATAL else found


def in_a_pair(record: RefreshToken, seen: int | None) -> bool:
    """Whether the token was used up between the arrival of a request and its turn.

    ``seen`` is how many presentations had been processed when it arrived; None: it is processed at once.
    """
    return seen is not None and record.used_in is not None and record.used_in > seen
