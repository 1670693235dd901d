"""The one place that knows which version of extauth is installed."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from typing import Final

UNKNOWN: Final = "0+unknown"
"""A version that compares, below every release (a local version identifier: PyPA version specifiers)."""


@cache
def installed_version() -> str:
    """Return the version in the package's metadata, ``UNKNOWN`` where the code came without it.

    Frozen applications, vendored copies and images that were slimmed keep the modules and drop
    ``extauth-*.dist-info``, or leave it empty. Nothing but this text depends on it.
    """
    try:
        found, *_ = metadata("extauth").get_all("Version", [UNKNOWN])
    except PackageNotFoundError:
        return UNKNOWN
    return found
