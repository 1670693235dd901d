"""Presets as data: what every one of them is, and how one becomes a client."""

from __future__ import annotations

import re
import socket
from datetime import date, timedelta
from typing import Any, get_type_hints

import attrs
import pytest
from joserfc.jwk import ECKey
from yarl import URL

from extauth import LinkingService, TokenService, TokenSet
from extauth.adapters import providers
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import AppleKey, OAuth2Provider
from extauth.adapters.oauth2.options import ProviderOptions
from extauth.adapters.providers import (
    CATALOGUE,
    Preset,
    Variable,
    apple,
    auth0,
    facebook,
    gitea,
    github,
    github_app,
    gitlab,
    gitlab_self_managed,
    google,
    jfrog,
    keycloak,
    okta,
    preset,
    salesforce,
    shopify,
    slack,
    zoho,
)
from extauth.adapters.providers.options import PresetOptions
from extauth.domain.linking import AuthorizationRequest
from extauth.domain.outcomes import ClientRejected, NotSent
from extauth.domain.policy import ProviderTraits
from tests.attacks.fence import fenced


def client_of(made: Preset, **others: Any) -> OAuth2Provider:
    """Return a client with the examples of the variables that must be given."""
    examples: dict[str, Any] = {each.name: each.example for each in made.variables if each.default is None}
    return made(client_id="id", client_secret="sec", **{**examples, **others})


every_preset = pytest.mark.parametrize("made", CATALOGUE.values(), ids=lambda made: made.id)


@every_preset
def test_every_preset_makes_a_client(made):
    """With its examples, and under its own id."""
    client = client_of(made)
    assert (client.provider_id, client.client_id) == (made.id, "id")
    assert client.traits == made.traits


@every_preset
def test_every_url_is_https_and_whole(made):
    """No variable is left in a URL, and secrets go nowhere in the clear."""
    client = client_of(made)
    urls = [client.origin.token_endpoint, client.authorize_url, client.device_url]
    for url in filter(None, urls):
        assert re.fullmatch(r"https://[a-z0-9.-]+/[A-Za-z0-9/._-]*", url), url


@every_preset
def test_every_preset_is_a_name_of_the_package(made):
    """It is imported by its id, which names it in keys and on the command line."""
    assert getattr(providers, made.id) is made
    assert made.id in providers.__all__
    assert preset(made.id) is made


@every_preset
def test_every_preset_says_what_a_reader_needs(made):
    """A display name, a day of the check, and sentences."""
    assert made.display_name
    assert made.checked == (date(2026, 11, 29) if made.id in {"square", "withings"} else date(2026, 11, 23))
    assert all(note.endswith(".") for note in made.notes)
    assert made.docs_url is None or made.docs_url.startswith("https://")


@every_preset
def test_answers_are_read_with_the_separator_that_requests_use(made):
    """What was asked for by commas is answered by commas."""
    assert made.replies.scope_separator in {made.authorization.scope_separator, ","}


@every_preset
def test_a_replay_window_is_claimed_only_where_tokens_rotate(made):
    """Where they do not, replays are safe for ever."""
    assert made.traits.replay_window is None or made.traits.rotates


def test_there_are_at_least_forty_five():
    """One for each provider whose endpoints are confirmed, in order of their ids."""
    assert len(CATALOGUE) == 56
    assert list(CATALOGUE) == sorted(CATALOGUE)
    assert providers.__all__ == sorted(providers.__all__)


def test_an_unknown_preset_is_named():
    """Configuration with a slip says so, and where to look."""
    with pytest.raises(ValueError, match="no preset 'githib'; `extauth providers` lists them"):
        preset("githib")


@pytest.mark.parametrize("service", [TokenService, LinkingService])
def test_a_preset_is_no_provider_until_it_is_called(service):
    """A service that is given the preset itself says what is missing."""
    with pytest.raises(
        TypeError, match=r"Preset is no provider; call a preset first: github\(client_id=...\)"
    ):
        service(MemoryLinkStore(), [github])


def test_variables_are_given_by_keyword_and_have_defaults():
    """A host goes into every endpoint; gitlab itself has none."""
    client = gitlab_self_managed(client_id="id", client_secret="s", base="https://git.example/root/")
    assert client.origin.token_endpoint == "https://git.example/root/oauth/token"
    assert client.device_url == "https://git.example/root/oauth/authorize_device"
    assert gitlab.variables == ()
    default = salesforce(client_id="id", client_secret="s")
    assert default.origin.token_endpoint == "https://login.salesforce.com/services/oauth2/token"


