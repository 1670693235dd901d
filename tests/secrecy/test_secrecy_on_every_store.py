"""At its most talkative a process shows no secret, whatever store it uses and whatever goes wrong."""

from __future__ import annotations

import pytest

from tests.secrecy.acts import ACTS, Act, play
from tests.secrecy.canaries import Canaries
from tests.secrecy.places import EVERYWHERE, place
from tests.secrecy.watch import Watch


@pytest.mark.parametrize("kind", EVERYWHERE)
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_nothing_is_shown(act: Act, kind: str, tmp_path, postgres_server):
    """Neither logs, warnings, errors nor reprs show a token, code, state, salt, verifier or client secret."""
    watch, canaries = Watch(), Canaries()

    async def main() -> None:
        async with place(kind, tmp_path, postgres_server) as opened:
            await play(act, opened, watch, canaries)

    watch.run(main)
    assert watch.leaks(canaries.found_in) == {}
