"""The last settings of each dock, as a small JSON file in the person's configuration folder."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path, user_config_path

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["cache_folder", "config_folder", "recall", "remember"]


def config_folder() -> Path:
    """Return the folder of Limelight's settings (which may not exist yet)."""
    return user_config_path("limelight", appauthor=False)


def cache_folder() -> Path:
    """Return the folder of what can be made again (which may not exist yet)."""
    return user_cache_path("limelight", appauthor=False)


def recall(dock: str) -> dict[str, Any]:
    """Return what a dock remembered; empty where there is nothing that can be read.

    Parameters
    ----------
    dock : str
        The dock's name, such as ``"localize"``.
    """
    try:
        values = json.loads((config_folder() / f"{dock}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def remember(dock: str, values: dict[str, Any]) -> bool:
    """Keep a dock's settings; the old file stays whole until the new one is.

    Parameters
    ----------
    dock : str
        The dock's name.
    values : dict
        What JSON can hold.

    Returns
    -------
    bool
        Whether it could be written.
    """
    folder = config_folder()
    new = folder / f"{dock}.json.{os.getpid()}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps(values, indent=1), encoding="utf-8")
        new.replace(folder / f"{dock}.json")
    except OSError:
        with suppress(OSError):
            new.unlink()
        return False
    return True
