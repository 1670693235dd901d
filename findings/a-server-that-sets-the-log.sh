#!/usr/bin/env bash
# mcp 2.3.0: an MCPServer in an application that has set its own log.
#
# Libraries leave the root logger to the application (the Logging HOWTO of Python says so), and a server object is made at import.
#
# A good guess: making an MCPServer changes nothing of what the application logs.
# What happens: the constructor calls logging.basicConfig. Where the application has no handler yet, the root logger gets one and goes from
# WARNING to INFO, so that every library's INFO lines are shown; where it has one, nothing changes. The order of two imports decides.
#
# For users of extauth: it logs each refresh at INFO, which appears then. Set the log before you import what makes the server, or give
# log_level="WARNING".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0
cat > "$folder/seen.py" <<'PYTHON'
import logging
import sys

from mcp.server import MCPServer

root = logging.getLogger()
if "first" in sys.argv:
    logging.basicConfig(level=logging.WARNING)
before = logging.getLevelName(root.level), len(root.handlers)
MCPServer("notes")
after = logging.getLevelName(root.level), len(root.handlers)
print(*sys.argv[1:], "level and handlers:", *before, "->", *after)
PYTHON
{
  "$folder/venv/bin/python" "$folder/seen.py" nothing was set
  "$folder/venv/bin/python" "$folder/seen.py" the log was set first
} | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
nothing was set level and handlers: WARNING 0 -> INFO 1
the log was set first level and handlers: WARNING 1 -> WARNING 1
SEEN
