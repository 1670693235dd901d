#!/usr/bin/env bash
# An API answers 401, and the credentials of google-auth that the asynchronous session refreshes then say why they cannot.
#
# The credentials raise what google-auth's own documentation has for that, RefreshError, with the provider's reason. The
# synchronous session of the same package does the same for comparison. Both log at DEBUG, as google-auth's guide turns it on.
#
# A good guess: the caller gets the RefreshError, as it does from the synchronous session: "the user has withdrawn" is another
# matter than "this call was not allowed".
# What happens: the asynchronous session returns the 401 as if nothing had been tried, and the reason is a line at DEBUG. Any
# other exception of `refresh` reaches the caller. The log, which hashes secrets in bodies, has the access token in the
# headers of each request as it is.
#
# For users of extauth: `extauth.integrations.google_auth` raises extauth's errors as they are, which are no RefreshErrors:
# they arrive. In credentials of your own raise something else than RefreshError for asynchronous sessions. Leave
# GOOGLE_SDK_PYTHON_LOGGING_SCOPE unset in production.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check google-auth==2.63.0 requests==2.34.2 aiohttp==3.14.5
cat > "$folder/silence.py" <<'PY'
import asyncio, http.server, logging, os, sys, threading
from importlib.metadata import version

os.environ["GOOGLE_SDK_PYTHON_LOGGING_SCOPE"] = "google"
from google.auth import exceptions
from google.auth.aio.credentials import Credentials as AsyncCredentials
from google.auth.aio.transport.sessions import AsyncAuthorizedSession
from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession

WITHDRAWN = "invalid_grant: the user has withdrawn"


class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Withdrawn(Credentials):
    def __init__(self):
        super().__init__()
        self.token = "the-access-token"

    def refresh(self, request):
        raise exceptions.RefreshError(WITHDRAWN)


class AsyncWithdrawn(AsyncCredentials):
    def __init__(self, error):
        super().__init__()
        self.token, self.error = "the-access-token", error

    async def refresh(self, request):
        raise self.error


class Log(logging.Handler):
    def emit(self, record):
        told.append(str(getattr(record, "httpRequest", "")))


def synchronous():
    try:
        with AuthorizedSession(Withdrawn()) as session:
            return session.get(url).status_code
    except exceptions.RefreshError as error:
        return str(error)


async def asynchronous(error):
    session = AsyncAuthorizedSession(AsyncWithdrawn(error))
    try:
        return (await session.get(url)).status_code
    except Exception as raised:
        return str(raised)
    finally:
        await session.close()


told = []
logging.getLogger("google").addHandler(Log())
logging.getLogger("google").setLevel(logging.DEBUG)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
print("google-auth", version("google-auth"), "Python", sys.version.split()[0])
outcomes = [
    synchronous(),
    asyncio.run(asynchronous(exceptions.RefreshError(WITHDRAWN))),
    asyncio.run(asynchronous(PermissionError(WITHDRAWN))),
]
logged = any("Bearer the-access-token" in line for line in told)
for name, outcome in zip(("synchronous", "asynchronous", "asynchronous, another error"), outcomes, strict=True):
    print(f"{name:28} {outcome}")
print("the access token is in the log:", logged)
sys.exit((outcomes, logged) != ([WITHDRAWN, 401, WITHDRAWN], True))
PY
timeout 60 "$folder/venv/bin/python" -W ignore "$folder/silence.py"
