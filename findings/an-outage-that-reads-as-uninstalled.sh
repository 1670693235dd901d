#!/usr/bin/env bash
# A Slack app on Bolt looks its bot's token up in an installation store whose database is away for a moment.
#
# A user presses a button of the app. Once Bolt is told to use bots alone (`installation_store_bot_only=True`), once not.
#
# A good guess: an exception of the store is an error of the request: Bolt answers with 500 and logs it, and Slack or the user
# tries again.
# What happens: so it is without the option. With it Bolt takes every exception of `async_find_bot` for "there is no bot". It
# answers with 200 and tells the user that the installation is no longer available, and to install the app again; the
# exception is a line at INFO. Whoever follows that makes a new grant in place of one that was in order.
#
# For users of extauth: `extauth.integrations.slack` gives None only where the user must connect (again), and raises whatever
# passes. Leave `installation_store_bot_only` off, so that Bolt hears it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check slack_bolt==1.30.0 slack_sdk==3.48.0 aiohttp==3.14.5
cat > "$folder/outage.py" <<'PY'
import asyncio, json, logging, sys, time, urllib.parse
from importlib.metadata import version

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.signature import SignatureVerifier


class Away(AsyncInstallationStore):
    async def async_find_bot(self, **where):
        raise ConnectionError("the database is away")

    async_find_installation = async_find_bot


async def pressed(*, bot_only):
    app = AsyncApp(signing_secret="made-up", installation_store=Away(), installation_store_bot_only=bot_only)
    action = {"type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U1"}, "actions": []}
    body = urllib.parse.urlencode({"payload": json.dumps(action)})
    now = str(int(time.time()))
    signature = SignatureVerifier("made-up").generate_signature(timestamp=now, body=body)
    headers = {
        "content-type": ["application/x-www-form-urlencoded"],
        "x-slack-request-timestamp": [now],
        "x-slack-signature": [signature],
    }
    answer = await app.async_dispatch(AsyncBoltRequest(body=body, headers=headers))
    print(f"bots alone: {bot_only}; {answer.status} {answer.body!r}")
    return answer.status, "reinstall" in answer.body


print(*(f"{name} {version(name)}," for name in ("slack_bolt", "slack_sdk")), "Python", sys.version.split()[0])
logging.disable(logging.CRITICAL)
outcomes = [asyncio.run(pressed(bot_only=bot_only)) for bot_only in (False, True)]
sys.exit(outcomes != [(500, False), (200, True)])
PY
timeout 60 "$folder/venv/bin/python" "$folder/outage.py"
