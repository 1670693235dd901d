"""What the processes of a storm must agree on."""

from __future__ import annotations

from typing import Final

TOKEN_PATH: Final = "/o/token/"
RESOURCE_PATH: Final = "/resource"
GRANTS_PATH: Final = "/grants"
"""Where the harness has new grants written, as if a user had just consented."""

CLIENT_ID: Final = "chaos-client"

EXCHANGE: Final = "exchange"
"""Form field in which a presenter names each single exchange, so that all who see a part of it mean the same;
servers ignore fields that they do not know (RFC 6749 section 3.2)."""

DATABASE: Final = "authorization-server.db"
"""The file, in the storm's folder, that the authorization server keeps."""
