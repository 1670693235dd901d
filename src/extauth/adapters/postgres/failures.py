"""What a driver's error says about the statement, and what of it may be shown."""

from __future__ import annotations

import socket
import ssl
from typing import TypeAlias

import asyncpg

from extauth.adapters.postgres.address import NOT_VALID
from extauth.adapters.postgres.sqlstates import in_use

DriverError: TypeAlias = (
    asyncpg.PostgresError | asyncpg.InterfaceError | asyncpg.InternalClientError | OSError
)
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What asyncpg raises when something is wrong with the server, the connection or the statement. A
time-out is an ``OSError`` too."""

_UNTRUSTED = (
    "the certificate of the Postgres server is not one that is trusted for its name ({why}); add"
    " sslrootcert=/path/to/its/authorities.pem to the address, or sslmode=require to encrypt without knowing"
    " to whom"
)
_NO_NAME = ("getpwuid()", "No username set")  # of getpass.getuser: a KeyError, from Python 3.13 on an OSError
_NAMELESS = (
    "the Postgres address names no user, and the user of this process has no name in its stead; write"
    " postgresql://USER@..., or set PGUSER"
)
_NO_TLS = (
    "the Postgres server offers no TLS, without which anybody between reads the password and every token; set"
    " it up there, or add sslmode=disable to the address where the network between is trusted"
)
_NO_AUTHORITIES = (
    "the file of authorities for the Postgres server's certificate cannot be read; name one by"
    " sslrootcert=/path/to/authorities.pem in the address, or sslrootcert=system for those of this machine"
)

_READ_ONLY = (
    "the Postgres server takes no writes: it is a standby now, or was set read-only; as soon as the address"
    " leads to a primary, the store works again"
)
_SILENT = (
    "the Postgres server has not answered in time (command_timeout): it cannot be reached or has fallen"
    " silent, or another session holds a lock: a transaction that was left open, or a backup while tables are"
    " migrated"
)
_NO_PRIMARY = "none of the Postgres servers that the address names is a primary that takes writes"

LOST_NAME = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)
"""A statement is not prepared on this server connection, or another one is, by that name (26000, 42P05)."""

_ABOUT_THE_SERVER = frozenset(
    {"08", "0A", "25", "26", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58", "F0", "XX"}
)
"""Classes of SQLSTATE whose messages name objects and states of the server, never values. Others, such
as 23 (constraint violated), may quote the row, and a trigger of the application's may say anything."""

_GONE = frozenset({"57P01", "57P02", "57P03", "57P05"})
"""The server shuts down, has crashed, is not up yet, or has ended an idle session."""

_OF_OTHER_DRIVERS = (
    # libpq's (PostgreSQL 18 documentation, section 32.1.2)
    "channel_binding",
    "connect_timeout",
    "fallback_application_name",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "require_auth",
    "sslcompression",
    "sslsni",
    "tcp_user_timeout",
    # of Prisma, SQLAlchemy and Rails
    "connection_limit",
    "pgbouncer",
    "pool_timeout",
    "prepared_statement_cache_size",
    "prepared_statements",
    "schema",
    "socket_timeout",
    "sslaccept",
    "statement_cache_size",
)
"""Options that services put into the addresses they hand out, and asyncpg does not take."""

WITHHELD = "(text withheld: it may quote a row)"


def connection_broke(error: DriverError) -> bool:
    """Whether another connection may do better. Whether the statement was carried out is unknown."""
    if isinstance(error, asyncpg.PostgresError):
        return isinstance(error, asyncpg.PostgresConnectionError) or error.sqlstate in _GONE
    return not isinstance(error, TimeoutError)


def takes_no_writes(error: DriverError) -> bool:
    """Whether the server refused a write because it is no primary any more, or not one yet."""
    return isinstance(error, asyncpg.ReadOnlySQLTransactionError)


def nameless(error: Exception) -> bool:
    """Whether an address names no user, and the process runs as one without a name, which it would be."""
    return isinstance(error, KeyError | OSError) and any(said in str(error) for said in _NO_NAME)


def certainly_undone(error: DriverError) -> bool:
    """Whether the server rolled the transaction back because of others, so that it can be repeated."""
    return isinstance(error, asyncpg.SerializationError | asyncpg.DeadlockDetectedError)


def explained(error: DriverError) -> str:
    """Say in one line what happened, in words of our own."""
    if takes_no_writes(error):
        return _READ_ONLY
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return _NO_PRIMARY
    if isinstance(error, socket.gaierror):
        return "the name of the Postgres server is not known here; look at the host in the address"
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return "the Postgres server takes no more connections, of all or of this role; open fewer"
    if isinstance(error, TimeoutError):
        return _SILENT
    meaning = in_use(error) if isinstance(error, asyncpg.PostgresError) else None
    return meaning or unverified(error) or f"the Postgres store failed: {type(error).__name__}"


def unverified(error: Exception) -> str | None:
    """Say what to write if the server was not verified; None for another error."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _UNTRUSTED.format(why=error.verify_message)
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in str(error):
        return _NO_TLS
    if isinstance(error, asyncpg.InterfaceError) and "root certificate file" in str(error):
        return _NO_AUTHORITIES
    return None


def bad_address(error: Exception) -> str:
    """Say what is wrong with an address that asyncpg or the server refused, without quoting it.

    What asyncpg does not know it hands on to the server as a setting. Only another driver's option is named:
    any other name may be a part of a password that was not percent-encoded.
    """
    if nameless(error):
        return _NAMELESS
    if not isinstance(error, asyncpg.UndefinedObjectError):
        return unverified(error) or NOT_VALID
    named = [f" ({option})" for option in _OF_OTHER_DRIVERS if f'"{option}"' in str(error)]
    option = f"an option{''.join(named)}"
    return f"the Postgres address has {option} that neither asyncpg nor the server knows; remove it"


def presentable(error: DriverError) -> DriverError:
    """Return an error to be the cause of ours: the same, or one of its type without a row's contents.

    Details, hints and contexts are left out: they quote rows ("Failing row contains ...") and, where
    the server is set up so, parameters. So is the traceback, for what the driver's frames hold.
    """
    if isinstance(error, asyncpg.PostgresError):
        shown = type(error)(error.args[0] if _says_nothing_of_rows(error) else WITHHELD)
        vars(shown)["sqlstate"] = error.sqlstate  # of an error that asyncpg doesn't know by class
        return shown
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _says_nothing_of_rows(error: asyncpg.PostgresError) -> bool:
    # asyncpg repeats the server's last words in its own error about the lost connection.
    last_words = error.__cause__
    if isinstance(last_words, asyncpg.PostgresError) and not _says_nothing_of_rows(last_words):
        return False
    return str(error.sqlstate)[:2] in _ABOUT_THE_SERVER
