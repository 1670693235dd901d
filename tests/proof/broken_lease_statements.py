"""Statements with which a lease guards nothing, or too much."""

from __future__ import annotations

from extauth.adapters.sqlite import statements as sqlite
from tests.proof.statement_bug import NOTHING, Bug, both

_LEASE_IS_FREE = {
    "sqlite": f"(lease_owner IS NULL OR lease_owner = :owner OR lease_expires_at <= {sqlite.NOW})",
    "postgres": "(lease_owner IS NULL OR lease_owner = $4 OR lease_expires_at <= clock_timestamp())",
}

BUGS = [
    Bug(
        "lease-ignored",
        "CLAIM",
        "claim",
        "test_a_live_lease_keeps_others_out",
        sqlite=(f"AND {_LEASE_IS_FREE['sqlite']}", NOTHING),
        postgres=(f"AND {_LEASE_IS_FREE['postgres']}", NOTHING),
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
        **both("THEN coalesce(unresolved_since, lease_taken_at)", "THEN unresolved_since"),
    ),
    Bug(
        "newest-exchange-counts",
        "CLAIM",
        "claim",
        "test_the_oldest_unresolved_exchange_counts",
        **both(
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
        **both(sqlite._CLEAR_LEASE, "lease_owner = lease_owner"),
    ),
    Bug(
        "unresolved-forgotten",
        "RELEASE",
        "release",
        "test_release_after_an_unknown_outcome_is_remembered",
        **both("THEN coalesce(unresolved_since, lease_taken_at)", "THEN unresolved_since"),
    ),
    Bug(
        "save-demands-lease",
        "SAVE",
        "save",
        "test_save_asks_for_no_lease",
        **both(" RETURNING", " AND lease_owner IS NOT NULL RETURNING"),
    ),
    Bug(
        "save-keeps-lease",
        "SAVE",
        "save",
        "test_save_clears_mark_lease_and_unresolved_exchange",
        **both(f"{sqlite._CLEAR_LEASE}, ", NOTHING),
    ),
    Bug(
        "save-keeps-unresolved",
        "SAVE",
        "save",
        "test_save_clears_mark_lease_and_unresolved_exchange",
        **both(", unresolved_since = NULL", NOTHING),
    ),
    Bug(
        "put-keeps-lease",
        "PUT",
        "put",
        "test_put_clears_mark_lease_and_unresolved_exchange",
        **both(f"{sqlite._CLEAR_LEASE}, ", NOTHING),
    ),
    Bug(
        "put-loses-against-lease",
        "PUT",
        "put",
        "test_put_always_wins",
        sqlite=("version = version + 1,", "version = version + (lease_owner IS NULL),"),
        postgres=("version = link.version + 1,", "version = link.version + (lease_owner IS NULL)::int,"),
    ),
]