def test_an_optional_part_of_a_path_may_be_left_out():
    """Okta's own authorization server has no name in its URLs."""
    client = okta(client_id="id", client_secret="s", domain="o.example")
    assert client.origin.token_endpoint == "https://o.example/oauth2/v1/token"


def test_a_client_id_in_a_url_is_encoded():
    """A client id cannot lead to another path."""
    client = jfrog(client_id="../x", client_secret="s", base="https://j.example")
    assert client.origin.token_endpoint == "https://j.example/access/api/v1/integrations/..%2Fx/token"


def test_a_missing_variable_says_what_it_is():
    """With an example of its kind."""
    with pytest.raises(ValueError, match=r"shopify needs shop: .* shop='acme-store'"):
        shopify(client_id="id", client_secret="s")


def test_an_unknown_keyword_is_refused_by_name():
    """A slip in a variable's name is not taken for a setting."""
    with pytest.raises(ValueError, match="shopify takes no store; its own variables are shop"):
        shopify(client_id="id", client_secret="s", shop="a", store="a")
    with pytest.raises(ValueError, match=r"github takes no base$"):
        github(client_id="id", client_secret="s", base="https://git.example")
    with pytest.raises(ValueError, match=r"takes no scope, shopp; .* shop; did you mean scopes, shop\?$"):
        shopify(client_id="id", client_secret="s", scope=["read"], shopp="a")


@pytest.mark.parametrize(
    ("made", "name", "value"),
    [
        (shopify, "shop", "evil.example/"),
        (shopify, "shop", "evil.example#"),
        (shopify, "shop", "a.b"),
        (shopify, "shop", "user@evil"),
        (shopify, "shop", ""),
        (shopify, "shop", "-a"),
        (salesforce, "domain", "evil.example/path"),
        (salesforce, "domain", "https://evil.example"),
        (salesforce, "domain", "a@evil.example"),
        (salesforce, "domain", "localhost"),
        (zoho, "dc", "evil.example"),
        (zoho, "dc", "com.evil"),
        (zoho, "dc", "com/"),
        (gitlab_self_managed, "base", "http://git.example"),
        (gitlab_self_managed, "base", "https://git.example?x"),
        (gitlab_self_managed, "base", "https://user@git.example"),
        (gitlab_self_managed, "base", "https://git.example/{access_token}"),
        (gitlab_self_managed, "base", "git.example"),
        (facebook, "ver", ".."),
        (facebook, "ver", ""),
    ],
)
def test_a_variable_cannot_send_secrets_astray(made, name, value):
    """What would lead to another host or path is refused, and not repeated in the error."""
    with pytest.raises(ValueError) as refused:
        made(client_id="id", client_secret="s", **{name: value})
    assert name in str(refused.value)
    assert not value or "evil" not in str(refused.value)


@pytest.mark.parametrize(
    ("made", "name", "value", "message"),
    [
        (gitlab_self_managed, "base", 7, "base must be a str or a yarl.URL, not int"),
        (gitlab_self_managed, "base", None, "gitlab_self_managed needs base"),
        (shopify, "shop", b"acme", r"shop must be a str, not bytes; decode it: value.decode\(\)"),
    ],
)
def test_a_variable_of_another_type(made, name, value, message):
    """It is refused, and nothing is made of its repr."""
    with pytest.raises((TypeError, ValueError), match=message):
        made(client_id="id", client_secret="s", **{name: value})


def test_a_base_may_be_a_url_of_yarl():
    """A URL object is as good as its text, and as well looked at."""
    client = gitlab_self_managed(client_id="id", client_secret="s", base=URL("https://git.example/root"))
    assert client.origin.token_endpoint == "https://git.example/root/oauth/token"
    with pytest.raises(ValueError, match="https://"):
        gitlab_self_managed(client_id="id", client_secret="s", base=URL("http://git.example"))


def test_the_options_are_the_keywords_and_the_variables():
    """A type checker knows the variables of all shipped presets, and what an OAuth2Provider takes."""
    variables = {variable.name for made in CATALOGUE.values() for variable in made.variables}
    assert get_type_hints(PresetOptions).keys() == variables | get_type_hints(ProviderOptions).keys()


def test_a_path_segment_is_encoded():
    """A version with a slash stays one segment."""
    client = facebook(client_id="id", client_secret="s", ver="1/../x")
    assert client.origin.token_endpoint == "https://graph.facebook.com/v1%2F..%2Fx/oauth/access_token"


