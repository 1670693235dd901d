#!/usr/bin/env bash
# githubkit 0.16.1 and the newest version of the HTTP cache that it says it works with.
#
# It requires `hishel[async,httpx]>=1.3.0,<=2.0.0`, and pip takes the newest that is allowed.
#
# A good guess: `pip install githubkit` gives something that can be imported.
# What happens: 2.0.0 is within the bound, and is the version whose names changed: `import githubkit` is an ImportError
# (CachePolicy). With hishel 1.4.0 all is well.
#
# For users of extauth: `extauth[githubkit]` asks for a hishel before 2.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check githubkit==0.16.1)
imported() { "$folder/venv/bin/python" -c 'import githubkit' 2> "$folder/error" && echo works || tail -n 1 "$folder/error" | cut -c 1-70; }
"${pip[@]}" hishel==2.0.0
newest=$(imported)
"${pip[@]}" hishel==1.4.0
older=$(imported)
echo "githubkit 0.16.1 with hishel 2.0.0: $newest"
echo "githubkit 0.16.1 with hishel 1.4.0: $older"
[[ $newest == ImportError*CachePolicy* && $older == works ]]
