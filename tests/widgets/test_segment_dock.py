from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QMimeData, QPointF, Qt
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QApplication

from limelight.segment import load_pipeline
from limelight.widgets.module_list import MODULE_MIME
from limelight.widgets.segment_batch import BatchDialog
from limelight.widgets.segment_dock import SegmentDock

LEFT = Qt.MouseButton.LeftButton
SECONDS = 120_000  # kernels may have to be compiled first


@pytest.fixture
def viewer():
    model = ViewerModel()
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:120, :150]
    image = 100 + rng.normal(0, 3, y.shape)
    for cy, cx in [(25, 25), (25, 70), (30, 120), (80, 40), (90, 100)]:
        image += 200 * ((y - cy) ** 2 + (x - cx) ** 2 <= 100)
    model.add_image(image.astype(np.uint16), name="DAPI", scale=(0.2, 0.2))
    return model


@pytest.fixture
def dock(viewer, qtbot):
    made = SegmentDock(viewer)
    qtbot.addWidget(made)
    made.show()
    yield made
    made._later.stop()
    made.runner.cancel()
    qtbot.waitUntil(lambda: not made.runner.running, timeout=SECONDS)


def settled(dock, qtbot):
    qtbot.waitUntil(
        lambda: not dock.runner.running and not dock._later.isActive() and not dock._again,
        timeout=SECONDS,
    )


def add(dock, *modules):
    for name in modules:
        dock.modules.search.setText(name)
        dock.modules.search.returnPressed.emit()
    dock.modules.search.clear()


def build(dock, qtbot):
    add(dock, "smooth", "threshold_otsu", "fill", "declump", "register_objects")
    dock.list.setCurrentItem(dock.list.topLevelItem(dock.list.topLevelItemCount() - 1))
    add(dock, "measure_morphology")
    settled(dock, qtbot)


def test_modules_are_found_by_name_and_help(dock):
    tree = dock.modules.tree

    def shown():
        found = []
        for i in range(tree.topLevelItemCount()):
            family = tree.topLevelItem(i)
            found += [
                family.child(k).text(0)
                for k in range(family.childCount())
                if not family.child(k).isHidden()
            ]
        return found

    assert "smooth" in shown()
    dock.modules.search.setText("otsu threshold")
    assert "threshold_otsu" in shown()
    assert "smooth" not in shown()
    assert "Takes: image" in tree.topLevelItem(0).child(0).toolTip(0)


def test_a_pipeline_that_was_clicked_together_finds_and_measures(dock, viewer, qtbot):
    build(dock, qtbot)
    assert [s.name for s in dock.pipeline][-1] == "measure_morphology"
    layer = viewer.layers["Nuclei"]
    assert layer.contour == 1
    assert tuple(layer.scale) == (0.2, 0.2)
    assert set(np.unique(layer.data)) == {0, 1, 2, 3, 4, 5}
    assert len(layer.features) == 5
    row = layer.features.set_index("index").loc[2]
    assert row["Morphology_area"] == np.count_nonzero(layer.data == 2)
    assert row["centroid_x"] == pytest.approx(70, abs=1)
    assert "5 Nuclei" in dock.message.text()


def test_the_step_that_is_looked_at_is_shown_and_no_other(dock, viewer, qtbot):
    build(dock, qtbot)
    dock.list.setCurrentItem(dock.list.topLevelItem(0))
    assert "smooth: smoothed_image" in [x.name for x in viewer.layers]
    qtbot.keyClick(dock.list, Qt.Key.Key_J)
    assert dock.list.current == "threshold_otsu"
    names = [x.name for x in viewer.layers]
    assert "threshold_otsu: mask" in names
    assert "smooth: smoothed_image" not in names
    assert "% of the pixels are foreground" in dock.form.log.text()
    qtbot.keyClick(dock.list, Qt.Key.Key_K)
    assert dock.list.current == "smooth"


def test_only_what_depends_on_a_change_runs_and_it_can_be_undone(dock, qtbot):
    build(dock, qtbot)
    dock.list.setCurrentItem(dock.list.topLevelItem(3))
    dock.form.settings.editors["min_distance"].set(20)
    settled(dock, qtbot)
    assert dock.pipeline["declump"].values == {"min_distance": 20.0}
    assert "3 of 6 steps ran" in dock.message.text()
    qtbot.mouseClick(dock.undo_button, LEFT)
    settled(dock, qtbot)
    assert dock.pipeline["declump"].values == {}
    assert dock.form.settings.editors["min_distance"].get() == 7
    qtbot.mouseClick(dock.redo_button, LEFT)
    settled(dock, qtbot)
    assert dock.pipeline["declump"].values == {"min_distance": 20.0}


