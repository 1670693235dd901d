"""Why a user must connect again, in words."""

from __future__ import annotations

import pickle

import pytest

from extauth import ReauthorizationRequired
from extauth.adapters.providers import CATALOGUE
from extauth.domain.reasons import EXPLANATIONS, FALLBACK, explanation

DEAD_CODES = frozenset(code for made in CATALOGUE.values() for code in made.replies.dead_codes)
OWN_CODES = {"client_forgotten", "reply_lost", "reply_unreadable", "no_refresh_token", "probably_dead"}


@pytest.mark.parametrize("reason", sorted(DEAD_CODES | OWN_CODES))
def test_every_reason_of_the_catalogue_has_words(reason):
    """A user interface never shows a bare code, and never the fallback for what is known."""
    said = explanation(reason)
    assert said != FALLBACK
    assert said.endswith((".", "!"))
    assert "onnect again" in said
    assert reason not in said or reason.isalpha()


def test_there_are_no_words_for_what_cannot_happen():
    """A sentence for a code that no preset has is a code that was forgotten elsewhere."""
    assert set(EXPLANATIONS) == DEAD_CODES | OWN_CODES


def test_an_unknown_reason_has_words_too():
    """An application's own rules may have codes of their own."""
    assert explanation("its_own_code") == FALLBACK


def test_the_error_explains_itself():
    """Also after it has travelled to another process."""
    error = ReauthorizationRequired("alice must connect github again", reason="invalid_grant")
    assert error.explanation == explanation("invalid_grant")
    assert pickle.loads(pickle.dumps(error)).explanation == error.explanation  # noqa: S301 - our own
