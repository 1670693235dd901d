"""What an application's own functions say of a request; a slip in them is told as what it is."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any, TypeAlias, cast

from extauth.auth import Auth
from extauth.domain.wrong_types import must_be

AuthOrFinder: TypeAlias = Auth | Callable[[Any], Auth]
"""What was opened, or a function that finds it by the framework's request."""


async def said(finding: object, function: str) -> Any:
    """Await what the application's ``function`` has returned.

    :raises TypeError: if it cannot be awaited.
    """
    if not isawaitable(finding):
        msg = f"{function} must be an async function of the request: write async def {function}(request)"
        raise TypeError(msg)
    return await finding


def found_auth(given: AuthOrFinder, native: object) -> Auth:
    """Return what was opened.

    :raises TypeError: if the application's function does not find it.
    """
    if isinstance(given, Auth):
        return given
    auth = cast("object", given(native))
    if auth is None or isawaitable(auth):
        if (close := getattr(auth, "close", None)) is not None:
            close()  # a coroutine that nobody awaits
        hint = "write a function, not async, that finds it by the request"
        raise TypeError(must_be("what extauth.open opened", auth, "what auth returns", hint))
    return cast("Auth", auth)
