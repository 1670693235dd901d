"""Rotations on a disk whose syncs take 2 ms, as those of many machines do: this one's may be quicker.

The processes and the Postgres server of this part wait that long in ``fdatasync`` and ``fsync``, by a library
that is put before the system's. It needs Linux and a C compiler.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import attrs

from bench import rotations
from bench.postgres import postgres
from bench.report import Part

SYNC_MS = 2.0

_WAITING = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <time.h>

static int slowly(const char *name, int descriptor) {
    int (*sync)(int) = (int (*)(int)) dlsym(RTLD_NEXT, name);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += NANOSECONDS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int result = sync(descriptor);
    int failed = errno;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0) == EINTR) {}
    errno = failed;
    return result;
}

int fdatasync(int descriptor) { return slowly("fdatasync", descriptor); }
int fsync(int descriptor) { return slowly("fsync", descriptor); }
"""

_TAKEN = """
import os, statistics, tempfile, time
with tempfile.TemporaryFile(dir=".") as file:
    taken = []
    for _ in range(100):
        file.write(bytes(4096))
        file.flush()
        began = time.perf_counter()
        os.fdatasync(file.fileno())
        taken.append(time.perf_counter() - began)
print(statistics.median(taken) * 1e3)
"""


@contextmanager
def slow_syncs() -> Generator[None, None, None]:
    """Have every process that is started meanwhile take at least that long for a sync."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres may run as somebody else
        library = folder / "slowly.so"
        nanoseconds = f"-DNANOSECONDS={SYNC_MS * 1e6:.0f}"
        command = ["cc", "-shared", "-fPIC", nanoseconds, "-xc", "-", "-o", str(library), "-ldl"]
        subprocess.run(command, input=_WAITING.encode(), check=True)
        with patch.dict(os.environ, LD_PRELOAD=str(library)):
            yield


def sync_taken() -> float:
    """Return how many milliseconds a sync takes in a process that is started now, the median of 100."""
    return float(subprocess.run([sys.executable, "-c", _TAKEN], check=True, stdout=subprocess.PIPE).stdout)


async def measure(_server: str) -> Part:
    quick = sync_taken()
    with slow_syncs():
        slow = sync_taken()
        async with postgres() as server:
            part = await rotations.measure(server, on=f" on a disk whose syncs take {SYNC_MS:g} ms")
    said = (
        f"\n\nA sync takes {slow:.1f} ms in these processes and the server, and {quick:.1f} ms in any other."
    )
    return attrs.evolve(part, method=part.method + said)
