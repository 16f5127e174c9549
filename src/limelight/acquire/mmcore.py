"""The one door to pymmcore-plus, so that it leaves the log of the program as it is.

Imported, it sets the root logger to DEBUG: from then on napari describes every layer that is
drawn, and numba every instruction that it compiles, to whoever listens.  Its own log file costs
0.5 ms per image.
"""

from __future__ import annotations

import logging

_root = logging.getLogger()
_level = _root.level

from pymmcore_plus import CMMCorePlus, DeviceType, find_micromanager  # noqa: E402
from pymmcore_plus.core import FocusDirection, Keyword, _mmcore_plus  # noqa: E402
from pymmcore_plus.experimental.unicore import (  # noqa: E402
    CameraDevice,
    Device,
    GenericDevice,
    ShutterDevice,
    SLMDevice,
    StageDevice,
    StateDevice,
    UniMMCore,
    XYStageDevice,
)

_root.setLevel(_level)
logging.getLogger("pymmcore-plus").setLevel("WARNING")

__all__ = [
    "CMMCorePlus",
    "CameraDevice",
    "Device",
    "DeviceType",
    "FocusDirection",
    "GenericDevice",
    "Keyword",
    "SLMDevice",
    "ShutterDevice",
    "StageDevice",
    "StateDevice",
    "UniMMCore",
    "XYStageDevice",
    "find_micromanager",
    "running_core",
]


def running_core() -> CMMCorePlus | None:
    """Return the core that pymmcore-plus gives to everybody, if it was made already."""
    held = _mmcore_plus._instance
    return held() if held is not None else None
