"""A provider as data, and how a client of it is made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from inspect import signature
from typing import Any, Literal, TypeAlias, Unpack, cast, final
from urllib.parse import quote

import attrs

from extauth.adapters.oauth2 import ClientAuth, OAuth2Provider, Reach, ReplyRules
from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.identity import IdentityRules
from extauth.adapters.oauth2.endpoints.installations import InstallationRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.oauth2.http.addresses import names_loopback
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.oauth2.token.reply_rules import RESTART_CODES
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.adapters.providers.judging import judging
from extauth.adapters.providers.options import PresetOptions
from extauth.adapters.providers.variables import Variable, fill
from extauth.domain.linking import CallbackMethod
from extauth.domain.policy import ProviderTraits
from extauth.domain.wrong_types import UrlObject

CHECKED = date(2026, 11, 23)
"""When the facts of the shipped presets were last compared with public sources: the providers' own pages,
and the code of other open clients."""

Omitted: TypeAlias = Literal["refresh_token", "expires_in", "scope"]

_ID = re.compile(r"[a-z][a-z0-9_]*")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_CALL_PLACEHOLDER = re.compile(r"\{variable\[([a-z_]+)\]\}")
_CLOSE = 0.8
"""How alike a name must be to one that exists, for the one to be taken for a slip of the other."""
_PARAMETERS = frozenset(signature(OAuth2Provider.__init__).parameters) - {"self", "provider_id"}


def _identifier(_: object, __: attrs.Attribute[str], value: str) -> None:
    if not _ID.fullmatch(value):
        msg = f"a preset's id is of a-z, 0-9 and _, not {value!r}"
        raise ValueError(msg)


def reply_rules(preset_id: str, **rules: Any) -> ReplyRules:
    """Return the rules of a shipped preset's answers: the given ones and its codes."""
    codes = judging(preset_id)
    return ReplyRules(
        dead_codes=codes.dead_codes,
        restart_codes=RESTART_CODES | codes.restart,
        client_codes=codes.client_codes,
        link_codes=codes.link,
        temporary_codes=codes.temporary | codes.user_action,
        throttles=codes.throttles,
        dead_messages=codes.messages,
        refusals=codes.refusals,
        **rules,
    )


@final
@attrs.frozen
class Deadline:
    """A change that the provider has announced."""

    on: date
    what: str