def test_keywords_win_over_the_preset():
    """Scopes, an id for a second registration, and every setting of OAuth2Provider."""
    client = github_app(
        client_id="id",
        client_secret="s",
        provider_id="github-eu",
        scopes=["repo"],
        traits=ProviderTraits(rotates=False),
        authorize_url="https://git.example/authorize",
    )
    assert (client.provider_id, client.scopes) == ("github-eu", ("repo",))
    assert client.traits == ProviderTraits(rotates=False)
    assert client.authorize_url == "https://git.example/authorize"


def test_a_url_wins_over_the_rule_that_it_stands_for():
    """An application behind a proxy gives addresses, and no rules."""
    client = github(
        client_id="id",
        client_secret="s",
        revoke_url="https://proxy.example/revoke",
        userinfo_url="https://proxy.example/me",
    )
    assert client.userinfo_url == "https://proxy.example/me"


def test_apple_takes_a_key_in_place_of_a_secret():
    """Its client secret is made from the key."""
    pem = ECKey.generate_key("P-256").as_pem(private=True).decode()
    client = apple(client_id="id", client_key=AppleKey("TEAM", "KEY", pem))
    assert client.linking.callback_method == "POST"
    with pytest.raises(ValueError, match="client_secret"):
        apple(client_id="id")


def test_a_public_client_has_no_secret():
    """PKCE stands in for it, also where only public clients may use it."""
    assert slack(client_id="id", client_auth="none").linking.pkce
    assert not slack(client_id="id", client_secret="s").linking.pkce


@every_preset
def test_a_preset_without_pkce_says_why(made):
    """What is known of the provider, and where and when it was said: without that a challenge is sent."""
    assert (made.no_pkce is None) == client_of(made).linking.pkce
    assert made.no_pkce is None or re.search(r"\b20\d\d-\d\d-\d\d\b", made.no_pkce)


def test_hardly_any_preset_is_without_pkce():
    """Six confidential clients send no challenge; where OpenID Connect is spoken a nonce is sent as well."""
    clients = {each.id: client_of(each) for each in CATALOGUE.values()}
    assert {"facebook", "linkedin", "pipedrive", "slack", "square", "stripe_app"} == {
        each for each, client in clients.items() if not client.linking.pkce
    }
    assert {"apple", "auth0", "google", "keycloak", "okta"} == {
        each for each, client in clients.items() if client.linking.openid
    }


def test_a_preset_carries_the_issuer_that_is_documented():
    """With the application's variables in it, and to the last slash."""
    assert google(client_id="id", client_secret="s").linking.issuer == "https://accounts.google.com"
    client = auth0(client_id="id", client_secret="s", domain="acme.auth0.example")
    assert client.linking.issuer == "https://acme.auth0.example/"
    client = keycloak(client_id="id", client_secret="s", base="https://k.example/auth", realm="a b")
    assert client.linking.issuer == "https://k.example/auth/realms/a%20b"


@pytest.mark.parametrize("moved", ["authorize_url", "token_url"])
def test_another_server_is_another_issuer(moved):
    """A client that is led elsewhere is not taken for the provider's own server, unless it says so."""
    elsewhere = {moved: "https://proxy.example/oauth"}
    client = google(client_id="id", client_secret="s", **elsewhere)
    assert client.linking.issuer is None
    client = google(client_id="id", client_secret="s", issuer="https://accounts.google.com", **elsewhere)
    assert client.linking.issuer == "https://accounts.google.com"
    assert google(client_id="id", client_secret="s", authorize_url=None).linking.issuer is not None


def test_a_preset_may_say_that_its_server_sends_iss():
    """Then codes without it are refused."""
    mine = attrs.evolve(google, sends_issuer=True)
    assert mine(client_id="id", client_secret="s").linking.sends_issuer
    assert not mine(client_id="id", client_secret="s", token_url="https://t.example").linking.sends_issuer


def test_no_scopes_are_not_the_default_ones():
    """An application that asks for none is not given what the preset would ask for."""
    assert gitlab(client_id="id", client_secret="s").scopes == ("read_user",)
    assert gitlab(client_id="id", client_secret="s", scopes=()).scopes == ()


def test_a_preset_is_changed_without_subclassing():
    """A copy with other facts is a preset as well."""
    mine = attrs.evolve(github, id="mine", scopes=("repo",))
    client = mine(client_id="id", client_secret="s")
    assert (client.provider_id, client.scopes) == ("mine", ("repo",))


