"""A second alarm for what a failing test leaves behind."""

from __future__ import annotations

import faulthandler
from collections.abc import Generator

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Set pytest's alarm again: a test that failed has turned it off, and pytest-timeout's as well, and what
    it has begun may never end."""
    seconds = float(item.config.getini("faulthandler_timeout") or 0)
    if seconds > 0:
        stderr = item.config.stash[fault_handler_stderr_fd_key]
        try:
            ends = bool(item.config.getini("faulthandler_exit_on_timeout"))
        except ValueError:  # which pytest does not know before version 9
            ends = False
        faulthandler.dump_traceback_later(seconds, exit=ends, file=stderr)
    return (yield)
