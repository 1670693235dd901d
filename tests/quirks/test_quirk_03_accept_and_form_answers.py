"""Class 3: answers that are form-encoded, always or unless JSON is asked for."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from extauth import AuthorizationRejected
from extauth.adapters.oauth2 import ReplyRules
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.adapters.providers import facebook, github_app
from extauth.testing import Refusal
from tests.quirks.support import CALLBACK, USER, scene


async def test_json_is_asked_for():
    """GitHub answers JSON because it is asked to: what is kept of the answer has its types."""
    keeping = {"replies": attrs.evolve(github_app.replies, extra_fields=frozenset({"count"}))}
    async with scene(answers="form_unless_asked", extra_members={"count": 1}) as s:
        provider = s.client(github_app, **keeping)
        assert (await s.connect(provider)).tokens.extra == {"count": 1}
        fresh = await (await s.tokens(provider)).refresh("github_app", USER)
        assert s.live(fresh)

        bare = s.client(github_app, requests=TokenRequests(), **keeping)
        assert (await s.connect(bare)).tokens.extra == {"count": 1}
        unasked = s.client(github_app, requests=TokenRequests(headers={"Accept": "*/*"}), **keeping)
        assert (await s.connect(unasked)).tokens.extra == {"count": "1"}


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain"])
async def test_form_answers_are_read_whatever_they_call_themselves(content_type):
    """Facebook's old answers are forms that say they are text; tokens and lifetime are found."""
    quirks = {"answers": "form", "form_content_type": content_type, "expiry": {"expires": "seconds"}}
    exchange = {"refresh_tokens": False, "exchange_grant": "fb_exchange_token"}
    async with scene(**quirks, **exchange) as s:
        provider = s.client(facebook, ver="2.2")
        link = await s.connect(provider)
        assert s.subject(link.tokens.access_token) == "someone"
        assert link.tokens.expires_at == s.clock.now() + timedelta(hours=1)
        fresh = await (await s.tokens(provider)).refresh("facebook", USER)
        assert s.server.accepts(fresh.tokens.access_token)
        assert fresh.tokens.access_token != link.tokens.access_token

        plain = await s.connect(s.client(facebook, ver="2.2", replies=ReplyRules()))
        assert plain.tokens.expires_at is None


async def test_form_errors_are_errors():
    """A form-encoded error with status 200 has no token in it, and its code is found."""
    quirks = {"answers": "form", "error_status": 200, "dead_code": Refusal("bad_verification_code")}
    async with scene(**quirks) as s:
        provider = s.client(github_app)
        async with s.linking(provider) as linking:
            url = await linking.begin("github_app", USER, CALLBACK)
            callback = await s.server.visit(url)
            s.pass_time(timedelta(minutes=2))
            with pytest.raises(AuthorizationRejected) as caught:
                await linking.complete(callback.url, user_id=USER)
        assert caught.value.reason == "bad_verification_code"
        assert await s.stored("github_app") is None
