"""What the tests do to the server's keys, so that they need not be made for each."""

from __future__ import annotations

import gc

from extauth.testing.server.signing import Signer
from tests.support import used_keys


def test_two_servers_have_two_keys(monkeypatch):
    """A key is used again once its server is gone, under another name, and never by two at a time."""
    monkeypatch.setattr(used_keys, "_free", [])
    one, other = Signer(), Signer()
    first, second = one._key("RS256"), other._key("RS256")
    assert first.as_dict(private=False)["n"] != second.as_dict(private=False)["n"]
    assert one._key("RS256") is first
    del one
    gc.collect()
    used = Signer()._key("RS256")
    assert used.as_dict(private=False)["n"] == first.as_dict(private=False)["n"]
    assert used.kid != first.kid
