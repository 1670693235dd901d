"""Where each endpoint is."""

from __future__ import annotations

from aiohttp import web

from extauth.testing.server.api import RESOURCE_METADATA, Api
from extauth.testing.server.authorize import AuthorizeEndpoint
from extauth.testing.server.device import DeviceEndpoint, DevicePage
from extauth.testing.server.introspection import IntrospectionEndpoint
from extauth.testing.server.metadata import Metadata
from extauth.testing.server.registration import RegistrationEndpoint
from extauth.testing.server.revocation import PLACES, RevocationEndpoint
from extauth.testing.server.state import ServerState
from extauth.testing.server.token_endpoint import TokenEndpoint


def application(state: ServerState, token: TokenEndpoint) -> web.Application:
    """Return the application that serves a server's endpoints."""
    quirks, base = state.quirks, state.quirks.issuer_path
    metadata, api = Metadata(state), Api(state)
    routes: list[web.AbstractRouteDef] = [
        web.get(f"{base}/authorize", AuthorizeEndpoint(state).handle),
        web.post(f"{base}/token", token.handle),
        web.post(f"{base}/device_authorization", DeviceEndpoint(state).handle),
        web.get(f"{base}/device", DevicePage(state).handle),
        web.post(f"{base}/introspect", IntrospectionEndpoint(state).handle),
        web.get(f"{base}/jwks", metadata.keys),
        web.get(f"{base}/userinfo", api.userinfo),
        web.post(f"{base}/userinfo", api.userinfo),
        web.get(f"/.well-known/oauth-authorization-server{base}", metadata.authorization_server),
        web.get(f"{base}/.well-known/openid-configuration", metadata.openid),
        web.get(f"{RESOURCE_METADATA}{{path:(/.*)?}}", metadata.protected_resource),
        web.route("*", "/resource", api.resource),
        web.route("*", "/resource/{name}", api.resource),
    ]
    if quirks.takes_query:
        routes.append(web.get(f"{base}/token", token.handle))
    if quirks.refresh_path is not None:
        routes.append(web.post(f"{base}{quirks.refresh_path}", token.handle))
    if quirks.api_place == "path":
        routes.append(web.get("/access-tokens/{access_token}", api.token_info))
    if quirks.registration:
        routes.append(web.post(f"{base}/register", RegistrationEndpoint(state).handle))
    if quirks.revocation != "none":
        method, path = PLACES[quirks.revocation]
        routes.append(web.route(method, f"{base}{path}", RevocationEndpoint(state).handle))
    app = web.Application()
    app.router.add_routes(routes)
    return app
