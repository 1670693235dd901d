"""Write down the public API, one name or member a line: ``python docs/reference/api_snapshot.py``.

What it writes, ``api.txt``, is kept beside it and reviewed with each change. A test compares: whoever adds,
changes or takes away something public sees it in the diff, and says so in CHANGELOG.md.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from enum import Enum
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import FunctionType, MemberDescriptorType
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SNAPSHOT = HERE / "api.txt"
REGENERATE = "python docs/reference/api_snapshot.py"


def public_modules() -> list[str]:
    """Return the modules that the page on the architecture calls public."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("## What is public\n")[2].partition("\n## ")[0]
    return re.findall(r"`(extauth[\w.]*)`", section)


def snapshot() -> str:
    """Return the public API as text."""
    lines: list[str] = []
    for name in sorted(public_modules()):
        module = import_module(name)
        names = sorted({*module.__all__, *(["open"] if name == "extauth" else [])})
        lines += [f"[{name}]", *(line for each in names for line in _told(each, getattr(module, each))), ""]
    return "\n".join(lines)


def _told(name: str, value: Any) -> Iterator[str]:
    if inspect.isclass(value):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        yield f"class {name}({bases})" if bases else f"class {name}"
        yield from (f"    {line}" for line in sorted(_members(value)))
    elif inspect.isroutine(value):
        yield _function(name, value)
    elif isinstance(value, str):
        yield f"{name} = {value!r}"
    else:
        yield f"{name}: {type(value).__name__}"


def _members(kind: type) -> Iterator[str]:
    if issubclass(kind, Enum):
        yield from (f"{member.name} = {member.value!r}" for member in kind)
    ours = [base for base in kind.__mro__ if base.__module__.startswith("extauth")]
    seen: set[str] = set()
    for base in ours:
        found = dict(vars(base))
        if "__init__" in found and not getattr(kind, "_is_protocol", False) and "__init__" not in seen:
            seen.add("__init__")
            yield _function("__init__", found["__init__"])
        for name, value in found.items():
            public = not name.startswith(("_", "test_")) and name not in seen
            if public and (line := _member(name, value)):
                seen.add(name)
                yield line
        for name, annotation in found.get("__annotations__", {}).items():
            if not name.startswith("_") and name not in seen:
                seen.add(name)
                yield f"{name}: {inspect.formatannotation(_annotation(annotation))}"


def _member(name: str, value: Any) -> str | None:
    match value:
        case staticmethod() | classmethod():
            return f"@{type(value).__name__} {_function(name, value.__func__)}"
        case property() | cached_property():
            getter: Any = value.func if isinstance(value, cached_property) else value.fget
            settable = isinstance(value, property) and value.fset is not None
            given = inspect.signature(getter).return_annotation
            return f"{'settable ' if settable else ''}property {name}: {given}"
        case MemberDescriptorType():
            return None  # a field: its annotation follows
        case FunctionType():
            return _function(name, value)
        case _:
            return None


def _function(name: str, function: Callable[..., Any]) -> str:
    coroutine = "async " if inspect.iscoroutinefunction(function) else ""
    signature = inspect.signature(function)
    shown = [
        each.replace(default=_default(each.default), annotation=_annotation(each.annotation))
        for each in signature.parameters.values()
    ]
    returned = _annotation(signature.return_annotation)
    return f"{coroutine}def {name}{signature.replace(parameters=shown, return_annotation=returned)}"


def _annotation(value: Any) -> Any:
    """Return what is shown of an annotation: as it is written, without quotes."""
    return _Shown(value) if isinstance(value, str) else value


class _Shown:
    """Stands for a default, and is shown as the text says."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _default(value: Any) -> Any:
    """Return what is shown of a default: what has no stable text is ``...``."""
    if value is inspect.Parameter.empty:
        return value
    if isinstance(value, Enum) and not isinstance(value, str):
        return _Shown("...")
    if isinstance(value, frozenset):
        return _Shown(f"frozenset({sorted(value, key=str)!r})" if value else "frozenset()")
    if value is None or isinstance(value, str | int | float | bytes | tuple | timedelta):
        return _Shown(repr(value))
    return _Shown("...")


if __name__ == "__main__":
    SNAPSHOT.write_text(snapshot(), encoding="utf-8")
    print(f"wrote {SNAPSHOT.relative_to(ROOT)}")
