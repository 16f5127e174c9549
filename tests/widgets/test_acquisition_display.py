from __future__ import annotations

import logging
import time

import pymmcore
import pytest

from limelight.acquire import Acquisition
from limelight.core.errors import ParameterError

napari = pytest.importorskip("napari")


@pytest.fixture
def core():
    from limelight.acquire.mmcore import UniMMCore

    logging.getLogger("pymmcore-plus").setLevel("ERROR")
    core = UniMMCore()
    core.loadSystemConfiguration()
    yield core
    core.unloadAllDevices()
    pymmcore.CMMCore.registerCallback(core, None)


@pytest.mark.parametrize("given", [True, False])
def test_a_script_shows_its_images(make_napari_viewer, qtbot, core, tmp_path, given):
    viewer = make_napari_viewer()
    seen = []
    with Acquisition(tmp_path, "shown", core=core, napari_viewer=viewer if given else None) as acq:
        assert acq.get_viewer() is not None
        acq.acquire({"axes": {"time": t}, "exposure": 10} for t in range(60))
        while not seen:
            acq.await_completion(0.05)
            seen += [layer.name for layer in viewer.layers]
            assert acq.is_running or seen
    assert "shown (newest)" in seen
    end = time.monotonic() + 10
    while [layer.data.shape for layer in viewer.layers if layer.ndim == 3] != [(60, 512, 512)]:
        qtbot.wait(50)
        assert time.monotonic() < end


def test_what_cannot_be_shown(core):
    with pytest.raises(ParameterError, match="show_display"):
        Acquisition(core=core, show_display="matplotlib")
    with Acquisition(core=core, show_display=False) as acq:
        acq.acquire({"axes": {"time": 0}})
    assert acq.get_viewer() is None
