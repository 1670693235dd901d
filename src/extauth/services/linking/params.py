"""Which parameters an application may add to an authorization request. Pure.

An application may pass on what a browser said, such as ``login_hint``. Whatever that was, it must not change
what the request asks for, or where and how the answer comes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, cast

from extauth.domain.request_parameters import BINDING, REQUEST_OBJECTS, SHAPING, folded
from extauth.domain.wrong_types import must_be

_OURS: Final = BINDING | SHAPING | REQUEST_OBJECTS | {"claims", "resource", "scope"}
"""Parameters of an authorization request that its meaning or its safety hangs on."""

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
"""RFC 6749 section 8.2. Other names some servers take for one of ours: ``state[]``."""


def check_params(params: Mapping[str, str]) -> None:
    """Refuse what is not the application's to set.

    :raises ValueError: for it.
    :raises TypeError: for what is no mapping of texts.
    """
    if not _has_text_for_names(params):
        raise TypeError(
            must_be("a mapping with names that are str", params, "params", "write {'prompt': '...'}")
        )
    if clash := sorted(name for name in params if folded(name) in _OURS):
        msg = f"params must not set {', '.join(clash)}"
        raise ValueError(msg)
    if not all(map(_NAME.fullmatch, params)):
        msg = "params must have names of letters, digits, '.', '_' and '-' alone (RFC 6749 section 8.2)"
        raise ValueError(msg)


def _has_text_for_names(params: object) -> bool:
    if not isinstance(params, Mapping):
        return False
    return all(isinstance(name, str) for name in cast("Mapping[object, object]", params))
