from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from extauth.adapters.oauth2.client.client_auth import ClientCredentials
from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.calls import Call, NotMade
from extauth.adapters.oauth2.http.request import HttpRequest
from extauth.domain.token_set import TokenSet

URL = "https://provider.example/x"
TOKENS = TokenSet(
    "at/0 é",
    refresh_token="rt+0&?#%",
    extra={
        "team": {"id": "T1", "list": ["a", "b"]},
        "number": 7,
        "flag": True,
        "empty": "",
        "base": "https://tenant.example",
        "http": "http://tenant.example",
        "junk": "no url",
        "dots": "..",
    },
)
CLIENT = ClientCredentials("cl:ient", "s", "client_secret_basic")


def made(
    call: Call, tokens: TokenSet = TOKENS, client: ClientCredentials = CLIENT, api: ApiRules | None = None
) -> HttpRequest:
    """Return the request that the call makes."""
    request = call.request(tokens, client, api or ApiRules())
    assert isinstance(request, HttpRequest)
    return request


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("/{access_token}", "/at%2F0%20%C3%A9"),
        ("/{refresh_token}?x=1", "/rt%2B0%26%3F%23%25?x=1"),
        ("/{token}/{token_type_hint}", "/rt%2B0%26%3F%23%25/refresh_token"),
        ("/{client_id}/grant", "/cl%3Aient/grant"),
        ("/{extra[team][id]}/{extra[team][list][1]}/{extra[number]}", "/T1/b/7"),
        ("/{{id}}", "/{id}"),
    ],
)
def test_a_url_s_places_are_filled_and_encoded(template: str, expected: str) -> None:
    """No token can end a path segment or begin a query."""
    assert made(Call(url=URL + template)).url == URL + expected


def test_an_access_token_stands_for_the_token_where_there_is_no_other() -> None:
    """``token`` and its hint name the access token of a grant without a refresh token."""
    call = Call(url=URL + "/{token}/{token_type_hint}")

    assert made(call, TokenSet("at")).url == URL + "/at/access_token"


def test_a_url_may_begin_with_one_of_the_provider_s() -> None:
    """Salesforce says in its answer where a tenant's endpoints are."""
    assert made(Call(url="{extra[base]}/me/{extra[number]}")).url == "https://tenant.example/me/7"


@pytest.mark.parametrize(
    "url",
    [
        URL + "/{extra[none]}",
        URL + "/{extra[team][none]}",
        URL + "/{extra[team]}",
        URL + "/{extra[team][list][2]}",
        URL + "/{extra[flag]}",
        URL + "/{extra[empty]}",
        URL + "/{extra[dots]}/x",
        "{extra[none]}/x",
        "{extra[http]}/x",
        "{extra[junk]}/x",
    ],
)
def test_a_url_with_something_missing_is_not_called(url: str) -> None:
    """Nor one that leads to another path, or where secrets must not go. An outcome, no exception."""
    outcome = Call(url=url).request(TOKENS, CLIENT, ApiRules())

    assert isinstance(outcome, NotMade)
    assert outcome.missing in url


def test_a_call_with_a_variable_is_a_template_of_calls() -> None:
    """A preset for several hosts holds it; it is checked once the variable is replaced."""
    for url in ("{variable[base]}/me", "https://{variable[shop]}.example/me", URL + "/{variable[x]}"):
        outcome = Call(url=url).request(TOKENS, CLIENT, ApiRules())
        assert isinstance(outcome, NotMade)
        assert outcome.missing.startswith("variable[")
    with pytest.raises(ValueError, match="url must start with https://"):
        Call(url="http://{variable[shop]}.example/me")
    with pytest.raises(ValueError, match=r"\{variable\} is not known"):
        Call(url=URL + "/{variable}")


def test_what_is_missing_elsewhere_is_named() -> None:
    """A grant without a refresh token cannot be revoked by it."""
    bare = TokenSet("at")
    field = Call(method="POST", url=URL, encoding="form", fields={"t": "{refresh_token}"})
    header = Call(url=URL, headers={"X": "{extra[team]}"})
    nested = Call(method="POST", url=URL, encoding="json", fields={"a": [{"b": "{refresh_token}"}]})

    assert field.request(bare, CLIENT, ApiRules()) == NotMade("refresh_token")
    assert header.request(bare, CLIENT, ApiRules()) == NotMade("extra[team]")
    assert nested.request(bare, CLIENT, ApiRules()) == NotMade("refresh_token")


def test_fields_are_sent_as_a_form() -> None:
    """Form-encoded, with what authenticates the client at the end."""
    client = ClientCredentials("client", "s&", "client_secret_post")
    call = Call(method="POST", url=URL, auth="client", encoding="form", fields={"t": "{access_token}"})

    request = made(call, client=client)

    assert request.body == b"t=at%2F0+%C3%A9&client_id=client&client_secret=s%26"
    assert request.content_type == "application/x-www-form-urlencoded"
    assert request.headers == {}
    assert made(call).headers == CLIENT.headers()


def test_fields_are_sent_as_json_however_nested() -> None:
    """GraphQL needs braces in a text and objects in the body."""
    call = Call(
        method="POST",
        url=URL,
        encoding="json",
        fields={
            "query": "{{ viewer {{ id }} }}",
            "variables": {"team": "{extra[team][id]}", "first": 1, "all": [True, None, "{{}}"]},
        },
    )

    request = made(call)

    assert json.loads(request.body or b"") == {
        "query": "{ viewer { id } }",
        "variables": {"team": "T1", "first": 1, "all": [True, None, "{}"]},
    }
    assert request.content_type == "application/json"


