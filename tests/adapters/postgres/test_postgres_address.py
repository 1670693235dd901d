"""What an address says about the server's place, and how the server is then verified."""

from __future__ import annotations

import inspect
import ipaddress

import pytest
from asyncpg import connect_utils
from hypothesis import given
from hypothesis import strategies as st

from extauth import ConfigurationError
from extauth.adapters.postgres.address import checked_address, verification
from extauth.domain.hidden import Hidden


def verified(dsn, environment=(), *, home=False):
    """Say how the server of an address is verified."""
    return verification(Hidden(dsn), dict(environment), authorities_in_home=home)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://",
        "postgres:///links",
        "postgresql://app:pw@localhost/links",
        "postgresql://app@LOCALHOST:5433/links",
        "postgresql://127.0.0.1,127.8.9.1:5433,[::1]:5434/links",
        "postgresql://%2Fvar%2Frun%2Fpostgresql/links",
        "postgresql:///links?host=/var/run/postgresql",
        "postgresql:///links?host=localhost&port=5433",
        "postgresql:///links?host=localhost,127.0.0.1,/run",
    ],
)
def test_this_machine_is_not_verified(dsn):
    """A Unix socket or loopback, in whichever way it is written."""
    checked_address(Hidden(dsn))
    assert verified(dsn) is None


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://app:pw@db/links",
        "postgresql://app@localhost.example/links",
        "postgresql://localhost,db.example/links",
        "postgresql://db.example/links?host=localhost",
        "postgresql:///links?host=localhost,db.example",
        "postgresql://10.0.0.1/links",
        "postgresql://[2001:db8::1]/links",
        "postgresql://[::1]x/links",
        "postgresql://localhost%2Cdb.example/links",
        "postgresql:///links?service=production",
        "postgresql:///links?host=%2531",
        "postgresql://db/links?sslmode=",
    ],
)
def test_another_machine_is_verified(dsn):
    """And what could be one: if any of the servers is elsewhere, all are."""
    assert verified(dsn) is True


@pytest.mark.parametrize(
    ("environment", "how"),
    [
        ({"PGHOST": "db.example"}, True),
        ({"PGHOST": "localhost,db.example"}, True),
        ({"PGSERVICE": "production"}, True),
        ({"PGHOST": "/run/postgresql"}, None),
        ({"PGHOST": "db.example", "PGSSLMODE": "prefer"}, None),
        ({"PGHOST": "db.example", "PGSSLMODE": "verify-full"}, True),
        ({"PGHOST": "db.example", "PGSSLROOTCERT": "ca.pem"}, "verify-full"),
        ({"PGHOST": "db.example", "PGSSLROOTCERT": "system"}, True),
    ],
)
def test_the_environment_counts(environment, how):
    """As it does for asyncpg, which reads the same variables."""
    assert verified("postgresql:///links", environment) == how


@pytest.mark.parametrize(
    ("query", "how"),
    [
        ("sslmode=disable", None),
        ("sslmode=require", None),
        ("sslmode=verify-ca", None),
        ("sslmode=nonsense", None),
        ("sslmode=verify-full", True),
        ("sslmode=verify_full&sslrootcert=ca.pem", "verify-full"),
        ("sslmode=verify-full&sslrootcert=system", True),
        ("sslrootcert=ca.pem", "verify-full"),
        ("sslmode=disable&sslmode=verify-full", True),
    ],
)
def test_the_address_counts_first(query, how):
    """What it says about TLS holds, whatever the environment says."""
    assert verified(f"postgresql://db.example/links?{query}", {"PGSSLMODE": "prefer"}) == (
        None if query == "sslrootcert=ca.pem" else how
    )
    assert verified(f"postgresql://db.example/links?{query}") == how


