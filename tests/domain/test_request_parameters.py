"""Names of parameters as the least exact servers read them."""

from __future__ import annotations

import pytest

from extauth.domain.request_parameters import folded


@pytest.mark.parametrize("name", ["request_uri", "REQUEST_URI", "request.uri", "Request.Uri"])
def test_spellings_of_one_name(name: str) -> None:
    """Case does not tell them apart, nor does a dot for an underscore."""
    assert folded(name) == "request_uri"


def test_another_name_stays_another() -> None:
    """Nothing else is folded."""
    assert folded("request-uri") == "request-uri"
