"""The example of an MCP gateway, as a program."""

from __future__ import annotations

from tests.examples.programs import output_in, run


def test_each_user_has_their_own_notes():
    """The MCP server is shown each user's own token, exchanged once for all calls that it refused."""
    assert run("mcp_gateway/run.py") == output_in("mcp_gateway")
