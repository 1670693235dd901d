"""Loading what an application gives a command: its providers, or all that it opens with them.

What goes wrong in the application's code is told by type and place. Its text is left out where it may hold a
secret: settings are read there, and errors about them quote them.
"""

from __future__ import annotations

import inspect
import re
import sys
import sysconfig
import traceback
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from extauth.domain.errors import ConfigurationError, ExtAuthError

if TYPE_CHECKING:
    from extauth.auth import Auth

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
    from extauth.auth import Auth  # noqa: PLC0415 - it takes longer than most commands

    failed: ApplicationFailed | None = None
    given: Auth | list[Any] | None = None
    try:
        found: Any = await _entered(_attribute(name), entered)
        if isinstance(found, Auth):
            given = found
        elif hasattr(found, "__iter__") and not isinstance(found, str):
            given = list(found)
    except (ExtAuthError, KeyboardInterrupt):
        raise  # it says what it says on purpose
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever an application raises
        failed = ApplicationFailed(f"the application {name} cannot be loaded: {_told(error)}")
    if failed is not None:
        raise failed  # not in the handler: tools that report errors would show the other one
    if given is None:
        msg = f"the application {name} gives nothing that can be used; it must be {WHAT_IT_IS}"
        raise ConfigurationError(msg)
    return given


async def _entered(given: Any, entered: AsyncExitStack) -> Any:
    """Call, await and enter what is to be, in this order."""
    if inspect.isroutine(given) or (callable(given) and not _is_managed(given)):
        return await _entered(given(), entered)
    if inspect.isawaitable(given):
        return await _entered(await given, entered)
    return await entered.enter_async_context(given) if _is_managed(given) else given


def _is_managed(given: object) -> TypeGuard[AbstractAsyncContextManager[object]]:
    return hasattr(type(given), "__aenter__")


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
    """Return where it is to be mended: no line of ours or of Python's library, which passed it on."""
    passing = ("<", str(Path(__file__).parent))
    own = [
        frame
        for frame in traceback.extract_tb(trace)
        if not frame.filename.startswith(passing) and not _is_of_python(frame.filename)
    ]
    return f" ({own[-1].filename}, line {own[-1].lineno}, in {own[-1].name})" if own else ""


def _is_of_python(file: str) -> bool:
    library = sysconfig.get_path("stdlib")
    return file.startswith(library) and "site-packages" not in Path(file).parts
