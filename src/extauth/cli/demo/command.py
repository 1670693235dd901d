"""``extauth demo``: the same storm against extauth and against the naive loop, side by side."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import final
from urllib.parse import quote

import attrs
from rich.console import Console

from extauth.cli.demo.picture import draw
from extauth.cli.demo.progress import Settings
from extauth.cli.demo.replicas import ReplicaFailed
from extauth.cli.demo.rotations import Race, Rotation, choose, choose_race
from extauth.cli.demo.sketch import sketch
from extauth.cli.demo.storm import RECONNECT_AFTER, run_storm
from extauth.cli.demo.verdict import broken_promises
from extauth.cli.demo.view import summary, view
from extauth.domain.errors import ExtAuthError

PASSED, FAILED = 0, 1


@final
@attrs.frozen(kw_only=True)
class Demo:
    """What to show, and where."""

    settings: Settings
    store: str | None = attrs.field(repr=False)
    """URL of the store; None for a SQLite file that is removed afterwards."""
    picture: Path


async def run_demo(demo: Demo, console: Console) -> int:
    """Run both storms, print what came of them, write the picture, and return the exit code."""
    settings = demo.settings
    run_id = secrets.token_hex(4)
    with _store(demo.store) as store:
        _introduce(settings, store, console)
        try:
            with view(console, settings) as tell:
                ours = await run_storm("extauth", settings, store, run_id, tell)
                naive = await run_storm("naive", settings, store, run_id, tell)
        except (ReplicaFailed, ExtAuthError, OSError) as error:
            console.print(f"The demo broke down: {'; '.join(map(str, error.args))}", style="bold red")
            return FAILED
    console.print(summary([ours.progress, naive.progress]))
    _explain(console)
    _draw(choose(ours.rotations), choose_race(naive.races), demo, console)
    if broken := broken_promises(ours.progress):
        console.print("FAILED:", "; ".join(broken), style="bold red")
        return FAILED
    console.print(
        f"PASSED: {ours.progress.rotations} rotations, one exchange each, no link lost,"
        f" no error in {ours.progress.tally.served:,} answers.",
        style="bold green",
        highlight=False,
    )
    return PASSED


@contextmanager
def _store(url: str | None) -> Generator[str, None, None]:
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="extauth-demo-") as directory:
        yield f"sqlite:///{quote(str(Path(directory) / 'links.db'))}"


def _introduce(settings: Settings, store: str, console: Console) -> None:
    kind = "one SQLite file" if store.startswith("sqlite") else "one Postgres database"
    console.print(
        f"[bold]{settings.replicas}[/] replicas (processes) with [bold]{settings.callers}[/] callers each"
        f" share [bold]{settings.links}[/] links in {kind}.\n"
        "The authorization server is a strict one on loopback HTTP: a refresh token works once, its reuse"
        f" revokes the grant, access tokens live {settings.lifetime.total_seconds():.0f} s, answers take"
        f" {settings.answer_delay.total_seconds() * 1000:.0f} ms.\n",
        highlight=False,
    )


def _explain(console: Console) -> None:
    console.print(
        "Both storms have the same server settings, callers and pauses, and both refresh a fifth of the"
        " lifetime before expiry. A lost link is one whose user must connect again by hand; here a new"
        f" grant is given after {RECONNECT_AFTER} s so that the storm goes on."
        " Rotations, exchanges and revoked grants are counted by the server.",
        style="dim",
        highlight=False,
    )


def _draw(rotation: Rotation | None, race: Race | None, demo: Demo, console: Console) -> None:
    if rotation is None and race is None:
        return
    console.print(sketch(rotation, race, demo.settings.replicas, console.width))
    try:
        demo.picture.write_text(draw(rotation, race, demo.settings.replicas), encoding="utf-8")
    except OSError as error:
        console.print(f"The picture could not be written: {error.strerror}", style="yellow")
    else:
        console.print(
            f"The same as a picture, with a lane for each caller: [bold]{demo.picture}[/]", highlight=False
        )
