"""Statements that import too much, twice or by half, and open fences."""

from __future__ import annotations

from extauth.adapters.sql.link_columns import STANDS, gives_way
from tests.proof.statement_bug import Bug, both

BUGS = [
    Bug(
        "import-overwrites",
        "ADD",
        "add",
        "test_an_import_overwrites_nothing",
        **both("DO NOTHING", "DO UPDATE SET oauth_access_token = excluded.oauth_access_token"),
    ),
    Bug(
        "import-begins-at-one",
        "ADD",
        "add",
        "test_an_import_never_repeats_a_version",
        sqlite=(":user_id, retired_version + 1", ":user_id, 1"),
        postgres=("$2, retired_version + 1", "$2, 1"),
    ),
    Bug(
        "import-marks-version-one",
        "ADD",
        "add",
        "test_an_import_never_repeats_a_version",
        **both("NULL ELSE retired_version + 1", "NULL ELSE 1"),
    ),
    Bug(
        "import-forgets-exchange",
        "ADD",
        "add",
        "test_an_import_keeps_an_unresolved_exchange",
        sqlite=(" :unresolved_since", " NULL"),
        postgres=("$19::timestamptz", "nullif($19::timestamptz, $19)"),
    ),
    Bug(
        "import-of-now",
        "ADD",
        "add",
        "test_an_imported_link_is_added_whole",
        sqlite=("coalesce(:created_at, ", "coalesce(NULL, "),
        postgres=("coalesce($17, moment)", "coalesce(nullif($17, $17), moment)"),
    ),
    Bug(
        "keys-of-one-name",
        "KEYS_OF",
        "keys",
        "test_keys_come_page_by_page",
        sqlite=("provider_id < :beyond", "provider_id < :below"),
        postgres=("provider_id < $6", "provider_id < $5 AND $6 <> ''"),
    ),
    Bug(
        "keys-skip",
        "KEYS",
        "keys",
        "test_keys_come_page_by_page",
        sqlite=("(provider_id, user_id) > (:after_provider, :after_user)", "provider_id > :after_provider"),
        postgres=("(provider_id, user_id) > ($1, $2)", "provider_id > $1 AND $2::text IS NOT NULL"),
    ),
    Bug(
        "fence-replaced",
        "RECORD_FAILURE",
        "record_failure",
        "test_a_fence_gives_way_to_no_failure",
        sqlite=(f"AND {gives_way(':reason', ':retry_at')}", ""),
        postgres=(f"AND {gives_way('$4', '$6::timestamptz')}", ""),
    ),
    Bug(
        "doubt-replaced",
        "RECORD_FAILURE",
        "record_failure",
        "test_a_doubt_gives_way_to_what_is_worse",
        **both("<> 'doubtful'", "<> 'nothing'"),
    ),
    Bug(
        "fence-lifted",
        "LIFT_FAILURE",
        "lift_failure",
        "test_a_fence_is_lifted_by_its_own_reason_alone",
        **both(f"AND NOT {STANDS}", ""),
    ),
]
