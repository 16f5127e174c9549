from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import pymmcore
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def demo() -> Iterator[Any]:
    """A core of its own with Micro-Manager's demonstration microscope."""
    from pymmcore_plus.experimental.unicore import UniMMCore

    logging.getLogger("pymmcore-plus").setLevel("ERROR")
    core = UniMMCore()
    core.loadSystemConfiguration()
    core.setProperty("Camera", "PixelType", "16bit")
    core.setProperty("Camera", "FastImage", "1")
    core.setExposure(1)
    before = set(threading.enumerate())
    yield core
    end = time.monotonic() + 5
    while time.monotonic() < end and set(threading.enumerate()) - before:
        time.sleep(0.01)
    left = [t.name for t in set(threading.enumerate()) - before if t.name.startswith("limelight")]
    core.unloadAllDevices()
    pymmcore.CMMCore.registerCallback(core, None)
    assert not left, f"threads are left: {left}"
