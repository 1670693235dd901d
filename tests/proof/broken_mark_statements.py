"""Statements that lose or spread marks, and reads that mislead."""

from __future__ import annotations

from extauth.adapters.sqlite import statements as sqlite
from tests.proof.statement_bug import NOTHING, Bug, both

BUGS = [
    Bug(
        "save-keeps-mark",
        "SAVE",
        "save",
        "test_save_clears_mark_lease_and_unresolved_exchange",
        **both(f"{sqlite._CLEAR_MARKS}, ", NOTHING),
    ),
    Bug(
        "put-keeps-mark",
        "PUT",
        "put",
        "test_put_clears_mark_lease_and_unresolved_exchange",
        **both(f"{sqlite._CLEAR_MARKS}, ", NOTHING),
    ),
    Bug(
        "permanent-mark-replaced",
        "RECORD_FAILURE",
        "record_failure",
        "test_a_permanent_mark_stays",
        **both("OR oauth_refresh_failure_retry_at IS NOT NULL", "OR true"),
    ),
    Bug(
        "mark-ends-lease",
        "RECORD_FAILURE",
        "record_failure",
        "test_a_mark_leaves_the_lease",
        **both("external_auth_links SET\n", f"external_auth_links SET {sqlite._CLEAR_LEASE},\n"),
    ),
    Bug(
        "lifts-all-providers",
        "LIFT_FAILURE",
        "lift_failure",
        "test_lifting_undoes_an_outage",
        sqlite=("provider_id = :provider_id OR", "true OR"),
        postgres=("provider_id = $1 OR", "$1::text IS NOT NULL OR"),
    ),
    Bug(
        "lift-clears-token",
        "LIFT_FAILURE",
        "lift_failure",
        "test_lifting_undoes_an_outage",
        **both("external_auth_links SET", "external_auth_links SET oauth_refresh_token = NULL,"),
    ),
    Bug(
        "mark-of-any-write",
        "RECORD_FAILURE",
        "record_failure",
        "test_a_mark_tells_writes_of_one_version_apart",
        sqlite=(" = :written_at", " IS NOT NULL"),
        postgres=(" = $8", " IS NOT NULL"),
    ),
    Bug(
        "save-of-any-write",
        "SAVE",
        "save",
        "test_save_tells_writes_of_one_version_apart",
        sqlite=(" = :written_at", " IS NOT NULL"),
        postgres=(" = $18", " IS NOT NULL"),
    ),
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
        **both("AND oauth_refresh_token IS NOT NULL", "AND oauth_expiry IS NOT NULL"),
    ),
    Bug(
        "due-lists-dead-links",
        "DUE",
        "due",
        "test_dead_links_are_not_due",
        **both("OR oauth_refresh_failure_retry_at IS NOT NULL", "OR true"),
    ),
    Bug(
        "due-without-refresh-token",
        "DUE",
        "due",
        "test_due_finds_what_expires_before_the_limit",
        **both("AND oauth_refresh_token IS NOT NULL", NOTHING),
    ),
    Bug(
        "due-out-of-order",
        "DUE",
        "due",
        "test_due_comes_page_by_page",
        **both("ORDER BY user_id", "ORDER BY updated_at"),
    ),
]
