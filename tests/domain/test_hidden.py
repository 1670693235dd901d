"""Secrets on their way through a function."""

from __future__ import annotations

from extauth.domain.hidden import Hidden, HiddenText, NamesOnly


def test_what_hides_a_value_still_has_it() -> None:
    """Only the ``repr`` is another."""
    assert (Hidden("secret").value, str(HiddenText("secret")), NamesOnly(a="secret")["a"]) == ("secret",) * 3


def test_a_hidden_value_is_not_shown() -> None:
    """Not in the ``repr``, which tools that report errors print."""
    assert repr(Hidden("secret")) == "Hidden()"


def test_a_hidden_text_is_not_shown() -> None:
    """Nor how long it is."""
    assert repr(HiddenText("secret")) == "<hidden>"


def test_names_are_shown_without_their_values() -> None:
    """In the order in which they are there."""
    assert (
        repr(NamesOnly(client_id="public", client_secret="secret")) == "NamesOnly(client_id, client_secret)"
    )
