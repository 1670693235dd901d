"""Where the keys of an application come from: its environment, a file, the operating system's keyring.

Each is text of one key a line, or parted by commas or spaces, as ``EncryptionKey.reveal()`` writes them; the
first is primary. No error repeats any of it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from extauth.adapters.encryption.keyring import Keyring
from extauth.adapters.encryption.keys import EncryptionKey
from extauth.domain.errors import ConfigurationError
from extauth.domain.hidden import Hidden
from extauth.extras import extra_needed
from extauth.private_files import read_private

VARIABLE: Final = "EXTAUTH_KEYS"

_COMMENT: Final = re.compile(r"#[^\n]*")
_MAKE_ONE: Final = 'make a key with EncryptionKey.generate("2026-11").reveal()'


def keys_from_environment(variable: str = VARIABLE) -> Keyring:
    """Read the keys from an environment variable.

    :raises ConfigurationError: if it is not set, or holds something else.
    """
    return _keyring(Hidden(os.environ.get(variable, "")), f"the environment variable {variable}")


def keys_from_file(path: str | os.PathLike[str]) -> Keyring:
    """Read the keys from a file that is its owner's alone; ``#`` begins a comment.

    It is read once, without yielding to the event loop. One of root's may be read by the group of a process
    that is not root's, too, as where a container's platform mounts secrets (mode 0440).

    :raises ConfigurationError: if it is not there, belongs to somebody else, is open to others, or holds
        something else; it says what to do.
    """
    text = read_private(path, "the file of keys", advice=f"{_MAKE_ONE} and write it there")
    return _keyring(text, f"the file of keys {Path(path)}")


def keys_from_os(service: str = "extauth", name: str = "keys") -> Keyring:
    """Read the keys from the operating system's keyring by the package ``keyring``; it may ask the user.

    :raises ConfigurationError: if there are none, there is no keyring, or it is locked.
    :raises ModuleNotFoundError: if the package is not installed; it names the extra to install.
    """
    with extra_needed("keyring"):
        import keyring  # noqa: PLC0415 - only where it is wanted
        import keyring.errors  # noqa: PLC0415
    what = f"the keyring's password of {name!r} for {service!r}"
    try:
        text = Hidden(keyring.get_password(service, name) or "")
    except keyring.errors.KeyringError as error:
        msg = f"{what} cannot be read: {type(error).__name__}; is there a keyring, and is it open?"
        raise ConfigurationError(msg) from error
    return _keyring(text, what)


def _keyring(text: Hidden[str], what: str) -> Keyring:
    written = [Hidden(each) for each in re.split(r"[\s,]+", _COMMENT.sub("", text.value)) if each]
    if not written:
        msg = f"{what} holds no key; {_MAKE_ONE}"
        raise ConfigurationError(msg)
    keys: list[EncryptionKey] = []
    reason = ""
    try:
        keys += [EncryptionKey.parse(each.value) for each in written]
        return Keyring(*keys)
    except ValueError as error:
        reason = str(error)
    msg = f"{what} does not hold keys: {reason}"
    raise ConfigurationError(msg)