def test_the_eye_switches_a_step_off_and_what_follows_says_so(dock, qtbot):
    build(dock, qtbot)
    dock.list._on_click(dock.list.topLevelItem(2), 0)
    assert not dock.pipeline["fill"].active
    dock.list.setCurrentItem(dock.list.topLevelItem(3))
    assert "fill.filled_mask" in dock.form.problem.text()
    assert "threshold_otsu.mask" in dock.form.problem.text()


def test_inputs_offer_only_what_fits_and_exists(dock, qtbot):
    build(dock, qtbot)
    dock.list.setCurrentItem(dock.list.topLevelItem(3))
    box = dock.form.inputs["mask"]
    offered = [box.itemData(i) for i in range(box.count())]
    assert offered == ["threshold_otsu.mask", "fill.filled_mask"]
    box.setCurrentIndex(0)
    assert dock.pipeline["declump"].inputs["mask"] == "threshold_otsu.mask"


def test_dragging_inserts_and_reorders(dock, qtbot):
    build(dock, qtbot)
    mime = QMimeData()
    mime.setData(MODULE_MIME, b"invert")
    item = dock.list.visualItemRect(dock.list.topLevelItem(1))
    drop = QDropEvent(
        QPointF(item.left() + 40, item.top() + 2),
        Qt.DropAction.CopyAction,
        mime,
        LEFT,
        Qt.KeyboardModifier.NoModifier,
    )
    dock.list.dropEvent(drop)
    assert [s.name for s in dock.pipeline][:3] == ["smooth", "invert", "threshold_otsu"]
    dock.list.moved.emit("invert", 0)
    assert dock.pipeline.steps[0].name == "invert"
    qtbot.keyClick(dock.list, Qt.Key.Key_Delete)
    assert "invert" not in [s.name for s in dock.pipeline]


def test_a_step_is_renamed_where_it_stands(dock, qtbot):
    build(dock, qtbot)
    dock.list.topLevelItem(0).setText(1, "soft")
    assert dock.pipeline["threshold_otsu"].inputs["image"] == "soft.smoothed_image"
    dock.list.topLevelItem(0).setText(1, "fill")
    assert "already" in dock.message.text()
    assert dock.list.topLevelItem(0).text(1) == "soft"


def test_objects_that_were_corrected_by_hand_are_measured_again(dock, viewer, qtbot):
    build(dock, qtbot)
    layer = viewer.layers["Nuclei"]
    before = layer.features.set_index("index")["Morphology_area"]
    qtbot.mouseClick(dock.measure_button, LEFT)
    assert "Nothing was changed by hand" in dock.message.text()
    layer.fill((25, 25), 0)
    layer.data[110:115, 5:15] = 9
    qtbot.mouseClick(dock.measure_button, LEFT)
    settled(dock, qtbot)
    after = viewer.layers["Nuclei"].features.set_index("index")["Morphology_area"]
    assert len(after) == 5
    assert after[9] == 50
    assert after[2] == before[2]


def test_what_fails_is_told_at_its_step(dock, qtbot):
    build(dock, qtbot)
    dock.edit(lambda p: p.add("separate_clumps", 4).configure("separate_clumps", min_area=9e9))
    settled(dock, qtbot)
    assert "separate_clumps" in dock.failed or "separate_clumps" in dock.steps
    dock.edit(lambda p: p.add("rescale", 0, min_value=5, max_value=3))
    settled(dock, qtbot)
    assert "min_value (5) must be below max_value (3)" in dock.message.text()
    assert dock.failed == {"rescale": "min_value (5) must be below max_value (3)."}


def test_saved_and_opened_again(dock, qtbot, tmp_path):
    build(dock, qtbot)
    dock.title.setText("mine")
    dock.title.editingFinished.emit()
    dock.save(tmp_path / "mine")
    assert load_pipeline(tmp_path / "mine.yaml").steps == dock.pipeline.steps
    kept = dock.pipeline
    dock.files.setCurrentIndex(dock.files.findText("New"))
    dock.files.activated.emit(dock.files.currentIndex())
    assert len(dock.pipeline) == 0
    dock.open(tmp_path / "mine.yaml")
    assert dock.pipeline == kept
    (tmp_path / "bad.yaml").write_text("limelight: pipeline 1\nsteps: 3")
    with pytest.raises(Exception, match="a list is needed"):
        dock.open(tmp_path / "bad.yaml")


