"""List the attacks: ``python -m tests.attacks``."""

from __future__ import annotations

from tests.attacks.attack import all_attacks

if __name__ == "__main__":
    attacks = all_attacks()
    for attack in attacks:
        print(f"{attack.name} ({attack.source})")
    print(f"{len(attacks)} attacks")
