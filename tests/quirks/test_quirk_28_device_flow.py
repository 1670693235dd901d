"""Class 28: there is a device flow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest

from extauth.adapters.providers import (
    CATALOGUE,
    Preset,
    github,
    github_app,
    gitlab,
    gitlab_self_managed,
    google,
    microsoft,
)
from extauth.adapters.providers.quirks import showing
from extauth.domain.errors import AuthorizationExpired, ConsentDenied
from tests.quirks.support_b import using
from tests.support.clocks import LeapingClock

PRESETS: list[tuple[Preset, dict[str, Any], dict[str, str]]] = [
    (github, {"refresh_tokens": False, "never_expires": True}, {}),
    (github_app, {}, {}),
    (gitlab, {}, {}),
    (gitlab_self_managed, {}, {"base": "https://gitlab.example"}),
    (google, {"device_uri_member": "verification_url"}, {}),
    (microsoft, {"offline_scope": "offline_access"}, {}),
]


class Waiting(LeapingClock):
    """While a client waits between two polls, something happens."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], object]] = []

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()


def nothing() -> None:
    """Let one poll find the user undecided."""


def test_every_preset_of_the_class_is_here():
    """The presets below are all that have one."""
    assert {preset.id for preset, *_ in PRESETS} == {*showing(28)}


@pytest.mark.parametrize(
    ("preset", "quirks", "variables"), PRESETS, ids=[preset.id for preset, *_ in PRESETS]
)
async def test_the_user_types_the_code_elsewhere(preset, quirks, variables):
    """The code is shown, the user says yes on another device, and the link is there and works."""
    clock = Waiting()
    async with using(preset, clock=clock, variables=variables, **quirks) as app:
        device = await app.linking.begin_device(preset.id, "alice")
        assert device.verification_uri == f"{app.server.issuer}/device"
        clock.meanwhile += [nothing, lambda: app.server.approve_device(device.user_code, "alice-there")]
        link = await app.linking.complete_device(device)
        assert app.server.device_polls == ["authorization_pending", None]
        assert clock.slept == [5.0, 5.0]
        assert app.server.accepts(link.tokens.access_token)
        assert app.server.grants.subject_of(link.tokens.access_token) == "alice-there"
        assert await app.stored() == link
        if preset.gives_refresh_tokens:
            assert app.server.accepts((await app.refreshed()).tokens.access_token)


async def test_slowing_down_when_told():
    """A client that polls too fast is told so, and waits five seconds longer each time, for good."""
    clock = Waiting()
    async with using(gitlab, clock=clock, device_interval=timedelta(seconds=8)) as app:
        device = await app.linking.begin_device("gitlab", "alice")
        assert device.interval == timedelta(seconds=8)
        hasty = attrs.evolve(device, interval=timedelta(seconds=5))

        def approve() -> None:
            app.server.approve_device(device.user_code)
            # Whoever began too fast stays too fast for a server that counts as strictly as the client.
            app.server._shown(device.user_code).interval = 15.0

        clock.meanwhile += [nothing, nothing, nothing, approve]
        await app.linking.complete_device(hasty)
        assert app.server.device_polls == ["authorization_pending", "slow_down", "slow_down", None]
        assert clock.slept == [5.0, 5.0, 10.0, 15.0]


async def test_the_user_says_no():
    """A refusal ends the polling with its own error, and nothing is stored."""
    clock = Waiting()
    async with using(github_app, clock=clock) as app:
        device = await app.linking.begin_device("github_app", "alice")
        clock.meanwhile += [nothing, lambda: app.server.deny_device(device.user_code)]
        with pytest.raises(ConsentDenied):
            await app.linking.complete_device(device)
        assert app.server.device_polls == ["authorization_pending", "access_denied"]
        assert await app.stored() is None


async def test_the_code_expires():
    """A user who does nothing is waited for as long as the code lasts, and no longer."""
    clock = Waiting()
    async with using(google, clock=clock, device_lifetime=timedelta(seconds=60)) as app:
        device = await app.linking.begin_device("google", "alice")
        with pytest.raises(AuthorizationExpired):
            await app.linking.complete_device(device)
        assert sum(clock.slept) == 60
        assert set(app.server.device_polls) <= {"authorization_pending", "expired_token"}
        assert await app.stored() is None


@pytest.mark.parametrize("preset", [preset for preset in CATALOGUE.values() if preset.device_url is None])
async def test_the_others_say_that_they_have_none(preset):
    """A provider without the flow is a mistake in the calling code, found before anything is sent."""
    examples = {variable.name: variable.example for variable in preset.variables}
    if preset.id in {"apple", "azure_devops"}:  # their clients take another secret; the rule is the same
        examples |= {"client_auth": "client_secret_post"}
    async with using(preset, variables=examples) as app:
        with pytest.raises(ValueError, match="no device flow"):
            await app.linking.begin_device(preset.id, "alice")
        assert app.wire.sent == []
