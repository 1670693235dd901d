"""Who runs an asynchronous fixture of ours: whoever runs the test, on the same event loop.

pytest-asyncio in its strict mode takes fixtures only that its own decorator made, and runs them on the loop
that this names; anyio takes every one of a test that it runs. Which of them a test has is known when it is
set up.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial, update_wrapper
from typing import Any, NoReturn

import pytest

_NOBODY = (
    "{name} is an asynchronous fixture, and nothing runs those: install pytest-asyncio, or mark the test with"
    " anyio's pytest.mark.anyio"
)
_OTHER_LOOP = (
    "{name} needs asyncio, and anyio runs this test on {backend}: let anyio_backend be 'asyncio' here"
)


def run_as_the_test_is(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    """Have the test's own plugin set the fixture up, or have it fail if there is none."""
    name = fixturedef.argname
    if "anyio_backend" in request.fixturenames:
        chosen: Any = request.getfixturevalue("anyio_backend")
        backend = chosen if isinstance(chosen, str) else chosen[0]
        if backend == "asyncio":
            return  # anyio looks at the fixture as it is
        stand_in: Callable[..., Any] = partial(_refuse, _OTHER_LOOP.format(name=name, backend=backend))
    elif _is_there(request.config, "pytest_asyncio.plugin"):
        stand_in = _of_pytest_asyncio(fixturedef.func, _loop_scope(request))
    else:
        stand_in = partial(_refuse, _NOBODY.format(name=name))
    # Until it is torn down: before it calls the test, pytest-asyncio looks who has made its fixtures.
    request.addfinalizer(partial(vars(fixturedef).update, func=fixturedef.func))
    vars(fixturedef)["func"] = stand_in


def _refuse(message: str, **_: object) -> NoReturn:
    # Not in the hook: what fails there leaves the fixture half set up for the next test.
    pytest.fail(message, pytrace=False)


def _is_there(config: pytest.Config, plugin: str) -> bool:
    """Whether a plugin is in use, by whichever name it was registered."""
    module = sys.modules.get(plugin)
    return module is not None and config.pluginmanager.is_registered(module)


def _of_pytest_asyncio(function: Callable[..., Any], loop_scope: Any) -> Callable[..., Any]:
    import pytest_asyncio  # noqa: PLC0415 - it runs this test

    # One of its own each time: the mark stays on it, and anyio's tests must not see it.
    marked = update_wrapper(partial(function), function)
    pytest_asyncio.fixture(marked, loop_scope=loop_scope)
    return marked


def _loop_scope(request: pytest.FixtureRequest) -> Any:
    """Return whose event loop the test runs on."""
    mark = request.node.get_closest_marker("asyncio")
    told: Mapping[str, Any] = {} if mark is None else mark.kwargs
    return told.get("loop_scope") or request.config.getini("asyncio_default_test_loop_scope")
