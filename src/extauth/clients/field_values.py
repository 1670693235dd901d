"""Which values a header field can have (RFC 9110 section 5.5). Pure.

httpx refuses others by an error that quotes them, token and all. A provider may give such a token, and one
that was moved in from a file may have its line's end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_VALUE: Final = re.compile(r"(?:[^\x00-\x20\x7f](?:[^\x00-\x08\x0a-\x1f\x7f]*[^\x00-\x20\x7f])?)?")
"""No control character but tabs within, and no white space at either end."""


def checked_values(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers, which show a token, if all of them can be sent.

    :raises ValueError: for one that cannot be. The message holds its name alone.
    """
    faulty = [name for name, value in headers.items() if not _VALUE.fullmatch(value)]
    if not faulty:
        return headers
    del headers  # tools that report errors show the local variables of each frame
    msg = (
        f"the token cannot be shown in {faulty[0]}: it has white space at its end or a control character,"
        " which no header can have (RFC 9110 section 5.5). If it was imported, import it again without; else"
        " its provider gives such tokens"
    )
    raise ValueError(msg)
