"""``python -m poolwise.cli``: the same as the ``poolwise`` command."""

from __future__ import annotations

import sys

from poolwise.cli import main

if __name__ == "__main__":
    sys.exit(main())
