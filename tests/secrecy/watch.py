"""Sees all that a process shows of itself at its most talkative: what a test of secrecy searches."""

from __future__ import annotations

import asyncio
import logging
import reprlib
import sys
import threading
import traceback
import warnings
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from extauth import ExtAuthError

T = TypeVar("T")

TESTS = str(Path(__file__).parents[1])
_WIDE = ("maxlevel", "maxtuple", "maxlist", "maxdict", "maxset", "maxstring", "maxother")


class Watch(logging.Handler):
    """Collects every record of the root logger, warning, unhandled exception and error that a test hands it.

    Exceptions are searched as a tool that reports errors does: with their causes and contexts, and the local
    variables of every frame that is not the test's own. asyncio is in debug mode and finds every callback
    slow, and what it would shorten is shown whole.
    """

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seen: list[tuple[str, str]] = []
        """Where a text was shown, and the text."""

    def emit(self, record: logging.LogRecord) -> None:
        parts = [record.getMessage(), repr(record.args), repr(vars(record)), record.stack_info or ""]
        self.seen.append((f"log of {record.name}", "\n".join(parts)))
        if record.exc_info and record.exc_info[1]:
            self.take(f"log of {record.name}", record.exc_info[1])

    def take(self, where: str, value: object) -> None:
        """Search what is shown of a value."""
        self.seen.append((where, repr(value)))
        if isinstance(value, BaseException):
            self.seen += [(f"{where}: {place}", text) for place, text in _exposed(value)]

    async def refused(self, call: Awaitable[object]) -> ExtAuthError:
        """Await a call that must fail, and search its error."""
        try:
            await call
        except ExtAuthError as error:
            self.take(f"error {type(error).__name__}", error)
            return error
        raise AssertionError("the call did not fail")  # noqa: EM101, TRY003

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """Run a program under this watch."""

        async def watched() -> T:
            loop = asyncio.get_running_loop()
            loop.slow_callback_duration = 0
            loop.set_exception_handler(self._handle)
            return await main()

        with self._listening():
            return asyncio.run(watched(), debug=True)

    def leaks(self, secrets: Callable[[str], set[str]]) -> dict[str, set[str]]:
        """Return the kinds of secret that were shown, by where; ``secrets`` finds them in a text."""
        found: dict[str, set[str]] = {}
        for where, text in self.seen:
            if kinds := secrets(text):
                found.setdefault(where, set()).update(kinds)
        return found

    def _handle(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        for name, value in context.items():
            self.take(f"exception handler's {name}", value)

    def _unraisable(self, hook: Any) -> None:
        self.take("unraisable", hook.object)
        self.take("unraisable", hook.exc_value)

    @contextmanager
    def _listening(self) -> Generator[None]:
        root = logging.getLogger()
        level, handlers = root.level, root.handlers[:]
        limits = {name: getattr(reprlib.aRepr, name) for name in _WIDE}
        hooks = sys.unraisablehook, threading.excepthook
        sys.unraisablehook = self._unraisable
        threading.excepthook = lambda args: self.take("thread", args.exc_value)
        root.handlers[:] = [self]
        root.setLevel(logging.DEBUG)
        for name in _WIDE:
            setattr(reprlib.aRepr, name, 1_000_000)
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                yield
        finally:
            self.seen += [("warning", str(each.message)) for each in warned]
            for name, limit in limits.items():
                setattr(reprlib.aRepr, name, limit)
            root.setLevel(level)
            root.handlers[:] = handlers
            sys.unraisablehook, threading.excepthook = hooks


def _chain(error: BaseException) -> Iterator[BaseException]:
    waiting: list[BaseException | None] = [error]
    known: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in known:
            continue
        known.add(id(each))
        yield each
        # Also the context that `from None` leaves hanging: not every tool leaves it out.
        waiting += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]


def _exposed(error: BaseException) -> Iterator[tuple[str, str]]:
    """Return all that can be seen of an exception, piece by piece."""
    for each in _chain(error):
        yield type(each).__name__, f"{each!r} {each} {vars(each)} {getattr(each, '__notes__', ())}"
        for frame, _ in traceback.walk_tb(each.__traceback__):
            code = frame.f_code
            if not code.co_filename.startswith(TESTS):
                file = Path(code.co_filename).name
                for name, value in frame.f_locals.items():
                    where = f"{name} in {code.co_qualname} of {file}"
                    yield from ((where, text) for text in _shown(value))


_DEEPEST = 4


def _shown(value: object, depth: int = 0) -> Iterator[str]:
    """Yield what is shown of a value, by its repr, and by tools that look into whatever is a mapping or a
    sequence, as Sentry and rich do."""
    try:
        yield repr(value)
    except Exception:  # noqa: BLE001 - as traceback.TracebackException takes it
        yield "<no repr>"
    if depth == _DEEPEST or isinstance(value, str | bytes | bytearray):
        return
    inner: Iterable[Any] = ()
    if isinstance(value, Mapping):
        inner = (part for pair in value.items() for part in pair)
    elif isinstance(value, Sequence | AbstractSet):
        inner = cast("Iterable[Any]", value)
    for each in inner:
        yield from _shown(each, depth + 1)
