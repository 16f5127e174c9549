"""``python -m limelight`` is the command ``limelight``."""

from __future__ import annotations

import sys

from limelight.cli import main

if __name__ == "__main__":
    sys.exit(main())
