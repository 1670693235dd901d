"""Finding members by the standard's names where an answer spells them in camel case."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import Final

_MOST: Final = 1000
"""Members whose names are looked at. Answers have dozens, and a megabyte of them held the event loop for
seconds."""
_BOUNDARY: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake_case(name: str) -> str:
    """Return ``accessToken`` or ``AccessToken`` as ``access_token``, and other names in lower case."""
    return _BOUNDARY.sub("_", name).lower()


def standard_names(members: Mapping[str, object]) -> dict[str, object]:
    """Return the members, and those in camel case by the standard's names as well.

    A member that has the standard's name counts, unless it is null or empty. Of very many the first are
    looked at.
    """
    found = dict(members)
    for name, value in islice(members.items(), _MOST):
        standard = snake_case(name)
        if standard != name and found.get(standard) in (None, ""):
            found[standard] = value
    return found