@final
@attrs.frozen(kw_only=True)
class Preset:
    """One provider as data. Call it to get an :class:`~extauth.adapters.oauth2.OAuth2Provider`.

    URLs may hold variables, which are given by keyword when it is called: ``{base}`` in endpoints,
    ``{variable[base]}`` in calls, whose plain braces are for a link's tokens. To change a preset use
    ``attrs.evolve(github, scopes=("repo",))``; for a provider that is not shipped write ``Preset(...)``.

    :raises ValueError: for an id that is no identifier, or a variable in a URL that is not in ``variables``.
    """

    id: str = attrs.field(validator=_identifier)
    """The provider id of its links, unless another is given."""
    display_name: str
    docs_url: str | None = None
    """The provider's own documentation."""
    checked: date = CHECKED
    """When these facts were last compared with public sources."""
    authorize_url: str | None = None
    """``None``: whoever uses it must give ``authorize_url``."""
    token_url: str
    device_url: str | None = None
    scopes: tuple[str, ...] = ()
    """Asked for when the application names none."""
    client_auth: ClientAuth = "client_secret_basic"
    """The one way that the client authenticates by; some providers take others too."""
    variables: tuple[Variable, ...] = ()
    gives_refresh_tokens: bool = True
    """Whether there are refresh tokens at all; if not, its access tokens work until they are revoked."""
    traits: ProviderTraits = attrs.field(factory=ProviderTraits)
    replies: ReplyRules = attrs.field(factory=ReplyRules)
    requests: TokenRequests = attrs.field(factory=TokenRequests)
    authorization: AuthorizationRules = attrs.field(factory=AuthorizationRules)
    revocation: Revocation | None = None
    identity: IdentityRules = attrs.field(factory=IdentityRules)
    validation: ValidationRules | None = None
    installations: InstallationRules | None = None
    api: ApiRules = attrs.field(factory=ApiRules)
    openid: bool = False
    """Whether it speaks OpenID Connect."""
    no_pkce: str | None = None
    """What is known of a provider that must not be sent a code challenge: what happens, and where it is said
    and when. ``authorization`` says for which clients."""
    issuer: str | None = None
    """The issuer identifier, where the provider documents it. It is that of the preset's own endpoints: a
    client that is given another ``authorize_url`` or ``token_url`` has none, unless that is given too."""
    sends_issuer: bool = False
    """Whether the provider documents that every code comes with ``iss`` (RFC 9207)."""
    callback_method: CallbackMethod = "GET"
    callback_fields: frozenset[str] = frozenset()
    """Parameters of the callback to keep in ``TokenSet.extra``."""
    answers_omit: frozenset[Omitted] = frozenset()
    """Members that its answers leave out though they go on to matter."""
    grant_cap: int | None = None
    """How many live grants one account may have with one client; one more silently ends the oldest."""
    deadlines: tuple[Deadline, ...] = ()
    notes: tuple[str, ...] = ()
    """What its users should know, in sentences."""

    def __attrs_post_init__(self) -> None:
        known = {"client_id", *(variable.name for variable in self.variables)}
        used = {name for url in self._urls() for name in _PLACEHOLDER.findall(url)}
        called = [*(call.url for call in self._calls()), *self.api.base_urls]
        used |= {name for url in called for name in _CALL_PLACEHOLDER.findall(url)}
        if unknown := used - known:
            msg = f"{self.id}: no variable is called {', '.join(sorted(unknown))}"
            raise ValueError(msg)

    def __call__(
        self,
        *,
        client_id: str,
        client_secret: str | None = None,
        provider_id: str | None = None,
        scopes: Iterable[str] | None = None,
        variables: Mapping[str, str] | None = None,
        **others: Unpack[PresetOptions],
    ) -> OAuth2Provider:
        """Return a client of this provider.

        ``others`` are this preset's :attr:`variables`, and any further keywords of
        :class:`~extauth.adapters.oauth2.OAuth2Provider`, which take the place of what the preset says.
        In ``variables`` a variable can be given by its name, if a preset of your own has one that no shipped
        preset has: a type checker does not know it as a keyword.

        :raises ValueError: for a variable that is missing or could send secrets astray, for a keyword that
            is neither, and as ``OAuth2Provider`` does.
        """
        keywords = cast("dict[str, Any]", others)
        given = {variable.name for variable in self.variables} & keywords.keys()
        overrides = {name: value for name, value in keywords.items() if name not in given}
        if unknown := overrides.keys() - _PARAMETERS:
            names = ", ".join(sorted(unknown))
            msg = f"{self.id} takes no {names}{self._variables_hint()}{self._meant(sorted(unknown))}"
            raise ValueError(msg)
        values = self._values({**self._named(variables or {}), **{name: keywords[name] for name in given}})
        settings = self._settings({**values, "client_id": quote(client_id, safe="")})
        # Each of these URLs says the same as a rule, and only one of the two may be given.
        if overrides.get("revoke_url") is not None:
            settings["revocation"] = None
        if overrides.get("userinfo_url") is not None:
            settings["identity"] = IdentityRules(in_id_token=self.identity.in_id_token)
        if any(overrides.get(name) is not None for name in ("authorize_url", "token_url")):
            elsewhere = attrs.evolve(self.api, base_urls=())
            settings |= {"issuer": None, "sends_issuer": False, "api": elsewhere}
        settings |= overrides
        settings.setdefault("reach", self._reach(values, settings["token_url"]))
        return OAuth2Provider(
            provider_id or self.id,
            client_id=client_id,
            client_secret=client_secret,
            scopes=self.scopes if scopes is None else scopes,
            **settings,
        )

    def overdue(self, today: date) -> tuple[Deadline, ...]:
        """Return the announced changes whose day has come since the facts were checked."""
        return tuple(change for change in self.deadlines if self.checked < change.on <= today)

    def _variables_hint(self) -> str:
        names = ", ".join(variable.name for variable in self.variables)
        return f"; its own variables are {names}" if names else ""

    def _meant(self, unknown: Iterable[str]) -> str:
        known = sorted(_PARAMETERS | {variable.name for variable in self.variables})
        meant = [close for name in unknown for close in get_close_matches(name, known, n=1, cutoff=_CLOSE)]
        return f"; did you mean {', '.join(meant)}?" if meant else ""

    def _named(self, given: Mapping[str, str]) -> Mapping[str, str]:
        if unknown := given.keys() - {variable.name for variable in self.variables}:
            names = ", ".join(sorted(unknown))
            msg = f"{self.id} has no variable {names}{self._variables_hint()}"
            raise ValueError(msg)
        return given

    def _values(self, given: Mapping[str, object]) -> dict[str, str]:
        values: dict[str, str] = {}
        for variable in self.variables:
            value = given.get(variable.name, variable.default)
            if value is None:
                msg = (
                    f"{self.id} needs {variable.name}: {variable.description},"
                    f" for example {variable.name}={variable.example!r}"
                )
                raise ValueError(msg)
            values[variable.name] = variable.rendered(value)
        return values

    def _urls(self) -> list[str]:
        urls = (self.authorize_url, self.token_url, self.device_url, self.issuer, self.requests.refresh_url)
        return [url for url in urls if url is not None]

    def _calls(self) -> list[Call]:
        ways = (self.revocation, self.identity, self.validation, self.installations)
        return [way.call for way in ways if way is not None and way.call is not None]

    def _reach(self, values: Mapping[str, str], token_url: str | UrlObject) -> Reach | None:
        """Return where requests may go: a user may have named the host, where the preset does not know it."""
        hosts = [each for each in self.variables if each.kind in {"base", "host"}]
        if all(
            each.default is not None and values[each.name] == each.rendered(each.default) for each in hosts
        ):
            return None
        return "loopback" if names_loopback(str(token_url)) else "public"

    def _settings(self, values: Mapping[str, str]) -> dict[str, Any]:
        """Return the keywords of ``OAuth2Provider``, with the variables filled in."""

        def url(template: str | None) -> str | None:
            return None if template is None else fill(template, values)

        def call(template: Call) -> Call:
            return attrs.evolve(template, url=fill(template.url, in_calls))

        in_calls = {f"variable[{name}]": value for name, value in values.items()}
        revocation, identity = self.revocation, self.identity
        validation, installations = self.validation, self.installations
        return {
            "authorize_url": url(self.authorize_url),
            "token_url": url(self.token_url),
            "device_url": url(self.device_url),
            "client_auth": self.client_auth,
            "traits": self.traits,
            "replies": self.replies,
            "requests": attrs.evolve(self.requests, refresh_url=url(self.requests.refresh_url)),
            "authorization": self.authorization,
            "revocation": revocation and attrs.evolve(revocation, call=call(revocation.call)),
            "identity": attrs.evolve(identity, call=identity.call and call(identity.call)),
            "validation": validation and attrs.evolve(validation, call=call(validation.call)),
            "installations": (installations and attrs.evolve(installations, call=call(installations.call))),
            "api": attrs.evolve(self.api, base_urls=tuple(fill(url, in_calls) for url in self.api.base_urls)),
            "issuer": url(self.issuer),
            "sends_issuer": self.sends_issuer,
            "openid": self.openid,
            "callback_method": self.callback_method,
            "callback_fields": self.callback_fields,
        }
