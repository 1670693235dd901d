"""What to install where an optional dependency is missing."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def extra_needed(extra: str) -> Generator[None]:
    """Import what needs an extra within this: if the other package is missing, the error names the extra.

    :raises ModuleNotFoundError: as the import does; one of extauth's own modules is told as it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = "extauth" if error.name is None else error.name.partition(".")[0]
        if package == "extauth":
            raise
        msg = f'{package} is not installed; run: pip install "extauth[{extra}]"'
        raise ModuleNotFoundError(msg, name=error.name) from error
