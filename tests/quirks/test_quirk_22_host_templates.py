"""Class 22: URLs have parts that differ between customers, and that must lead nowhere else."""

from __future__ import annotations

import pytest

from extauth.adapters.providers import (
    CATALOGUE,
    gitlab_self_managed,
    hubspot,
    keycloak,
    microsoft,
    okta,
    salesforce,
    shopify,
    zendesk,
    zoho,
)
from extauth.domain.errors import ProviderMisconfigured
from extauth.domain.linking_outcomes import TokenUnverified
from extauth.testing import AuthorizationServer, ServerQuirks
from tests.quirks.support_b import REDIRECT_URI, Application, Wire, using
from tests.support.clocks import LeapingClock

CLIENT = {"client_id": "client", "client_secret": "secret"}
KEYCLOAK = "https://keycloak.example"


def at(server: AuthorizationServer, **others):
    """Return a client of a customer's own server, of which nothing is said but where it is."""
    return gitlab_self_managed(
        client_id=server.client_id, client_secret=server.client_secret, base=server.url, **others
    )


def own_server(clock: LeapingClock) -> AuthorizationServer:
    """Return a server whose paths are GitLab's."""
    quirks = ServerQuirks(issuer_path="/oauth", sends_iss=False, refresh_params={"redirect_uri": None})
    return AuthorizationServer(quirks=quirks, monotonic=clock.monotonic, now=clock.now)


async def test_a_base_is_all_that_a_self_managed_server_needs():
    """Connecting, refreshing and disconnecting go to the customer's own server, by its base alone."""
    clock = LeapingClock()
    async with own_server(clock) as server:
        app = Application(server, at(server), clock, Wire())
        async with app.linking, app.tokens:
            link = await app.connect()
            assert link.origin.token_endpoint == f"{server.url}/oauth/token"
            fresh = await app.refreshed()
            assert server.accepts(fresh.tokens.access_token)
            assert (await app.unlink()).revoked
            assert not server.grants.live_refresh_tokens()


async def test_customers_are_told_apart():
    """Two customers' servers are two providers; each sees its own tokens only."""
    clock = LeapingClock()
    async with own_server(clock) as first, own_server(clock) as second:
        acme, other = at(first, provider_id="gitlab-acme"), at(second, provider_id="gitlab-other")
        app = Application(first, acme, clock, Wire())
        linking = type(app.linking)(app.store, [acme, other], clock=clock)
        async with linking, app.replica(acme, other) as tokens:
            for provider, server in ((acme, first), (other, second)):
                server.redirect_uris.add(f"{REDIRECT_URI}/{provider.provider_id}")
                url = await linking.begin(
                    provider.provider_id, "alice", f"{REDIRECT_URI}/{provider.provider_id}"
                )
                callback = (await server.visit(url)).params
                await linking.complete(callback, user_id="alice", provider_id=provider.provider_id)
                await tokens.refresh(provider.provider_id, "alice")
            assert [len(server.presented) for server in (first, second)] == [1, 1]
            assert not {*first.presented} & {*second.presented}


async def test_a_changed_base_gets_no_tokens_of_the_old_one():
    """If the configuration comes to point elsewhere, no refresh or access token is sent there."""
    clock = LeapingClock()
    async with own_server(clock) as server, own_server(clock) as elsewhere:
        app = Application(server, at(server), clock, Wire())
        async with app.linking, app.tokens:
            link = await app.connect()
            moved = Application(elsewhere, at(elsewhere), clock, Wire())
            moved.store = app.store
            linking = type(app.linking)(app.store, [moved.provider], clock=clock)
            async with linking, app.replica(moved.provider) as tokens:
                with pytest.raises(ProviderMisconfigured) as caught:
                    await tokens.refresh(moved.provider.provider_id, "alice")
                assert caught.value.reason == "grant_of_another_client"
                validity = await linking.validate(moved.provider.provider_id, "alice")
                assert validity == TokenUnverified("grant_of_another_client")
            assert elsewhere.presented == []
            assert await app.stored() == link


