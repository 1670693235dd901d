"""The lines of a file of exported links: each is sealed for its place in that file. Pure, but for nonces.

The first line is a JSON object: ``{"format": "extauth-links-1", "file": "..."}`` with an id that no other
file has. Then each link is a line, its JSON sealed as texts of a store are (:mod:`.sealing`), and what it was
sealed for is the file's id and the number of the line. The last line is sealed likewise, as an end: it says
how many links there are. So a line that was changed, left out, repeated, put elsewhere or taken from another
file does not open, and a file that was cut off has no end.
"""

from __future__ import annotations

import json
import secrets
from typing import Any, Final, final

import attrs

from extauth.adapters.encryption.sealing import Context, SealingKey, Trouble, seal, unseal
from extauth.adapters.importing.values import mapping_of
from extauth.adapters.importing.written import from_json, to_json
from extauth.domain.hidden import Hidden, NamesOnly
from extauth.domain.imports import ImportedLink

FORMAT: Final = "extauth-links-1"

_ID_BYTES: Final = 16


def new_file_id() -> str:
    """Return an id for a file."""
    return secrets.token_hex(_ID_BYTES)


def header(file_id: str) -> str:
    """Write the first line."""
    return json.dumps({"format": FORMAT, "file": file_id})


def file_id_of(line: str) -> str | None:
    """Read the first line; None for one that no export begins with."""
    try:
        read: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    named = mapping_of(read)
    if named is None or named.get("format") != FORMAT:
        return None
    file_id = named.get("file")
    return file_id if isinstance(file_id, str) else None


@final
@attrs.frozen
class End:
    """The end of the file."""

    links: int


def link_line(key: SealingKey, file_id: str, number: int, link: ImportedLink) -> str:
    """Write a link; the first has the number 1."""
    return seal(key, json.dumps(to_json(link)), _place(file_id, number, "link"))


def end_line(key: SealingKey, file_id: str, links: int) -> str:
    """Write the end, after that many links."""
    return seal(key, json.dumps({"links": links}), _place(file_id, links + 1, "end"))


def read_line(key: SealingKey, file_id: str, number: int, line: str) -> ImportedLink | End | Trouble:
    """Read what was written with this key as the line of that number.

    :raises RowRefused: if it is no link although it opens: a newer version of extauth has written it.
    """
    opened = Hidden(unseal(key, line, _place(file_id, number, "link")))
    if isinstance(opened.value, str):
        return from_json(NamesOnly(json.loads(opened.value)))
    end = unseal(key, line, _place(file_id, number, "end"))
    return opened.value if isinstance(end, Trouble) else End(number - 1)


def _place(file_id: str, number: int, kind: str) -> Context:
    return ("export", file_id, str(number), kind)
