"""The callback: what the provider sends the browser back with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast
from urllib.parse import parse_qs, urlencode

from extauth.domain.errors import AlreadyCompleted
from extauth.domain.hidden import Hidden
from extauth.web.cookies import begun_base, fits, packed, read_begun, unpacked
from extauth.web.handling.call import Call
from extauth.web.next_path import own_path
from extauth.web.problems import Refused
from extauth.web.response import NO_REFERRER, WebResponse, as_json, see_other

_Answer = Hidden[dict[str, list[str]]]

_KEPT: Final = "answer-"
"""The cookie that carries a posted answer to a request of the own site's."""
_KEPT_SECONDS: Final = 60


async def callback(call: Call) -> WebResponse:
    """Complete what was begun in this browser; whatever comes to any other one is left as it is."""
    posted = call.request.method == "POST"
    answer = _Answer(call.request.form() if posted else call.request.query_fields())
    if not posted and list(answer.value) == ["answer"]:
        return await _carried_on(call, answer.value["answer"][0])
    return await _answered(call, answer, "POST" if posted else "GET", may_carry=posted)


async def _answered(call: Call, answer: _Answer, method: str, *, may_carry: bool = False) -> WebResponse:
    base = _began_here(call, answer)
    if call.user_id is None and may_carry:
        return _carry(call, base, answer)
    begun = read_begun(call.request.cookies[call.settings.cookies.name(base)])
    then = own_path(begun.then, call.settings.site.origin) if begun.then else None
    provider_id, notice = call.provider_id, "connected"
    try:
        link = await call.auth.complete(
            cast("Mapping[str, str]", answer.value),
            user_id=call.user,
            provider_id=call.provider_id,
            method=method,
        )
    except AlreadyCompleted:
        # A reload, or a double click whose first click is about to be answered.
        if call.json:
            raise
        notice = "completed_before"
    else:
        provider_id = link.key.provider_id
    if call.json:
        return as_json({"connected": provider_id})
    return call.done(notice, provider_id, then).adding(NO_REFERRER)


def _began_here(call: Call, answer: _Answer) -> str:
    """Return the name of this flow's cookie.

    :raises Refused: if this browser has none: nothing is asked of extauth, and the state stays good.
    """
    states = [state for state in answer.value.get("state", []) if state]
    if not states and any(answer.value.get("code", [])):
        code = "begun_elsewhere"
        raise Refused(code)
    if len(states) != 1:
        code = "invalid_callback"
        raise Refused(code, status=400)
    base = begun_base(states[0])
    if call.settings.cookies.name(base) not in call.request.cookies:
        code = "not_begun_here"
        raise Refused(code)
    return base


def _carry(call: Call, base: str, answer: _Answer) -> WebResponse:
    """Let the browser come again by itself: a session's cookie that is ``SameSite=Lax``, as it should be,
    does not come with a foreign site's post. Meanwhile the answer is in a cookie, and in no URL."""
    cookies, name = call.settings.cookies, _KEPT + base.rpartition("-")[2]
    value = packed(urlencode(answer.value, doseq=True))
    if not fits([name, value]):
        code = "not_signed_in"
        raise Refused(code)
    again = f"{call.settings.site.path('callback', call.provider_id)}?answer={name.removeprefix(_KEPT)}"
    return see_other(again, cookies.set(name, value, max_age=_KEPT_SECONDS), NO_REFERRER)


async def _carried_on(call: Call, name: str) -> WebResponse:
    cookies, base = call.settings.cookies, f"{_KEPT}{name}"
    kept = Hidden(call.request.cookies.get(cookies.name(base)))
    if kept.value is None or not (name.isascii() and name.isalnum()):
        code = "invalid_callback"
        raise Refused(code, status=400)
    answer = _Answer(parse_qs(unpacked(kept.value), keep_blank_values=True))
    response = await _answered(call, answer, "POST")
    return response.adding(cookies.clear(base))
