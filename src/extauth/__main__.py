"""``python -m extauth`` is the command ``extauth``, where that is not on the path."""

from __future__ import annotations

import sys

from extauth.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