def test_a_preset_is_made_for_a_provider_that_is_not_shipped():
    """With variables of its own."""
    mine = Preset(
        id="forge",
        display_name="Forge",
        authorize_url="{base}/authorize",
        token_url="{base}/token",
        variables=(Variable(name="base", kind="base", description="the forge", example="https://f.example"),),
    )
    assert mine(client_id="id", client_secret="s", base="https://f.example").provider_id == "forge"
    by_name = mine(client_id="id", client_secret="s", variables={"base": "https://f.example"})
    assert by_name.origin.token_endpoint == "https://f.example/token"
    with pytest.raises(ValueError, match="forge has no variable bass; its own variables are base"):
        mine(client_id="id", client_secret="s", variables={"bass": "https://f.example"})


def test_a_preset_with_an_undeclared_variable_is_refused():
    """It could never be filled in."""
    with pytest.raises(ValueError, match="no variable is called base"):
        Preset(id="forge", display_name="Forge", token_url="{base}/token")


@pytest.mark.parametrize("preset_id", ["", "My Forge", "9lives", "a-b"])
def test_a_preset_id_is_an_identifier(preset_id):
    """It is a keyword of configuration and a name to import."""
    with pytest.raises(ValueError, match="a preset's id"):
        Preset(id=preset_id, display_name="Forge", token_url="https://f.example/token")


def test_a_variable_must_accept_its_own_example():
    """An example that is refused helps nobody; nor does a name that could not stand in a URL."""
    with pytest.raises(ValueError, match="one part of a host name"):
        Variable(name="shop", kind="label", description="the shop", example="a.b")
    with pytest.raises(ValueError, match="a variable's name"):
        Variable(name="Shop", kind="label", description="the shop", example="a")


def test_the_two_githubs_differ_in_what_expires():
    """An OAuth app's tokens never expire; an app's rotate and end each other."""
    assert not github.gives_refresh_tokens
    assert github_app.traits.rotates
    assert github_app.traits.refresh_revokes_access_token
    assert github_app.traits.refresh_token_idle_lifetime == timedelta(days=180)


def test_slack_has_bot_and_user_tokens():
    """The user's are a link of their own, and their scopes a parameter of their own."""
    client = slack(client_id="id", client_secret="s", scopes=["chat:write"])
    assert client.linking.companions == ("user",)
    url = client.authorization_url(
        AuthorizationRequest(
            redirect_uri="https://a.example/cb", state="st", params={"user_scope": "search:read,users:read"}
        )
    )
    assert "scope=chat%3Awrite&" in url
    assert url.endswith("&user_scope=search%3Aread%2Cusers%3Aread")


@pytest.mark.parametrize(
    ("base", "reach", "sends"),
    [
        ("https://git.example", None, False),
        ("https://git.example", "any", True),
        ("https://127.0.0.1", None, True),
        ("https://127.0.0.1", "public", False),
        ("https://10.0.0.1", None, False),
    ],
)
async def test_a_host_that_anybody_could_name_must_be_public(base, reach, sends):
    """A user may have typed it in; loopback is for an application that writes it while it is developed."""
    options = {} if reach is None else {"reach": reach}
    with socket.socket() as closed, fenced() as fence:
        closed.bind(("127.0.0.1", 0))
        fence.names["git.example"] = ["127.0.0.1"]
        client = gitea(base=f"{base}:{closed.getsockname()[1]}", client_id="id", client_secret="s", **options)
        outcome = await client.refresh(TokenSet("at", "rt"))
    assert outcome == (NotSent("connect_failed") if sends else ClientRejected("address_not_allowed"))
    assert fence.tried == []


async def test_a_host_that_a_preset_knows_may_have_any_address():
    """As behind a proxy that a network makes everybody use."""
    with socket.socket() as closed, fenced() as fence:
        closed.bind(("127.0.0.1", 0))
        fence.names["api.github.com"] = fence.names["github.com"] = ["127.0.0.1"]
        fence.names["login.salesforce.com"] = ["127.0.0.1"]
        for client in (
            github(client_id="id", client_secret="s"),
            salesforce(client_id="id", client_secret="s"),
        ):
            outcome = await client.exchange_code(
                "c", redirect_uri="https://a.example/cb", code_verifier="v" * 43
            )
            assert outcome == NotSent("connect_failed")


async def test_an_endpoint_that_is_given_counts_for_where_requests_may_go():
    """A preset whose token endpoint is led to this machine by the application, as tests do."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/token"
        client = gitea(base="https://git.example", client_id="id", client_secret="s", token_url=url)
        assert await client.refresh(TokenSet("at", "rt")) == NotSent("connect_failed")
