"""The authorization endpoint (RFC 6749 section 4.1.1), with a person who answers at once."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import TypeAlias, final
from urllib.parse import urlencode, urlsplit, urlunsplit

from aiohttp import web

from extauth.domain.link import Account
from extauth.testing.server.clients import Client
from extauth.testing.server.codes import Code
from extauth.testing.server.consent import Consent, filled
from extauth.testing.server.scopes import asked_scopes, unknown_scopes, wrong_resources
from extauth.testing.server.state import ServerState
from extauth.testing.server.token_request import missing, resources_in, unique

TICKET = "X-Visit"
"""The header in which a visit says whose answer to the consent page it brings."""

Failure: TypeAlias = str
"""An error code for the callback (RFC 6749 section 4.1.2.1)."""

_UNREAD = frozenset({"ignored", "dropped"})
"""Ways with PKCE in which nobody looks at a challenge."""

_PAGE = """<!doctype html><title>One moment</title>
<body onload="document.forms[0].submit()"><form method="post" action="{action}">{inputs}</form>"""


@final
class AuthorizeEndpoint:
    """Checks the request, asks the person, and sends the browser back with a code."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    async def handle(self, request: web.Request) -> web.Response:
        """Answer 302, or a page that posts itself; a request that cannot be sent back is 400."""
        state, quirks = self._state, self._state.quirks
        resources, others = resources_in(request.query.items())
        given = unique(others)
        client = None if given is None else state.clients.find(given.get(quirks.client_id_field))
        if given is None or client is None:
            return _stay("invalid_client")
        redirect_uri = given.get("redirect_uri")
        if redirect_uri is None and len(client.redirect_uris) == 1:
            redirect_uri = next(iter(client.redirect_uris))
        if redirect_uri is None or redirect_uri not in client.redirect_uris:
            return _stay("invalid_redirect_uri")
        mode = given.get("response_mode", "query")
        consent = state.consents.pop(request.headers.get(TICKET, ""), state.consent)
        answer = self._answer(client, redirect_uri, given, resources, consent)
        answer |= {"state": given["state"]} if "state" in given else {}
        answer |= (
            {"iss": state.issuer} if quirks.sends_iss and (quirks.iss_in_errors or "code" in answer) else {}
        )
        return _posting(redirect_uri, answer) if mode == "form_post" else _redirect(redirect_uri, answer)

    def _answer(
        self,
        client: Client,
        redirect_uri: str,
        given: Mapping[str, str],
        resources: frozenset[str],
        consent: Consent,
    ) -> dict[str, str]:
        """Return the callback's parameters."""
        state, quirks = self._state, self._state.quirks
        asked = asked_scopes(quirks, quirks.scope_param, given)
        second = asked_scopes(quirks, quirks.second_scope_param if quirks.second_grant else None, given)
        if (failure := self._failure(client, given, asked | second, resources)) is not None:
            return {"error": failure}
        if consent.denied:
            return dict(quirks.denial)
        account = state.accounts.remember(consent.account)
        granted, second_granted = (
            scopes if consent.scopes is None else scopes & consent.scopes for scopes in (asked, second)
        )
        code = Code(
            client,
            account,
            granted | quirks.fixed_scopes,
            asked,
            state.monotonic() + quirks.code_lifetime.total_seconds(),
            second_scopes=second_granted,
            offline=self._offline(client, account, given, granted),
            redirect_uri=redirect_uri,
            redirect_uri_said="redirect_uri" in given,
            challenge=None if quirks.pkce in _UNREAD else given.get("code_challenge"),
            nonce=given.get("nonce"),
            resources=resources,
        )
        if quirks.consent_revokes:
            state.grants.revoke_subject(account.id, client)
        state.consented.add((account.id, client))
        extra = {name: str(filled(text, account, state.url)) for name, text in quirks.extra_callback.items()}
        return {"code": state.codes.add(code), **extra}

    def _failure(
        self, client: Client, given: Mapping[str, str], scopes: frozenset[str], resources: frozenset[str]
    ) -> Failure | None:
        quirks = self._state.quirks
        if given.get("response_type") != quirks.response_type:
            return "unsupported_response_type" if "response_type" in given else "invalid_request"
        mode = given.get("response_mode", "query")
        if mode not in {"query", "form_post"} or (quirks.form_post_only and scopes and mode != "form_post"):
            return "invalid_request"
        if missing(quirks.authorize_params, given) or _wrong_challenge(client, quirks.pkce, given):
            return "invalid_request"
        if unknown_scopes(quirks, scopes) or (quirks.registered_scopes_only and not client.may_ask(scopes)):
            return "invalid_scope"
        return "invalid_target" if wrong_resources(quirks, resources) else None

    def _offline(
        self, client: Client, account: Account, given: Mapping[str, str], granted: frozenset[str]
    ) -> bool:
        """Whether the client gets a refresh token."""
        quirks = self._state.quirks
        again = (account.id, client) in self._state.consented and given.get("prompt") != "consent"
        return (
            quirks.refresh_tokens
            and (quirks.offline_scope is None or quirks.offline_scope in granted)
            and not missing(quirks.offline_params, given)
            and not (quirks.first_consent_only and again)
        )


def _wrong_challenge(client: Client, pkce: str, given: Mapping[str, str]) -> bool:
    """Whether the code challenge is missing, unwelcome, or not S256 (RFC 7636, RFC 9700 section 2.1.1)."""
    if pkce in _UNREAD:
        return False
    if "code_challenge" not in given:
        return pkce == "required" or (client.public and pkce != "refused")
    if pkce == "refused" or (pkce == "public_only" and not client.public):
        return True
    return given.get("code_challenge_method") != "S256" or len(given["code_challenge"]) != 43


def _stay(code: str) -> web.Response:
    """Return the answer to a request that must not be sent back (RFC 6749 section 4.1.2.1)."""
    return web.json_response({"error": code}, status=HTTPStatus.BAD_REQUEST)


def _redirect(redirect_uri: str, answer: Mapping[str, str]) -> web.Response:
    parts = urlsplit(redirect_uri)
    query = "&".join(filter(None, [parts.query, urlencode(answer)]))
    location = urlunsplit(parts._replace(query=query))
    return web.Response(status=HTTPStatus.FOUND, headers={"Location": location, "Cache-Control": "no-store"})


def _posting(redirect_uri: str, answer: Mapping[str, str]) -> web.Response:
    """Return a page that posts itself (OAuth 2.0 Form Post Response Mode, section 2)."""
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in answer.items()
    )
    page = _PAGE.format(action=escape(redirect_uri), inputs=inputs)
    return web.Response(text=page, content_type="text/html", headers={"Cache-Control": "no-store"})
