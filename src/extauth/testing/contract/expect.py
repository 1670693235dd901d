"""Saying in words what a store promised and what came instead.

Every promise is a sentence that begins with the method's name, so that a failure reads without the test:
"save of an old version must change nothing, but version is 3 instead of 2".
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterator
from typing import Any, NoReturn, TypeVar

import attrs

from extauth.domain.link import Link
from extauth.domain.outcomes import Claimed, Recorded, Resealed, Saved, Stale

T = TypeVar("T")

_OWN_TOKEN = re.compile(r"(at|rt)-\d+\Z")
_SECRETS = ("_token", "salt", "client_secret")
"""How the names of fields end that hold a secret."""
_LONGEST_SHOWN = 300


def fail(promise: str, came: str) -> NoReturn:
    """Say that the promise is not kept."""
    __tracebackhide__ = True
    msg = f"{promise}, but {came}"
    raise AssertionError(msg)


def expect_that(kept: bool, promise: str, came: str) -> None:
    """Say what came unless the promise is kept."""
    __tracebackhide__ = True
    if not kept:
        fail(promise, came)


def expect(came: object, expected: object, promise: str) -> None:
    """Compare, and say which parts differ and how."""
    __tracebackhide__ = True
    if came != expected:
        fail(promise, "; ".join(_differences(came, expected, "")))


def expect_kind(came: object, kind: type[T], promise: str) -> T:
    """Return ``came``, which must be of that kind."""
    __tracebackhide__ = True
    if not isinstance(came, kind):
        fail(promise, f"{shown(came)} came instead of {kind.__name__}")
    return came


def expect_link(came: Link | None, promise: str) -> Link:
    """Return the link, which must be there."""
    __tracebackhide__ = True
    if came is None:
        fail(promise, "None came instead of a link")
    return came


async def expect_refusal(call: Awaitable[object], promise: str) -> None:
    """Await the call, which must raise ``ValueError``."""
    __tracebackhide__ = True
    try:
        came = f"it returned {shown(await call)}"
    except ValueError:
        return
    except Exception as error:
        msg = f"{promise}, but it raised {type(error).__name__}"
        raise AssertionError(msg) from error
    fail(promise, came)


def shown(value: object, part: str = "") -> str:
    """Describe a value without a token text that is not this suite's own."""
    if isinstance(value, Link):
        access, refresh = _token(value.tokens.access_token), _token(value.tokens.refresh_token)
        key = f"{value.key.provider_id!r}, {value.key.user_id!r}"
        return f"the link of ({key}) at version {value.version} with the tokens {access} and {refresh}"
    if isinstance(value, list):
        values: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return "[" + ", ".join(shown(each) for each in values) + "]"
    if isinstance(value, (str, type(None))) and part.endswith(_SECRETS):
        return _token(value)
    if isinstance(value, (Claimed, Saved, Recorded, Resealed, Stale)):
        return f"{type(value).__name__} with {shown(value.link)}"
    if isinstance(value, BaseException):
        return type(value).__name__  # drivers quote what they were given
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}... ({len(text)} characters)"


def _token(text: str | None) -> str:
    if text is None or _OWN_TOKEN.match(text):
        return repr(text)
    return f"a text of {len(text)} characters"


def _differences(came: object, expected: object, part: str) -> Iterator[str]:
    kind: Any = type(came)
    if kind is type(expected) and attrs.has(kind):
        for field in attrs.fields(kind):
            inner = f"{part}.{field.name}" if part else field.name
            yield from _differences(getattr(came, field.name), getattr(expected, field.name), inner)
    elif came != expected:
        verb = f"{part} is" if part else "it gave"
        yield f"{verb} {shown(came, part)} instead of {shown(expected, part)}"
