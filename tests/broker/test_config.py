"""What the broker's configuration may say."""

from __future__ import annotations

import pytest

from extauth import ConfigurationError
from extauth.broker import parse_config, read_config
from extauth.broker.callers import authenticated, digest_of
from extauth.domain.hidden import Hidden

HASH = "sha256:" + "0" * 64
ALLOW = [{"provider": "github", "users": "*", "rights": "token"}]
ONE = {"secret_hash": HASH, "allow": ALLOW}
LONG = "canary" * 6


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({}, "there is no [callers.NAME]"),
        ({"callers": {"a": ONE}, "api": {}}, "has api, and may have apis, callers"),
        ({"callers": {"a": "canary"}}, "callers must be tables"),
        ({"callers": {"a": {"allow": ALLOW}}}, "needs a secret or a uid"),
        ({"callers": {"a": {"secret_hash": HASH}}}, "needs allow"),
        ({"callers": {"a": {**ONE, "secret": "canary"}}}, "has secret, and may have"),
        ({"callers": {"a": {**ONE, "secret_hash": "canary"}}}, "sha256: and 64"),
        ({"callers": {"a": {**ONE, "secret_hash": "sha256:canary"}}}, "sha256: and 64"),
        ({"callers": {"a": {**ONE, "secret_env": "SHORT"}}}, "at least 32"),
        ({"callers": {"a": {**ONE, "secret_env": "MISSING"}}}, "at least 32"),
        ({"callers": {"a": {**ONE, "uid": "0"}}}, "uid must be a number"),
        ({"callers": {"a": {**ONE, "uid": True}}}, "uid must be a number"),
        ({"callers": {"a": {**ONE, "allow": ["canary"]}}}, "a list of tables"),
        ({"callers": {"a": {**ONE, "allow": [{**ALLOW[0], "rights": "canary"}]}}}, "rights: token, proxy"),
        ({"callers": {"a": {**ONE, "allow": [{**ALLOW[0], "users": []}]}}}, "needs users"),
        ({"callers": {"a": {**ONE, "allow": [{"users": "*", "rights": "token"}]}}}, "needs provider"),
        ({"callers": {"a": ONE, "b": ONE}}, "the callers a and b prove"),
        ({"callers": {"a": {"uid": 1, "allow": ALLOW}, "b": {"uid": 1, "allow": ALLOW}}}, "a and b prove"),
        ({"callers": {"a": ONE}, "apis": {"github": {"base": "http://canary.example"}}}, "must be https"),
        ({"callers": {"a": ONE}, "apis": {"github": {}}}, "needs base"),
    ],
)
def test_what_cannot_be(document, told):
    """It is told where it stands, and not what stands there."""
    with pytest.raises(ValueError, match=r"\w") as refused:
        parse_config(document, {"SHORT": "canary"})
    assert (told in str(refused.value), "canary" in str(refused.value)) == (True, False)


def test_a_secret_of_any_kind(tmp_path):
    """From the environment, a private file, or as a hash: the hash alone is kept. Two may be good at once."""
    file = tmp_path / "secret"
    file.write_text(f"{LONG}file\n")
    file.chmod(0o600)
    table = {
        "secret_env": "SECRET",
        "secret_file": str(file),
        "secret_hash": ["sha256:" + digest_of(Hidden(f"{LONG}hash")).hex(), HASH],
        "allow": ALLOW,
    }
    config = parse_config({"callers": {"a": table}}, {"SECRET": f"{LONG}env"})
    for name in ("env", "file", "hash"):
        found = authenticated(config.callers, Hidden(LONG + name), None)
        assert (found and found.name) == "a"
    assert authenticated(config.callers, Hidden(LONG), None) is None
    assert "canary" not in repr(config)
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        parse_config({"callers": {"a": table}}, {"SECRET": f"{LONG}env"})


def test_secret_and_user_together():
    """Where both are said, both are asked for; one without a secret is not proven by a wrong one."""
    secret = Hidden(LONG)
    both = {"secret_hash": "sha256:" + digest_of(secret).hex(), "uid": 7, "allow": ALLOW}
    callers = parse_config({"callers": {"both": both, "only": {"uid": 8, "allow": ALLOW}}}, {}).callers

    def who(given: Hidden[str] | None, uid: int | None) -> str | None:
        found = authenticated(callers, given, uid)
        return found.name if found else None

    assert [who(secret, 7), who(secret, None), who(secret, 8), who(None, 7)] == ["both", None, None, None]
    assert [who(None, 8), who(Hidden("wrong"), 8), who(None, None)] == ["only", None, None]


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [("[callers", 0o600, "is no TOML"), ("", 0o644, "chmod 600"), ("", 0o600, "there is no [callers.NAME]")],
)
def test_a_file_that_cannot_be_used(tmp_path, text, mode, told):
    """Whoever can change it can have any token."""
    file = tmp_path / "broker.toml"
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(ConfigurationError) as refused:
        read_config(file, {})
    assert told in str(refused.value)
