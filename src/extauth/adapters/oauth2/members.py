"""Reading the body of a token endpoint's answer, whatever its content type claims."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TypeGuard
from urllib.parse import parse_qsl

_FORM = re.compile(rb"[A-Za-z0-9_.~*'()!,:;/?@$%+&=-]+")
"""Nothing else is in a form-encoded body; above all no ``<``, white space or quote. A link in an HTML
page or a sentence must never be taken for an OAuth error."""
_MOST_FORM_FIELDS = 100
_CODE_KEYS = ("error", "code", "type", "status", "errorType")


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    # The keys of a JSON object are strings.
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _form(body: bytes) -> dict[str, object] | None:
    text = body.strip()
    if not _FORM.fullmatch(text):
        return None
    try:
        pairs = parse_qsl(
            text.decode("ascii"), strict_parsing=True, errors="strict", max_num_fields=_MOST_FORM_FIELDS
        )
    except ValueError:
        return None
    # RFC 6749 section 3.2: no parameter more than once. Two tokens are as good as none.
    found: dict[str, object] = dict(pairs)
    return found if len(found) == len(pairs) else None


def read_members(body: bytes) -> Mapping[str, object] | None:
    """Return the members of a JSON object or of a form-encoded body, or None if it is neither."""
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError):
        return _form(body)
    return parsed if _is_object(parsed) else None


def error_codes(members: Mapping[str, object]) -> Iterator[str]:
    """Yield every string that stands where providers put an error code, the usual place first.

    ``error`` as a code (RFC 6749 section 5.2) or an object with one, members of other names, and lists
    of ``errors``. They are the provider's text: only ones known beforehand may be shown or kept.
    """
    places: list[object] = [members, members.get("error")]
    errors = members.get("errors")
    if _is_list(errors):
        places += errors
    for place in places:
        if _is_object(place):
            for key in _CODE_KEYS:
                code = place.get(key)
                if isinstance(code, str):
                    yield code


def reports_error(members: Mapping[str, object]) -> bool:
    """Whether the answer says that it is an error, be it with status 200.

    A non-empty ``error``, or ``ok: false`` as Slack answers.
    """
    return bool(members.get("error")) or members.get("ok") is False


def granted_scopes(members: Mapping[str, object], separators: str) -> frozenset[str]:
    """Return the scopes that the answer names (RFC 6749 section 3.3), as text or as a list."""
    value = members.get("scope")
    if isinstance(value, str):
        for separator in separators:
            value = value.replace(separator, " ")
        return frozenset(scope for scope in value.split(" ") if scope and storable_json(scope))
    if _is_list(value):
        return frozenset(item for item in value if isinstance(item, str) and item and storable_json(item))
    return frozenset()


def storable_json(value: object) -> bool:
    """Whether every store can keep this parsed JSON: finite numbers, and no NUL or lone surrogate."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (ValueError, RecursionError):
        return False
    return "\\u0000" not in text