def test_fields_are_sent_in_the_query_behind_what_is_there() -> None:
    """Encoded so that a space is no plus, which a path would mean literally."""
    fields = {"access_token": "{access_token}", "b": "x y"}

    plain = made(Call(method="DELETE", url=URL, auth="none", encoding="query", fields=fields))
    behind = made(Call(url=URL + "?a=1", auth="none", encoding="query", fields=fields))

    assert plain.url == URL + "?access_token=at%2F0%20%C3%A9&b=x%20y"
    assert behind.url == URL + "?a=1&access_token=at%2F0%20%C3%A9&b=x%20y"
    assert plain.body is None
    assert plain.headers == {}


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ("access_token", {"Authorization": "Zoho-oauthtoken at/0 é", "Tenant": "T1"}),
        ("client_basic", {"Authorization": f"Basic {b64encode(b'cl%3Aient:s').decode()}"}),
        ("none", {}),
    ],
)
def test_a_call_authenticates_in_one_way(auth: Any, expected: dict[str, str]) -> None:
    """As an API call of this provider, as the client, or not."""
    api = ApiRules(scheme="Zoho-oauthtoken", headers={"Tenant": "{extra[team][id]}"})

    assert made(Call(url=URL, auth=auth), api=api).headers == expected


def test_the_call_s_own_headers_win() -> None:
    """Whatever their case, so that no header is there twice."""
    call = Call(url=URL, headers={"authorization": "OAuth {access_token}", "Notion-Version": "1"})

    assert made(call).headers == {"authorization": "OAuth at/0 é", "Notion-Version": "1"}


def test_a_public_client_has_no_basic_to_send() -> None:
    """The call is not made rather than made without."""
    public = ClientCredentials("client", None, "none")
    call = Call(method="DELETE", url=URL, auth="client_basic")

    assert call.request(TOKENS, public, ApiRules()) == NotMade("client_secret")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": URL + "/{user_id}"}, r"url: \{user_id\} is not known; a brace itself is written twice"),
        ({"url": URL + "/{access_token!r}"}, r"url: \{access_token\} is not known"),
        ({"url": URL + "/{access_token:9}"}, r"url: \{access_token\} is not known"),
        ({"url": URL + "/{}"}, r"url: \{\} is not known"),
        ({"url": URL + "/{extra}"}, r"url: \{extra\} is not known"),
        ({"url": URL + "/{extra[]}"}, "url: "),
        ({"url": URL + "/{extra.x}"}, r"url: \{extra.x\} is not known"),
        ({"url": URL + "/{"}, "url: "),
        ({"url": "http://provider.example/{access_token}"}, "url must start with https://"),
        ({"url": "/x"}, "url must be an absolute URL"),
        ({"url": URL, "headers": {"X": "}"}}, r"headers\['X'\]: "),
        ({"url": URL, "encoding": "query", "fields": {"q": "{ x }"}}, r"fields\['q'\]: "),
        (
            {"url": URL, "method": "POST", "encoding": "json", "fields": {"q": [{"a": "{x}"}]}},
            r"fields\['q'\]: ",
        ),
        ({"url": URL, "fields": {"a": "b"}}, "fields need an encoding"),
        ({"url": URL, "encoding": "form"}, "a GET has no body for encoding='form'; choose query"),
        ({"url": URL, "encoding": "json"}, "a GET has no body for encoding='json'; choose query"),
        ({"url": URL, "method": "POST", "auth": "client"}, "client authentication needs a body"),
        ({"url": URL, "auth": "client", "encoding": "query"}, "client authentication needs a body"),
        (
            {"url": URL, "method": "POST", "encoding": "form", "fields": {"a": 1}},
            r"fields\['a'\] must be text, unless encoding is json",
        ),
        ({"url": URL, "method": "PUT"}, "method must be one of GET, POST, DELETE, not 'PUT'"),
        (
            {"url": URL, "auth": "basic"},
            "auth must be one of client, client_basic, client_post, access_token, none",
        ),
        ({"url": URL, "encoding": "xml"}, "encoding must be one of form, json, query, none"),
    ],
)
def test_a_call_that_cannot_work_is_refused(options: Any, message: str) -> None:
    """Mistakes show when the call is written down, not when a user unlinks."""
    with pytest.raises(ValueError, match=message):
        Call(**options)


def test_no_token_is_in_a_request_s_repr() -> None:
    """Only the method is shown."""
    call = Call(method="POST", url=URL + "/{access_token}", encoding="form", fields={"a": "{access_token}"})

    shown = repr(made(call, TokenSet("hidden")))

    assert "hidden" not in shown
    assert "POST" in shown


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        (ApiRules(), {"Authorization": "Bearer at/0 é"}),
        (ApiRules(scheme=""), {"Authorization": "at/0 é"}),
        (
            ApiRules(headers={"Client-Id": "{client_id}"}),
            {"Authorization": "Bearer at/0 é", "Client-Id": "cl:ient"},
        ),
        (ApiRules(headers={"xero-tenant-id": "{extra[tenant]}"}), {"Authorization": "Bearer at/0 é"}),
    ],
)
def test_an_api_is_shown_the_token_in_its_way(api: ApiRules, expected: dict[str, str]) -> None:
    """The scheme, the raw token, a client id; a header that needs what is missing is left out."""
    assert api.headers_for(TOKENS, "cl:ient") == expected


def test_api_headers_are_checked() -> None:
    """A template is wrong at once or never."""
    with pytest.raises(ValueError, match=r"headers\['X'\]: \{tenant\} is not known"):
        ApiRules(headers={"X": "{tenant}"})
