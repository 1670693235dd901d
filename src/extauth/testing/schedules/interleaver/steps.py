"""A schedule as data: what happens, in which order. Each step reads and prints as one line of a script."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias, cast, final, get_args

import attrs

Verb: TypeAlias = Literal[
    "call",
    "refresh",
    "open",
    "cancel",
    "sweep",
    "crash",
    "close",
    "advance",
    "jump",
    "authorize",
    "unlink",
    "reseal",
    "rotate",
    "lift",
    "forget",
]
"""``call r1 alice``: a task of replica r1 asks for alice's access token. ``call r1 alice@mail``: for the one
for the resource ``mail``.
``refresh r1 alice``: the same, but an API has refused the token that is stored.
``open r1.claim#1``: let a parked call pass its gate; a word behind it says what shall go wrong.
``cancel r1.c1``: cancel r1's first caller.
``sweep r1``: cancel all of r1's tasks, as the end of ``asyncio.run`` does.
``crash r1``: r1 is killed. ``close r1``: r1 shuts down in order.
``advance 45.0``: so many seconds pass; a word behind it is a remark.
``jump 3600``: the store's clock is set ahead by so many seconds, ``jump -3600``: back.
``authorize alice``: alice connects again. ``unlink alice``: she disconnects.
``reseal alice``: her tokens are re-encrypted, at once. ``rotate r1 alice``: r1, which rotates keys, begins to
do so, by calls of its own. ``lift alice``: an operator lifts her failure marks.
``forget 2``: the store, which must be able to, loses its last two writes, as in a failover.
"""

VERBS: frozenset[str] = frozenset(get_args(Verb))
CHANGE_LINKS = frozenset({"advance", "jump", "authorize", "unlink", "reseal", "lift", "forget"})
"""Those that may change what is stored, beside calls that are let through."""


@final
@attrs.frozen
class Step:
    """One thing that happens; a schedule is a list of them."""

    verb: Verb
    target: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.target} {self.detail}".rstrip()

    @classmethod
    def parse(cls, line: str) -> Step:
        """Read one line of a script.

        :raises ValueError: if it is none.
        """
        verb, *words = line.split()
        if verb not in VERBS or not 1 <= len(words) <= 2:
            msg = f"a step is a verb and one or two words, such as 'open r1.claim#1', not {line!r}"
            raise ValueError(msg)
        return cls(cast("Verb", verb), *words)


def parse_script(script: str) -> list[Step]:
    """Read a script: one step a line; empty lines and what follows ``--`` are left out.

    :raises ValueError: if a line is no step.
    """
    lines = (line.partition("--")[0].strip() for line in script.splitlines())
    return [Step.parse(line) for line in lines if line]


def format_script(steps: Iterable[Step]) -> str:
    """Write a schedule as a script that :func:`parse_script` reads."""
    return "\n".join(str(step) for step in steps)
