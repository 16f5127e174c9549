"""A plate of results, opened in napari, and its objects in the Objects dock."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel

from limelight.io.label_zarr import PlateImage, write_image, write_plate
from limelight.widgets.objects_dock import ObjectsDock
from limelight.widgets.reader import get_reader


@pytest.fixture
def plate(tmp_path):
    rng = np.random.default_rng(1)
    made = []
    for column in ("1", "2"):
        image = rng.integers(0, 500, (600, 1100)).astype(np.uint16)
        labels = np.zeros(image.shape, np.int32)
        labels[10:30, 20:60], labels[100:120, 300:700] = 1, 2
        table = pd.DataFrame(
            {"label": [1, 2], "centroid_y": [19.5, 109.5], "centroid_x": [39.5, 499.5]}
        )
        path = tmp_path / "p.ome.zarr" / "A" / column / "0"
        write_image(path, {"DAPI": image}, {"Nuclei": labels}, {"Nuclei": table})
        made.append(PlateImage(path, "P", "A", column, 0))
    return write_plate(tmp_path / "p.ome.zarr", made)


@pytest.fixture
def viewer(plate):
    model = ViewerModel()
    for data, arguments, kind in get_reader(str(plate))(str(plate)):
        getattr(model, f"add_{kind}")(data, **arguments)
    return model


def test_layers_of_a_plate(viewer):
    assert [x.name for x in viewer.layers] == ["P DAPI", "Nuclei", "Wells"]
    image, labels, wells = viewer.layers
    assert image.multiscale
    assert labels.multiscale
    assert len(wells.data) == 2
    assert [str(t) for t in wells.text.values] == ["A01", "A02"]
    assert image.extent.world[1] == pytest.approx(wells.extent.world[1], abs=3)
    assert list(labels.features["index"]) == [1, 2, 3, 4]


def test_a_row_shows_its_object_on_the_plate(viewer, qtbot):
    dock = ObjectsDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    dock.look_at(4)
    labels = viewer.layers["Nuclei"]
    centre = viewer.scene.camera.center[-2:]
    assert centre == pytest.approx(tuple(labels.features[["plate_y", "plate_x"]].iloc[3]), abs=0.6)
    mark = viewer.layers["chosen object"]
    assert int(np.asarray(mark.data).sum()) == 20 * 400
    dock.write("nowhere.ome.zarr")
    assert "already" in dock.message.text()
    dock.colour.setCurrentIndex(dock.colour.findText("centroid_x"))
    dock.paint()
    dock._listeners.close()
