"""Files of links on the command line: the key that they are encrypted to, and what can be wrong with them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from extauth.cli.session import UsageError
from extauth.domain.errors import ConfigurationError
from extauth.domain.imports import RowRefused

if TYPE_CHECKING:
    from extauth.adapters.encryption.keyring import Keyring

KEY: Final = "EXTAUTH_EXPORT_KEY"


def add_key_argument(parser: argparse.ArgumentParser, what: str) -> None:
    """Add where the key of the file is; it is never on the command line, which others can see."""
    parser.add_argument("--key", metavar="PATH", help=f"a file with {what}; default: the key in {KEY}")


def file_key(options: argparse.Namespace) -> Keyring:
    """Return the key that was given.

    :raises UsageError: if none was.
    :raises ConfigurationError: if it cannot be read.
    """
    if not options.key and not os.environ.get(KEY):
        msg = f"give the key of the file by --key or {KEY}"
        raise UsageError(msg)
    from extauth.adapters.encryption import keys_from_environment, keys_from_file  # noqa: PLC0415

    return keys_from_file(options.key) if options.key else keys_from_environment(KEY)


@contextmanager
def told(file: str, done: str) -> Generator[None]:
    """Tell what is wrong with a file as what can be told.

    :raises UsageError: if there is no such file, or there is one, or it is another's.
    :raises ConfigurationError: if a disk fails, or a newer extauth has written it.
    """
    try:
        yield
    except FileExistsError:
        msg = f"{file} is there already; move it away, or give another name"
        raise UsageError(msg) from None
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        msg = f"{file} cannot be {done}: {error.strerror}"
        raise UsageError(msg) from None
    except OSError as error:
        msg = f"{file} cannot be {done}: {error.strerror}"
        raise ConfigurationError(msg) from None
    except RowRefused as error:
        msg = f"{file} cannot be {done}: {error}"
        raise ConfigurationError(msg) from None
