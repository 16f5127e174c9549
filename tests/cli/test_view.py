from __future__ import annotations

import napari
import numpy as np
import tifffile
from napari.components import ViewerModel

from limelight.cli import main


def test_the_chosen_movie_is_shown(tmp_path, monkeypatch, capsys):
    path = tmp_path / "two.ome.tif"
    frames = np.random.default_rng(1).integers(0, 99, (4, 2, 16, 20), dtype=np.uint16)
    names = {"PhysicalSizeX": 0.1, "PhysicalSizeXUnit": "µm", "Channel": {"Name": ["A", "B"]}}
    tifffile.imwrite(path, frames, metadata={"axes": "TCYX", **names})
    viewers = []

    def open_viewer():
        viewers.append(ViewerModel())
        return viewers[0]

    monkeypatch.setattr(napari, "Viewer", open_viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    assert main(["view", "--no-dock", str(path), "--channel", "B"]) == 0
    [layer] = viewers[0].layers
    assert layer.name == "two.ome_B" and tuple(layer.scale) == (1, 0.1, 0.1)
    np.testing.assert_array_equal(np.asarray(layer.data[2]), frames[2, 1])
    layer.metadata["movie"].close()
    assert main(["view", "--no-dock", str(path), "--channel", "C"]) == 2
    assert "no channel 'C'" in capsys.readouterr().err
