"""Arguments of another type than was meant, and what is said about them."""

from __future__ import annotations

import pytest
from yarl import URL

from extauth.domain.wrong_types import id_text, must_be, url_text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "store must be a LinkStore, not None; is it configured?"),
        (dict, "store must be a LinkStore, not the class dict"),
        (7, "store must be a LinkStore, not int"),
        (b"x", "store must be a LinkStore, not bytes; decode it: value.decode()"),
    ],
)
def test_a_message_says_what_was_found(value: object, message: str) -> None:
    """By its type, never by its value; with what to write where that can be guessed."""
    assert must_be("a LinkStore", value, "store") == message


@pytest.mark.parametrize("value", [None, 7])
def test_a_hint_is_the_last_thing_said(value: object) -> None:
    """The caller's own goes before the usual one."""
    assert must_be("a str", value, "x", "write y").endswith("; write y")


@pytest.mark.parametrize(
    ("what", "value", "message"),
    [
        ("user_id", None, "user_id must be a str, not None; is anybody signed in?"),
        ("provider_id", None, "provider_id must be a str, not None; is it configured?"),
        ("user_id", 7, "user_id must be a str, not int; ids are text: write str(user.id)"),
        ("provider_id", 7, "provider_id must be a str, not int"),
    ],
)
def test_what_is_no_id(what: str, value: object, message: str) -> None:
    """Nothing is made an id by guessing."""
    with pytest.raises(TypeError) as caught:
        id_text(value, what)
    assert str(caught.value) == message


def test_a_url_object_is_its_text() -> None:
    """The whole URL, as ``yarl`` gives it."""
    assert url_text(URL("https://a.example/x?y=1"), "url") == "https://a.example/x?y=1"


@pytest.mark.parametrize(
    ("value", "found"), [(URL, "the class URL"), (7, "int"), (None, "None; is it configured?")]
)
def test_what_is_no_url(value: object, found: str) -> None:
    """The class of URLs is none."""
    with pytest.raises(TypeError) as caught:
        url_text(value, "url")
    assert str(caught.value) == f"url must be a str or a yarl.URL, not {found}"
