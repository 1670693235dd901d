"""What a storm came to, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from chaos.evidence import PROVEN, Evidence
from chaos.oracle import Finding, Verdict
from chaos.plan import Plan
from chaos.proxy import Fate

_WIDTH: Final = 46


def counts(evidence: Evidence) -> dict[str, int]:
    """Return how many of everything there were."""
    rotated = {one.token for one in evidence.presentations if one.status == HTTPStatus.OK}
    known = sum(answer.known for answer in evidence.journals.answers.values())
    return {
        "rotations": len(rotated),
        "exchanges": len(evidence.presentations),
        "kills": len(evidence.killed),
        "cuts": sum(
            passage.fate is not None and passage.fate.planned for passage in evidence.passages.values()
        ),
        "unresolved exchanges": len(evidence.journals.began) - known,
        "links connected again": len(evidence.losses),
    }


def report(what: str, plan: Plan, evidence: Evidence, verdict: Verdict, *, seconds: float) -> str:
    """Return the whole report."""
    fates = Counter(passage.fate for passage in evidence.passages.values())
    proven = sum(outcome == PROVEN for outcome in evidence.proven.values())
    lines = [f"== {what} =="]
    numbers = counts(evidence)
    lines += [_row(name, number) for name, number in numbers.items()]
    lines += [_row(f"  {fate}", fates[fate]) for fate in Fate if fate is not Fate.PASSED]
    if evidence.restarts:
        lines.append(_row("restarts of Postgres", evidence.restarts))
    lines += [
        _row("links that work at the end", f"{proven} of {len(evidence.users)}"),
        _row("excused losses", _excused(verdict.losses)),
        _row("links lost with no excuse", _unexcused(verdict.losses)),
        _row("excused duplicate presentations", _excused(verdict.duplicates)),
        _row("duplicate presentations with no excuse", _unexcused(verdict.duplicates)),
        _row("replays while the access token worked", _unexcused(verdict.early)),
        _row("live links that gave no working token", _unexcused(verdict.unproven)),
        _row("seed", plan.seed),
        _row("duration", f"{seconds:.0f} s"),
    ]
    if numbers["kills"] < plan.kills or numbers["rotations"] < plan.rotations:
        lines.append(
            f"the time limit of {plan.limit.total_seconds():.0f} s came before the plan was fulfilled"
        )
    excused = [finding for finding in verdict.losses if finding.excuse is not None]
    if excused:
        lines.append("excused losses, each with its evidence:")
        lines += [f"  {finding.what}: {finding.excuse}" for finding in excused]
    if verdict.faults:
        lines.append("WITHOUT EXCUSE:")
        lines += [f"  {finding.what}" for finding in verdict.faults]
    return "\n".join(lines)


def _row(name: str, value: object) -> str:
    return f"{name:<{_WIDTH}} {value}"


def _excused(findings: Sequence[Finding]) -> int:
    return sum(finding.excuse is not None for finding in findings)


def _unexcused(findings: Sequence[Finding]) -> int:
    return sum(finding.excuse is None for finding in findings)
