from __future__ import annotations

import time

from extauth.adapters.oauth2.reading.members import granted_scopes, storable_json


def test_scopes_that_no_store_keeps_are_left_out() -> None:
    """As text and as a list."""
    assert granted_scopes({"scope": "a b\0 c\ud800 d,e"}, ",") == {"a", "d", "e"}
    assert granted_scopes({"scope": ["a", "b\0", "c\ud800", "", 7, "d e"]}, ",") == {"a", "d e"}


def test_very_many_scopes_are_read_quickly() -> None:
    """A megabyte of them held the event loop for seconds, when each was looked at as JSON of any depth."""
    text = " ".join(map(str, range(20_000)))

    def took() -> tuple[float, float]:
        began = time.process_time()
        frozenset(text.split())
        between = time.process_time()
        granted_scopes({"scope": text}, ",")
        return between - began, time.process_time() - between

    splitting, reading = (min(each) for each in zip(*(took() for _ in range(5)), strict=True))
    assert reading < splitting * 40  # some 5, and 150 before


def test_what_is_nested_too_deep_is_not_kept() -> None:
    """A hundred levels are."""
    value: object = "a"
    for _ in range(100):
        value = [value]
    assert storable_json(value) is False
    assert storable_json(value[0]) is True  # type: ignore[index]
