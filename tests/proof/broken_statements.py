"""Bugs in the statements of the SQLite and Postgres stores: what is replaced by what, and who notices.

Parameters that a broken statement has no other use for still appear in Postgres, which wants a type for
each of them.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, final

import attrs
import pytest

from extauth.adapters.postgres import statements as postgres
from extauth.adapters.sqlite import statements as sqlite

NOWHERE = ""


@final
@attrs.frozen
class Bug:
    """One statement, broken in both stores."""

    name: str
    statement: str
    method: str
    caught_by: str
    sqlite: tuple[str, str]
    """What is replaced, and by what."""
    postgres: tuple[str, str]

    def put_into(self, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Break the statement of that store until the test ends."""
        module: ModuleType = {"sqlite": sqlite, "postgres": postgres}[store]
        old, new = getattr(self, store)
        healthy: str = getattr(module, self.statement)
        assert old in healthy, f"{self.name} would break nothing"
        monkeypatch.setattr(module, self.statement, healthy.replace(old, new))


def _both(old: str, new: str) -> dict[str, Any]:
    return {"sqlite": (old, new), "postgres": (old, new)}


def _no_version(number: str, *, used: bool = False) -> dict[str, Any]:
    instead = NOWHERE if used else f" AND {number}::bigint IS NOT NULL"
    return {
        "sqlite": (" AND version = :version", NOWHERE),
        "postgres": (f" AND version = {number}", instead),
    }


_MARKS = sqlite._CLEAR_MARKS
_LEASE = sqlite._CLEAR_LEASE
_LEASE_IS_FREE = {
    "sqlite": f"(lease_owner IS NULL OR lease_owner = :owner OR lease_expires_at <= {sqlite.NOW})",
    "postgres": "(lease_owner IS NULL OR lease_owner = $4 OR lease_expires_at <= clock_timestamp())",
}

