"""``python -m tinygrad_edu``: the command line; without arguments, the tour."""

from __future__ import annotations

import sys

from tinygrad_edu.cli import main

if __name__ == "__main__":
    sys.exit(main())
