"""The pages of settings, errors and events are as the source says."""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from extauth import ProviderTraits, RateLimit, RefreshPolicy, Upkeep

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@pytest.fixture
def pages():
    """The script that writes them."""
    spec = importlib.util.spec_from_file_location("pages", FOLDER / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["configuration.md", "events.md", "errors.md"])
def test_a_page_is_as_it_would_be_written(pages, name):
    """Whoever changes a default, an event or an error writes them anew: python docs/reference/pages.py."""
    assert pages.PAGES[name]() == (FOLDER / name).read_text()


@pytest.mark.parametrize("kind", [RefreshPolicy, RateLimit, Upkeep, ProviderTraits])
def test_each_setting_says_what_it_means(pages, kind):
    """None stands in a table with nothing beside it."""
    assert sorted(pages.field_docs(kind)) == sorted(field.name for field in attrs.fields(kind))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (timedelta(0), "0 s"),
        (timedelta(milliseconds=50), "50 ms"),
        (timedelta(seconds=90), "90 s"),
        (timedelta(minutes=15), "15 min"),
        (timedelta(hours=1), "1 h"),
    ],
)
def test_spans(pages, value, told):
    """They are told in the unit that a reader takes."""
    assert pages.span(value) == told


def test_a_docstring_becomes_markdown(pages):
    """Names of the reference become code, and nothing ends a table's cell."""
    text = "As :class:`~extauth.Auth` and :meth:`the way <x.y>` say,\n    ``a|b``."
    assert pages.as_markdown(text) == "As `Auth` and `the way` say, `a\\|b`."
