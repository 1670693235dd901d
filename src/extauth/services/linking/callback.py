"""Reading what the browser brings back from a provider (RFC 6749 section 4.1.2). Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import cast, final
from urllib.parse import parse_qsl

import attrs

from extauth.domain.errors import (
    AuthorizationRejected,
    ConsentDenied,
    ExtAuthError,
    InvalidCallback,
    IssuerMismatch,
    ProviderUnavailable,
)
from extauth.domain.linking import LinkingTraits
from extauth.domain.storable import names_only, storable_text
from extauth.domain.wrong_types import UrlObject, is_url_object, must_be
from extauth.services.linking.redirect_uri_form import own_parameters

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_WITHOUT_PATH = re.compile(r"https?://[^/]+", re.IGNORECASE)
_MOST_PARAMETERS = 100
"""More than any provider sends; bounds the work for a forged callback."""
_LONGEST_SHOWN = 300
"""Of a URL that was called, in characters."""

_DENIALS = frozenset(
    {
        "access_denied",  # RFC 6749 section 4.1.2.1
        "authorization_declined",
        "consent_required",  # LemonLDAP::NG, when the user says no
        "user_cancelled",
        "user_cancelled_authorize",
        "user_cancelled_login",
        "user_denied",
    }
)
_OUTAGES = frozenset({"server_error", "temporarily_unavailable"})
_REJECTIONS = frozenset(
    {
        # RFC 6749 section 4.1.2.1
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_response_type",
        # OpenID Connect Core section 3.1.2.6
        "account_selection_required",
        "interaction_required",
        "invalid_request_object",
        "invalid_request_uri",
        "login_required",
        "registration_not_supported",
        "request_not_supported",
        "request_uri_not_supported",
        # RFC 8707, RFC 9396, RFC 9470
        "invalid_authorization_details",
        "invalid_target",
        "unmet_authentication_requirements",
        # GitHub
        "application_suspended",
        "redirect_uri_mismatch",
    }
)


@final
@attrs.frozen
class Callback:
    """A callback that can be one. Its ``repr`` shows no value: the code and the state are secrets."""

    params: Mapping[str, str] = attrs.field(repr=names_only)
    """Without those that have no value, which count as omitted (RFC 6749 section 3.1)."""
    location: str | None = attrs.field(default=None, repr=False)
    """The absolute URL up to its query, where one was given."""
    own: frozenset[tuple[str, str]] = attrs.field(default=frozenset(), repr=False)
    """All parameters of the query as they came, to find the redirect URI's own among them."""

    def __getitem__(self, name: str) -> str | None:
        return self.params.get(name)

    def check_location(self, redirect_uri: str) -> None:
        """Refuse an absolute URL that is not the redirect URI with the answer added to its query.

        Compared character by character (RFC 9700 section 2.1). The message names both: most often a proxy
        keeps from the application how it was called.

        :raises InvalidCallback: if it is another one.
        """
        if self.location is None:
            return
        expected = _location(redirect_uri)
        if self.location != expected:
            msg = (
                f"the callback came to {_shown(self.location)} and not to the redirect URI {expected}; behind"
                " a proxy, let it send X-Forwarded-Proto, -Host and -Port (or Forwarded) and have the web"
                " framework trust that proxy, or give complete the route's provider_id and the parameters"
                " alone"
            )
            raise InvalidCallback(msg)
        if missing := {name for name, value in own_parameters(redirect_uri) if (name, value) not in self.own}:
            msg = (
                f"the callback came to {expected} without the redirect URI's own {', '.join(sorted(missing))}"
            )
            raise InvalidCallback(msg)

    def check_issuer(self, traits: LinkingTraits, others: Collection[str]) -> None:
        """Refuse an answer of another authorization server (RFC 9207 section 2.4).

        An error may come without ``iss`` from a server that sends it with codes only: there is no code that
        could go to the wrong server. ``others`` are issuers of the application's other providers: theirs is
        wrong also where this provider's own issuer is not known.

        :raises IssuerMismatch: if it is of another, or a code comes without it although it always has it.
        """
        issuer = self["iss"]
        if issuer is None:
            if traits.sends_issuer and not self._is_error:
                msg = "the callback does not say which authorization server it is from"
                raise IssuerMismatch(msg)
        elif issuer != traits.issuer and (traits.issuer is not None or issuer in others):
            msg = "the callback is from another authorization server than the user was sent to"
            raise IssuerMismatch(msg)

    def code(self, provider_id: str) -> str:
        """Return the authorization code.

        :raises LinkingFailed: as the provider's error says (RFC 6749 section 4.1.2.1).
        :raises ProviderUnavailable: if the provider says that it is.
        """
        if self._is_error:
            raise _refusal(self["error"], provider_id)
        return self.params["code"]

    def check_answer(self) -> None:
        """Refuse what is neither a code nor an error.

        :raises InvalidCallback: if it is neither.
        """
        if self["code"] is None and not self._is_error:
            msg = "the callback has neither a code nor an error"
            raise InvalidCallback(msg)

    @property
    def _is_error(self) -> bool:
        # Facebook's dialog has errors of its own form.
        return self["error"] is not None or self["error_code"] is not None