BUGS = [
    # No version in the condition
    Bug(
        "save-any-version",
        "SAVE",
        "save",
        "test_save_at_another_version_changes_nothing",
        **_no_version("$12"),
    ),
    Bug(
        "mark-any-version",
        "RECORD_FAILURE",
        "record_failure",
        "test_a_late_mark_never_lands_on_newer_tokens",
        **_no_version("$3", used=True),
    ),
    Bug(
        "reseal-any-version",
        "RESEAL",
        "reseal",
        "test_reseal_at_another_version_changes_nothing",
        **_no_version("$7"),
    ),
    Bug(
        "claim-any-version", "CLAIM", "claim", "test_claims_of_another_version_are_stale", **_no_version("$3")
    ),
    Bug("release-any-version", "RELEASE", "release", "test_release_happens_once", **_no_version("$3")),
    # Versions
    Bug(
        "mark-bumps-version",
        "RECORD_FAILURE",
        "record_failure",
        "test_a_mark_touches_neither_tokens_nor_version",
        **_both("external_auth_links SET\n", "external_auth_links SET version = version + 1,\n"),
    ),
    Bug(
        "reseal-bumps-version",
        "RESEAL",
        "reseal",
        "test_reseal_changes_the_texts_only",
        **_both("external_auth_links SET", "external_auth_links SET version = version + 1,"),
    ),
    Bug(
        "save-keeps-version",
        "SAVE",
        "save",
        "test_save_is_the_next_version",
        **_both("version = version + 1,", NOWHERE),
    ),
    Bug(
        "version-starts-again",
        "PUT",
        "put",
        "test_a_version_never_comes_back",
        sqlite=("(SELECT retired_version FROM external_auth_meta) + 1", "1"),
        postgres=("SELECT $1, $2, retired_version + 1", "SELECT $1, $2, 1"),
    ),
    # Tokens
    Bug(
        "mark-clears-token",
        "RECORD_FAILURE",
        "record_failure",
        "test_a_mark_touches_neither_tokens_nor_version",
        **_both("external_auth_links SET\n", "external_auth_links SET oauth_refresh_token = NULL,\n"),
    ),
    Bug(
        "save-keeps-old-refresh-token",
        "SAVE",
        "save",
        "test_save_stores_exactly_what_it_is_given",
        sqlite=(
            "oauth_refresh_token = :refresh_token",
            "oauth_refresh_token = coalesce(:refresh_token, oauth_refresh_token)",
        ),
        postgres=("oauth_refresh_token = $4", "oauth_refresh_token = coalesce($4, oauth_refresh_token)"),
    ),
    Bug(
        "put-keeps-old-refresh-token",
        "PUT",
        "put",
        "test_put_carries_nothing_forward",
        sqlite=(
            "oauth_refresh_token = excluded.oauth_refresh_token",
            "oauth_refresh_token = coalesce(excluded.oauth_refresh_token, oauth_refresh_token)",
        ),
        postgres=("oauth_refresh_token = $4", "oauth_refresh_token = coalesce($4, link.oauth_refresh_token)"),
    ),
    Bug(
        "put-keeps-origin",
        "PUT",
        "put",
        "test_put_carries_nothing_forward",
        sqlite=("oauth_client_id = excluded.oauth_client_id, ", "oauth_client_id = oauth_client_id, "),
        postgres=("oauth_client_id = $12, oauth_token_endpoint = $13,", NOWHERE),
    ),
    Bug(
        "put-renews-created-at",
        "PUT",
        "put",
        "test_put_always_wins",
        sqlite=("DO UPDATE SET", "DO UPDATE SET created_at = excluded.created_at + 1,"),
        postgres=("DO UPDATE SET", "DO UPDATE SET created_at = clock_timestamp(),"),
    ),
    Bug(
        "reseal-moves-updated-at",
        "RESEAL",
        "reseal",
        "test_reseal_changes_the_texts_only",
        sqlite=("external_auth_links SET", "external_auth_links SET updated_at = updated_at + 1,"),
        postgres=("external_auth_links SET", "external_auth_links SET updated_at = clock_timestamp(),"),
    ),
    # Leases
    Bug(
        "lease-ignored",
        "CLAIM",
        "claim",
        "test_a_live_lease_keeps_others_out",
        sqlite=(f"AND {_LEASE_IS_FREE['sqlite']}", NOWHERE),
        postgres=(f"AND {_LEASE_IS_FREE['postgres']}", NOWHERE),
    ),
    Bug(
        "clock-of-a-replica-that-is-ahead",
        "CLAIM",
        "claim",
        "test_a_live_lease_keeps_others_out",
        sqlite=(f"lease_expires_at <= {sqlite.NOW}", f"lease_expires_at <= {sqlite.NOW} + 3600000000"),
        postgres=(
            "lease_expires_at <= clock_timestamp()",
            "lease_expires_at <= clock_timestamp() + interval '1 hour'",
        ),
    ),
    Bug(
        "crash-forgotten",
        "CLAIM",
        "claim",
        "test_a_lapsed_lease_is_an_unresolved_exchange",
        **_both("THEN coalesce(unresolved_since, lease_taken_at)", "THEN unresolved_since"),
    ),
    Bug(
        "newest-exchange-counts",
        "CLAIM",
        "claim",
        "test_the_oldest_unresolved_exchange_counts",
        **_both(
            "THEN coalesce(unresolved_since, lease_taken_at)",
            "THEN coalesce(lease_taken_at, unresolved_since)",
        ),
    ),
    Bug(
        "own-claim-counts",
        "CLAIM",
        "claim",
        "test_an_owner_renews_its_lease",
        sqlite=("CASE WHEN lease_owner <> :owner", "CASE WHEN lease_owner IS NOT NULL"),
        postgres=("CASE WHEN lease_owner <> $4", "CASE WHEN lease_owner IS NOT NULL"),
    ),
    Bug(
        "release-by-anybody",
        "RELEASE",
        "release",
        "test_release_is_by_owner",
        sqlite=("AND lease_owner = :owner", "AND lease_owner IS NOT NULL"),
        postgres=("AND lease_owner = $4", "AND lease_owner IS NOT NULL AND $4::text IS NOT NULL"),
    ),
    Bug(
        "release-keeps-lease",
        "RELEASE",
        "release",
        "test_release_after_a_known_outcome_leaves_no_trace",
        **_both(_LEASE, "lease_owner = lease_owner"),
    ),
    Bug(
        "unresolved-forgotten",
        "RELEASE",
        "release",
        "test_release_after_an_unknown_outcome_is_remembered",
        **_both("THEN coalesce(unresolved_since, lease_taken_at)", "THEN unresolved_since"),
    ),
    Bug(
        "save-demands-lease",
        "SAVE",
        "save",
        "test_save_asks_for_no_lease",
        **_both(" RETURNING", " AND lease_owner IS NOT NULL RETURNING"),
    ),
    Bug(
        "save-keeps-lease",
        "SAVE",
        "save",
        "test_save_clears_mark_lease_and_unresolved_exchange",
        **_both(f"{_LEASE}, ", NOWHERE),
    ),
    Bug(
        "save-keeps-unresolved",
        "SAVE",
        "save",
        "test_save_clears_mark_lease_and_unresolved_exchange",
        **_both(", unresolved_since = NULL", NOWHERE),
    ),
    Bug(
        "put-keeps-lease",
        "PUT",
        "put",
        "test_put_clears_mark_lease_and_unresolved_exchange",
        **_both(f"{_LEASE}, ", NOWHERE),
    ),
    Bug(
        "put-loses-against-lease",
        "PUT",
        "put",
        "test_put_always_wins",
        sqlite=("version = version + 1,", "version = version + (lease_owner IS NULL),"),
        postgres=("version = link.version + 1,", "version = link.version + (lease_owner IS NULL)::int,"),
    ),
    # Marks
    Bug(
        "save-keeps-mark",
        "SAVE",
        "save",
        "test_save_clears_mark_lease_and_unresolved_exchange",
        **_both(f"{_MARKS}, ", NOWHERE),
    ),
    Bug(
        "put-keeps-mark",
        "PUT",
        "put",
        "test_put_clears_mark_lease_and_unresolved_exchange",
        **_both(f"{_MARKS}, ", NOWHERE),
    ),
    Bug(
        "permanent-mark-replaced",
        "RECORD_FAILURE",
        "record_failure",
        "test_a_permanent_mark_stays",
        **_both("OR oauth_refresh_failure_retry_at IS NOT NULL", "OR true"),
    ),
    Bug(
        "mark-ends-lease",
        "RECORD_FAILURE",
        "record_failure",
        "test_a_mark_leaves_the_lease",
        **_both("external_auth_links SET\n", f"external_auth_links SET {_LEASE},\n"),
    ),
    Bug(
        "lifts-all-providers",
        "LIFT_FAILURE",
        "lift_failure",
        "test_lifting_undoes_an_outage",
        sqlite=("provider_id = :provider_id AND", NOWHERE),
        postgres=("provider_id = $1 AND", "$1::text IS NOT NULL AND"),
    ),
    Bug(
        "lift-clears-token",
        "LIFT_FAILURE",
        "lift_failure",
        "test_lifting_undoes_an_outage",
        **_both("external_auth_links SET", "external_auth_links SET oauth_refresh_token = NULL,"),
    ),
    # Reads and sweeps
    Bug(
        "ids-folded-in-save",
        "SAVE",
        "save",
        "test_writes_tell_similar_ids_apart",
        sqlite=("user_id = :user_id", "user_id = :user_id COLLATE NOCASE"),
        postgres=("user_id = $2", "lower(user_id) = lower($2)"),
    ),
    Bug(
        "ids-folded-in-delete",
        "DELETE",
        "delete",
        "test_writes_tell_similar_ids_apart",
        sqlite=("user_id = :user_id", "user_id = :user_id COLLATE NOCASE"),
        postgres=("user_id = $2", "lower(user_id) = lower($2)"),
    ),
    Bug(
        "links-as-they-were-made",
        "LINKS_OF",
        "links_of",
        "test_links_of_a_user_are_ordered_by_provider",
        **_both("ORDER BY provider_id", "ORDER BY updated_at"),
    ),
    Bug(
        "links-of-others",
        "LINKS_OF",
        "links_of",
        "test_links_of_a_user_are_ordered_by_provider",
        sqlite=("user_id = :user_id", ":user_id IN (user_id, provider_id)"),
        postgres=("user_id = $1", "$1 IN (user_id, provider_id)"),
    ),
    Bug(
        "due-skips-unknown-expiry",
        "DUE",
        "due",
        "test_due_finds_links_unused_for_long",
        **_both("AND oauth_refresh_token IS NOT NULL", "AND oauth_expiry IS NOT NULL"),
    ),
    Bug(
        "due-lists-dead-links",
        "DUE",
        "due",
        "test_dead_links_are_not_due",
        **_both("OR oauth_refresh_failure_retry_at IS NOT NULL", "OR true"),
    ),
    Bug(
        "due-without-refresh-token",
        "DUE",
        "due",
        "test_due_finds_what_expires_before_the_limit",
        **_both("AND oauth_refresh_token IS NOT NULL", NOWHERE),
    ),
    Bug(
        "due-out-of-order",
        "DUE",
        "due",
        "test_due_comes_page_by_page",
        **_both("ORDER BY user_id", "ORDER BY updated_at"),
    ),
]
