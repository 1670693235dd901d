"""Statements that miscount what is encrypted with which key, or write over a client that has changed."""

from __future__ import annotations

from tests.proof.statement_bug import NOTHING, Bug, both

_SLICES = "test_no_link_of_many_is_missed"
_COUNTED = "test_links_are_counted_by_what_their_texts_say"
_RESEALED = "test_a_registration_is_resealed_as_it_was_read"

BUGS = [
    Bug(
        "slices-overlap",
        "SEALED_LINKS",
        "count",
        _SLICES,
        **both("(provider_id, user_id) > (", "(provider_id, user_id) >= ("),
    ),
    Bug(
        "slices-by-user-alone",
        "SEALED_LINKS",
        "links",
        "test_links_not_under_a_key_are_found_in_order",
        sqlite=("(provider_id, user_id) > (:provider, :user)", "user_id > :user"),
        postgres=("(provider_id, user_id) > ($1, $2)", "$1::text IS NOT NULL AND user_id > $2"),
    ),
    Bug("extra-not-looked-at", "SEALED_LINKS", "count", _COUNTED, **both("oauth_extra", "''")),
    Bug(
        "resources-not-looked-at",
        "SEALED_LINKS",
        "count",
        _COUNTED,
        **both("oauth_resource_tokens", "''"),
    ),
    Bug("keys-cut-short", "SEALED_LINKS", "count", _COUNTED, **both(", 1, 300)", ", 1, 200)")),
    Bug(
        "taken-count",
        "SEALED_AUTHORIZATIONS",
        "count",
        "test_authorizations_count_until_they_are_taken_or_purged",
        **both("AND salt IS NOT NULL", NOTHING),
    ),
    Bug(
        "another-client-resealed",
        "RESEAL_REGISTRATION",
        "reseal_registration",
        _RESEALED,
        sqlite=("AND client_id = :client_id", NOTHING),
        postgres=("AND client_id = $2", "AND $2::text IS NOT NULL"),
    ),
    Bug(
        "another-secret-resealed",
        "RESEAL_REGISTRATION",
        "reseal_registration",
        _RESEALED,
        sqlite=("client_secret IS :old_secret", "true"),
        postgres=("client_secret IS NOT DISTINCT FROM $3", "$3::text IS NOT DISTINCT FROM $3"),
    ),
    Bug(
        "no-secret-is-no-secret",
        "RESEAL_REGISTRATION",
        "reseal_registration",
        "test_a_registration_without_one_of_its_secrets_is_resealed",
        sqlite=("IS :old", "= :old"),
        postgres=("IS NOT DISTINCT FROM", "="),
    ),
    Bug(
        "secrets-change-places",
        "RESEAL_REGISTRATION",
        "reseal_registration",
        _RESEALED,
        sqlite=("client_secret = :secret, registration_token = :token", "client_secret = :token"),
        postgres=(
            "client_secret = $5, registration_token = $6",
            "client_secret = $6, issuer = issuer || left($5, 0)",
        ),
    ),
]
