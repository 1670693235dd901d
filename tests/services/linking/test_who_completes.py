"""Only the user who began completes an authorization, and nobody where nobody is signed in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from extauth import WrongUser
from extauth.services.linking import code_flow
from extauth.services.linking.authorizations import Authorizations
from tests.services.linking.conftest import REDIRECT_URI, Scene


async def victims_callback(scene: Scene, service: Any) -> str:
    """Return what comes back when the victim's browser follows the URL that mallory began."""
    url = await service.begin("scripted", "mallory", REDIRECT_URI)
    callback: str = scene.provider.consent(url, "victim-there")
    return callback


@pytest.mark.parametrize(
    ("nobody", "error", "message"),
    [
        (None, ValueError, "sign in first"),
        ("", ValueError, "sign in first"),
        (0, TypeError, r"user_id must be a str, not int; ids are text: write str\(user.id\)"),
        (False, TypeError, "user_id must be a str, not bool"),
        (b"mallory", TypeError, r"not bytes; decode it"),
        (["mallory"], TypeError, "user_id must be a str, not list"),
        (UUID(int=7), TypeError, r"not UUID; ids are text: write str\(user.id\)"),
    ],
)
async def test_nobody_is_signed_in(scene: Scene, nobody, error, message):
    """The callback is refused before anything is sent, says what to do, and its state stays good."""
    service = scene.replica()
    callback = await victims_callback(scene, service)
    with pytest.raises(error, match=message):
        await service.complete(callback, user_id=nobody)
    assert scene.store.calls["take_authorization"] == 0
    assert scene.provider.presented == []
    assert (await service.complete(callback, user_id="mallory")).key.user_id == "mallory"


async def test_the_user_cannot_be_left_out(scene: Scene):
    """Nor can it be given by place, where it could be mistaken for something else."""
    service: Any = scene.replica()
    callback = await victims_callback(scene, service)
    with pytest.raises(TypeError, match="user_id"):
        await service.complete(callback)
    with pytest.raises(TypeError, match="positional"):
        await service.complete(callback, "mallory")
    assert scene.provider.presented == []


async def test_another_user_is_signed_in(scene: Scene):
    """The victim's own session does not complete what mallory began."""
    service = scene.replica()
    with pytest.raises(WrongUser):
        await service.complete(await victims_callback(scene, service), user_id="victim")
    assert scene.provider.presented == []


async def test_what_another_user_began_is_not_taken(scene: Scene):
    """Should who takes it not have looked whose it is: it stays there for the user who began."""
    await victims_callback(scene, scene.replica())
    [pending] = scene.begun()
    authorizations = Authorizations(scene.store, timedelta(minutes=10))
    with pytest.raises(WrongUser):
        await authorizations.take(pending.state_hash, "victim")
    assert (await authorizations.take(pending.state_hash, "mallory")).key.user_id == "mallory"


async def test_the_attack_without_the_guard(scene: Scene, monkeypatch):
    """In a signed-out browser the victim's account is linked to whoever began."""
    monkeypatch.setattr(code_flow, "_check_signed_in", lambda _: None)
    service: Any = scene.replica()
    link = await service.complete(await victims_callback(scene, service), user_id=None)
    subject = scene.provider.tokens.subject_of(link.tokens.access_token)
    assert (link.key.user_id, subject) == ("mallory", "victim-there")


@pytest.mark.parametrize("nobody", [None, ""])
async def test_nobody_begins(scene: Scene, nobody):
    """A session without a user begins nothing."""
    service = scene.replica()
    for call in (
        service.begin("scripted", nobody, REDIRECT_URI),
        service.begin_device("scripted", nobody),
        service.unlink("scripted", nobody),
    ):
        with pytest.raises((ValueError, TypeError), match="user_id must"):
            await call
    assert scene.begun() == []


async def test_whoever_waits_for_a_device_gets_the_link_of_who_began(scene: Scene):
    """A poll connects the user of the device flow, and nobody else."""
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    scene.provider.approve_device(device.user_code, "alice-there")
    assert (await service.complete_device(device)).key == device.key
    assert [link.key.user_id for link in await scene.inner.links_of("alice")] == ["alice"]
