"""Installations: folders of Micro-Manager on this computer."""

from __future__ import annotations

from pathlib import Path

__all__ = ["find_installations"]


def find_installations() -> list[str]:
    """Return the folders of Micro-Manager that are found, with their device adapters.

    Those that came with a Python package are left out: they have no configurations of a person's.
    """
    from limelight.acquire.mmcore import find_micromanager

    found = find_micromanager(return_first=False)
    folders = found if isinstance(found, list) else [found] if found else []
    return [str(f) for f in folders if "site-packages" not in Path(f).parts]
