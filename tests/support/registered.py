"""Clients that registered themselves, for a provider in memory."""

from __future__ import annotations

from typing import Any


class Registered:
    """A provider's clients, by their ids."""

    def __init__(self, *providers: Any, present: Any = None) -> None:
        self._by_id = {each.origin.client_id: each for each in providers}
        self.present_now = present
        """The id of the one that new links are made with; an exception is raised instead."""
        self.answers: list[tuple[str, object]] = []
        """What each heard of a request, in order."""

    async def present_id(self) -> str | None:
        if isinstance(self.present_now, Exception):
            raise self.present_now
        present: str | None = self.present_now
        return present

    async def present(self) -> Any:
        return self._by_id[self.present_now]

    async def of(self, client_id: str) -> Any:
        return self._by_id.get(client_id)

    def heard(self, client_id: str, answer: object) -> None:
        self.answers.append((client_id, answer))
