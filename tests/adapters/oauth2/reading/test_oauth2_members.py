from __future__ import annotations

import time

from extauth.adapters.oauth2.reading.member_names import standard_names
from extauth.adapters.oauth2.reading.members import (
    error_codes,
    error_messages,
    granted_scopes,
    storable_json,
)


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


def test_of_very_many_errors_the_first_are_looked_at() -> None:
    """A megabyte of them held the event loop for seconds."""
    errors: list[object] = [{"code": str(number)} for number in range(200)]
    assert list(error_codes({"errors": errors})) == [str(number) for number in range(100)]
    assert list(error_codes({"error_codes": [*range(200)]})) == [str(number) for number in range(100)]
    assert len(list(error_messages({"errors": [{"message": "a"}] * 200}))) == 100


def test_of_very_many_members_the_first_are_looked_at() -> None:
    """For the standard's names, where they have others."""
    members = {f"aB{number}": number for number in range(2000)}
    found = standard_names(members)
    assert found.items() >= members.items()
    assert (found["a_b999"], "a_b1000" in found) == (999, False)


def test_what_is_nested_too_deep_is_not_kept() -> None:
    """A hundred levels are."""
    value: object = "a"
    for _ in range(100):
        value = [value]
    assert storable_json(value) is False
    assert storable_json(value[0]) is True  # type: ignore[index]
