"""Several observers at once."""

from __future__ import annotations

import logging

from extauth import LinkKey, Observers
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
    """One that raises."""

    def notify(self, event):
        raise ZeroDivisionError


def test_each_is_told_whatever_another_does(caplog):
    """What one raises is logged, and the others hear the event all the same."""
    one, other = Told(), Told()
    Observers(one, Broken(), other, Broken()).notify(EVENT)
    assert [one.events, other.events] == [[EVENT], [EVENT]]
    assert [record.getMessage() for record in caplog.records] == ["the observer failed"] * 2
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError] * 2


async def test_the_services_log_nothing_if_one_of_them_does(scene, caplog):
    """Also where it stands among others, and among others again."""
    caplog.set_level(logging.DEBUG)
    await scene.link()
    told = Told()
    observer = Observers(told, Observers(LoggingObserver()))
    await scene.replica(observer=observer).access_token("scripted", "alice")
    assert len(told.events) == 2
    assert [record.name for record in caplog.records] == ["extauth.events"] * 2
