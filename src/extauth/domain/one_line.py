"""Text from outside, as it may stand in a message."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Return the text with line ends, control and formatting characters escaped as ``repr`` writes them.

    Else an id that a browser sent could forge lines of a log, or steer the terminal that shows it (CWE-117).
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
