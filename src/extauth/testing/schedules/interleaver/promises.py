"""The promises by name, and what it looks like when one is not kept."""

from __future__ import annotations

from typing import Final, final

import attrs

NEVER_CLEARED: Final = "never cleared"
NEVER_TWICE: Final = "never presented twice"
NEVER_WRONGLY_DEAD: Final = "never wrongly dead"
NEVER_LOST: Final = "never lost"
NEVER_SOMEONE_ELSES: Final = "never someone else's"
NEVER_WORSE: Final = "never worse than waiting"
NEVER_NEEDLESS: Final = "never without need"
NEVER_IN_SIGHT: Final = "never in sight"
NEVER_OUT_OF_DATE: Final = "never out of date"
ALWAYS_ENDS: Final = "every call ends"
COMES_BACK: Final = "works again once faults stop"
HEALED: Final = "healed where somebody knows"

PROMISES: tuple[str, ...] = (
    NEVER_CLEARED,
    NEVER_TWICE,
    NEVER_WRONGLY_DEAD,
    NEVER_LOST,
    NEVER_SOMEONE_ELSES,
    NEVER_WORSE,
    NEVER_NEEDLESS,
    NEVER_IN_SIGHT,
    NEVER_OUT_OF_DATE,
    ALWAYS_ENDS,
    COMES_BACK,
    HEALED,
)

WHATEVER_IS_LOST: Final = frozenset({NEVER_SOMEONE_ELSES, NEVER_IN_SIGHT, ALWAYS_ENDS, COMES_BACK, HEALED})
"""Those that hold where the store has lost writes, too. The others compare with what it had."""


@final
@attrs.frozen
class Broken:
    """A promise that was not kept."""

    promise: str
    what: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.what}"
