"""Every attack: refused by default, its honest twin works, and without its guard it succeeds."""

from __future__ import annotations

import pytest

from tests.attacks.attack import Attack, all_attacks
from tests.attacks.fence import Fence, fenced

ATTACKS = all_attacks()

each_attack = pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])


@pytest.fixture
def fence():
    """Nothing leaves this machine."""
    with fenced() as made:
        yield made


@each_attack
async def test_gets_nothing(attack: Attack, fence: Fence):
    """By default the attacker gets nothing, and nobody outside is spoken to."""
    if attack.refused:
        with pytest.raises(attack.refused):
            await attack.attempt(fence)
    else:
        assert not await attack.attempt(fence)
    assert fence.tried == []


@each_attack
async def test_honest_twin(attack: Attack, fence: Fence):
    """Who does the same honestly is served."""
    await attack.honest(fence)
    assert fence.tried == []


@each_attack
async def test_teeth(attack: Attack, fence: Fence, monkeypatch: pytest.MonkeyPatch):
    """Without the guard the attacker gets what they want: the attempt above is a real one."""
    attack.without_guard(monkeypatch)
    assert await attack.attempt(fence)


def test_names_differ():
    """Each attack is told apart."""
    names = [attack.name for attack in ATTACKS]
    assert sorted(set(names)) == sorted(names)
