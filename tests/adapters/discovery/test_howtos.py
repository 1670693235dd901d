"""What the guides on discovery show is what happens."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from aiohttp import web

import extauth
from extauth import ProviderMisconfigured, open_store
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.policy import ProviderTraits

HOWTO = Path(__file__).parents[3] / "docs" / "howto"
RESOURCE = "/.well-known/oauth-protected-resource/mcp"
SERVER = "/.well-known/oauth-authorization-server"
CALLBACK = "https://app.example.com/oauth/callback"


def examples(name: str, **replaced: str) -> dict[str, object]:
    """Run all Python blocks of a guide as one module, and return its names."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", (HOWTO / name).read_text(), re.DOTALL))
    for constant, value in replaced.items():
        code, found = re.subn(rf'^{constant} = ".*"$', f'{constant} = "{value}"', code, flags=re.MULTILINE)
        assert found == 1
    names: dict[str, object] = {}
    exec(compile(code, name, "exec", dont_inherit=True), names)  # noqa: S102 - the examples are ours
    return names


class Wiki:
    """An MCP server and its authorization server, which checks what it is sent."""

    def __init__(self, site) -> None:
        self.site = site
        self.url = f"{site.url}/mcp"
        self.challenges: dict[str, str] = {}
        """Code challenges by code."""
        self.refresh_token = ""
        about = {"resource": self.url, "authorization_servers": [site.url], "scopes_supported": ["read"]}
        site.publish(RESOURCE, about)
        site.publish(
            SERVER,
            site.server_document(
                site.url,
                registration_endpoint=f"{site.url}/register",
                token_endpoint_auth_methods_supported=["none"],
                scopes_supported=["read", "write", "offline_access"],
                authorization_response_iss_parameter_supported=True,
            ),
        )
        site.publish("/register", {"client_id": "c-1"}, status=201)
        site.pages["/mcp"] = self.mcp
        site.pages["/token"] = self.token

    async def mcp(self, request: web.Request) -> web.Response:
        """Ask for a token where there is none that works."""
        if request.headers.get("Authorization", "").startswith("Bearer access-"):
            return web.Response()
        challenge = f'Bearer resource_metadata="{self.site.url}{RESOURCE}"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    def consent(self, url: str) -> tuple[dict[str, str], str]:
        """Return what was asked for, and the URL that the browser is sent back to."""
        assert url.startswith(f"{self.site.url}/authorize?")
        asked = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self.challenges)}"
        self.challenges[code] = asked["code_challenge"]
        back = {"code": code, "state": asked["state"], "iss": self.site.url}
        return asked, f"{asked['redirect_uri']}?{urlencode(back)}"

    async def token(self, request: web.Request) -> web.Response:
        """Give tokens, short-lived ones, for this server's resource only."""
        form = {str(name): str(value) for name, value in (await request.post()).items()}
        assert (form["resource"], form["client_id"]) == (self.url, "c-1")
        if form["grant_type"] == "refresh_token":
            assert form["refresh_token"] == self.refresh_token
        else:
            digest = sha256(form["code_verifier"].encode()).digest()
            assert self.challenges.pop(form["code"]) == urlsafe_b64encode(digest).rstrip(b"=").decode()
        self.refresh_token = f"refresh-{len(self.site.asked)}"
        return web.json_response(
            {
                "access_token": f"access-{len(self.site.asked)}",
                "refresh_token": self.refresh_token,
                "token_type": "Bearer",
                "expires_in": 1,
            }
        )


async def test_connect_an_mcp_server(site, tmp_path):
    """A user is connected to a server that is known by its URL alone, and its token is kept fresh."""
    wiki = Wiki(site)
    guide = examples("connect-an-mcp-server.md", SERVER=wiki.url)
    for _ in range(2):  # a restart finds the client and the link again
        async with open_store(f"sqlite:///{tmp_path}/links.db") as store:
            provider = await guide["wiki"](store)
            async with extauth.open(store, [provider]) as auth:
                asked, back = wiki.consent(await guide["connect"](auth, "alice"))
                await guide["connected"](auth, "alice", back)
                headers = await guide["headers"](auth, "alice")
                assert set(headers) == {"Authorization"}
                link = await auth.link(guide["WIKI"], "alice")
                assert link.tokens.refresh_token == wiki.refresh_token
                assert headers["Authorization"] == f"Bearer {link.tokens.access_token}"
                rejected = link.tokens.access_token
                fresh = await auth.refresh(guide["WIKI"], "alice", rejected=rejected)
                assert fresh.tokens.refresh_token == wiki.refresh_token
                more = await guide["ask_for_more"](
                    auth, "alice", 'Bearer error="insufficient_scope", scope="write"'
                )
                assert "write" in wiki.consent(more)[0]["scope"].split()
                assert await guide["ask_for_more"](auth, "alice", "Bearer") is None
        assert (asked["resource"], asked["client_id"]) == (wiki.url, "c-1")
        assert set(asked["scope"].split()) == {"read", "offline_access"}
    assert sum(line == "POST /register" for line in site.asked) == 1


async def test_urls_that_users_type_in(site):
    """The guide's judge lets known hosts pass and no others."""
    known = examples("connect-an-mcp-server.md", SERVER=site.url)["known"]
    assert known("https://mcp.example.com/x")
    assert not known("https://10.0.0.1/mcp.example.com")


async def test_a_url_of_a_user_does_not_lead_to_this_machine(site):
    """The guide's provider for a URL that a user typed in."""
    named_by = examples("connect-an-mcp-server.md", SERVER=site.url)["named_by"]
    with pytest.raises(ProviderMisconfigured) as caught:
        await named_by("alice", f"{site.url}/mcp", MemoryLinkStore())
    assert caught.value.reason == "address_not_allowed"
    assert site.asked == []


@pytest.mark.parametrize(
    "path", ["/.well-known/openid-configuration/tenant", "/tenant/.well-known/openid-configuration"]
)
async def test_any_openid_provider(site, path):
    """The guide's provider is what the server publishes; the application's traits win."""
    issuer = f"{site.url}/tenant"
    document = site.server_document(issuer, registration_endpoint=f"{site.url}/register")
    site.publish(path, {**document, "id_token_signing_alg_values_supported": ["RS256"]})
    site.publish("/register", {"client_id": "c-1", "client_secret": "s"}, status=201)
    guide = examples("any-openid-provider.md", ISSUER=issuer)
    provider = await guide["company_login"]()
    assert (provider.linking.issuer, provider.linking.openid) == (issuer, True)
    assert provider.traits == ProviderTraits()
    assert (await guide["company_login_that_does_not_rotate"]()).traits == ProviderTraits(rotates=False)
    registration = await guide["register"]()
    assert (registration.client_id, registration.client_auth) == ("c-1", "client_secret_basic")


def test_every_reason_is_explained():
    """The table has each reason that discovery and registration give."""
    folder = Path(__file__).parents[3] / "src" / "extauth" / "adapters" / "discovery"
    code = "".join(module.read_text() for module in folder.glob("*.py"))
    reasons = set(re.findall(r'reason="(\w+)"|"(registration_\w+)" (?:if|\n)', code))
    told = (HOWTO / "connect-an-mcp-server.md").read_text()
    assert {one or other for one, other in reasons} - set(re.findall(r"`(\w+)`", told)) == set()
    assert len(reasons) >= 10
