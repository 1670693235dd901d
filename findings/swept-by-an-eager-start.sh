#!/usr/bin/env bash
# A task that must outlive asyncio.run's final sweep takes itself out of the register of tasks that the sweep goes through.
#
# asyncio._unregister_task is documented for authors of task classes. The task calls it as its first act; another calls it for
# the task right after create_task. Both with ordinary tasks, and with asyncio.eager_task_factory (Python 3.12). A second,
# visible task keeps the loop running until the first has ended.
#
# A good guess: it is the same who does it, and how the task was started.
# What happens: an eager task that takes itself out is cancelled by the sweep all the same. It runs its first step inside
# create_task, before it is registered, and is registered when that step ends at the first await. Nothing is raised. From
# outside it works.
#
# For users of extauth: nothing to do, it makes these tasks past any factory and takes them out from outside. In an
# application with such tasks of its own, a factory that someone sets for speed decides whether they finish at shutdown:
# asyncio.all_tasks tells.
set -euo pipefail
python=
for candidate in python3 python3.14 python3.13 python3.12 "$(pyenv root 2>/dev/null || true)"/versions/3.1[2-9]*/bin/python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || { echo "this needs Python 3.12 or later as python3, which has eager tasks" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/eager.py" <<'PY'
import asyncio, sys


async def work(inside, outcome):
    if inside:
        asyncio._unregister_task(asyncio.current_task())
    gate = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.2, lambda: gate.done() or gate.set_result(None))
    try:
        await gate
    except asyncio.CancelledError:
        outcome.append("swept")
        raise
    outcome.append("finished")


async def outlast(task):
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            pass


async def main(factory, inside, outcome):
    loop = asyncio.get_running_loop()
    loop.set_task_factory(factory)
    task = asyncio.create_task(work(inside, outcome))
    loop.set_task_factory(None)
    if not inside:
        asyncio._unregister_task(task)
    outlasting = asyncio.create_task(outlast(task))
    for _ in range(3):
        await asyncio.sleep(0)  # both have begun
    return outlasting


print("Python", sys.version.split()[0])
seen = {}
for start, factory in (("ordinary", None), ("eager", asyncio.eager_task_factory)):
    for who, inside in (("by itself", True), ("from outside", False)):
        outcome = []
        asyncio.run(main(factory, inside, outcome))
        (seen[start, who],) = outcome
        print(f"{start:9} taken out {who:13} {seen[start, who]}")
expected = {key: "swept" if key == ("eager", "by itself") else "finished" for key in seen}
sys.exit(seen != expected)
PY
timeout 60 "$python" "$folder/eager.py"
