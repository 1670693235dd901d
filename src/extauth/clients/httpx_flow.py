"""What both versions of httpx have in common: how a request is authenticated.

httpx runs this once for each call, and not for the hops of its redirects: it makes their requests from the
one before, whose ``Authorization`` it takes off where the origin changes. All other headers stay, so that the
token may be in none of them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, MutableMapping
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from extauth.auth import Auth
from extauth.clients.access import Headers, Shown, User, UserAccess
from extauth.clients.field_values import checked_values
from extauth.clients.origins import PORTS, Origin
from extauth.clients.refusals import REFUSALS, is_refused
from extauth.domain.wrong_types import UrlObject

_AUTHORIZATION = "authorization"


class _Url(Protocol):
    @property
    def scheme(self) -> str: ...
    @property
    def raw_host(self) -> bytes: ...
    @property
    def port(self) -> int | None: ...


class _Request(Protocol):
    @property
    def url(self) -> _Url: ...
    @property
    def headers(self) -> MutableMapping[str, str]: ...


class _Response(Protocol):
    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def request(self) -> Any: ...


RequestT = TypeVar("RequestT", bound=_Request)


def access_by_httpx(
    auth: Auth,
    provider_id: str,
    user: User,
    *,
    origins: Iterable[str | UrlObject] | None,
    headers: Headers | None,
    resource: str | None,
    valid_for: timedelta | None,
) -> UserAccess:
    """Return the access, if httpx can be trusted with it.

    :raises ValueError: for http on port 80: httpx keeps ``Authorization`` on a redirect to https.
    """
    access = UserAccess(
        auth, provider_id, user, origins=origins, headers=headers, resource=resource, valid_for=valid_for
    )
    if any(scheme == "http" and port == PORTS["http"] for scheme, _, port in access.origins):
        msg = (
            "no origin may be http on port 80: on a redirect from there to https, another origin, httpx keeps"
            " Authorization; choose another port"
        )
        raise ValueError(msg)
    return access


async def authenticated(
    access: UserAccess, request: RequestT, can_be_sent_again: Callable[[RequestT], bool]
) -> AsyncGenerator[RequestT, Any]:
    """Yield what is to be sent, and take the answers; each may be a redirect's last."""
    origin = _origin_of(request)
    if origin not in access.origins:
        yield request
        return
    shown = access.at_once() or await access.shown()
    _show(request, shown.headers, shown)
    response: _Response = yield request
    if response.status_code not in REFUSALS:
        return  # nearly always
    last: RequestT = response.request
    if not _was_shown(last, origin, request) or not _refuses(response, shown) or access.in_vain(shown):
        return
    renewed = await access.renewed(shown)
    if not can_be_sent_again(last):
        return
    # The last request, not the first: what led to it was answered, and may have done something.
    for name in shown.headers:
        last.headers.pop(name, None)
    _show(last, renewed.headers, renewed)
    response = yield last
    if _was_shown(response.request, origin, last) and _refuses(response, renewed):
        access.refused_again(renewed)


def _origin_of(request: _Request) -> Origin:
    url = request.url
    scheme = url.scheme
    port = url.port
    return scheme, url.raw_host.decode("ascii"), PORTS.get(scheme, 0) if port is None else port


def _show(request: _Request, headers: Mapping[str, str], shown: Shown) -> None:
    for name, value in checked_values(headers).items():
        if shown.link.tokens.access_token in value and name.lower() != _AUTHORIZATION:
            msg = (
                f"the token is in {name}, which httpx keeps when it follows a redirect to another host; show"
                " it in Authorization, or call this API with extauth.clients.aiohttp"
            )
            raise ValueError(msg)
        request.headers[name] = value


def _was_shown(last: _Request, origin: Origin, shown_in: _Request) -> bool:
    """Whether the request that was answered in the end carried the token there."""
    sent = last.headers.get(_AUTHORIZATION)
    return _origin_of(last) == origin and sent == shown_in.headers.get(_AUTHORIZATION)


def _refuses(response: _Response, shown: Shown) -> bool:
    if response.status_code not in REFUSALS:
        return False
    challenges = response.headers.get("www-authenticate", "")
    return is_refused(response.status_code, challenges, shown.link.key, shown.link.tokens)


def files_can_be_rewound(multipart: object) -> bool:
    """Whether each file of a multipart form can be read once more from its beginning, as httpx does it."""
    fields: Iterable[object] | None = getattr(multipart, "fields", None)
    return fields is not None and all(map(_can_be_rewound, fields))


def _can_be_rewound(field: object) -> bool:
    file: Any = getattr(field, "file", b"")
    if isinstance(file, str | bytes):
        return True
    try:
        return bool(file.seekable())
    except (AttributeError, ValueError):  # it has no such method, or is closed
        return False
