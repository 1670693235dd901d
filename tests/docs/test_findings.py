"""The list of findings names every script, and every script says what it is about."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

FINDINGS = Path(__file__).parents[2] / "findings"
SCRIPTS = sorted(FINDINGS.glob("*.sh"))


def test_the_list_names_every_script() -> None:
    """Each row links to a script, and no script is left out or named twice."""
    linked = re.findall(r"\]\(([\w-]+\.sh)\)", (FINDINGS / "README.md").read_text())
    assert [script.name for script in SCRIPTS] == sorted(linked)


def test_every_script_says_the_guess_and_what_it_means() -> None:
    """The comment at the top has the guess, what happens and what users of extauth should know."""
    for script in SCRIPTS:
        comment = script.read_text().partition("\nset -euo pipefail\n")[0]
        parts = re.findall(
            r"^# (A good guess|What happens|For users of extauth):", comment, flags=re.MULTILINE
        )
        assert (script.name, ["A good guess", "What happens", "For users of extauth"]) == (script.name, parts)


def test_every_script_is_valid_bash() -> None:
    """Bash can read each of them."""
    bash = shutil.which("bash")
    assert bash is not None
    for script in (*SCRIPTS, *FINDINGS.glob("support/*.sh")):
        subprocess.run([bash, "-n", script], check=True)
