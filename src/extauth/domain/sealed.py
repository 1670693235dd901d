"""Telling an encrypted text from a token, where no key is needed for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol, TypeAlias

from extauth.domain.link import LinkKey
from extauth.domain.token_set import TokenSet

SEAL_MARK: Final = "$extauth"
"""Begins every text that extauth has encrypted, in whatever version of the format. No token begins so."""

SEPARATOR: Final = "$"


def is_sealed(text: str) -> bool:
    """Whether the text was encrypted by extauth."""
    return text.startswith(SEAL_MARK)


def sealing_key_id(text: str) -> str:
    """Return which key a text says that it is encrypted with; empty if it does not say."""
    parts = text.split(SEPARATOR, 3)
    return parts[2] if is_sealed(text) and len(parts) == 4 else ""  # noqa: PLR2004 - mark, id, and the rest


KeyIds: TypeAlias = frozenset[str | None]
"""Which keys the secret texts of one row are encrypted with. None stands for a text that is plain, and an
empty one for a text that does not say."""


def key_ids_of(texts: Iterable[str | None]) -> KeyIds:
    """Return the keys that these texts name; None among them is a text that is not there."""
    return frozenset(sealing_key_id(text) if is_sealed(text) else None for text in texts if text is not None)


def still_sealed(tokens: TokenSet) -> str | None:
    """Return the id of the key that the tokens are encrypted with; None if they are plain.

    Nobody can use an encrypted token, and a provider that is sent one takes it for one that is dead.
    """
    access_token, refresh_token = tokens.access_token, tokens.refresh_token
    if access_token.startswith(SEAL_MARK):
        return sealing_key_id(access_token)
    if refresh_token is not None and refresh_token.startswith(SEAL_MARK):
        return sealing_key_id(refresh_token)
    return None


def is_plain(tokens: TokenSet) -> bool:
    """Whether any text that encryption covers is not encrypted."""
    texts: list[object] = [tokens.access_token, *tokens.extra.values()]
    texts += [token.access_token for token in tokens.resource_tokens.values()]
    if tokens.refresh_token is not None:
        texts.append(tokens.refresh_token)
    return not all(isinstance(text, str) and is_sealed(text) for text in texts)


class EncryptingStore(Protocol):
    """A store that encrypts, and can tell what it has not encrypted yet."""

    async def keeps_plain(self, key: LinkKey) -> bool:
        """Whether any token of the link lies in plain text where it is stored; False if there is no link."""
        ...


async def keeps_plain(store: object, key: LinkKey) -> bool:
    """Whether a link is stored in plain text although the store has keys.

    :raises StoreUnavailable: try again later.
    """
    # Not by isinstance, which from Python 3.12 on does not see what a store
    # around the one that encrypts hands on.
    ask: Callable[[LinkKey], Awaitable[bool]] | None = getattr(store, "keeps_plain", None)
    return ask is not None and await ask(key)