def read_callback(given: str | UrlObject | Mapping[str, object]) -> Callback:
    """Read an absolute URL, a path with a query, a query or the parameters themselves.

    :raises InvalidCallback: if a parameter is repeated (RFC 6749 section 3.1) or is no text that can be
        kept, or if there is no state, or neither a code nor an error.
    :raises TypeError: if it is neither URL nor mapping.
    """
    url = given if isinstance(given, str) else str(given) if is_url_object(given) else None
    pairs = _mapping_pairs(cast("Mapping[str, object]", given)) if url is None else _url_pairs(url)
    params: dict[str, str] = {}
    for name, value in pairs:
        if name in params:
            msg = "a parameter of the callback is repeated"
            raise InvalidCallback(msg)
        params[_text(name)] = _text(value)
    callback = Callback({name: value for name, value in params.items() if value}, own=frozenset(pairs))
    if callback["state"] is None:
        msg = (
            "the callback has no state: if the user began at the provider (an installation, a marketplace),"
            " let them begin here"
            if callback["code"] is not None
            else "the callback has no state"
        )
        raise InvalidCallback(msg)
    callback.check_answer()
    if url is not None and _ABSOLUTE.match(url):
        return attrs.evolve(callback, location=_location(url))
    return callback


def _url_pairs(url: str) -> list[tuple[str, str]]:
    # A fragment never reaches a server; Facebook adds one that a page may pass on.
    path, mark, query = url.partition("#")[0].partition("?")
    if not mark and not path.startswith("/") and not _ABSOLUTE.match(url):
        query = path
    if not _visible(url):
        msg = "the callback has spaces or control characters"
        raise InvalidCallback(msg)
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise _too_many() from None


def _mapping_pairs(params: Mapping[str, object]) -> list[tuple[str, str]]:
    """List the parameters of a mapping, and of the multidicts of web frameworks all values of each."""
    if isinstance(params, type) or not hasattr(params, "items"):
        hint = "write str(request.url)"
        raise TypeError(must_be("the URL that was called or its parameters", params, "callback", hint))
    names = list(dict.fromkeys(params))
    # Before any is asked for its values: Starlette looks through all of them for each.
    if len(names) > _MOST_PARAMETERS:
        raise _too_many()
    # aiohttp and multidict, Starlette with Django and Werkzeug, HTTPX.
    for name in ("getall", "getlist", "get_list"):
        every = getattr(params, name, None)
        if callable(every):
            return [(key, value) for key in names for value in _values(every(key))]
    # A handler that declares all parameters as optional has None for those that did not come.
    given = [(key, values) for key, values in params.items() if values is not None]
    return [(key, value) for key, values in given for value in _values(values)]


def _too_many() -> InvalidCallback:
    msg = "the callback has too many parameters"
    return InvalidCallback(msg)


def _values(values: object) -> Iterable[str]:
    # What is no text is refused later, by the one who reads all.
    return values if isinstance(values, list | tuple) else [values]  # type: ignore[list-item]


def _text(value: object) -> str:
    try:
        return storable_text(value, "a parameter")
    except ValueError:
        msg = "a parameter of the callback is no text that can be kept"
        raise InvalidCallback(msg) from None


def _visible(url: str) -> bool:
    return not any(character <= " " or character == "\x7f" for character in url)


def _shown(location: str) -> str:
    """Return a URL that was called as it may stand in a message: without user info, and not without end."""
    start, mark, rest = location.partition("//")
    authority, slash, path = rest.partition("/")
    shown = f"{start}{mark}{authority.rpartition('@')[2]}{slash}{path}"
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."


def _location(url: str) -> str:
    location = url.partition("?")[0]  # neither has a fragment before it
    # A browser asks for the path "/" where the URL has none (RFC 9110 section 4.2.3).
    return location + "/" if _WITHOUT_PATH.fullmatch(location) else location


def _refusal(error: str | None, provider_id: str) -> ExtAuthError:
    # Only what is known is repeated: the provider's own words may hold anything.
    if error in _DENIALS:
        return ConsentDenied(f"the user did not allow access to {provider_id}")
    if error in _OUTAGES:
        return ProviderUnavailable(f"{provider_id} cannot authorize now ({error}); let the user begin again")
    reason = error if error is not None and error in _REJECTIONS else "unrecognized_error"
    return AuthorizationRejected(f"{provider_id} ended the authorization ({reason})", reason=reason)
