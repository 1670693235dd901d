"""An address of several servers is read as asyncpg reads it."""

from __future__ import annotations

import inspect
import re

import pytest
from asyncpg import connect_utils
from hypothesis import example, given
from hypothesis import strategies as st

from extauth.adapters.postgres.address import checked_address
from extauth.adapters.postgres.name_addresses import FailedAddresses
from extauth.adapters.postgres.server_list import each_server, wanted_server
from extauth.domain.errors import ConfigurationError
from extauth.domain.hidden import Hidden

NAMES = ("PGHOST", "PGPORT", "PGSERVICE", "PGTARGETSESSIONATTRS")


def servers(dsn, **environment):
    """Return the addresses."""
    return [each.value for each in each_server(Hidden(dsn), environment)]


def wanted(dsn, *, several=False, **environment):
    """Return what a server has to be."""
    return wanted_server(Hidden(dsn), environment, several=several)


@pytest.mark.parametrize(
    ("dsn", "environment", "each"),
    [
        ("postgresql://u:p@one/db", {}, ["postgresql://u:p@one/db"]),
        ("postgresql://u:p@one,two:5433/db?a=b", {}, ["u:p@one/db?a=b", "u:p@two:5433/db?a=b"]),
        ("postgresql://one,[::1],[::2]:7/db", {}, ["one/db", "[::1]/db", "[::2]:7/db"]),
        ("postgresql://one,two/db", {"PGPORT": "1,2"}, ["/db?host=one&port=1", "/db?host=two&port=2"]),
        ("postgresql://one,two:3/db", {"PGPORT": "1,2"}, ["/db?host=one&port=1", "/db?host=two%3A3&port=3"]),
        ("postgresql://one,two/db", {"PGPORT": "1"}, ["one/db", "two/db"]),
        ("postgresql:///db?host=one,two", {}, ["/db?host=one", "/db?host=two"]),
        ("postgresql:///db?host=/a,two:2&port=", {}, ["/db?host=%2Fa", "/db?host=two%3A2&port=2"]),
        ("postgresql:///?host=one,two&port=1,2", {}, ["/?host=one&port=1", "/?host=two&port=2"]),
        ("postgresql:///?host=one,two&port=1", {}, ["/?host=one&port=1", "/?host=two&port=1"]),
        ("postgresql:///db", {"PGHOST": "one,two"}, ["/db?host=one", "/db?host=two"]),
        (
            "postgresql:///db",
            {"PGHOST": "/a,b:3", "PGPORT": "1,2"},
            ["/db?host=%2Fa&port=1", "/db?host=b%3A3&port=3"],
        ),
        (
            "postgresql:///db",
            {"PGHOST": "/a:1,[::1]:3", "PGPORT": "5,6"},
            ["/db?host=%2Fa%3A1&port=5", "/db?host=%5B%3A%3A1%5D%3A3&port=3"],
        ),
        ("postgresql:///?host=one,two&port=1,2,3", {}, ["postgresql:///?host=one,two&port=1,2,3"]),
        ("postgresql:///?service=s", {"PGHOST": "one,two"}, ["postgresql:///?service=s"]),
        ("postgresql:///", {"PGHOST": "one,two", "PGSERVICE": "s"}, ["postgresql:///"]),
    ],
)
def test_each_server_has_an_address(dsn, environment, each):
    """In the order of the list, each with its port; what is no list stays as it is."""
    found = [
        one if one == dsn else one.removeprefix("postgresql:").removeprefix("//")
        for one in servers(dsn, **environment)
    ]
    assert each == found


HOSTS = st.sampled_from(["one", "two", "[::1]", "%2Frun", "localhost", "1.2.3.4"])
PORTS = st.sampled_from(["", "", ":5432", ":1", ":"])
LISTS = st.lists(st.builds(str.__add__, HOSTS, PORTS), min_size=1, max_size=3).map(",".join)
_SOCKET = re.compile("%2Frun(:[0-9]*)?")
PORT_LISTS = st.sampled_from(["", "7", "7,8", "7,8,9"])


@given(LISTS | st.just(""), LISTS | st.just(""), PORT_LISTS, PORT_LISTS, LISTS | st.just(""))
@example("", "", "", "", "one,two")
def test_together_they_are_what_asyncpg_would_make_of_the_list(named, option, ports, pgport, pghost):
    """No server is left out, none added, and none gets the port of another."""
    option = _SOCKET.sub("/run/postgresql", option)
    query = "&".join(f"{name}={value}" for name, value in (("host", option), ("port", ports)) if value)
    dsn = f"postgresql://u:p@{named}/db?{query}" if named else f"postgresql:///db?{query}"
    environment = {"PGPORT": pgport, "PGHOST": _SOCKET.sub("/run/postgresql", pghost)}
    with pytest.MonkeyPatch.context() as patch:
        for name in NAMES:
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            checked_address(Hidden(dsn))
            expected = _read(dsn)
        except (ConfigurationError, ValueError):
            return
        assert [_read(each) for each in servers(dsn, **environment)] in (
            [[one] for one in expected],
            [expected],
        )


def _read(dsn):
    parse = connect_utils._parse_connect_dsn_and_args
    arguments = dict.fromkeys(inspect.signature(parse).parameters)
    return parse(**{**arguments, "dsn": dsn, "user": "u", "password": "p", "ssl": False})[0]


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("said", ["any", "primary", "read-write"])
def test_what_is_asked_for_is_taken(said, several):
    """In the address, or else in the environment."""
    assert said == wanted(f"postgresql://one/db?target_session_attrs={said}", several=several)
    assert said == wanted("postgresql://one/db", several=several, PGTARGETSESSIONATTRS=said)
    address = f"postgresql://one/db?target_session_attrs={said}"
    assert said == wanted(address, several=several, PGTARGETSESSIONATTRS="standby")


def test_of_several_the_primary_is_meant():
    """Of one it is that one, and what a service's file says is not known here."""
    assert wanted("postgresql://one,two/db", several=True) == "primary"
    assert wanted("postgresql://one/db") == "any"
    assert wanted("postgresql://one/db", PGTARGETSESSIONATTRS="") == "any"
    assert wanted("postgresql:///?service=s") is None


@pytest.mark.parametrize("said", ["standby", "read-only", "prefer-standby"])
def test_a_store_is_not_kept_on_a_standby(said):
    """It writes."""
    with pytest.raises(ConfigurationError, match="say target_session_attrs=primary"):
        wanted(f"postgresql://one/db?target_session_attrs={said}")


def test_what_there_is_not():
    """It is not repeated: it may be a part of a password."""
    with pytest.raises(ConfigurationError, match="is not valid") as caught:
        wanted("postgresql://one/db?target_session_attrs=secret")
    assert "secret" not in str(caught.value)


def test_an_address_that_failed_is_tried_last():
    """The one that failed last at the very end; only so many are remembered, as names move on."""
    found = [("one",), ("two",), ("three",)]
    failed = FailedAddresses()
    failed.add(("one",))
    failed.add(("two",))
    failed.add(("one",))
    assert failed.ordered(found) == [("three",), ("two",), ("one",)]
    for number in range(63):
        failed.add((number,))
    assert failed.ordered(found) == [("two",), ("three",), ("one",)]
