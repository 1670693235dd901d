"""Reading the body of a token endpoint's answer, whatever its content type claims."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from string import whitespace
from urllib.parse import parse_qsl

from extauth.adapters.oauth2.reading.json_kinds import is_list, is_object
from extauth.adapters.oauth2.reading.json_reading import parsed_json
from extauth.adapters.oauth2.reading.member_names import snake_case, standard_names
from extauth.domain.storable import storable_text

_FORM = re.compile(r"[A-Za-z0-9_.~*'()!,:;/?@$%+&=\x80-\U0010ffff-]+")
"""Nothing else is in a form-encoded body, but letters that should have been encoded; above all no ``<``,
white space or quote. A link in an HTML page or a sentence must never be taken for an OAuth error."""
_MOST_FORM_FIELDS = 100
_MOST_ERRORS = 100
"""Of a list, which is looked through several times: a megabyte of them held the event loop for seconds."""
_DEEPEST = 100
"""Levels that a member may be nested."""
_TOKEN_KEYS = frozenset({"access_token", "refresh_token", "id_token"})
_SAID_ONCE = _TOKEN_KEYS | {"error"}
"""Two tokens are as good as none, and so are two errors. Of others the first counts, rather than that the
whole form be thrown away (RFC 6749 section 3.2 allows no parameter twice)."""
_CODE_KEYS = (
    # More exact than the code beside it, as in Google's ``invalid_rapt``.
    "error_subtype",
    "error",
    "code",
    "type",
    "status",
    "errorType",
    "category",
    "error_code",
    "errcode",
    "err_code",
    "serviceErrorCode",
)
_MESSAGE_KEYS = ("error", "message", "error_description", "reason", "error_message", "errmsg", "msg")
_FAILURE_KEYS = ("errors", "errorType", "error_code", "serviceErrorCode", "category")
"""Members that only answers of failure have, at providers whose failures have no ``error``."""
_RESULT_KEYS = ("code", "errcode", "err_code")
"""Members that say how a request ended, at providers that answer everything with status 200."""
_SUCCESSES = frozenset({"", "ok", "success"})
_LONGEST_RESULT = 20
"""In digits."""
_FAILURE_STATUSES = frozenset({"error", "fail", "failed", "failure"})


def _form(body: bytes) -> dict[str, object] | None:
    # As in JSON, what is not UTF-8 becomes a lone surrogate, which no store takes.
    text = body.decode("utf-8-sig", "surrogateescape").strip()
    if not _FORM.fullmatch(text):
        return None
    try:
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            strict_parsing=True,
            errors="surrogateescape",
            max_num_fields=_MOST_FORM_FIELDS,
        )
    except ValueError:
        return None
    found: dict[str, object] = {}
    for name, value in pairs:
        if not value and name in _SAID_ONCE:
            continue
        if found.setdefault(name, value) != value and name in _SAID_ONCE:
            return None
    return found


def read_members(body: bytes, *, form: bool = True) -> Mapping[str, object] | None:
    """Return the members of a JSON object, or of a form unless that is ruled out; None if it is neither.

    Those in camel case are there by the standard's names as well.
    """
    parsed: object
    try:
        parsed = parsed_json(body)
    except (ValueError, RecursionError):
        parsed = _form(body) if form else None
    return standard_names(parsed) if is_object(parsed) else None


def error_places(members: Mapping[str, object]) -> list[dict[str, object]]:
    """Return where an error may be said: in the answer, its ``error``, or the items of its ``errors``."""
    places: list[object] = [members, members.get("error")]
    errors = members.get("errors")
    if is_list(errors):
        places += errors[:_MOST_ERRORS]
    return [standard_names(place) for place in places if is_object(place)]


def _is_number(code: object) -> bool:
    return isinstance(code, int) and not isinstance(code, bool)


def error_codes(members: Mapping[str, object]) -> Iterator[str]:
    """Yield everything that stands where providers put an error code, the most exact place first.

    ``error`` as a code (RFC 6749 section 5.2) or an object with one, members of other names, and lists
    of ``errors``; whole numbers as text. They are the provider's text: only ones known beforehand may be
    shown or kept.
    """
    for place in error_places(members):
        for key in _CODE_KEYS:
            code = place.get(key)
            if isinstance(code, str):
                yield code
            elif _is_number(code):
                yield str(code)
        # Entra's, with the exact cause as numbers.
        numbers = place.get("error_codes")
        if is_list(numbers):
            yield from (str(number) for number in numbers[:_MOST_ERRORS] if _is_number(number))


def error_messages(members: Mapping[str, object]) -> Iterator[str]:
    """Yield every text that stands where providers put words about an error, trimmed and case-folded.

    Free text: it may be compared with what is known beforehand, and never be shown or kept.
    """
    for place in error_places(members):
        for key in _MESSAGE_KEYS:
            message = place.get(key)
            if isinstance(message, str):
                yield message.strip().casefold()


def reports_error(members: Mapping[str, object]) -> bool:
    """Whether the answer says that it is an error, be it with status 200.

    A non-empty ``error``, or ``ok: false`` as Slack answers.
    """
    return bool(members.get("error")) or members.get("ok") is False


def looks_failed(members: Mapping[str, object]) -> bool:
    """Whether an answer without tokens has the shape of a failure, of providers that send no ``error``.

    With tokens it says nothing: a success may have an empty or a meaningless one of those members.
    """
    status = members.get("status")
    return (
        any(members.get(key) for key in _FAILURE_KEYS)
        or members.get("success") is False
        or (isinstance(status, int) and status >= HTTPStatus.BAD_REQUEST)
        or (isinstance(status, str) and status.casefold() in _FAILURE_STATUSES)
        or (not _holds_more(members) and any(_is_failure(members.get(key)) for key in _RESULT_KEYS))
    )


def _holds_more(members: Mapping[str, object]) -> bool:
    """Whether tokens may stand somewhere in the answer where nobody has looked."""
    return any(is_object(value) and value for value in members.values())


def _is_failure(result: object) -> bool:
    """Whether a result is another than zero, a status of success or a word for it."""
    if isinstance(result, str):
        if not (result.isascii() and result.isdecimal()):
            return result.casefold() not in _SUCCESSES
        result = int(result[:_LONGEST_RESULT])
    return (
        _is_number(result) and result != 0 and result not in range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
    )


def granted_scopes(
    members: Mapping[str, object], separators: str, fields: Iterable[str] = ("scope",)
) -> frozenset[str]:
    """Return the scopes that the answer names (RFC 6749 section 3.3), as text or as a list.

    They are those of the first of ``fields`` that names any.
    """
    for field in fields:
        if scopes := _scopes(members.get(field), separators):
            return scopes
    return frozenset()


def grants_no_scope(
    members: Mapping[str, object], separators: str, fields: Iterable[str] = ("scope",)
) -> bool:
    """Whether the answer says that no scope was granted: one of ``fields`` is empty, and none names any."""
    given = [members.get(field) for field in fields]
    empty = any(is_list(value) and not value for value in given) or any(
        isinstance(value, str) and not value.strip(f"{separators}{whitespace}") for value in given
    )
    return empty and not granted_scopes(members, separators, fields)


def _scopes(value: object, separators: str) -> frozenset[str]:
    if isinstance(value, str):
        for separator in separators:
            value = value.replace(separator, " ")
        return frozenset(filter(_is_storable, value.split()))
    if is_list(value):
        return frozenset(item for item in value if isinstance(item, str) and item and _is_storable(item))
    return frozenset()


def _is_storable(scope: str) -> bool:
    # Quick: an answer may have hundreds of thousands.
    try:
        storable_text(scope, "scope")
    except ValueError:
        return False
    return True


def without_tokens(value: object) -> object:
    """Return the same JSON without members that hold tokens, at any depth."""
    if is_object(value):
        return {
            name: without_tokens(inner)
            for name, inner in value.items()
            if snake_case(name) not in _TOKEN_KEYS
        }
    if is_list(value):
        return [without_tokens(inner) for inner in value]
    return value


def storable_json(value: object) -> bool:
    """Whether every store can keep this parsed JSON: finite numbers, no NUL or lone surrogate, and not nested
    so deep that somebody else's stack might be too short to read it."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for each in level for inner in _inner(each)]
        if not level:
            break
    if level:
        return False
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (ValueError, RecursionError):
        return False
    return "\\u0000" not in text


def _inner(value: object) -> Iterable[object]:
    return value.values() if is_object(value) else value if is_list(value) else ()
