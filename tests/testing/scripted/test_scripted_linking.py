"""The provider in memory that users can be connected to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from extauth import Account
from extauth.domain.linking import AuthorizationRequest, LinkingTraits
from extauth.domain.linking_outcomes import (
    CodeExpired,
    Denied,
    IdTokenRejected,
    StillPending,
    TokenInvalid,
    TokenUnverified,
    TokenValid,
)
from extauth.domain.outcomes import Exchanged, GrantRejected, Unknown
from extauth.testing import ScriptedLinkingProvider
from tests.support.clocks import LeapingClock

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REDIRECT_URI = "https://app.example/callback"
REJECTED = GrantRejected("invalid_grant")


@pytest.fixture
def provider() -> Any:
    """One whose time stands still."""
    clock = LeapingClock()
    made: Any = ScriptedLinkingProvider(now=clock.now)
    made.clock = clock
    return made


def code_of(provider, **changes):
    """Let the user say yes and return the code."""
    options: dict[str, Any] = {"code_challenge": CHALLENGE, "state": "s", **changes}
    callback = provider.consent(
        provider.authorization_url(AuthorizationRequest(redirect_uri=REDIRECT_URI, **options)), "alice"
    )
    return parse_qs(urlsplit(callback).query)["code"][0]


class TestCodes:
    async def test_a_code_gives_tokens(self, provider):
        """Of the user who said yes, with the scopes asked for."""
        code = code_of(provider, scopes=frozenset({"read", "write"}))
        outcome = await provider.exchange_code(code, redirect_uri=REDIRECT_URI, code_verifier=VERIFIER)
        assert isinstance(outcome, Exchanged)
        assert outcome.tokens.scopes == {"read", "write"}
        assert outcome.account is None
        assert provider.tokens.subject_of(outcome.tokens.access_token) == "alice"

    async def test_a_code_that_comes_again(self, provider):
        """It is refused, and what it gave is revoked (RFC 6749 section 4.1.2)."""
        code = code_of(provider)
        first = await provider.exchange_code(code, redirect_uri=REDIRECT_URI, code_verifier=VERIFIER)
        assert provider.tokens.is_live(first.tokens)
        again = await provider.exchange_code(code, redirect_uri=REDIRECT_URI, code_verifier=VERIFIER)
        assert again == REJECTED
        assert not provider.tokens.is_live(first.tokens)
        assert provider.presented == [code, code]

    @pytest.mark.parametrize(
        ("challenge", "arguments"),
        [
            (CHALLENGE, {"code_verifier": "w" * 43}),
            (CHALLENGE, {"code_verifier": None}),
            (None, {"code_verifier": VERIFIER}),
            (CHALLENGE, {"code_verifier": VERIFIER, "redirect_uri": REDIRECT_URI + "/"}),
        ],
    )
    async def test_what_does_not_belong_to_it(self, provider, challenge, arguments):
        """A code is bound to its verifier and redirect URI, and a refusal does not use it up."""
        code = code_of(provider, code_challenge=challenge)
        arguments = {"redirect_uri": REDIRECT_URI, **arguments}
        assert await provider.exchange_code(code, **arguments) == REJECTED
        right = None if challenge is None else VERIFIER
        outcome = await provider.exchange_code(code, redirect_uri=REDIRECT_URI, code_verifier=right)
        assert isinstance(outcome, Exchanged)

    async def test_unknown_codes(self, provider):
        """They are refused."""
        assert await provider.exchange_code("code-7", redirect_uri=REDIRECT_URI) == REJECTED

    async def test_nonce(self, provider):
        """An ID token is for the nonce that was asked with."""
        code = code_of(provider, nonce="n-1")
        outcome = await provider.exchange_code(
            code, redirect_uri=REDIRECT_URI, code_verifier=VERIFIER, nonce="n-2"
        )
        assert outcome == IdTokenRejected("nonce_mismatch")


async def test_where_the_browser_is_sent(provider):
    """Back to the redirect URI with the state, and the issuer if there is one."""
    request = AuthorizationRequest(redirect_uri=REDIRECT_URI + "?a=1", state="s-1")
    url = provider.authorization_url(request)
    assert provider.consent(url, extra="x") == f"{REDIRECT_URI}?a=1&state=s-1&code=code-1&extra=x"
    provider.linking = LinkingTraits(issuer="https://i.example")
    expected = f"{REDIRECT_URI}?a=1&state=s-1&error=access_denied&iss=https%3A%2F%2Fi.example"
    assert provider.deny(url) == expected
    assert provider.asked == [request]


class TestDevices:
    async def test_until_the_user_decides(self, provider):
        """Pending, then tokens once."""
        began = provider.clock.now()
        codes = await provider.begin_device(frozenset({"read"}))
        assert await provider.poll_device(codes.device_code) == StillPending()
        provider.approve_device(codes.user_code, "alice")
        provider.clock.advance(codes.interval)
        outcome = await provider.poll_device(codes.device_code)
        assert outcome.tokens.scopes == {"read"}
        provider.clock.advance(codes.interval)
        assert await provider.poll_device(codes.device_code) == CodeExpired()
        assert provider.polls == [began + number * codes.interval for number in range(3)]

    async def test_polls_that_come_too_soon(self, provider):
        """Each lengthens the interval by five seconds, which is then held against the next."""
        codes = await provider.begin_device(frozenset())
        await provider.poll_device(codes.device_code)
        provider.clock.advance(timedelta(seconds=4))
        assert await provider.poll_device(codes.device_code) == StillPending(slow_down=True)
        provider.clock.advance(timedelta(seconds=9))
        assert await provider.poll_device(codes.device_code) == StillPending(slow_down=True)
        provider.clock.advance(timedelta(seconds=15))
        assert await provider.poll_device(codes.device_code) == StillPending()

    async def test_other_ends(self, provider):
        """No, too late, and never known."""
        codes = await provider.begin_device(frozenset())
        provider.deny_device(codes.user_code)
        assert await provider.poll_device(codes.device_code) == Denied()
        provider.clock.advance(codes.expires_in)
        assert await provider.poll_device(codes.device_code) == CodeExpired()
        assert await provider.poll_device("device-7") == CodeExpired()


async def test_accounts_and_companions(provider):
    """The answer names the account if it is to, and holds a grant for each companion."""
    provider.accounts = {"alice": Account("id-1")}
    provider.says_account = True
    provider.says_scopes = False
    provider.linking = LinkingTraits(companions=("user",))
    code = code_of(provider, scopes=frozenset({"read"}))
    outcome = await provider.exchange_code(code, redirect_uri=REDIRECT_URI, code_verifier=VERIFIER)
    assert outcome.account == Account("id-1")
    assert outcome.tokens.scopes == frozenset()
    assert provider.tokens.is_live(outcome.companions["user"])
    assert await provider.identify(outcome.tokens) == Account("id-1")
    assert await provider.validate(outcome.tokens) == TokenValid(Account("id-1"))
    provider.clock.advance(timedelta(hours=2))
    assert await provider.validate(outcome.tokens) == TokenInvalid()
    provider.validity = TokenUnverified("http_429")
    assert await provider.validate(outcome.tokens) == TokenUnverified("http_429")
    assert await provider.revoke(outcome.tokens)
    assert not provider.tokens.is_live(outcome.tokens)
    assert isinstance(await provider.refresh(outcome.companions["user"]), Exchanged)


async def test_refresh_token_of_the_first_consent_only(provider):
    """A later one gives none, if so wanted."""
    provider.refresh_token_once = True
    given = []
    for _ in range(2):
        outcome = await provider.exchange_code(
            code_of(provider), redirect_uri=REDIRECT_URI, code_verifier=VERIFIER
        )
        given.append(outcome.tokens.refresh_token is not None)
    assert given == [True, False]


async def test_scripts(provider):
    """Answers of the test's own come first: an outcome, an exception, a function, an async function."""

    async def later():
        return Unknown("later")

    provider.code_script = [Unknown("now"), RuntimeError(), lambda: Unknown("called"), later]
    assert await provider.exchange_code("c", redirect_uri="r") == Unknown("now")
    with pytest.raises(RuntimeError):
        await provider.exchange_code("c", redirect_uri="r")
    assert await provider.exchange_code("c", redirect_uri="r") == Unknown("called")
    assert await provider.exchange_code("c", redirect_uri="r") == Unknown("later")
    provider.poll_script = [Denied()]
    assert await provider.poll_device("device-1") == Denied()


@pytest.mark.parametrize("gate", ["gate", "reply_gate"])
async def test_gates(provider, gate):
    """They hold an exchange up before or after the provider acts."""
    setattr(provider, gate, asyncio.Event())
    code = code_of(provider)
    call = asyncio.create_task(
        provider.exchange_code(code, redirect_uri=REDIRECT_URI, code_verifier=VERIFIER)
    )
    await provider.exchanging.wait()
    await asyncio.sleep(0)
    acted = bool(provider.tokens.grants.live_refresh_tokens("alice"))
    assert acted is (gate == "reply_gate")
    getattr(provider, gate).set()
    assert isinstance(await call, Exchanged)
