"""The shared compute core: arrays in, arrays and tables out.

Nothing here knows of files, windows or hardware.  Names load on first use, so that importing the
core stays cheap.
"""

from __future__ import annotations
