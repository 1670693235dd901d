#!/usr/bin/env bash
# Python's sqlite3 (3.12, 3.13): numbered placeholders, with a list.
#
# SQLite has three kinds of placeholders beside the bare `?`: `?1`, `:name` and others that are named. `?1` says which value it stands for, so that one can
# stand in two places. Since Python 3.12 named placeholders with a list are deprecated.
#
# A good guess: `?1` is a place in the list, as its number says, and none of the named ones.
# What happens: it counts as a named one, of the name `?1`. With a list it works as it did, and warns; with warnings as errors it raises, and Python
# 3.14 is announced to raise anyway. What it does take is a mapping, in which the name is "1", without the question mark.
#
# For users of extauth: nothing to do, its statements for SQLite have names for what is named. In a store of your own write `?`, and a value that
# stands in two places twice.
set -euo pipefail
python=
for candidate in python3 python3.13 python3.12 "$(pyenv root 2>/dev/null || true)"/versions/3.1[23]*/bin/python3; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info < (3, 14))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || { echo "this needs Python 3.12 or 3.13 as python3, which warn" >&2; exit 1; }
"$python" - <<'PYTHON'
import sqlite3
import sys
import warnings

connection = sqlite3.connect(":memory:")
found = {}
for name, sql, values in (
    ("? with a list", "SELECT ? || ?", ["a", "b"]),
    ("?1 with a list", "SELECT ?1 || ?2", ["a", "b"]),
    ("?1 with a mapping", "SELECT ?1 || ?2", {"1": "a", "2": "b"}),
):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (value,) = connection.execute(sql, values).fetchone()
    found[name] = (value, [str(each.message) for each in caught])
    print(f"{name}: {value}, and {found[name][1][0] if caught else 'no warning'}")
print(f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}")
assert [value for value, _ in found.values()] == ["ab"] * 3
assert [len(said) for _, said in found.values()] == [0, 2, 0]
assert found["?1 with a list"][1][0].startswith("Binding 1 ('?1') is a named parameter, but you supplied a sequence")
PYTHON
