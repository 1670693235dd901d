#!/usr/bin/env bash
# Authlib's OAuth 2.0 clients, and PKCE: one keyword, two meanings.
#
# An application asks for PKCE with code_challenge_method="S256": once as a keyword of the client (OAuth2Session over requests,
# OAuth2Client over httpx), once in the client_kwargs of a registered app, as web frameworks do it.
#
# A good guess: both send a code challenge by S256. Or, the other way: a client that is given a code_verifier sends its challenge.
# What happens: the registered app makes a verifier and sends the challenge. The client alone sends none, and says nothing,
# unless create_authorization_url() is given a code_verifier as well; and with a verifier but without the keyword it sends none
# either. The authorization goes on without PKCE, and no server that merely allows PKCE will complain.
#
# For users of extauth: a challenge by S256 is sent unless a provider is known to refuse it, with no keyword. When you bring
# an application over, look at one authorization URL of the old one: if it has no code_challenge, the provider has never been
# asked for PKCE by your client, and one that refuses it would show now (authorization=AuthorizationRules(pkce="off")).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check authlib==1.9.10 requests==2.32.5 httpx==0.28.1
cat > "$folder/challenge.py" <<'PY'
import sys
from importlib.metadata import version
from urllib.parse import parse_qs, urlsplit

from authlib.integrations.base_client.sync_app import BaseApp, OAuth2Mixin
from authlib.integrations.httpx_client import OAuth2Client
from authlib.integrations.requests_client import OAuth2Session

AUTHORIZE, CALLBACK = "https://as.example/authorize", "https://app.example/callback"
VERIFIER = "v" * 48


class App(OAuth2Mixin, BaseApp):
    client_cls = OAuth2Session


def challenged(url):
    return "code_challenge" in parse_qs(urlsplit(url).query)


def by_client(kind, verifier, **keywords):
    client = kind("id", "secret", redirect_uri=CALLBACK, **keywords)
    return challenged(client.create_authorization_url(AUTHORIZE, code_verifier=verifier)[0])


def by_app():
    keywords = {"code_challenge_method": "S256"}
    app = App(None, "as", client_id="id", client_secret="secret", authorize_url=AUTHORIZE, client_kwargs=keywords)
    return challenged(app.create_authorization_url(CALLBACK)["url"])


print(f"Authlib {version('authlib')}; is there a code_challenge in the authorization URL?")
found = [("registered app, code_challenge_method='S256'", by_app())]
for kind in (OAuth2Session, OAuth2Client):
    name = kind.__name__
    found += [
        (f"{name}, code_challenge_method='S256'", by_client(kind, None, code_challenge_method="S256")),
        (f"{name}, a code_verifier", by_client(kind, VERIFIER)),
        (f"{name}, both", by_client(kind, VERIFIER, code_challenge_method="S256")),
    ]
for what, sent in found:
    print(f"  {what:52} {'yes' if sent else 'no'}")
as_stated = [sent for _, sent in found] == [True, *[False, False, True] * 2]
print("as stated" if as_stated else "NOT as stated any more")
sys.exit(not as_stated)
PY
"$folder/venv/bin/python" "$folder/challenge.py"
