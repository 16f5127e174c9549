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
    XYStageDevice,
)
from pymmcore_plus.experimental.unicore import UniMMCore as _UniMMCore  # noqa: E402

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


class UniMMCore(_UniMMCore):
    """A core that loads Python devices beside those of Micro-Manager.

    What it remembers of a property is text, as Micro-Manager's own devices give it: presets are
    text too, and whoever compares them (pymmcore-widgets' tables) would find none that matches.
    It is remembered before a device tells of it, as those who hear of it look it up.
    """

    def setProperty(
        self,
        label: str,
        propName: str,
        propValue: bool | float | int | str,
    ) -> None:
        """Set a property of a device."""
        key = label, propName
        if label not in self._pydevices or key not in self._state_cache:
            super().setProperty(label, propName, propValue)
            return
        before = self._state_cache[key]
        self._state_cache[key] = propValue
        try:
            super().setProperty(label, propName, propValue)
        except BaseException:
            self._state_cache[key] = before
            raise

    def getPropertyFromCache(self, deviceLabel: str, propName: str) -> str:
        """Return what was last known of a property."""
        value = super().getPropertyFromCache(deviceLabel, propName)
        if isinstance(value, bool):
            return str(int(value))
        return f"{value:g}" if isinstance(value, float) else str(value)


def running_core() -> CMMCorePlus | None:
    """Return the core that pymmcore-plus gives to everybody, if it was made already."""
    held = _mmcore_plus._instance
    return held() if held is not None else None
