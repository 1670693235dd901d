"""What a service says of a call that it does not take."""

from __future__ import annotations

import pytest

from extauth import one_loop
from extauth.services.serving import Serving


async def test_what_another_process_has_opened_is_not_closed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a fork nothing is finished that the other process is at; there it is closed once."""
    serving = Serving("TokenService", object()).check()
    with monkeypatch.context() as forked:
        forked.setattr(one_loop, "_process", object())
        assert serving.close(idle=True) is False
    assert serving.close(idle=False) is True
    with pytest.raises(RuntimeError, match="this TokenService is closed"):
        serving.check()


async def test_a_service_is_called_by_its_name(scene) -> None:
    """So that who has several knows which one was closed too early."""
    tokens = scene.replica()
    await tokens.aclose()
    with pytest.raises(RuntimeError, match="this TokenService is closed"):
        await tokens.access_token("scripted", "alice")
