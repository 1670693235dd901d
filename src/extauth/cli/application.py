"""Loading what an application gives a command: its providers, or all that it opens with them.

What goes wrong in the application's code is told by type and place. Its text is left out where it may hold a
secret: settings are read there, and errors about them quote them.
"""

from __future__ import annotations

import inspect
import re
import sys
import traceback
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from extauth.auth import Auth
from extauth.domain.errors import ConfigurationError, ExtAuthError

WHAT_IT_IS: Final = (
    "MODULE:ATTRIBUTE of the application: what extauth.open(...) returns, not entered; or its providers, in"
    " a list; or a function without arguments, async or not, that returns one of these or an async context"
    " manager of one"
)
_ENVIRONMENT_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,60}")


class ApplicationFailed(ConfigurationError):
    """The application's module raised something."""

    code = "application_failed"


@asynccontextmanager
async def application(name: str) -> AsyncGenerator[Auth | list[Any], None]:
    """Load ``MODULE:ATTRIBUTE``, and enter it: an ``Auth``, or a list of providers.

    What it prints goes to stderr: stdout is the command's.

    :raises ConfigurationError: if it cannot be loaded, or is none of what it can be.
    """
    async with AsyncExitStack() as entered:
        with redirect_stdout(sys.stderr):
            given = await _given(name, entered)
        yield given


async def _given(name: str, entered: AsyncExitStack) -> Auth | list[Any]:
    failed: ApplicationFailed | None = None
    usable: Auth | list[Any] | None = None
    try:
        given = _called(_attribute(name))
        if inspect.isawaitable(given):
            given = await given
        usable = _usable(await entered.enter_async_context(given) if _is_manager(given) else given)
    except (ExtAuthError, KeyboardInterrupt):
        raise  # it says what it says on purpose
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever an application raises
        failed = ApplicationFailed(f"the application {name} cannot be loaded: {_told(error)}")
    if failed is not None:
        raise failed  # not in the handler: tools that report errors would show the other one
    if usable is None:
        msg = f"the application {name} gives nothing that can be used; it must be {WHAT_IT_IS}"
        raise ConfigurationError(msg)
    return usable


def _is_manager(given: object) -> bool:
    return hasattr(type(given), "__aenter__")


def _called(given: Any) -> Any:
    return given() if callable(given) and not _is_manager(given) else given


def _usable(given: Any) -> Auth | list[Any] | None:
    if isinstance(given, Auth):
        return given
    return list(given) if _is_iterable(given) and not isinstance(given, str) else None


def _is_iterable(given: object) -> bool:
    return isinstance(given, Iterable)


def _attribute(name: str) -> Any:
    module_name, _, path = name.partition(":")
    if not module_name or not path:
        msg = f"--app must be {WHAT_IT_IS}"
        raise ConfigurationError(msg)
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)  # as python -m and the servers of web applications do
    found: Any = import_module(module_name)
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _told(error: BaseException) -> str:
    """Say what was raised and where, without what it may quote."""
    said = type(error).__name__
    match error:
        case ModuleNotFoundError(name=str(missing)):
            said += f": there is no module {missing}"
        case AttributeError(name=str(missing)) | NameError(name=str(missing)):
            said += f": there is no {missing}"
        case SyntaxError(msg=str(what), lineno=line):
            return f"{said} in line {line} of {Path(error.filename or '?').name}: {what.split(chr(39))[0]}"
        case KeyError(args=(str(missing),)) if _ENVIRONMENT_NAME.fullmatch(missing):
            said += f": {missing}"
        case _:
            said += ", whose text is left out, as it may hold a secret"
    return f"{said}{_place(error.__traceback__)}"


def _place(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)
    own = [frame for frame in frames if not frame.filename.startswith(("<", str(Path(__file__).parent)))]
    return f" ({own[-1].filename}, line {own[-1].lineno}, in {own[-1].name})" if own else ""
