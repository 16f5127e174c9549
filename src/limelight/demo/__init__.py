"""The demonstration: from a movie to a super-resolution image, with one command."""

from __future__ import annotations

from limelight.demo.run import demo

__all__ = ["demo"]
