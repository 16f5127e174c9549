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
    from limelight.acquire.mmcore import UniMMCore

    logging.getLogger("pymmcore-plus").setLevel("ERROR")
    core = UniMMCore()
    core.loadSystemConfiguration()
    core.setProperty("Camera", "PixelType", "16bit")
    core.setProperty("Camera", "FastImage", "1")
    core.setExposure(1)
    before = set(threading.enumerate())
    yield core

    def left() -> list[str]:
        new = set(threading.enumerate()) - before
        return [t.name for t in new if t.name.startswith("limelight")]

    end = time.monotonic() + 5
    while time.monotonic() < end and left():
        time.sleep(0.01)
    names = left()
    core.unloadAllDevices()
    pymmcore.CMMCore.registerCallback(core, None)
    assert not names, f"threads are left: {names}"
