"""How the store contract speaks: hooks that are missing, stores that hang, and texts that stay unsaid."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from extauth import Link, LinkKey, TokenSet
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.outcomes import Saved, Stale
from extauth.testing import LinkStoreContract
from extauth.testing.contract.expect import expect, expect_refusal, shown

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def link(*tokens: Any, version: int = 1) -> Link:
    """Return a link with these two tokens."""
    access_token, refresh_token = tokens or ("at-1", "rt-1")
    return Link(
        LinkKey("github", "alice"), TokenSet(access_token, refresh_token=refresh_token), version, NOW, NOW
    )


def message(came: object, expected: object) -> str:
    """Return what a failed comparison says."""
    with pytest.raises(AssertionError) as caught:
        expect(came, expected, "save must work")
    return str(caught.value)


class OnMemory(LinkStoreContract):
    """With the one hook that must be there."""

    def open_store(self):
        return MemoryLinkStore()


class HangingStore(MemoryLinkStore):  # type: ignore[misc]  # final, but for this
    """Never answers a read."""

    async def get(self, key):
        await asyncio.Event().wait()


class OnHangingStore(LinkStoreContract):
    """Waits a moment for a store that hangs."""

    patience = timedelta(milliseconds=1)

    def open_store(self):
        return HangingStore()


class WrongStore(MemoryLinkStore):  # type: ignore[misc]  # final, but for this
    """Answers a read with something else."""

    async def get(self, key):
        return "a link"


class OnWrongStore(LinkStoreContract):
    """On a store that is wrong."""

    def open_store(self):
        return WrongStore()


def test_a_factory_that_is_missing_is_asked_for():
    """Without open_store the error says what to override."""
    with pytest.raises(NotImplementedError, match="override open_store"):
        LinkStoreContract().test_get_of_nothing_is_none()


@pytest.mark.parametrize(
    ("test", "hook"),
    [
        ("test_one_claim_of_many_replicas_wins", "open_another"),
        ("test_what_returned_outlives_a_restart", "open_another"),
        ("test_a_broken_store_is_no_lost_race", "break_storage"),
        ("test_an_unreadable_link_fails_its_own_readers_alone", "spoil"),
    ],
)
def test_a_hook_that_is_missing_skips_its_tests(test, hook):
    """And the skip says which hook would run them."""
    with pytest.raises(pytest.skip.Exception, match=hook):
        getattr(OnMemory(), test)()


def test_a_store_that_hangs_is_named():
    """A test that does not end says which method has not returned."""
    with pytest.raises(AssertionError, match=r"not ended within .* not returned: get"):
        OnHangingStore().test_get_of_nothing_is_none()


def test_a_failure_begins_at_the_tests_own_line():
    """No frame of the event loop stands between pytest and the contract's test."""
    with pytest.raises(AssertionError, match="get must return a Link or None") as caught:
        OnWrongStore().test_get_of_nothing_is_none()
    modules = [entry.path.stem for entry in caught.traceback]
    assert modules[:3] == ["test_contract_harness", "harness", "reading"]
    assert "runners" not in modules


def test_differences_are_named_by_field():
    """Of two links that differ in two fields, those are named, and what they were."""
    said = message(link(version=2), link("at-1", None))
    assert said == (
        "save must work, but tokens.refresh_token is 'rt-1' instead of None; version is 2 instead of 1"
    )


def test_outcomes_of_different_kinds_are_named():
    """Saved instead of Stale is said in one line."""
    said = message(Saved(link()), Stale(link("at-2", "rt-2", version=2)))
    assert said == (
        "save must work, but it gave Saved with the link of ('github', 'alice') at version 1 with the tokens"
        " 'at-1' and 'rt-1' instead of Stale with the link of ('github', 'alice') at version 2 with the"
        " tokens 'at-2' and 'rt-2'"
    )


@pytest.mark.parametrize("secret", ["s3cret", "at-1 and more", "xat-1"])
def test_tokens_that_are_not_the_suites_own_are_not_shown(secret):
    """Whatever a store returns, only the texts that the suite made are printed."""
    other = link(secret, secret)
    texts = [
        shown(other),
        shown([other]),
        shown(Saved(other)),
        message(other, link()),
        message(link(), other),
        message(other.tokens, None),
        message(None, Saved(other)),
        shown(OSError(secret)),
    ]
    assert [text for text in texts if secret in text] == []


async def test_what_must_be_refused_says_what_happened_instead():
    """A value, or another error, where a ValueError was due."""

    async def accepts() -> None:
        pass

    async def fails() -> None:
        raise LookupError

    with pytest.raises(AssertionError, match=r"^claim must refuse, but it returned None$"):
        await expect_refusal(accepts(), "claim must refuse")
    with pytest.raises(AssertionError, match=r"^claim must refuse, but it raised LookupError$"):
        await expect_refusal(fails(), "claim must refuse")
