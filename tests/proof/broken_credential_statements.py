"""Statements that write over the wrong version, or the wrong columns."""

from __future__ import annotations

from tests.proof.statement_bug import NOTHING, Bug, both, no_version

BUGS = [
    Bug(
        "save-any-version",
        "SAVE",
        "save",
        "test_save_at_another_version_changes_nothing",
        **no_version("$14"),
    ),
    Bug(
        "mark-any-version",
        "RECORD_FAILURE",
        "record_failure",
        "test_a_late_mark_never_lands_on_newer_tokens",
        **no_version("$3", used=True),
    ),
    Bug(
        "reseal-any-version",
        "RESEAL",
        "reseal",
        "test_reseal_at_another_version_changes_nothing",
        **no_version("$8"),
    ),
    Bug(
        "claim-any-version", "CLAIM", "claim", "test_claims_of_another_version_are_stale", **no_version("$3")
    ),
    Bug("release-any-version", "RELEASE", "release", "test_release_happens_once", **no_version("$3")),
    Bug(
        "mark-bumps-version",
        "RECORD_FAILURE",
        "record_failure",
        "test_a_mark_touches_neither_tokens_nor_version",
        **both("external_auth_links SET\n", "external_auth_links SET version = version + 1,\n"),
    ),
    Bug(
        "reseal-bumps-version",
        "RESEAL",
        "reseal",
        "test_reseal_changes_the_texts_only",
        **both("external_auth_links SET", "external_auth_links SET version = version + 1,"),
    ),
    Bug(
        "save-keeps-version",
        "SAVE",
        "save",
        "test_save_is_the_next_version",
        **both("version = version + 1,", NOTHING),
    ),
    Bug(
        "version-starts-again",
        "PUT",
        "put",
        "test_a_version_never_comes_back",
        sqlite=("(SELECT retired_version FROM external_auth_meta) + 1", "1"),
        postgres=("SELECT $1, $2, retired_version + 1", "SELECT $1, $2, 1"),
    ),
    Bug(
        "mark-clears-token",
        "RECORD_FAILURE",
        "record_failure",
        "test_a_mark_touches_neither_tokens_nor_version",
        **both("external_auth_links SET\n", "external_auth_links SET oauth_refresh_token = NULL,\n"),
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
        postgres=(
            "oauth_client_id = $14, oauth_token_endpoint = $15,",
            "oauth_client_id = link.oauth_client_id,",
        ),
    ),
    Bug(
        "save-keeps-origin",
        "SAVE",
        "save",
        "test_save_writes_the_origin_that_it_is_given",
        sqlite=("coalesce(:token_endpoint, oauth_token_endpoint)", "oauth_token_endpoint"),
        postgres=("coalesce($16::text, oauth_token_endpoint)", "coalesce(oauth_token_endpoint, $16::text)"),
    ),
    Bug(
        "save-forgets-resource",
        "SAVE",
        "save",
        "test_save_is_the_next_version",
        sqlite=("THEN oauth_resource ELSE :resource END", "THEN NULL ELSE :resource END"),
        postgres=("THEN oauth_resource ELSE $17::text END", "THEN NULL ELSE $17::text END"),
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
        sqlite=(
            "external_auth_links SET",
            "external_auth_links SET oauth_written_at = oauth_written_at + 1,",
        ),
        postgres=("external_auth_links SET", "external_auth_links SET oauth_written_at = clock_timestamp(),"),
    ),
]
