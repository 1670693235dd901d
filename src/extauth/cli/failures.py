"""What an error is told as: an exit code, a stable code, and a sentence that quotes no secret."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import final

import attrs

from extauth.cli.exit_codes import CONFIGURATION, FOUND, INTERNAL, NOT_FOUND, TEMPORARY, USAGE
from extauth.cli.session import UsageError
from extauth.domain.errors import (
    ConfigurationError,
    ExtAuthError,
    LinkNotFound,
    LinkUnreadable,
    ProviderMisconfigured,
    ReauthorizationRequired,
    TemporarilyUnavailable,
)


@final
@attrs.frozen
class Failure:
    """What went wrong, for programs and for people."""

    exit_code: int
    code: str
    """Stable: the error's own ``code``, or ``usage``, ``not_installed``, ``internal``, ``interrupted``."""
    message: str
    more: dict[str, object] = attrs.field(factory=dict[str, object])
    """``reason`` and ``retry_after`` (seconds), where the error has them."""

    def as_json(self) -> dict[str, object]:
        """Return the member ``error`` of a JSON answer."""
        return {"code": self.code, "message": self.message, **self.more}


def failure_of(error: Exception) -> Failure:
    """Return how an error is told."""
    match error:
        case UsageError():
            return Failure(USAGE, "usage", str(error))
        case ModuleNotFoundError() if str(error).endswith(']"'):
            return Failure(CONFIGURATION, "not_installed", str(error))
        case ExtAuthError():
            return Failure(_exit_code(error), error.code, str(error), _more(error))
        case ValueError() if _is_ours(error):
            return Failure(USAGE, "usage", str(error))
        case _:
            told = f"{type(error).__name__}{_place(error)}"
            return Failure(INTERNAL, "internal", f"this is a mistake in extauth; please report it: {told}")


def _exit_code(error: ExtAuthError) -> int:
    match error:
        case LinkNotFound():
            return NOT_FOUND
        case LinkUnreadable():
            return FOUND  # trying again does not help
        case TemporarilyUnavailable():
            return TEMPORARY
        case ConfigurationError():
            return CONFIGURATION
        case _:
            return FOUND


def _more(error: ExtAuthError) -> dict[str, object]:
    more: dict[str, object] = {}
    if isinstance(error, ReauthorizationRequired | ProviderMisconfigured):
        more["reason"] = error.reason
    if isinstance(error, TemporarilyUnavailable) and error.retry_after is not None:
        more["retry_after"] = error.retry_after.total_seconds()
    return more


def _is_ours(error: Exception) -> bool:
    """Whether extauth itself raised it: its messages quote no secret."""
    frames = traceback.extract_tb(error.__traceback__)
    package = str(Path(__file__).parents[1])
    return not frames or frames[-1].filename.startswith(package)


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
