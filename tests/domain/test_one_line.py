"""Text from outside in a message."""

from __future__ import annotations

import pytest

from extauth.domain.errors import LinkNotFound
from extauth.domain.one_line import one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("büro 日本 'a' \\", "büro 日本 'a' \\"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("'büro' \\\n", "'büro' \\" + r"\n"),
        ("\x1b[2J\x7f", r"\x1b[2J\x7f"),
        ("a\x85b\u2028c", r"a\x85b\u2028c"),
        ("\u202eevil", r"\u202eevil"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, shown: str) -> None:
    """Line ends, control characters, those that change the direction of text; nothing else."""
    assert one_line(text) == shown


def test_a_message_is_one_line() -> None:
    """Every error of extauth, whatever id it names."""
    assert str(LinkNotFound("no link to a/b\nERROR forged")) == r"no link to a/b\nERROR forged"
