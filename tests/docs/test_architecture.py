"""The page on the architecture follows the code: its folders, its files, and the order of real calls."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import FrameType

import attrs

import extauth
from extauth import (
    AccessPolicy,
    AuditTrail,
    LinkKey,
    RefreshPolicy,
    TokenService,
    User,
    acting_as,
    open_store,
)
from extauth.adapters.audit import AuditedStore
from extauth.adapters.authorization import GuardedStore
from extauth.adapters.encryption import EncryptionKey
from extauth.adapters.encryption.keyring import GivenKeys
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.testing import AuthorizationServer

PACKAGE = Path(extauth.__file__).parent
TEXT = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
STEP = re.compile(r"^(\d+)\. \[`([\w/.]+)`\]\(\.\./src/extauth/([\w/.]+)\),\s+`([\w.]+)`:", re.MULTILINE)
Step = tuple[str, str]
"""A file below ``src/extauth`` and the qualified name of a function in it."""


def walk(heading: str) -> list[Step]:
    """Return the numbered steps under a heading, whose numbers and links are right."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    found = STEP.findall(section)
    numbers = re.findall(r"^(\d+)\. ", section, re.MULTILINE)
    assert [number for number, *_ in found] == numbers == [str(n) for n in range(1, len(numbers) + 1)]
    assert [shown for _, shown, _, _ in found] == [linked for _, _, linked, _ in found]
    return [(file, name) for _, file, _, name in found]


@contextmanager
def entered() -> Iterator[list[Step]]:
    """Yield a list that has, afterwards, each function of extauth's in the order in which it was entered."""
    order: dict[Step, None] = {}
    found: list[Step] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(str(PACKAGE)):
            order[Path(path).relative_to(PACKAGE).as_posix(), frame.f_code.co_qualname] = None

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(before)
        found.extend(order)


async def real_call(
    tmp_path: Path, *, expired: bool, wrapped: bool = False, remembered: bool = False
) -> list[Step]:
    """Return what one ``access_token`` call enters, on SQLite and with a provider over HTTP.

    If the store is ``wrapped``, with keys, access and audit; ``remembered``: the second such call."""
    database = f"sqlite:///{tmp_path / 'links.db'}"
    keys: GivenKeys = EncryptionKey.generate("key") if wrapped else "plain"
    async with AuthorizationServer() as server, open_store(database, keys=keys) as kept:
        provider = OAuth2Provider(
            "example",
            client_id=server.client_id,
            client_secret=server.client_secret,
            token_url=server.token_url,
        )
        tokens = server.new_grant("alice")
        if expired:
            tokens = attrs.evolve(tokens, expires_at=datetime(2020, 1, 1, tzinfo=UTC))
        await kept.put(LinkKey("example", "alice"), tokens)
        audited = AuditedStore(kept, AuditTrail.in_store())
        store = GuardedStore(audited, AccessPolicy()) if wrapped else kept
        policy = RefreshPolicy(remember_for=timedelta(minutes=1) if remembered else None)
        async with TokenService(store, [provider], policy=policy) as service:
            if remembered:
                await service.access_token("example", "alice")
            with acting_as(User("alice")), entered() as order:
                token = await service.access_token("example", "alice")
        assert (token != tokens.access_token) is expired
        assert server.grants.exchanges == expired
    return order


def test_each_folder_is_told():
    """The table of wings has every folder with code, each once."""
    folders = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("__init__.py")} - {"."}
    assert sorted(folders) == sorted(re.findall(r"^\| `([\w/]+)` \|", TEXT, re.MULTILINE))


def test_each_module_beside_the_layers_is_told():
    """What stands in no layer is named, and nothing else is."""
    (line,) = re.findall(r"^- Beside the layers: .*?(?=\n\n)", TEXT, re.MULTILINE | re.DOTALL)
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert modules == set(re.findall(r"`(\w+\.py)`", line))


def test_each_public_module_lists_its_names():
    """What the page calls public can be imported and has an ``__all__`` of names that are there."""
    (section,) = re.findall(r"^## What is public\n(.*?)^## ", TEXT, re.MULTILINE | re.DOTALL)
    modules = [import_module(name) for name in re.findall(r"`(extauth[\w.]*)`", section)]
    assert len(modules) >= 11
    missing = [(module, name) for module in modules for name in module.__all__ if not hasattr(module, name)]
    assert missing == []


async def test_an_access_token_call_goes_as_the_page_says(tmp_path):
    """Each step of the first walk is entered, in that order, by a call whose token works."""
    steps = walk("An `access_token` call")
    order = await real_call(tmp_path, expired=False)
    assert steps == [step for step in order if step in steps]


async def test_a_remembered_call_goes_as_the_page_says(tmp_path):
    """The steps of its walk are all that it enters, but for clocks and loops."""
    order = await real_call(tmp_path, expired=False, remembered=True)
    beside = {step for step in order if step[0] in {"clock.py", "one_loop.py"}}
    ours = [step for step in order if step not in beside and not step[0].startswith("domain/acting")]
    assert ours == walk("A remembered call")


async def test_the_stores_around_a_store_are_gone_through_as_the_page_says(tmp_path):
    """Each step of the walk with keys, access and audit is entered, in that order."""
    steps = walk("The same with keys, access and audit")
    order = await real_call(tmp_path, expired=False, wrapped=True)
    assert steps == [step for step in order if step in steps]


async def test_a_refresh_goes_as_the_page_says(tmp_path):
    """Each step of the second walk is entered, from the decision on and in that order, by a refresh."""
    steps = walk("A refresh")
    order = await real_call(tmp_path, expired=True)
    first = {step: order.index(step) for step in steps if step in order}
    assert steps == sorted(first, key=lambda step: first[step])
