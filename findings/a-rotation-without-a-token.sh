#!/usr/bin/env bash
# django-mcp-oauth: "refresh-token rotation with a configurable grace window", as its README says.
#
# A client registered for authorization_code and refresh_token is connected and refreshes, with all settings but the grace
# (60 s, here 1 s) as they come.
#
# A good guess: a refresh gives another refresh token, as rotation means, and the grace is for those who come late with the old
# one, so that a connection lives for as long as it is used.
# What happens: the first answer has a refresh token, and the answer to a refresh has none. The first one is spent all the same,
# works until the grace is over, and is invalid_grant from then on: every connection ends after its first refresh.
#
# For users of extauth: the link keeps the old refresh token, as RFC 6749 section 6 says, and is reported as needing the user
# when it is refused. Nothing a client does keeps such a connection; give the server a refresh grant with
# INCLUDE_NEW_REFRESH_TOKEN = True.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-mcp-oauth==0.1.0 Django==5.2.19 Authlib==1.9.10
cat > "$folder/rotation.py" <<'PY'
import base64, hashlib, os, sys, time
from importlib.metadata import version
from urllib.parse import parse_qs, urlsplit


os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
import django
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.core.management import call_command

key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
settings.configure(
    SECRET_KEY="of-this-run-only",
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF="django_mcp_oauth.urls",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django_mcp_oauth",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    LOGGING_CONFIG=None,
    MCP_OAUTH_ISSUER="http://testserver",
    MCP_RESOURCE_URL="http://testserver/mcp",
    MCP_OAUTH_PRIVATE_KEY=key.decode(),
    MCP_OAUTH_REFRESH_GRACE=1,
)
django.setup()
call_command("migrate", verbosity=0)
from django.contrib.auth import get_user_model
from django.test import Client

browser, http = Client(), Client()
browser.force_login(get_user_model().objects.create_user("alice"))
callback = "https://app.example/callback"
wanted = {
    "redirect_uris": [callback],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "scope": "mcp",
    "token_endpoint_auth_method": "none",
}
client = {"client_id": http.post("/oauth/register", wanted, content_type="application/json").json()["client_id"]}
verifier = "v" * 43
challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
asked = {
    "response_type": "code", "redirect_uri": callback, "scope": "mcp",
    "code_challenge": challenge, "code_challenge_method": "S256",
}
consent = browser.post("/oauth/authorize", {"confirm": "yes"}, query_params={**client, **asked})
code = parse_qs(urlsplit(consent["Location"]).query)["code"][0]
grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback, "code_verifier": verifier}
answers = [http.post("/oauth/token", grant | client)]
refresh = {"grant_type": "refresh_token", "refresh_token": answers[0].json()["refresh_token"]}
for pause in (0, 0, 2.5):
    time.sleep(pause)
    answers.append(http.post("/oauth/token", refresh | client))
print("django-mcp-oauth", version("django-mcp-oauth"), "Authlib", version("authlib"), "Django", django.__version__)
whens = ("code", "first refresh", "again at once", "again when the grace is over")
for when, answer in zip(whens, answers):
    print(f"{when:29} {answer.status_code} {sorted(answer.json())} {answer.json().get('error', '')}")
seen = [(answer.status_code, "refresh_token" in answer.json()) for answer in answers]
sys.exit(seen != [(200, True), (200, False), (200, False), (400, False)])
PY
"$folder/venv/bin/python" "$folder/rotation.py"
