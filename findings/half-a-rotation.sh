#!/usr/bin/env bash
# A Slack installation with token rotation has a bot's and a user's token. slack_sdk rotates both; the second exchange fails.
#
# The server stands in for Slack's oauth.v2.access: it answers the bot's refresh token with new tokens, and the user's with
# Slack's invalid_refresh_token (the user has withdrawn it), or with a 503.
#
# A good guess: perform_token_rotation returns, or keeps somewhere, what it got for the bot, and reports the user's failure.
# What happens: it raises, and the bot's new tokens are gone: they are not returned, not in the installation that was given,
# and not in the exception. Slack's refresh tokens are for one use, so the bot's stored one is spent: one user who withdraws
# takes the bot of the whole workspace along, some hours later.
#
# For users of extauth: the two are separate links, `slack` and `slack/user`, each with its own exchange, and each saved
# before anything else happens. If you move over from slack_sdk, bots that "need to be installed again" now and then may have
# had this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check slack_sdk==3.48.0 aiohttp==3.14.5
cat > "$folder/half.py" <<'PY'
import asyncio, http.server, json, sys, threading, urllib.parse
from importlib.metadata import version

from slack_sdk.errors import SlackTokenRotationError
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient

NEW_BOT = {"ok": True, "access_token": "new-bot-token", "refresh_token": "new-bot-refresh", "expires_in": 43200}


class Slack(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        issued.append(form["refresh_token"])
        status, answer = (200, NEW_BOT) if form["refresh_token"] == "bot-refresh" else trouble
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def reachable(value, seen):
    """Everything that somebody who catches the error could look at."""
    if id(value) in seen:
        return ""
    seen.add(id(value))
    parts = [repr(value), str(value)]
    for inner in (*getattr(value, "args", ()), *getattr(value, "__dict__", {}).values(), getattr(value, "response", None)):
        parts.append(reachable(inner, seen))
    return " ".join(parts)


async def main(url):
    rotator = AsyncTokenRotator(client_id="c", client_secret="s", client=AsyncWebClient(base_url=url))
    installation = Installation(
        user_id="U1",
        team_id="T1",
        bot_token="bot-token",
        bot_refresh_token="bot-refresh",
        bot_token_expires_in=1,
        user_token="user-token",
        user_refresh_token="user-refresh",
        user_token_expires_in=1,
    )
    try:
        await rotator.perform_token_rotation(installation=installation, minutes_before_expiration=120)
    except SlackTokenRotationError as error:
        place = reachable(error, set()) + repr(installation.to_dict())
        return "new-bot" in place
    return None


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slack)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("slack_sdk", version("slack_sdk"), "Python", sys.version.split()[0])
outcomes = []
for trouble in ((200, {"ok": False, "error": "invalid_refresh_token"}), (503, {})):
    issued = []
    kept = asyncio.run(main(f"http://127.0.0.1:{server.server_port}/api/"))
    print("presented:", *issued, "| the user's fails with", *trouble, "| the bot's new tokens can be found:", kept)
    outcomes.append((issued, kept))
sys.exit(outcomes != [(["bot-refresh", "user-refresh"], False)] * 2)
PY
timeout 60 "$folder/venv/bin/python" "$folder/half.py"
