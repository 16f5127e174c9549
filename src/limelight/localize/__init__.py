"""From a movie to a table of molecules: from file, in memory, live or on a cluster.

The package is also the call: ``limelight.localize(movie)`` is `limelight.localize.api.localize`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limelight.core.localizations import Localizations
    from limelight.localize.api import localize
    from limelight.localize.inspect import FrameReport, inspect_frame
    from limelight.localize.job import localize_job
    from limelight.localize.record import as_script, results_path
    from limelight.localize.settings import LocalizeSettings

_HOMES = {
    "FrameReport": "inspect",
    "LocalizeSettings": "settings",
    "as_script": "record",
    "inspect_frame": "inspect",
    "localize": "api",
    "localize_job": "job",
    "results_path": "record",
}

__all__ = [
    "FrameReport",
    "LocalizeSettings",
    "as_script",
    "inspect_frame",
    "localize",
    "localize_job",
    "results_path",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Callable(ModuleType):
    """``limelight.localize`` would else name the function or the package, as imports fall."""

    def __call__(self, *arguments: Any, **values: Any) -> Localizations:
        from limelight.localize.api import localize

        return localize(*arguments, **values)


sys.modules[__name__].__class__ = _Callable
