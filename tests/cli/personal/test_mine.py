"""``--mine``: every command that takes a store works on a person's own links."""

from __future__ import annotations

import pytest

from extauth import LinkKey, ProviderUnavailable, open_store
from extauth.adapters.encryption import EncryptionKey
from extauth.cli.exit_codes import FOUND, OK
from tests.cli.personal.person import ME, mode

NOBODY = """
[providers.away]
client_id = "x"
issuer = "http://127.0.0.1:9"
"""


async def test_doctor_looks_at_a_persons_own_links(person):
    """At the file that `connect` made, whatever the environment says of others, and at its providers."""
    await person.link()
    checks = (await person.answer("doctor", "--mine", "--endpoints")).data["checks"]
    found = {check["name"]: check["found"] for check in checks}
    assert (found["rows"], found["file modes"]) == ("1 links looked at", "for their owner alone")
    assert any("example" in name for name in found)


async def test_doctor_opens_them_with_the_keys_of_the_configuration(person):
    """`keys_file` stands there, and in no option."""
    key, file = EncryptionKey.generate("mine"), person.home / "key"
    file.touch(mode=0o600)
    file.write_text(key.reveal())
    path = person.configure()
    path.write_text(f"keys_file = '{file}'\n{path.read_text()}")
    person.database.parent.mkdir(parents=True, mode=0o700)
    async with open_store(f"sqlite:///{person.database}", keys=key) as store:
        await store.put(LinkKey("example", ME), person.server.new_grant(ME))
    checks = (await person.answer("doctor", "--mine")).data["checks"]
    assert {check["name"]: check["level"] for check in checks}["key mine"] == "ok"


async def test_the_store_of_a_person_is_migrated(person):
    """It is looked for first, which makes nothing; then its folder is made with it, for its owner alone."""
    asked = await person.answer("migrate", "--mine", "--check")
    assert (asked.code, person.database.parent.exists()) == (FOUND, False)
    made = await person.answer("migrate", "--mine")
    assert (made.code, made.data["changed"], mode(person.database.parent)) == (OK, True, 0o700)


async def test_a_store_that_the_configuration_names_is_migrated(person, tmp_path):
    """Not the default one."""
    path = person.configure()
    path.write_text(f"store = 'sqlite:///{tmp_path}/named.db'\n{path.read_text()}")
    await person.answer("migrate", "--mine")
    assert ((tmp_path / "named.db").exists(), person.database.exists()) == (True, False)
    assert (await person.answer("links", "--mine")).data["links"] == []


@pytest.mark.parametrize(
    "command",
    [
        ("links",),
        ("show", "example", ME),
        ("keys",),
        ("outbox",),
        ("audit",),
        ("retry", "example"),
        ("doctor",),
    ],
    ids=lambda command: command[0],
)
async def test_what_needs_no_provider_asks_none(person, command):
    """An issuer that is away takes nothing from a person who only looks."""
    await person.link()
    person.configure(NOBODY)
    assert (await person.answer(*command, "--mine")).code in {OK, FOUND}


async def test_a_link_is_refreshed_while_another_provider_is_away(person):
    """Only the one that serves it is asked."""
    await person.link()
    person.configure(NOBODY)
    refreshed = await person.answer("refresh", "example", ME, "--mine")
    assert refreshed.data["link"]["version"] == 2


async def test_a_provider_that_is_away_is_named(person):
    """Of several, one must be known from the message."""
    person.configure(NOBODY)
    with pytest.raises(ProviderUnavailable, match=r"^\[providers\.away\]: "):
        await person.answer("upkeep", "--mine")
