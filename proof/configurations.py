"""What ``make prove`` walks: each configuration whole, and together what the promises speak of."""

from __future__ import annotations

from datetime import timedelta

from extauth import RefreshPolicy
from extauth.testing import Bounds

EVERY_ANSWER = frozenset({"get", "claim", "refresh", "save", "release", "record_failure"})
STILL_WORKS = timedelta(minutes=1)
"""Inside the look-ahead: the token is handed out and refreshed behind the callers' backs."""

CONFIGURATIONS: dict[str, Bounds] = {
    "two replicas, two callers each": Bounds(
        replicas=2, callers=2, crashes=1, lost_replies=2, authorizations=1, unlinks=1
    ),
    "three replicas": Bounds(replicas=3, crashes=2, lost_replies=2, authorizations=1, unlinks=1),
    "leases lapse under slow holders": Bounds(
        replicas=2, crashes=1, lost_replies=1, authorizations=1, leaps=2
    ),
    "the token still works": Bounds(
        replicas=2, late_calls=1, crashes=1, lost_replies=1, leaps=1, left=STILL_WORKS
    ),
    "the token still works, and users come and go": Bounds(
        replicas=2, crashes=1, lost_replies=1, authorizations=1, unlinks=1, leaps=1, left=STILL_WORKS
    ),
    "a token for a resource, too": Bounds(
        replicas=2, wanted=("", "mail"), crashes=1, lost_replies=1, authorizations=1, leaps=1
    ),
    "tokens for two resources beside one that works": Bounds(
        replicas=2, wanted=("mail", "files"), late_calls=1, lost_replies=1, left=timedelta(minutes=30)
    ),
    "three replicas, three tokens": Bounds(replicas=3, wanted=("", "mail", "files"), crashes=1),
    "the store's clock is set ahead and back": Bounds(replicas=2, jumps=(3600, -3600), crashes=1),
    "the store fails": Bounds(replicas=2, crashes=1, store_failures=2, leaps=1),
    "the store fails while users come and go": Bounds(
        replicas=2, store_failures=2, authorizations=1, unlinks=1
    ),
    "callers give up": Bounds(replicas=2, callers=2, cancellations=1, lost_replies=1),
    "replicas shut down": Bounds(replicas=2, cancellations=1, closings=1, lost_replies=1),
    "keys are rotated": Bounds(replicas=2, crashes=1, lost_replies=1, authorizations=1, reseals=1, leaps=1),
    "a replica rotates keys while users connect": Bounds(replicas=2, authorizations=1, rotations=1),
    "a replica rotates keys while users go": Bounds(replicas=2, unlinks=1, rotations=1),
    "a replica rotates keys while replicas are killed": Bounds(
        replicas=2, crashes=1, lost_replies=1, rotations=1
    ),
    "answers are slow": Bounds(replicas=2, crashes=1, lost_replies=1, leaps=1, replies=EVERY_ANSWER),
    "a replay window": Bounds(
        replicas=2, crashes=1, lost_replies=2, authorizations=1, leaps=1, reuse="replay_window"
    ),
    "one behind is forgiven": Bounds(
        replicas=2, crashes=1, lost_replies=2, authorizations=1, reuse="one_behind"
    ),
    "the latest wins": Bounds(replicas=2, crashes=1, lost_replies=2, authorizations=1, reuse="latest_wins"),
    "no rotation": Bounds(
        replicas=2, crashes=1, lost_replies=2, authorizations=1, unlinks=1, reuse="non_rotating"
    ),
}

WITH_UPKEEP: dict[str, Bounds] = {
    "upkeep on two replicas": Bounds(replicas=2, crashes=1, lost_replies=1, authorizations=1, unlinks=1),
    "upkeep on two replicas, two callers each": Bounds(replicas=2, callers=2, crashes=1, lost_replies=1),
    "upkeep while the token works, and users connect": Bounds(
        replicas=2, crashes=1, lost_replies=1, authorizations=1, left=STILL_WORKS
    ),
}
"""Those in which each replica looks after links before it serves its first caller."""

LASTS = timedelta(minutes=30)
"""Nobody thinks of refreshing: what is read is remembered."""
REMEMBERING = RefreshPolicy(remember_for=timedelta(seconds=10))

WITH_MEMORY: dict[str, Bounds] = {
    "remembered, and refused by an API": Bounds(
        replicas=2, late_calls=1, refusals=1, lost_replies=1, left=LASTS
    ),
    "remembered, and a replica dies": Bounds(replicas=2, late_calls=1, refusals=1, crashes=1, left=LASTS),
    "remembered, while users come and go": Bounds(
        replicas=2, late_calls=1, authorizations=1, unlinks=1, leaps=1, left=LASTS
    ),
    "remembered, and reads take time": Bounds(
        replicas=1,
        late_calls=1,
        refusals=1,
        authorizations=1,
        left=LASTS,
        replies=frozenset({"refresh", "get"}),
    ),
    "remembered, until it is refreshed behind the callers' backs": Bounds(
        replicas=2, late_calls=1, lost_replies=1, left=STILL_WORKS
    ),
}
"""Those in which each replica remembers the links that it has read, under ``REMEMBERING``."""

FORGETFUL: dict[str, Bounds] = {
    "the store loses its last write": Bounds(replicas=1, late_calls=1, forgets=(1,)),
    "the store loses writes": Bounds(replicas=1, late_calls=1, forgets=(2,)),
    "the store loses writes twice": Bounds(replicas=1, forgets=(1, 3)),
    "the store loses three writes of several callers": Bounds(replicas=1, callers=2, forgets=(3,)),
    "the store loses writes under two replicas": Bounds(replicas=2, callers=0, late_calls=1, forgets=(2,)),
}
"""Those in which the store loses writes that it has acknowledged, and every replica heals it."""
