"""The one-page summary of the demonstration is a page like any other."""

from __future__ import annotations

from limelight.io.page import write_page

__all__ = ["write_page"]
