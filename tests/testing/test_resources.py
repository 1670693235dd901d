"""Access tokens for single resources, as the doubles keep books on them."""

from __future__ import annotations

import pytest

from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.outcomes import Exchanged, Unknown
from extauth.testing import Bounds, PromiseBroken, ScriptedProvider, Setting, VirtualClock, replay
from extauth.testing.schedules.interleaver.promises import NEVER_SOMEONE_ELSES


async def exchange(provider, tokens, resource=None):
    """Return the tokens of one exchange that works."""
    outcome = await provider.refresh(tokens, resource=resource)
    assert isinstance(outcome, Exchanged)
    return outcome.tokens


class TestScriptedProvider:
    async def test_a_token_is_for_its_resource(self):
        """What a token was asked for is remembered, beside what was presented."""
        provider = ScriptedProvider()
        first = provider.grant()
        mail = await exchange(provider, first, "mail")
        plain = await exchange(provider, mail)
        assert [provider.resource_of(one.access_token) for one in (first, mail, plain)] == [
            None,
            "mail",
            None,
        ]
        assert provider.asked_for == ["mail", None]
        assert provider.presented == [first.refresh_token, mail.refresh_token]
        assert provider.resource_of(mail.refresh_token) is None
        assert provider.works_now(mail.access_token)

    async def test_a_script_knows_the_resource(self):
        """Functions in a script take the resource, if there is one, beside the tokens."""
        provider = ScriptedProvider()
        provider.script = [provider.rotate, provider.lose_reply]
        mail = await exchange(provider, provider.grant(), "mail")
        assert provider.resource_of(mail.access_token) == "mail"
        assert isinstance(await provider.refresh(mail, resource="mail"), Unknown)

    @pytest.mark.parametrize("reuse", ["replay_window", "one_behind"])
    async def test_a_forgiven_replay_for_another_resource(self, reuse):
        """It gives a token for that resource, beside the refresh token that the first use gave."""
        provider = ScriptedProvider(reuse=reuse)
        first = provider.grant()
        mail, files, again = [await exchange(provider, first, name) for name in ("mail", "files", "files")]
        assert [provider.resource_of(one.access_token) for one in (mail, files, again)] == [
            "mail",
            "files",
            "files",
        ]
        assert mail.refresh_token == files.refresh_token == again.refresh_token

    @pytest.mark.parametrize("revokes", [True, False])
    async def test_an_exchange_may_kill_all_others(self, revokes):
        """Also those for other resources."""
        provider = ScriptedProvider(traits=Bounds(refresh_revokes_access_token=revokes).traits)
        first = provider.grant()
        mail = await exchange(provider, first, "mail")
        files = await exchange(provider, mail, "files")
        works = [provider.works_now(one.access_token) for one in (first, mail, files)]
        assert works == [not revokes, not revokes, True]


class TestInterleaver:
    def test_a_caller_says_for_which_resource(self):
        """The last word of a call names the user and, after an ``@``, a resource of the setting."""
        setting = Setting(users=("alice", "bob@home"), resources=("mail",))
        assert setting.asked_for("alice@mail") == ("alice", "mail")
        assert setting.asked_for("alice") == ("alice", None)
        assert setting.asked_for("bob@home") == ("bob@home", None)
        assert setting.asked_for("bob@home@mail") == ("bob@home", "mail")
        assert setting.wanted_of("alice") == ("alice", "alice@mail")

    def test_a_refusal_of_a_token_that_is_not_there(self):
        """Who reports a token for a resource that has none just asks for one."""
        clock = VirtualClock()
        world = replay(
            lambda: MemoryLinkStore(now=clock.now),
            "refresh r1 alice@mail\nrefresh r1 alice",
            Setting(resources=("mail",)),
            clock=clock,
        )
        assert len(world.answers) == 4
        assert world.ledger.refused_access_tokens == {"at-1-2"}

    def test_a_fresh_replica_gets_its_own_token(self, monkeypatch):
        """In the end a fresh replica is asked for everything, and no token is taken for another's."""
        clock = VirtualClock()
        setting = Setting(resources=("mail",))

        def ask_for_the_grants_own(self, user, resource, rejected):
            return self.service.access_token("scripted", user)

        monkeypatch.setattr(
            "extauth.testing.schedules.interleaver.replica.Replica.ask", ask_for_the_grants_own
        )
        with pytest.raises(PromiseBroken) as caught:
            replay(lambda: MemoryLinkStore(now=clock.now), "advance 1", setting, clock=clock)
        assert caught.value.broken.promise == NEVER_SOMEONE_ELSES
