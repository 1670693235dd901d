"""Several observers at once."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType

import pytest

from extauth import LinkKey, Observers, ReauthorizationRequired
from extauth.adapters.opentelemetry import OpenTelemetryObserver
from extauth.adapters.stdlib_logging import LoggingObserver
from extauth.events import LinkConnected

EVENT = LinkConnected(LinkKey("github", "user-7"), 1)


class Told:
    """An observer that remembers."""

    def __init__(self):
        self.events = []

    def notify(self, event):
        self.events.append(event)


class Broken:
    """One that raises; also what it finds in a task that was cancelled."""

    def __init__(self, error):
        self.error = error

    def notify(self, event):
        raise self.error


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncio.CancelledError])
def test_each_is_told_whatever_another_does(caplog, error):
    """What one raises is logged, and the others hear the event all the same."""
    one, other = Told(), Told()
    Observers(one, Broken(error), other, Broken(error)).notify(EVENT)
    assert [one.events, other.events] == [[EVENT], [EVENT]]
    assert [record.getMessage() for record in caplog.records] == ["the observer failed"] * 2
    assert [record.exc_info[0] for record in caplog.records] == [error] * 2


async def test_the_services_log_nothing_if_one_of_them_does(scene, caplog):
    """Also where it stands among others, and among others again."""
    caplog.set_level(logging.DEBUG)
    await scene.link()
    told = Told()
    observer = Observers(told, Observers(LoggingObserver()))
    await scene.replica(observer=observer).access_token("scripted", "alice")
    assert len(told.events) == 2
    assert [record.name for record in caplog.records] == ["extauth.events"] * 2


async def test_the_services_log_if_none_of_them_does(scene, caplog):
    """One that does not say is taken for one that does not."""
    caplog.set_level(logging.DEBUG)
    await scene.link()
    await scene.replica(observer=Observers(Told(), Told())).access_token("scripted", "alice")
    assert [record.name for record in caplog.records] == ["extauth"] * 2


class Watcher(Told):
    """One that notes when refreshes and waits begin and end."""

    @contextmanager
    def refreshing(self, key):
        yield from self._noted("refresh", key)

    @contextmanager
    def waiting(self, key):
        yield from self._noted("wait", key)

    def _noted(self, what, key):
        self.events.append(f"{what} of {key.user_id}")
        try:
            yield
        except Exception as error:
            self.events.append(f"{what} ended: {type(error).__name__}")
            raise
        self.events.append(f"{what} ended")


class Suppressing:
    """A context that raises at one of its ends, or would swallow an error."""

    def __init__(self, at, error=ZeroDivisionError):
        self.at = at
        self.error = error

    def notify(self, event):
        pass

    def refreshing(self, key):
        if self.at == "begin":
            raise self.error
        return self

    waiting = refreshing

    def __enter__(self):
        if self.at == "enter":
            raise self.error

    def __exit__(self, *error):
        if self.at == "exit":
            raise self.error
        return True


async def test_a_watcher_is_told_what_takes_time(scene):
    """The wait of a caller is around the refresh, and events come in between."""
    await scene.link()
    watcher = Watcher()
    await scene.replica(observer=watcher).access_token("scripted", "alice")
    assert [each if isinstance(each, str) else type(each).__name__ for each in watcher.events] == [
        "wait of alice",
        "refresh of alice",
        "ExchangeStarted",
        "LinkRefreshed",
        "refresh ended",
        "wait ended",
    ]


async def test_a_watcher_is_told_of_errors(scene):
    """Both ends with the error that the caller gets."""
    await scene.link(refresh_token="rt-unknown")
    watcher = Watcher()
    with pytest.raises(ReauthorizationRequired):
        await scene.replica(observer=Observers(watcher)).access_token("scripted", "alice")
    assert [each for each in watcher.events if isinstance(each, str)] == [
        "wait of alice",
        "refresh of alice",
        "refresh ended: ReauthorizationRequired",
        "wait ended: ReauthorizationRequired",
    ]


async def test_a_watcher_is_told_where_an_error_came_from(scene):
    """All that a context manager is told of it, as a tracer records it."""
    await scene.link(refresh_token="rt-unknown")
    told = []

    class Recording(Suppressing):
        def __exit__(self, *error):
            told.append(error)

    with pytest.raises(ReauthorizationRequired) as caught:
        await scene.replica(observer=Observers(Recording("never"))).access_token("scripted", "alice")
    assert [error[:2] for error in told] == [(ReauthorizationRequired, caught.value)] * 2
    assert all(isinstance(error[2], TracebackType) for error in told)


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncio.CancelledError])
@pytest.mark.parametrize("at", ["begin", "enter", "exit"])
async def test_a_watchers_bug_changes_nothing(scene, caplog, at, error):
    """It is logged, the refresh is carried out, and other watchers are told all the same."""
    await scene.link()
    watcher = Watcher()
    service = scene.replica(observer=Observers(Suppressing(at, error), watcher, Suppressing(at, error)))
    assert (await service.link("scripted", "alice")).version == 2
    assert watcher.events[-1] == "wait ended"
    assert caplog.text.count("the observer failed") == 4


async def test_an_attribute_of_that_name_makes_no_watcher(scene, caplog):
    """An application's observer may have kept track of what is refreshing for long."""
    await scene.link()
    one, other = Told(), Told()
    one.refreshing, other.waiting = set(), Observers().waiting
    for observer in (one, other, Observers(one, other)):
        await scene.link()
        await scene.replica(observer=observer).access_token("scripted", "alice")
    assert caplog.text.count("failed") == 0


async def test_a_watcher_cannot_swallow_an_error(scene):
    """Callers get it whatever an observer returns."""
    await scene.link(refresh_token="rt-unknown")
    for observer in (Suppressing("never"), Observers(Suppressing("never"))):
        with pytest.raises(ReauthorizationRequired):
            await scene.replica(observer=observer).access_token("scripted", "alice")


async def test_handing_out_a_token_costs_no_observer_anything(scene):
    """A read enters the very same functions whatever observes: it takes the same time."""
    await scene.link(expires_in=timedelta(hours=1))
    entered = []
    for observer in (None, Observers(LoggingObserver(), OpenTelemetryObserver(), Watcher())):
        service = scene.replica(observer=observer)
        functions: list[str] = []

        def note(frame, event, _, functions=functions):
            if event == "call" and "extauth" in frame.f_code.co_filename:
                functions.append(frame.f_code.co_qualname)

        sys.setprofile(note)
        try:
            await service.access_token("scripted", "alice")
        finally:
            sys.setprofile(None)
        entered.append(functions)
    assert entered[0] == entered[1]
    assert "TokenService.access_token" in entered[0]
