"""httpx2's client: an ``httpx2.Auth`` that shows a user's access token to a provider's API."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable
from datetime import timedelta
from typing import Final, final

from extauth.auth import Auth
from extauth.clients.access import Headers, User
from extauth.clients.httpx_flow import access_by_httpx, authenticated, files_can_be_rewound
from extauth.domain.wrong_types import UrlObject
from extauth.extras import extra_needed

with extra_needed("httpx2"):
    import httpx2

__all__ = ["TokenAuth"]

# httpx2 has no public name for it.
_MULTIPART: Final = type(httpx2.Request("POST", "https://api.example", files={"file": b""}).stream)


@final
class TokenAuth(httpx2.Auth):
    """Shows a user's access token to a provider's API in each request of an ``httpx2.AsyncClient``, or in one
    of them: ``auth=TokenAuth(auth, "github_app", user)``.

    ``user`` is an id, or the context variable in which the application keeps that of the user it serves: it
    is read at each call, in the caller's own context. The link is read at each call, too, so that the token
    works.

    Tokens go to ``origins`` alone, such as ``https://api.example.com``, or where the provider's
    :class:`~extauth.adapters.oauth2.ApiRules` say that its API is: https, and http on loopback. A request to
    anywhere else goes as it is. Nor does a token follow a redirect to another origin, whichever it is; one
    within the origin keeps it. It takes the place of an ``Authorization`` that the request had.

    The headers are those of the provider's API, or ``headers`` makes them of the link's tokens. The token may
    be in ``Authorization`` alone, since httpx2 keeps all other headers on a redirect. With ``resource`` it is
    for that resource (RFC 8707), and ``valid_for`` is as in :meth:`extauth.Auth.access_token`.

    If the API answers 401, the token is refreshed once for all who were refused it, and the request is sent
    once more, if its body is the same then: empty, text, bytes, a form, files that can be rewound. After a
    redirect it is the redirected request that is sent once more. Otherwise the 401 is the answer, and the
    next call has the new token. A 403 never causes a refresh. Bodies of answers are not read but for a 401
    before the request is sent again; timeouts, connections, HTTP/2 and cancellation are the client's.

    A call raises what :meth:`extauth.Auth.access_token` and :meth:`extauth.Auth.refresh` raise, and
    :class:`~extauth.InsufficientScope` where the API says so (RFC 6750 section 3.1); ``ValueError`` for a
    token in another header, or one that no header can have.

    :raises UnknownProvider: if ``auth`` has no such provider.
    :raises ValueError: for no origins where the provider does not say its own, for what is none, and for http
        on port 80, where httpx2 would keep ``Authorization`` on a redirect to https.
    :raises TypeError: for a user that is neither text nor a context variable.
    """

    def __init__(
        self,
        auth: Auth,
        provider_id: str,
        user: User,
        *,
        origins: Iterable[str | UrlObject] | None = None,
        headers: Headers | None = None,
        resource: str | None = None,
        valid_for: timedelta | None = None,
    ) -> None:
        self._access = access_by_httpx(
            auth, provider_id, user, origins=origins, headers=headers, resource=resource, valid_for=valid_for
        )

    def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Authenticate one call; httpx2 calls this."""
        return authenticated(self._access, request, _can_be_sent_again)

    def sync_auth_flow(
        self,
        request: httpx2.Request,  # noqa: ARG002 - httpx2 has it
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Refuse ``httpx2.Client``.

        :raises RuntimeError: always.
        """
        msg = "extauth keeps tokens on an event loop: use httpx2.AsyncClient, not httpx2.Client"
        raise RuntimeError(msg)


def _can_be_sent_again(request: httpx2.Request) -> bool:
    stream = request.stream
    if isinstance(stream, httpx2.ByteStream):
        return True
    return isinstance(stream, _MULTIPART) and files_can_be_rewound(stream)
