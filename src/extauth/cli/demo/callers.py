"""The callers of one replica: each asks for its user's access token again and again."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any, TypeAlias, final

import aiohttp

from extauth.cli.demo.messages import Orders, Question, Recall, Tally

Ask: TypeAlias = Callable[[str], Awaitable[str]]
"""Returns a user's access token."""

MEMORY = 50_000
"""How many of the latest questions a replica remembers, for the picture."""


@final
class Callers:
    """Hundreds of callers would do the same from as many requests: ask, now and then use, pause."""

    def __init__(self, orders: Orders, ask: Ask, session: aiohttp.ClientSession) -> None:
        self._orders = orders
        self._ask = ask
        self._session = session
        self._random = random.Random(f"{orders.seed}/{orders.replica}")  # noqa: S311 - a load, no secret
        self._stopping = asyncio.Event()
        self._served = self._checked = self._dead = 0
        self._errors: Counter[str] = Counter()
        self._questions: deque[tuple[str, Question]] = deque(maxlen=MEMORY)

    @property
    def tally(self) -> Tally:
        """The counters as they are now."""
        return Tally(served=self._served, checked=self._checked, dead=self._dead, errors=dict(self._errors))

    async def run(self) -> None:
        """Ask until :meth:`stop`; every question under way then is still answered."""
        async with asyncio.TaskGroup() as group:
            for caller in range(self._orders.callers):
                group.create_task(self._call(caller))

    def stop(self) -> None:
        """Let each caller end after its question."""
        self._stopping.set()

    def recall(self, wanted: Recall) -> Iterable[Question]:
        """Return the questions for a user that touch a span of time, in the order of their answers."""
        return (
            question
            for user, question in self._questions
            if user == wanted.user and question.asked < wanted.until and question.served > wanted.since
        )

    async def _call(self, caller: int) -> None:
        user = self._orders.users[caller % len(self._orders.users)]
        await self._pause(self._random.random())
        answers = caller
        while not self._stopping.is_set():
            asked = time.monotonic()
            try:
                token = await self._ask(user)
            except Exception as error:  # noqa: BLE001 - whatever a caller meets is what is counted
                self._errors[getattr(error, "code", type(error).__name__)] += 1
            else:
                served = time.monotonic()
                self._served += 1
                self._questions.append((user, Question(self._orders.replica, caller, asked, served)))
                if answers % self._orders.check_every == 0:
                    await self._check(user, token, asked)
                answers += 1
            await self._pause(0.5 + self._random.random())

    async def _check(self, user: str, token: str, asked: float) -> None:
        """Use the token at the API, as its caller would."""
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with self._session.get(self._orders.resource_url, headers=headers) as response:
                body: dict[str, Any] = await response.json()
        except aiohttp.ClientError as error:
            self._errors[type(error).__name__] += 1
            return
        self._checked += 1
        if response.status == HTTPStatus.OK:
            self._dead += body["subject"] != user
        else:
            # On a crowded machine a token may be alive when it is asked for and have expired when the
            # API looks at it: no fault of whoever handed it out. One that was revoked has no such age.
            ago = time.monotonic() - asked
            self._dead += body.get("expired_for", ago) >= ago

    async def _pause(self, share: float) -> None:
        """Wait for a share of the pause, or until it is time to stop."""
        try:
            async with asyncio.timeout(self._orders.pause * share):
                await self._stopping.wait()
        except TimeoutError:
            pass
