from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from limelight.widgets.objects_dock import ObjectsDock


@pytest.fixture
def viewer():
    model = ViewerModel()
    labels = np.zeros((60, 80), np.int32)
    for k in range(6):
        labels[5 + 25 * (k // 3) : 15 + 25 * (k // 3), 5 + 25 * (k % 3) : 10 + 26 * (k % 3)] = k + 2
    ids = np.arange(2, 8)
    table = pd.DataFrame(
        {
            "index": ids,
            "area": np.bincount(labels.ravel())[ids],
            "bright": [5.0, 1, 3, np.nan, 2, 4],
        }
    )
    layer = model.add_labels(labels, name="Cells", scale=(0.5, 0.5))
    layer.features = table
    return model


@pytest.fixture
def dock(viewer, qtbot):
    made = ObjectsDock(viewer)
    qtbot.addWidget(made)
    made.show()
    yield made
    made._listeners.close()


def test_rows_are_sorted_and_show_their_objects(dock, viewer):
    model = dock.view.features
    assert model.rowCount() == 6
    assert model.headerData(0, Qt.Orientation.Horizontal) == "label"
    dock.view.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    shown = [model.data(model.index(row, 2)) for row in range(6)]
    assert shown == ["5", "4", "3", "2", "1", "nan"]
    dock.view.selectRow(1)  # bright 4: label 7
    mark = viewer.layers["chosen object"]
    where = np.argwhere(viewer.layers["Cells"].data == 7) * 0.5
    assert viewer.scene.camera.center[-2:] == pytest.approx((where.min(0) + where.max(0)) / 2)
    drawn = np.argwhere(np.asarray(mark.data) == 1) * 0.5 + np.asarray(mark.translate)
    assert np.array_equal(drawn, where)


def test_a_click_on_an_object_chooses_its_row(dock, viewer):
    class Event:
        type = "mouse_press"
        position = (4.0, 16.0)

    label = viewer.layers["Cells"].get_value(Event.position, world=True)
    assert label == 3
    event = Event()
    steps = dock._on_mouse(viewer, event)
    next(steps)
    event.type = "mouse_release"
    with pytest.raises(StopIteration):
        next(steps)
    row = dock.view.currentIndex().row()
    assert dock.view.features.source_row(row) == 1
    assert "chosen object" in [x.name for x in viewer.layers]


def test_objects_are_coloured_by_a_feature(dock, viewer):
    dock.colour.setCurrentIndex(dock.colour.findText("bright"))
    dock.paint()
    layer = viewer.layers["Cells"]
    colours = {k: np.asarray(v) for k, v in layer.colormap.color_dict.items() if k}
    assert colours[2][1] > colours[3][1]  # viridis: brighter is greener
    assert colours[5][3] == pytest.approx(0.5)  # not measured
    dock.colour.setCurrentIndex(0)
    dock.paint()
    assert layer.contour == 1


def test_what_is_drawn_around_becomes_a_class(dock, viewer, qtbot, tmp_path):
    dock.tabs.setCurrentIndex(1)
    dock.along_x.setCurrentIndex(dock.along_x.findText("area"))
    dock.draw()
    dock.along_y.setCurrentIndex(dock.along_y.findText("bright"))
    dock.draw()
    dock.class_name.setText("dim")
    dock.plot.outlined.emit(np.array([[0, 0], [0, 2.5], [1e4, 2.5], [1e4, 0]]))
    features = viewer.layers["Cells"].features
    assert features.loc[features["class"] == "dim", "index"].tolist() == [3, 6]
    assert "2 objects are in class dim" in dock.message.text()
    assert dock.colour.currentText() == "class"
    dock.write(str(tmp_path / "t.csv"))
    assert pd.read_csv(tmp_path / "t.csv")["class"].fillna("").tolist()[1] == "dim"
    dock.write(str(tmp_path / "t.doc"))
    assert "written as" in dock.message.text()


def test_without_objects_it_says_what_to_do(qtbot):
    made = ObjectsDock(ViewerModel())
    qtbot.addWidget(made)
    assert "Segment an image first" in made.message.text()
    assert not made.export.isEnabled()
    made._listeners.close()


def test_objects_are_exported_with_their_image(dock, viewer, tmp_path):
    import zarr

    dock.write(str(tmp_path / "a.ome.zarr"))
    assert "No image has the shape" in dock.message.text()
    viewer.add_image(np.ones((60, 80), np.uint16), name="DAPI", scale=(0.5, 0.5))
    dock.write(str(tmp_path / "a.ome.zarr"))
    assert "6 objects are saved as a.ome.zarr" in dock.message.text()
    group = zarr.open_group(str(tmp_path / "a.ome.zarr"), mode="r")
    assert np.array_equal(group["labels/Cells/0"][...], viewer.layers["Cells"].data)
    kept = pd.read_parquet(tmp_path / "a.ome.zarr" / "tables" / "Cells" / "table.parquet")
    assert kept["label"].tolist() == list(range(2, 8))


def test_an_object_that_was_painted_is_found_where_it_is_now(dock, viewer):
    layer = viewer.layers["Cells"]
    dock.look_at(3)
    layer.data[layer.data == 3] = 0
    layer.data[50:55, 70:75] = 3
    dock.look_at(3)
    assert viewer.scene.camera.center[-2:] == pytest.approx((26.0, 36.0))
    layer.data[layer.data == 3] = 0
    dock.look_at(3)
    assert "not in the picture any more" in dock.message.text()


def test_two_hundred_thousand_objects(qtbot):
    from time import perf_counter

    side = 448  # x 5 pixels: 200,704 objects
    numbers = np.arange(1, side * side + 1, dtype=np.int32).reshape(side, side)
    labels = np.kron(numbers, np.ones((4, 4), np.int32))
    labels = np.pad(labels.reshape(side, 4, side, 4), ((0, 0), (0, 1), (0, 0), (0, 1)))
    model = ViewerModel()
    layer = model.add_labels(labels.reshape(side * 5, side * 5), name="Many")
    layer.features = pd.DataFrame({"index": numbers.ravel(), "a": np.arange(side * side) % 97})
    dock = ObjectsDock(model)
    qtbot.addWidget(dock)
    dock.look_at(5)  # boxes are listed once
    start = perf_counter()
    for label in range(100, 110):
        dock.look_at(label)
    assert (perf_counter() - start) / 10 < 0.5  # some 20 ms on a quiet machine
    start = perf_counter()
    dock.view.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    dock.view.choose(7)
    dock.colour.setCurrentIndex(dock.colour.findText("a"))
    dock.paint()
    assert perf_counter() - start < 20
    dock._listeners.close()
