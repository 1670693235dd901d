"""How authorization servers treat a refresh token that was used before: the habits seen in the wild.

Pure. Each habit is one function of a :class:`Presented` (see :data:`RULES`), so that a server with
another habit is another such function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Literal, TypeAlias, final

import attrs

Reuse: TypeAlias = Literal[
    "strict",
    "strict_account",
    "one_behind",
    "replay_window",
    "overlap",
    "latest_wins",
    "non_rotating",
    "refused",
    "until_successor",
    "spent",
]
"""What becomes of a refresh token that was used before.

``strict``: it works once; a second presentation revokes its whole family (RFC 9700 section 4.14.2).
``strict_account``: a second presentation revokes all that its subject has granted to the client
(better-auth). ``one_behind``: the token just before the newest gives the active pair; an older one revokes
the family (Supabase). ``replay_window``: for some seconds after its rotation it gives the very same pair
again; later it revokes the family (WorkOS, Okta). ``overlap``: for as long it gives *another* pair, and all
that it gave work; later it revokes the family (Auth0; Microsoft, whose window never ends).
``latest_wins``: it works again and again, and each time the pair that was live until then is dead: its
access token, and its refresh token, which is refused if it is presented after all (WSO2).
``non_rotating``: the refresh token stays the same; each refresh gives a new access token only (Google).
``refused``: it is refused, and nothing else dies (the commonest). ``until_successor``: it gives another pair
until one of them is used in its turn; its earlier pair is then refused (workers-oauth-provider). ``spent``:
the first use spends it and gives no other, only an access token; for ``replay_window`` it gives further ones
(django-mcp-oauth; with a window of 0, Authlib's guide).
"""


@final
@attrs.frozen
class Presented:
    """What a rule may look at."""

    behind: int
    """How many refresh tokens of its family were given out after it; 0 for the newest."""
    used_ago: float | None
    """Seconds since it gave a new pair; None if it never did."""
    replay_window: float
    """Seconds after that in which the server forgives a replay."""
    superseded: bool
    """Whether a replay of an older token took its place before it was used."""
    gave_newest: bool = False
    """Whether the newest refresh token of its family came of it."""


class Treatment(Enum):
    """What to do with a presented refresh token."""

    ROTATE = auto()
    """Consume it and give a new pair."""
    SUPERSEDE = auto()
    """Give a new pair, and kill the one that was live until then."""
    REPEAT = auto()
    """Give once more the pair that it gave before."""
    ACTIVE = auto()
    """Give the active pair of its family."""
    KEEP = auto()
    """Give a new access token beside the same refresh token."""
    SPEND = auto()
    """Consume it and give an access token only."""
    REFUSE = auto()
    """Answer ``invalid_grant`` and change nothing."""
    REVOKE_FAMILY = auto()
    """Take it for stolen: nothing of its family works any more."""
    REVOKE_ACCOUNT = auto()
    """Take it for stolen: nothing works any more that its subject has granted to the client."""


GIVES_TOKENS = frozenset(
    {
        Treatment.ROTATE,
        Treatment.SUPERSEDE,
        Treatment.REPEAT,
        Treatment.ACTIVE,
        Treatment.KEEP,
        Treatment.SPEND,
    }
)
"""The treatments that end with tokens for the client."""


def _strict(presented: Presented) -> Treatment:
    return Treatment.REVOKE_FAMILY if presented.behind else Treatment.ROTATE


def _strict_account(presented: Presented) -> Treatment:
    return Treatment.REVOKE_ACCOUNT if presented.behind else Treatment.ROTATE


def _one_behind(presented: Presented) -> Treatment:
    return Treatment.ACTIVE if presented.behind == 1 else _strict(presented)


def _replay_window(presented: Presented) -> Treatment:
    if presented.used_ago is not None and presented.used_ago < presented.replay_window:
        return Treatment.REPEAT
    return _strict(presented)


def _overlap(presented: Presented) -> Treatment:
    if presented.used_ago is None or presented.used_ago < presented.replay_window:
        return Treatment.ROTATE
    return Treatment.REVOKE_FAMILY


def _latest_wins(presented: Presented) -> Treatment:
    if presented.superseded:
        return Treatment.REFUSE
    return Treatment.SUPERSEDE if presented.behind else Treatment.ROTATE


def _non_rotating(_: Presented) -> Treatment:
    return Treatment.KEEP


def _refused(presented: Presented) -> Treatment:
    return Treatment.REFUSE if presented.behind else Treatment.ROTATE


def _until_successor(presented: Presented) -> Treatment:
    return Treatment.ROTATE if presented.gave_newest else _refused(presented)


def _spent(presented: Presented) -> Treatment:
    if presented.used_ago is None or presented.used_ago < presented.replay_window:
        return Treatment.SPEND
    return Treatment.REFUSE


RULES: Mapping[Reuse, Callable[[Presented], Treatment]] = MappingProxyType(
    {
        "strict": _strict,
        "strict_account": _strict_account,
        "one_behind": _one_behind,
        "replay_window": _replay_window,
        "overlap": _overlap,
        "latest_wins": _latest_wins,
        "non_rotating": _non_rotating,
        "refused": _refused,
        "until_successor": _until_successor,
        "spent": _spent,
    }
)


@final
class KnownReuse:
    """An attribute that is one of these habits: a server that plays another one by mistake proves nothing."""

    def __get__(self, owner: object, kind: type[object] | None = None) -> Reuse:
        habit: Reuse = vars(owner)["reuse"]
        return habit

    def __set__(self, owner: object, habit: Reuse) -> None:
        if habit not in RULES:
            msg = f"reuse must be one of {', '.join(RULES)}, not {habit!r}"
            raise ValueError(msg)
        vars(owner)["reuse"] = habit