def test_the_authorities_of_libpqs_folder():
    """If there is such a file, asyncpg reads it."""
    assert verified("postgresql://db.example/links", home=True) == "verify-full"
    assert verified("postgresql://db.example/links?sslrootcert=system", home=True) is True
    assert verified("postgresql://localhost/links?sslrootcert=system") is True


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:p@ss@db/links",
        "postgresql://u:12/pass@db/links",
        "postgresql://u:12#pass@db/links",
        "postgresql://u:12?pass@db/links",
        "postgresql://u:pa\tss@db/links",
        "postgresql://u:pa\ud800ss@db/links",
        "postgresql://u:pa\u2100ss@db/links",
        "postgresql://u:pw@db,,other/links",
        "postgresql://u:pw@db:65536/links",
        "postgresql://u:pw@db:99999/links",
        "postgresql://u:pw@db:0/links",
        "postgresql://u:pw@db:x/links",
        "postgresql://u:pw@db:\N{SUPERSCRIPT TWO}/links",
        "postgresql://u:pw@db/links?x",
        "host=db password=pw",
    ],
)
def test_what_cannot_be_meant(dsn):
    """Part of a password would be taken for something else."""
    with pytest.raises(ConfigurationError, match="percent-encoded: @ as %40") as caught:
        checked_address(Hidden(dsn))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:p%40ss%2F%23@db/links\n",
        "postgresql://u:pass:word@db:5432/my%40links",
        "postgresql://u:pässwörd!$&'()*+,;=@db/links",
        "postgresql://u@db/links?password=p@ss/word",
        "POSTGRES://db,other:5433,third:65535/links",
        "postgresql://u:pw@/links?host=/run/postgresql",
    ],
)
def test_what_works(dsn):
    """An address that asyncpg reads as it is meant is taken, also with the end of its line."""
    checked_address(Hidden(dsn))


def addresses(dsn):
    """Return where asyncpg would go: names, or paths of sockets."""
    parse = connect_utils._parse_connect_dsn_and_args
    arguments = dict.fromkeys(inspect.signature(parse).parameters)
    found, _ = parse(**{**arguments, "dsn": dsn, "user": "u", "password": "p", "ssl": False})
    return [each if isinstance(each, str) else each[0] for each in found]


def local(address):
    """Whether that is on this machine."""
    if address.startswith("/") or address.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


HOSTS = [
    "localhost",
    "LOCALHOST",
    "127.0.0.1",
    "[::1]",
    "[::1]x",
    "db",
    "%2Ftmp",
    "%6cocalhost",
    "%256cocalhost",
    "",
]
HOSTS += [
    "localhost%2Cdb",
    "%5B::1%5D",
    "::1",
    "127.1",
    "127.0.0.1x",
    "localhost%00",
    " localhost",
    "local\thost",
]
PORTS = ["", "", ":5432", ":54%33", ":x", ":"]
SERVERS = st.lists(st.builds(str.__add__, st.sampled_from(HOSTS), st.sampled_from(PORTS)), max_size=3)
USERS = st.sampled_from(["", "u@", "u:p@", "@", "u@v@", "u:p/", "localhost,"])
PATHS = st.sampled_from(["", "/", "/db", "/db/x", "//db"])
QUERIES = st.sampled_from(
    ["", "?host={}", "?host={}&host={}", "?port=1&host={}", "?x={}", "?service=s&host={}"]
)


@given(USERS, SERVERS.map(",".join), PATHS, QUERIES, SERVERS.map(",".join))
def test_asyncpg_goes_nowhere_else(user, servers, path, query, others):
    """Whatever is taken for this machine asyncpg takes for it too, or cannot read at all."""
    dsn = f"postgresql://{user}{servers}{path}{query.format(others, servers)}"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PGHOST", "PGPORT", "PGSERVICE", "PGSSLMODE"):
            patch.delenv(name, raising=False)
        try:
            checked_address(Hidden(dsn))
            if verified(dsn) is not None:
                return
            found = addresses(dsn)
        except (ConfigurationError, ValueError, LookupError):
            return
    assert [each for each in found if not local(each)] == []
