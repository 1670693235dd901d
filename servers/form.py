"""A form in a page, as a browser would send it."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import final


@final
class Form(HTMLParser):
    """The first form of a page that has a field or a button that the person knows what to do with.

    ``typed`` is by the names of fields and buttons; a button is pressed if it has the value.
    """

    def __init__(self, page: str, typed: Mapping[str, str]) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.filled = False
        """Whether there is such a form at all."""
        self._typed = typed
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a form's beginning, or a field."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.filled:
            self.action, self.fields, self._inside = given.get("action", ""), {}, True
        elif tag in {"input", "button"} and self._inside and (name := given.get("name")):
            chosen = given.get("type") in {"checkbox", "radio", "submit"} and "checked" not in given
            self._take(name, given.get("value", ""), chosen=chosen or tag == "button")

    def handle_endtag(self, tag: str) -> None:
        """Take a form's end."""
        if tag == "form":
            self._inside = False

    def _take(self, name: str, value: str, *, chosen: bool) -> None:
        """Take a field; one that is sent only if it is chosen, if the person does choose it."""
        known = name in self._typed
        if chosen and self._typed.get(name) != value:
            return
        self.fields[name] = self._typed.get(name, value)
        self.filled = self.filled or known
