"""Stores with one bug each: values that come back as others.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import attrs

from extauth import LinkKey
from extauth.domain.due import Due
from tests.proof.breakable_store import HealthyStore, broken


@broken("due", "test_an_empty_refresh_token_is_none")
class EmptyForNone(HealthyStore):
    """No refresh token is stored as '', and found by the sweep as one that is there."""

    async def due(self, provider_id, by, before, **narrow):
        found = await super().due(provider_id, by, before, **narrow)
        empty = {key: row.link for key, row in self._rows.items() if row.link.tokens.refresh_token is None}
        return found + [Due(link.updated_at, key) for key, link in empty.items()]


class StoringStore(HealthyStore):
    """Stores something else than it was given."""

    @staticmethod
    def stored(tokens):
        raise NotImplementedError

    async def put(self, key, tokens, *, origin=None):
        return await super().put(key, self.stored(tokens), origin=origin)

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        return await super().save(key, version, self.stored(tokens), origin=origin)


def at(tokens, change):
    """Change the expiry."""
    expires_at = tokens.expires_at
    return attrs.evolve(tokens, expires_at=None if expires_at is None else change(expires_at))


@broken("put", "test_instants_come_back_to_the_microsecond")
class WholeSeconds(StoringStore):
    """The column keeps seconds: a mark of the wrong instant, a page that repeats."""

    @staticmethod
    def stored(tokens):
        return at(tokens, lambda instant: instant.replace(microsecond=0))


@broken("put", "test_instants_come_back_to_the_microsecond")
class FloatSeconds(StoringStore):
    """The column is a float of seconds since 1970, which cannot hold microseconds of far years."""

    @staticmethod
    def stored(tokens):
        def rounded(instant):
            epoch = instant.replace(year=1970, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
            return epoch + timedelta(seconds=float((instant - epoch).total_seconds()))

        return at(tokens, rounded)


@broken("put", "test_the_first_version_is_1")
class LocalTime(StoringStore):
    """Instants are written as local time and read as UTC."""

    @staticmethod
    def stored(tokens):
        return at(tokens, lambda instant: instant + timedelta(hours=2) if instant.year < 9999 else instant)


@broken("save", "test_every_field_comes_back")
class ScopesDropped(StoringStore):
    """Scopes are not kept."""

    @staticmethod
    def stored(tokens):
        return attrs.evolve(tokens, scopes=())


@broken("put", "test_odd_texts_come_back")
class TokensCutOff(StoringStore):
    """VARCHAR(4096): a long token loses its end."""

    @staticmethod
    def stored(tokens):
        cut = tokens.refresh_token and tokens.refresh_token[:4096]
        return attrs.evolve(tokens, access_token=tokens.access_token[:4096], refresh_token=cut)


class FoldingStore(HealthyStore):
    """Takes different ids for one."""

    @staticmethod
    def fold(text):
        raise NotImplementedError

    def _same(self, key):
        folded = LinkKey(self.fold(key.provider_id) or "_", self.fold(key.user_id) or "_")
        return self.__dict__.setdefault("names", {}).setdefault(folded, key)

    async def get(self, key):
        link = await super().get(self._same(key))
        return link and attrs.evolve(link, key=key)

    async def put(self, key, tokens, *, origin=None):
        return attrs.evolve(await super().put(self._same(key), tokens, origin=origin), key=key)


@broken("get", "test_odd_ids_are_different_links")
class IdsFolded(FoldingStore):
    """ALICE gets alice's tokens."""

    fold = staticmethod(str.casefold)


@broken("get", "test_odd_ids_are_different_links")
class IdsTrimmed(FoldingStore):
    """'alice ' gets alice's tokens."""

    fold = staticmethod(str.strip)


@broken("get", "test_odd_ids_are_different_links")
class IdsNormalized(FoldingStore):
    """Two ways to write é are one user."""

    @staticmethod
    def fold(text):
        return unicodedata.normalize("NFC", text)


@broken("get", "test_the_least_of_tokens_comes_back")
class ZeroForUnknown(StoringStore):
    """An expiry that the provider did not give is stored as 0: the token seems to have expired long ago."""

    @staticmethod
    def stored(tokens):
        return attrs.evolve(tokens, expires_at=tokens.expires_at or datetime(1970, 1, 1, tzinfo=UTC))


@broken("put", "test_nested_extra_comes_back")
class ExtraAsTexts(StoringStore):
    """Values of extra are stored as texts."""

    @staticmethod
    def stored(tokens):
        return attrs.evolve(tokens, extra={name: str(value) for name, value in tokens.extra.items()})
