"""Statements with which a lease guards nothing, or too much."""

from __future__ import annotations

from extauth.adapters.sqlite import statements as sqlite
from tests.proof.statement_bug import NOTHING, Bug, both

_LEASE_IS_FREE = {
    "sqlite": "(lease_owner IS NULL OR lease_owner = :owner"
    f""" OR (:lapsed AND lease_expires_at <= {sqlite.NOW})
    OR (lease_owner = :seen_owner AND lease_expires_at = :seen_expiry))""",
    "postgres": """(lease_owner IS NULL OR lease_owner = $4 OR ($6 AND lease_expires_at <= clock_timestamp())
    OR (lease_owner = $7 AND lease_expires_at = $8))""",
}
_UNUSED = "($6::boolean IS NULL OR $7::text IS NULL OR $8::timestamptz IS NULL) IS NOT NULL"

BUGS = [
    Bug(
        "lease-ignored",
        "CLAIM",
        "claim",
        "test_a_live_lease_keeps_others_out",
        sqlite=(f"AND {_LEASE_IS_FREE['sqlite']}", NOTHING),
        postgres=(f"AND {_LEASE_IS_FREE['postgres']}", f"AND {_UNUSED}"),
    ),
    Bug(
        "lapsed-lease-taken-all-the-same",
        "CLAIM",
        "claim",
        "test_a_lapsed_lease_can_be_left_alone",
        sqlite=("(:lapsed AND ", "(:lapsed IS NOT NULL AND "),
        postgres=("($6 AND ", "($6::boolean IS NOT NULL AND "),
    ),
    Bug(
        "renewed-lease-taken-for-the-one-that-was-seen",
        "CLAIM",
        "claim",
        "test_another_lease_is_not",
        sqlite=(" AND lease_expires_at = :seen_expiry", " AND :seen_expiry IS NOT NULL"),
        postgres=(" AND lease_expires_at = $8", " AND $8::timestamptz IS NOT NULL"),
    ),
    Bug(
        "seen-lease-never-taken",
        "CLAIM",
        "claim",
        "test_a_lease_that_was_seen_is_taken_over",
        sqlite=(
            "lease_expires_at = :seen_expiry",
            f"lease_expires_at = :seen_expiry AND :seen_expiry < {sqlite.NOW}",
        ),
        postgres=("lease_expires_at = $8", "lease_expires_at = $8 AND $8 < clock_timestamp()"),
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
