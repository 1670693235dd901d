"""Whether a Postgres server keeps what it is given, and who can read it on the way. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from extauth.adapters.postgres.facts import PostgresFacts
from extauth.cli.checks import Check, ok

_SKEW: Final = timedelta(seconds=5)
_WRONG: Final = timedelta(minutes=1)
"""Beyond that tokens are handed out that have expired, or refreshed for nothing."""

_FORGETS: Final = "a failover to it forgets the last saves, and with them refresh tokens that work once"
_MAKE_SYNC: Final = "name a standby in synchronous_standby_names; see docs/howto/run-on-postgres.md"


def postgres_checks(facts: PostgresFacts) -> Iterator[Check]:
    """Judge what was seen."""
    yield _on(facts, "fsync", "a power cut may damage the whole database")
    yield _on(facts, "full_page_writes", "a power cut may leave half-written pages")
    yield _commit(facts)
    yield _standbys(facts)
    yield _clock(facts)
    yield _pooler(facts)
    yield _tls(facts)
    yield _rights(facts)
    yield _privileges(facts)
    yield _log(facts)


def _on(facts: PostgresFacts, name: str, otherwise: str) -> Check:
    if facts.settings[name] == "on":
        return ok(name, "on")
    found = f"it is {facts.settings[name]}: {otherwise}"
    return Check(name, "problem", found, f"set {name} = on in postgresql.conf")


def _commit(facts: PostgresFacts) -> Check:
    value = facts.settings["synchronous_commit"]
    if value in {"on", "remote_apply"}:
        return ok("synchronous_commit", str(value))
    return ok("synchronous_commit", f"{value} by default; the store sets on for each of its own writes")


def _standbys(facts: PostgresFacts) -> Check:
    name, wanted = "replication", facts.settings["synchronous_standby_names"] or ""
    if facts.in_recovery:
        return Check(name, "problem", "this server is a standby", "give the primary's address")
    attached = len(facts.standbys)
    if not attached:
        if wanted:
            found = "synchronous_standby_names names a standby, and none is attached: writes wait for it"
            return Check(name, "problem", found, "bring the standby back, or take its name out")
        return ok(name, "no standby is attached; a backup that is restored is as old as it is")
    if any(standby.sync_state is None for standby in facts.standbys):
        if wanted:
            found = f"{attached} standbys; this role may not see which of them are synchronous"
        else:
            found = f"{attached} standbys, none of them synchronous: {_FORGETS}"
            return Check(name, "warning", found, _MAKE_SYNC)
        return Check(name, "warning", found, "run it as a role that has pg_monitor")
    waiting = [each.name for each in facts.standbys if each.sync_state in {"sync", "quorum"}]
    if not waiting:
        found = f"{attached} standbys, all of them asynchronous: {_FORGETS}"
        return Check(name, "warning", found, _MAKE_SYNC)
    if late := [each.name for each in facts.standbys if each.sync_state not in {"sync", "quorum"}]:
        found = f"{', '.join(late)} asynchronous beside {', '.join(waiting)}: {_FORGETS}"
        return Check(name, "warning", found, "see that a failover never goes to an asynchronous one")
    return ok(name, f"synchronous: {', '.join(waiting)}")


def _clock(facts: PostgresFacts) -> Check:
    skew, doubt = abs(facts.clock_ahead), facts.clock_doubt
    way = "ahead of" if facts.clock_ahead > timedelta(0) else "behind"
    sure = skew - doubt
    if sure <= _SKEW:
        return ok(
            "clock", f"the server's and this machine's differ by {max(skew, doubt).total_seconds():.1f} s"
        )
    found = f"the server's clock is {skew.total_seconds():.1f} s {way} this machine's"
    return Check("clock", "problem" if sure > _WRONG else "warning", found, "set both by NTP")


def _pooler(facts: PostgresFacts) -> Check:
    if not facts.pooled:
        return ok("pooler", "none: the server itself answers")
    found = "there is one; whether it is in session or in transaction mode cannot be told, so each statement"
    return ok("pooler", f"{found} is sent whole, which either takes")


def _tls(facts: PostgresFacts) -> Check:
    hop = "between pooler and server" if facts.pooled else "to the server"
    if facts.tls is not None:
        return ok("tls", f"{facts.tls} {hop}")
    if facts.local:
        return ok("tls", f"none {hop}, which is on the same machine")
    found = f"none {hop}: whoever is between reads the password and what is stored"
    return Check("tls", "problem", found, "set up TLS on the server, and sslmode=verify-full")


def _rights(facts: PostgresFacts) -> Check:
    if not facts.missing_rights:
        return ok("rights", "all that a store needs")
    found = f"the role lacks {', '.join(facts.missing_rights)}"
    return Check("rights", "problem", found, "run what extauth schema postgres --role NAME prints")


def _privileges(facts: PostgresFacts) -> Check:
    name, do = (
        "least privilege",
        "give the application a role of its own: extauth schema postgres --role NAME",
    )
    if facts.superuser:
        return Check(name, "warning", "the role is a superuser", do)
    if facts.owner or facts.may_create:
        return Check(name, "warning", "the role may change or create tables, which only migrating needs", do)
    return ok(name, "the role may use the tables and not change them")


def _log(facts: PostgresFacts) -> Check:
    statements = facts.settings["log_statement"] in {"mod", "all"}
    slow = facts.settings["log_min_duration_statement"] not in {"-1", None}
    if not (statements or slow) or facts.settings["log_parameter_max_length"] in {"0", "0B"}:
        return ok("server log", "it shows no parameters of statements")
    found = "it shows the parameters of statements, and tokens are among them unless they are encrypted"
    return Check("server log", "warning", found, "set log_parameter_max_length = 0")
