"""Which rows are encrypted with which key: what looking after keys needs of a store, beside ``reseal``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, final

import attrs

from extauth.domain.link import Link, LinkKey
from extauth.domain.linking import ClientRegistration
from extauth.domain.outcomes import ResealOutcome
from extauth.domain.sealed import KeyIds
from extauth.domain.token_set import TokenSet


@final
@attrs.frozen
class SealedCounts:
    """How many rows there are whose texts are encrypted with which keys. A row with no secret is not among
    them."""

    links: Mapping[KeyIds, int] = attrs.field(factory=dict[KeyIds, int], hash=False)
    registrations: Mapping[KeyIds, int] = attrs.field(factory=dict[KeyIds, int], hash=False)
    authorizations: Mapping[KeyIds, int] = attrs.field(factory=dict[KeyIds, int], hash=False)
    """Those that are still to be taken, expired or not. They are never encrypted anew."""
    latest_expiry: Mapping[KeyIds, datetime] = attrs.field(factory=dict[KeyIds, datetime], hash=False)
    """By when the last of these authorizations has expired, by the store's clock."""


class RowFinder(Protocol):
    """Says which rows are encrypted with which key.

    It looks at what the texts themselves say, not at the columns of key ids, which may be anybody's. There is
    no index: whoever asks reads all rows, in slices of a thousand by primary key, so that no other call
    waits for long; 100,000 links take some seconds. Each row is looked at once, as it is at that moment.
    Nothing is changed, and all can be cancelled and repeated.

    :raises StoreUnavailable: from each method, if the store fails.
    """

    async def count(self) -> SealedCounts:
        """Count all rows."""
        ...

    async def links(self, key_id: str, *, after: LinkKey | None = None, limit: int = 1000) -> list[LinkKey]:
        """Return links with a text that is not encrypted with that key, in the order of their keys.

        At most ``limit`` of them, after that key; fewer mean that there are no more. What is plain counts,
        and so does what does not say its key.
        """
        ...

    async def links_among(self, keys: Sequence[LinkKey], key_id: str) -> list[LinkKey]:
        """Return those of these links that still have such a text, in the order given; few at a time."""
        ...

    async def registrations(self, key_id: str) -> list[str]:
        """Return the names of the registered clients with such a text, in order."""
        ...


class SealedRows(RowFinder, Protocol):
    """What looking after keys needs of a store; a shipped one has it as ``sealed``."""

    async def reseal_registration(
        self, name: str, stored: ClientRegistration, sealed: ClientRegistration
    ) -> bool:
        """Replace the secrets of a registered client by another encryption of the same, and return True.

        All else stays. False, and nothing changes, unless the client is there with exactly the secrets of
        ``stored``. Atomic; after a call that was cancelled, :meth:`registrations` says what became of it.
        """
        ...


class OwnSealedRows(RowFinder, Protocol):
    """The same of a store that encrypts, which knows its keys."""

    async def primary_key_id(self) -> str:
        """Return the id of the key that new texts are encrypted with.

        :raises ConfigurationError: if a key service refuses.
        :raises StoreUnavailable: if it cannot be asked now.
        """
        ...

    def given_key_ids(self) -> frozenset[str]:
        """Return the ids of the keys that were given; of a key service the present one."""
        ...

    async def renew_registration(self, name: str) -> None:
        """Encrypt the secrets of a registered client with the primary key; nothing if there is none now.

        :raises CannotDecrypt: if they do not open; they are left as they are.
        """
        ...


class LinkResealer(Protocol):
    """What encrypting one link anew takes of a store."""

    async def get(self, key: LinkKey) -> Link | None:
        """See :class:`~extauth.domain.ports.LinkReader`."""
        ...

    async def reseal(
        self, key: LinkKey, version: int, tokens: TokenSet, *, written_at: datetime | None = None
    ) -> ResealOutcome:
        """See :class:`~extauth.domain.ports.UpkeepStore`."""
        ...


class ResealingStore(LinkResealer, Protocol):
    """What rotating takes of a store that encrypts."""

    @property
    def sealed(self) -> OwnSealedRows:
        """Which rows are encrypted with which key."""
        ...

    async def purge_authorizations(self) -> int:
        """See :class:`~extauth.domain.linking_ports.AuthorizationStore`."""
        ...