def test_the_script_is_copied(dock, qtbot):
    build(dock, qtbot)
    qtbot.mouseClick(dock.copy_button, LEFT)
    text = QApplication.clipboard().text()
    compile(text, "copied", "exec")
    assert "register_objects(mask=" in text


def test_a_figure_is_drawn(dock, qtbot):
    build(dock, qtbot)
    for row in range(dock.list.topLevelItemCount()):
        dock.list.setCurrentItem(dock.list.topLevelItem(row))
        qtbot.mouseClick(dock.figure_button, LEFT)
        assert dock.figure.figure.axes or row == 4
    dock.figure.close()


def test_a_folder_is_segmented(dock, qtbot, tmp_path, viewer):
    import tifffile

    build(dock, qtbot)
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "a.tif", viewer.layers["DAPI"].data)
    (tmp_path / "in" / "b.tif").write_bytes(b"broken")
    dialog = BatchDialog(dock.pipeline, dock)
    qtbot.addWidget(dialog)
    qtbot.mouseClick(dialog.start, LEFT)
    assert "Choose the folder" in dialog.message.text()
    dialog.input.setText(str(tmp_path / "in"))
    dialog.output.setText(str(tmp_path / "out"))
    qtbot.mouseClick(dialog.start, LEFT)
    qtbot.waitUntil(lambda: not dialog.runner.running, timeout=SECONDS)
    assert "1 of 2 fields are done, 1 failed" in dialog.message.text()
    assert "a: done, 5 Nuclei" in dialog.log.toPlainText()
    assert (tmp_path / "out" / "labels" / "a_Nuclei.tif").is_file()
    dialog.close()


def test_a_plate_is_segmented_and_shown(dock, viewer, qtbot, tmp_path):
    import tifffile

    build(dock, qtbot)
    (tmp_path / "in").mkdir()
    for site in (1, 2, 3):
        tifffile.imwrite(tmp_path / "in" / f"B02_s{site}.tif", viewer.layers["DAPI"].data)
    dialog = BatchDialog(dock.pipeline, dock)
    dialog.show_wanted.connect(dock._show_results)
    qtbot.addWidget(dialog)
    dialog.input.setText(str(tmp_path / "in"))
    dialog.output.setText(str(tmp_path / "out"))
    dialog.format.setCurrentIndex(dialog.format.findData("ome-zarr"))
    dialog.layout_order.setCurrentIndex(dialog.layout_order.findData("vertical"))
    dialog.columns.setValue(3)
    assert not dialog.show_button.isEnabled()
    qtbot.mouseClick(dialog.start, LEFT)
    qtbot.waitUntil(lambda: not dialog.runner.running, timeout=SECONDS)
    assert dialog.show_button.isEnabled()
    before = [x.name for x in viewer.layers]
    qtbot.mouseClick(dialog.show_button, LEFT)
    added = [x for x in viewer.layers if x.name not in before]
    (objects,) = [x for x in viewer.layers if "well" in getattr(x, "features", ())]
    assert len(objects.features) == 15
    assert np.asarray(objects.data).shape == (120, 450)
    assert any(x.name == "Wells" for x in added)


def test_a_stack_is_segmented_and_placed_in_space(dock, viewer, qtbot):
    plane = viewer.layers["DAPI"].data
    viewer.layers.clear()
    movie = np.stack([np.stack([plane, plane, plane // 2])] * 2)
    viewer.add_image(
        movie,
        name="DAPI",
        scale=(1, 0.5, 0.2, 0.2),
        translate=(0, 3, 0, 0),
        axis_labels=("t", "z", "y", "x"),
    )
    dock.stack.setChecked(True)
    add(dock, "smooth", "threshold_otsu", "label", "register_objects", "measure_morphology")
    settled(dock, qtbot)
    layer = viewer.layers["Nuclei"]
    assert layer.data.shape == (3, 120, 150)
    assert tuple(layer.scale) == (0.5, 0.2, 0.2)
    assert tuple(layer.translate) == (3, 0, 0)
    assert layer.axis_labels == ("z", "y", "x")
    # Shapes are measured in planes; it says so, and what was found before is there all the same.
    assert "measure_morphology" in dock.message.text()
    assert "2D" in dock.failed["measure_morphology"]
    dock.list.setCurrentItem(dock.list.topLevelItem(1))
    mask = viewer.layers["threshold_otsu: mask"]
    assert mask.data.ndim == 3
    assert tuple(mask.scale) == (0.5, 0.2, 0.2)
    dock.stack.setChecked(False)
    settled(dock, qtbot)
    assert viewer.layers["Nuclei"].data.shape == (120, 150)