async def test_an_address_from_the_answer_is_looked_at_before_use():
    """An address that the provider gave must be one that secrets may be sent to."""
    quirks = {"extra_members": {"instance_url": "http://evil.example"}, "offline_scope": "refresh_token"}
    validation = {"validation": salesforce.validation}
    async with using(salesforce, client=validation, **quirks) as app:
        link = await app.connect()
        assert link.tokens.extra["instance_url"] == "http://evil.example"
        assert await app.validate() == TokenUnverified("cannot_ask")
        assert all(sent.url.startswith(app.server.url) for sent in app.wire.sent)


HOSTILE = [
    (okta, {"domain": "evil.example/x"}, "domain"),
    (okta, {"domain": "acme.okta.example@evil.example"}, "domain"),
    (okta, {"domain": "evil.example#.okta.example"}, "domain"),
    (okta, {"domain": "evil.example:8443"}, "domain"),
    (salesforce, {"domain": "evil.example?acme.my.salesforce.example"}, "domain"),
    (shopify, {"shop": "evil.example/"}, "shop"),
    (shopify, {"shop": "acme.evil"}, "shop"),
    (shopify, {"shop": "evil.example\\"}, "shop"),
    (zendesk, {"subdomain": "evil.example/?"}, "subdomain"),
    (zendesk, {"subdomain": "acme\n"}, "subdomain"),
    (zoho, {"dc": "com.evil.example"}, "dc"),
    (zoho, {"dc": "evil"}, "dc"),
    (gitlab_self_managed, {"base": "http://evil.example"}, "base"),
    (gitlab_self_managed, {"base": "https://gitlab.example@evil.example"}, "base"),
    (gitlab_self_managed, {"base": "https://evil.example/?"}, "base"),
    (gitlab_self_managed, {"base": "https://evil.example/{access_token}"}, "base"),
    (microsoft, {"tenant": ".."}, "tenant"),
    (keycloak, {"base": KEYCLOAK, "realm": ""}, "realm"),
]


@pytest.mark.parametrize(("preset", "variables", "name"), HOSTILE)
def test_a_hostile_variable_is_refused(preset, variables, name):
    """A value that could send secrets elsewhere makes no client, and is not repeated in the message."""
    with pytest.raises(ValueError, match=name) as caught:
        preset(**CLIENT, **variables)
    said = str(caught.value)
    hostile = variables[name]
    # The example in a message may share single characters with it.
    assert len(hostile) < 3 or hostile not in said


@pytest.mark.parametrize(
    ("preset", "variables", "token_url"),
    [
        (keycloak, {"base": KEYCLOAK, "realm": "../admin"}, "/realms/..%2Fadmin/protocol/"),
        (keycloak, {"base": KEYCLOAK, "realm": "a/b?c#d"}, "/realms/a%2Fb%3Fc%23d/protocol/"),
        (hubspot, {"version": "v3/../../x"}, "/oauth/v3%2F..%2F..%2Fx/token"),
        (microsoft, {"tenant": "a@evil.example"}, "/a%40evil.example/oauth2/"),
    ],
)
def test_a_part_of_a_path_stays_one_part(preset, variables, token_url):
    """What is only odd in a path is encoded, so that it stays at its place."""
    assert token_url in preset(**CLIENT, **variables).origin.token_endpoint


@pytest.mark.parametrize("preset", [preset for preset in CATALOGUE.values() if preset.variables])
def test_every_variable_is_guarded(preset):
    """No preset has a variable that takes another host into the place of its own."""
    examples = {variable.name: variable.example for variable in preset.variables}
    right = preset(**CLIENT, **examples).origin.token_endpoint
    for name, value in examples.items():
        for hostile in ("@evil.example", "/../..//evil.example", "x.example\r\nHost: evil.example"):
            try:
                built = preset(**CLIENT, **{**examples, name: value + hostile})
            except ValueError:
                continue
            assert built.origin.token_endpoint.split("/")[:3] == right.split("/")[:3]
