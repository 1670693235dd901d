"""Which failure is told of several, and which of them another address of the same name may not have."""

from __future__ import annotations

import ssl

import asyncpg
import pytest

from extauth.adapters.postgres.servers import _of_this_address, _tells

NOT_VERIFIED = ssl.SSLCertVerificationError(1, "certificate verify failed")
NOT_VERIFIED.verify_message = "self-signed certificate"


@pytest.mark.parametrize(
    ("error", "tells"),
    [
        (ConnectionRefusedError(), False),
        (TimeoutError(), False),
        (NOT_VERIFIED, True),
        (asyncpg.InvalidPasswordError(), True),
        (asyncpg.InterfaceError("closed"), True),
    ],
)
def test_what_a_server_said_is_told_before_that_one_was_not_there(error, tells):
    """A password that is wrong at the first is not hidden by a second that is down."""
    assert _tells(error) is tells


@pytest.mark.parametrize(
    ("error", "other"),
    [
        (TimeoutError(), True),
        (asyncpg.TargetServerAttributeNotMatched(), True),
        (ConnectionResetError(), True),
        (asyncpg.InvalidPasswordError(), False),
    ],
)
def test_another_address_may_do_better(error, other):
    """Where this one is silent, gone, or a standby; what a server refuses it refuses everywhere."""
    assert _of_this_address(error) is other
