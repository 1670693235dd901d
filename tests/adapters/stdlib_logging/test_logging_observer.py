"""Events as records of Python's logging."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth import LinkKey, TokenService
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.stdlib_logging import LoggingObserver
from extauth.events import AccountReplaced, LinkRefreshed, ProviderRejectedClient, SaveAbandoned
from extauth.testing import ScriptedProvider

KEY = LinkKey("github", "user-7")
REFRESHED = LinkRefreshed(KEY, 4, timedelta(seconds=1.5))
HASH_KEY = b"sixteen bytes..."


def hashed(text: str) -> str:
    """Return what stands for an id, made another way."""
    return hmac.new(HASH_KEY, text.encode(), hashlib.sha256).hexdigest()[:16]


def extras(record: logging.LogRecord) -> dict[str, object]:
    """Return what the record has beside the message."""
    return {name: value for name, value in vars(record).items() if name.startswith("extauth_")}


def test_a_record_has_a_sentence_and_the_facts(caplog):
    """What a JSON formatter needs is on the record; the logger is the documented one."""
    caplog.set_level(logging.DEBUG)
    LoggingObserver().notify(REFRESHED)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("extauth.events", "INFO")
    assert record.getMessage() == "LinkRefreshed: the link of 'user-7' to 'github' was refreshed in 1.500 s"
    assert extras(record) == {
        "extauth_event": "LinkRefreshed",
        "extauth_provider_id": "github",
        "extauth_user_id": "user-7",
        "extauth_version": 4,
        "extauth_took": 1.5,
    }
    assert json.loads(json.dumps(extras(record))) == extras(record)


def test_levels(caplog):
    """An operator who must look, and tokens that are lost, are told apart from the everyday."""
    caplog.set_level(logging.DEBUG)
    observer = LoggingObserver(logging.getLogger("mine"))
    for event in (REFRESHED, ProviderRejectedClient("github", "invalid_client"), SaveAbandoned(KEY, 4)):
        observer.notify(event)
    assert [(record.name, record.levelname) for record in caplog.records] == [
        ("mine", "INFO"),
        ("mine", "ERROR"),
        ("mine", "CRITICAL"),
    ]


@pytest.mark.parametrize(
    ("options", "shown", "account"),
    [
        ({}, "user-7", "acc-1"),
        ({"user_ids": "hashed", "hash_key": HASH_KEY}, hashed("user-7"), hashed("acc-1")),
        ({"user_ids": "omitted"}, None, None),
    ],
    ids=["shown", "hashed", "omitted"],
)
def test_ids_of_people(caplog, options, shown, account):
    """One switch for the user's id and for the ids of their accounts at the provider."""
    caplog.set_level(logging.DEBUG)
    LoggingObserver(**options).notify(AccountReplaced(KEY, 4, "acc-1", "acc-2"))
    (record,) = caplog.records
    assert extras(record).get("extauth_user_id") == shown
    assert extras(record).get("extauth_previous_id") == account
    everything = f"{record.getMessage()} {extras(record)}"
    assert ["user-7" in everything, "acc-1" in everything] == [shown == "user-7"] * 2


def test_a_hash_is_the_same_under_the_same_key_alone(caplog):
    """So that logs of several replicas can be joined, and nobody without the key guesses."""
    for key in (HASH_KEY, HASH_KEY, b"another 16 bytes"):
        LoggingObserver(user_ids="hashed", hash_key=key).notify(SaveAbandoned(KEY, 4))
    one, same, other = [extras(record)["extauth_user_id"] for record in caplog.records]
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"user_ids": "hidden"}, ValueError),
        ({"user_ids": "hashed"}, TypeError),
        ({"hash_key": HASH_KEY}, TypeError),
        ({"user_ids": "hashed", "hash_key": b"short"}, ValueError),
    ],
)
def test_slips_are_told(options, error):
    """What could not protect anybody is refused, and no message shows the key."""
    with pytest.raises(error) as caught:
        LoggingObserver(**options)
    assert "short" not in str(caught.value).replace("shorter", "")


async def test_events_are_logged_once(caplog):
    """With this observer the services log no event themselves, and without it they do."""
    caplog.set_level(logging.DEBUG)
    for observer, logger in ((LoggingObserver(), "extauth.events"), (None, "extauth")):
        caplog.clear()
        provider = ScriptedProvider("github")
        async with MemoryLinkStore() as store, TokenService(store, [provider], observer=observer) as service:
            await store.put(KEY, attrs.evolve(provider.grant(), expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
            await service.access_token("github", "user-7")
        told = [(record.name, record.getMessage().partition(":")[0]) for record in caplog.records]
        assert told == [(logger, "ExchangeStarted"), (logger, "LinkRefreshed")]
