"""Whether extauth kept its promise. Pure."""

from __future__ import annotations

from extauth.cli.demo.progress import Progress


def broken_promises(progress: Progress) -> list[str]:
    """Say what went wrong in extauth's storm; an empty list is a pass.

    A storm in which nothing happened has shown nothing and does not pass.
    """
    found: list[str] = []
    if progress.stage != "done":
        found.append("the storm did not come to its end")
    if not progress.tally.served or not progress.tally.checked:
        found.append("no token was served and tried at the API: nothing is shown")
    if progress.rotations < progress.links:
        found.append(f"only {progress.rotations} rotations for {progress.links} links: nothing is shown")
    if progress.lost or progress.families_revoked:
        found.append(f"{max(progress.lost, progress.families_revoked)} links lost")
    if progress.verified != progress.links:
        found.append(f"only {progress.verified} of {progress.links} links work at the end")
    if progress.exchanges != progress.rotations or any(n != 1 for n in progress.per_rotation):
        found.append(f"{progress.exchanges} exchanges for {progress.rotations} rotations")
    if progress.tally.failed:
        found.append(f"callers met {progress.tally.failed} errors ({_codes(progress)})")
    if progress.tally.dead:
        found.append(f"callers were handed {progress.tally.dead} dead tokens")
    return found


def _codes(progress: Progress) -> str:
    return ", ".join(f"{code}: {count}" for code, count in sorted(progress.tally.errors.items()))
