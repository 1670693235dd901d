#!/usr/bin/env bash
# The authorization server of the MCP SDK for Python: its metadata lists client_secret_basic for tokens and for revocation.
#
# A client registers itself (RFC 7591) with "token_endpoint_auth_method": "client_secret_basic", is told that it has it, and
# sends id and secret by HTTP Basic.
#
# A good guess: the token endpoint takes it, and so does the revocation endpoint.
# What happens: the token endpoint answers 401, "Missing client_id": the id must stand in the body as well, which RFC 6749
# asks of nobody who authenticates. With it, Basic works there. The revocation endpoint wants the SECRET in the body too, so
# what the metadata calls client_secret_basic works only together with client_secret_post.
#
# For users of extauth: mcp_provider() sends the id in the body too, an empty client_secret beside Basic when it revokes, and
# registers for a secret in the body where the server lists that, as here, so tokens and unlink() both work. For such a server
# without mcp_provider() choose client_auth="client_secret_post", or say Revocation.standard(url, wants_secret=True): with Basic
# alone, unlink() reports `revoked=False`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0 httpx==0.28.1
cat > "$folder/promise.py" <<'PY'
import asyncio, base64, hashlib, secrets, sys, time
from importlib.metadata import version

import httpx
from mcp.server.auth.provider import AccessToken, AuthorizationCode, RefreshToken, construct_redirect_uri
from mcp.server.auth.routes import create_auth_routes
from mcp.server.auth.settings import ClientRegistrationOptions, RevocationOptions
from mcp.shared.auth import OAuthToken
from pydantic import AnyHttpUrl
from starlette.applications import Starlette

SERVER = "http://127.0.0.1:8000"


class Storage:
    """What the SDK leaves to the application: clients, codes and tokens. Every user consents."""

    def __init__(self):
        self.clients, self.codes, self.access, self.refresh = {}, {}, {}, {}

    async def register_client(self, client):
        self.clients[client.client_id] = client

    async def get_client(self, client_id):
        return self.clients.get(client_id)

    async def authorize(self, client, params):
        code = secrets.token_urlsafe()
        self.codes[code] = AuthorizationCode(
            code=code,
            scopes=params.scopes or [],
            expires_at=time.time() + 60,
            client_id=client.client_id,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
        )
        return construct_redirect_uri(str(params.redirect_uri), code=code, state=params.state)

    async def load_authorization_code(self, client, code):
        return self.codes.get(code)

    async def exchange_authorization_code(self, client, code):
        del self.codes[code.code]
        token, refresh = secrets.token_urlsafe(), secrets.token_urlsafe()
        self.access[token] = AccessToken(token=token, client_id=client.client_id, scopes=code.scopes)
        self.refresh[refresh] = RefreshToken(token=refresh, client_id=client.client_id, scopes=code.scopes)
        return OAuthToken(access_token=token, token_type="Bearer", expires_in=3600, refresh_token=refresh)

    async def load_refresh_token(self, client, token):
        return self.refresh.get(token)

    async def exchange_refresh_token(self, client, token, scopes):
        raise NotImplementedError

    async def load_access_token(self, token):
        return self.access.get(token)

    async def revoke_token(self, token):
        self.access.pop(token.token, None)
        self.refresh.pop(token.token, None)


async def main():
    routes = create_auth_routes(
        Storage(),
        AnyHttpUrl(SERVER),
        client_registration_options=ClientRegistrationOptions(enabled=True),
        revocation_options=RevocationOptions(enabled=True),
    )
    transport = httpx.ASGITransport(Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url=SERVER) as http:
        metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
        promised = [metadata[f"{endpoint}_endpoint_auth_methods_supported"] for endpoint in ("token", "revocation")]
        wanted = {"redirect_uris": [SERVER + "/callback"], "token_endpoint_auth_method": "client_secret_basic"}
        client = (await http.post("/register", json=wanted)).json()
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        id_, basic = {"client_id": client["client_id"]}, (client["client_id"], client["client_secret"])
        asked = {"response_type": "code", "redirect_uri": SERVER + "/callback", "state": "s"}
        pkce = {"code_challenge": challenge, "code_challenge_method": "S256"}
        consented = await http.get("/authorize", params={**asked, **pkce, **id_})
        code = httpx.URL(consented.headers["location"]).params["code"]
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": SERVER + "/callback"}
        answers = [await http.post("/token", data=form, auth=basic), await http.post("/token", data=form | id_, auth=basic)]
        token = {"token": answers[1].json()["refresh_token"]}
        secret = {"client_secret": client["client_secret"]}
        for more in ({}, id_, id_ | secret):
            answers.append(await http.post("/revoke", data=token | more, auth=basic))
    print("promised for tokens and for revocation:", *promised, "| registered:", client["token_endpoint_auth_method"])
    ways = ("Basic", "Basic, id in the body", "Basic", "Basic, id in the body", "Basic, id and secret in the body")
    for way, answer in zip(ways, answers):
        error = "" if answer.is_success else answer.text
        print(f"{answer.request.url.path:8} {way:33} {answer.status_code} {error}")
    kept = all("client_secret_basic" in ways for ways in promised) and client["token_endpoint_auth_method"] == wanted["token_endpoint_auth_method"]
    return kept, [answer.status_code for answer in answers]


print("mcp", version("mcp"), "Python", sys.version.split()[0])
sys.exit(asyncio.run(main()) != (True, [401, 200, 401, 400, 200]))
PY
timeout 60 "$folder/venv/bin/python" "$folder/promise.py"
