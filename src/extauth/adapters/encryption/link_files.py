"""Files of exported links, encrypted: written whole or not at all, and read only if they are whole."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from itertools import islice
from pathlib import Path
from typing import IO, Final, final

from extauth.adapters.encryption.keyring import Keyring, Keys, keyring_of
from extauth.adapters.encryption.link_lines import (
    End,
    end_line,
    file_id_of,
    header,
    link_line,
    new_file_id,
    read_line,
)
from extauth.adapters.encryption.sealing import SealingKey, Trouble, named_key
from extauth.domain.errors import CannotDecrypt, ConfigurationError
from extauth.domain.imports import ImportedLink

_PRIVATE: Final = 0o600
_AT_ONCE: Final = 200
"""Lines that are read or written before others have their turn."""


async def write_links(path: str | os.PathLike[str], links: AsyncIterator[ImportedLink], key: Keys) -> int:
    """Write the links to a new file that is its owner's alone, and return how many they were.

    It is made under another name, and gets its own when all of it is on the disk. If anything fails, or the
    call is cancelled, there is no file.

    :raises FileExistsError: if there is a file of that name.
    :raises ConfigurationError: if a key service refuses a key.
    :raises StoreUnavailable: if it cannot be asked now.
    """
    target = Path(path)
    sealing = await keyring_of(key).primary()
    file_id = new_file_id()
    partial = target.with_name(f".{target.name}.{file_id}")
    file = await asyncio.to_thread(_begun, target, partial)
    try:
        with file:
            lines = [header(file_id)]
            number = 0
            async for link in links:
                number += 1
                lines.append(link_line(sealing, file_id, number, link))
                if len(lines) >= _AT_ONCE:
                    await asyncio.to_thread(_append, file, lines)
                    lines = []
            lines.append(end_line(sealing, file_id, number))
            await asyncio.to_thread(_append, file, lines)
            await asyncio.to_thread(_finished, file, partial, target)
    finally:
        partial.unlink(missing_ok=True)  # at once, also of a task that is cancelled
    return number


def _begun(target: Path, partial: Path) -> IO[str]:
    if target.exists():
        msg = f"{target} is there already; move it away, or export under another name"
        raise FileExistsError(msg)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    return os.fdopen(descriptor, "w", encoding="ascii", newline="\n")


def _finished(file: IO[str], partial: Path, target: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    # Not by a rename, which would replace a file that somebody has made meanwhile.
    target.hardlink_to(partial)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _append(file: IO[str], lines: list[str]) -> None:
    file.writelines(f"{line}\n" for line in lines)


async def read_links(path: str | os.PathLike[str], key: Keys) -> AsyncGenerator[ImportedLink, None]:
    """Yield the links of a file, after it was read once to its end: nothing comes of one that is not whole.

    :raises CannotDecrypt: if it does not open with the key, or was changed.
    :raises ConfigurationError: if it is no such file, or was cut off, or something follows its end.
    :raises RowRefused: if a newer version of extauth has written it.
    :raises OSError: if it cannot be read.
    """
    file = _LinkFile(await asyncio.to_thread(Path(path).open, "rb"), os.fspath(path), keyring_of(key))
    try:
        async for _ in file.links():
            pass
        async for link in file.links():
            yield link
    finally:
        file.close()


@final
class _LinkFile:
    def __init__(self, file: IO[bytes], name: str, keyring: Keyring) -> None:
        self._file = file
        self._name = name
        self._keyring = keyring
        self.close: Callable[[], None] = file.close

    async def links(self) -> AsyncIterator[ImportedLink]:
        """Yield the links from the first one on."""
        self._file.seek(0)
        file_id, number, ended = "", -1, False
        while lines := await asyncio.to_thread(self._some):
            for line in lines:
                number += 1
                if ended:
                    self._refuse("something follows its end")
                if number == 0:
                    file_id = file_id_of(line) or self._refuse("it is no file of exported links")
                    continue
                if not line.endswith("\n"):
                    self._refuse("it was cut off; copy it again, or export again")
                read = await self._read(file_id, number, line.removesuffix("\n"))
                if isinstance(read, End):
                    ended = True
                else:
                    yield read
        if not ended:
            self._refuse("it was cut off, or is no file of exported links; copy it again, or export again")

    def _some(self) -> list[str]:
        return [line.decode("ascii", "replace") for line in islice(self._file, _AT_ONCE)]

    def _refuse(self, why: str) -> str:
        msg = f"{self._name} is not imported: {why}"
        raise ConfigurationError(msg)

    async def _read(self, file_id: str, number: int, line: str) -> ImportedLink | End:
        name = named_key(line)
        key: SealingKey | None = None
        if isinstance(name, Trouble):
            read: ImportedLink | End | Trouble = name
        else:
            key = self._keyring.held(name) or await self._keyring.fetch(name)
            missing = Trouble("missing_key", name.key_id)
            read = missing if key is None else read_line(key, file_id, number, line)
        if not isinstance(read, Trouble):
            return read
        whose = "" if read.key_id is None else f" (the key {read.key_id!r})"
        msg = (
            f"line {number + 1} of {self._name} does not open{whose}: either this is not the key that it was"
            " exported to, or the file was changed; nothing of it is imported"
        )
        raise CannotDecrypt(msg, reason=read.reason, key_id=read.key_id)
