"""The lines of a file of exported links."""

from __future__ import annotations

import json

from extauth import LinkKey, TokenSet
from extauth.adapters.encryption import EncryptionKey
from extauth.adapters.encryption.keyring import Keyring
from extauth.adapters.encryption.link_lines import End, end_line, link_line, new_file_id, read_line
from extauth.adapters.encryption.sealing import Trouble, unseal
from extauth.domain.imports import ImportedLink

LINK = ImportedLink(LinkKey("github", "alice"), TokenSet("at"))


async def test_the_end_says_how_many_links_there_are():
    """It is the line after the last of them, and no other."""
    key, file = await Keyring(EncryptionKey.generate("key")).primary(), new_file_id()
    for links in (0, 2):
        line = end_line(key, file, links)
        assert read_line(key, file, links + 1, line) == End(links)
        assert json.loads(unseal(key, line, ("export", file, str(links + 1), "end"))) == {"links": links}
        assert isinstance(read_line(key, file, links, line), Trouble)
    assert read_line(key, file, 1, link_line(key, file, 1, LINK)) == LINK
