"""Modules and steps are dragged by a mouse that presses, moves and releases, as a person does."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QApplication

from limelight.segment import Pipeline
from limelight.widgets.segment_dock import SegmentDock

MOUSE = shutil.which("xdotool")
LIMIT = 60_000


@pytest.fixture
def dock(qtbot):
    if not sys.platform.startswith("linux") or QApplication.platformName() != "xcb":
        pytest.skip("a real mouse needs an X server")
    if MOUSE is None:
        pytest.skip("xdotool, which moves the mouse, is not installed")
    viewer = ViewerModel()
    viewer.add_image(np.zeros((20, 20), np.uint16), name="DAPI")
    made = SegmentDock(viewer)
    qtbot.addWidget(made)
    made.auto.setChecked(False)
    made.move(20, 20)
    made.resize(420, 760)
    with qtbot.waitExposed(made, timeout=LIMIT):
        made.show()
    pipeline = Pipeline()
    for name in ("smooth", "threshold_otsu", "fill", "label"):
        pipeline = pipeline.add(name)
    made.edit(lambda _: pipeline)
    made._later.stop()
    return made


def names(dock):
    return [s.name for s in dock.pipeline]


def step(dock, row, part=0.5):
    """Return where a step stands on the screen: 0 is its upper, 1 its lower edge."""
    box = dock.list.visualItemRect(dock.list.topLevelItem(row))
    inside = QPoint(box.left() + 60, box.top() + round(part * (box.height() - 1)))
    return dock.list.viewport().mapToGlobal(inside)


def module(dock, name):
    dock.modules.search.setText(name)
    tree = dock.modules.tree
    for i in range(tree.topLevelItemCount()):
        family = tree.topLevelItem(i)
        for k in range(family.childCount()):
            item = family.child(k)
            if item.text(0) == name:
                tree.scrollToItem(item)
                box = tree.visualItemRect(item)
                return tree.viewport().mapToGlobal(box.center() - QPoint(box.width() // 4, 0))
    raise AssertionError(name)


def drag(qtbot, start, end, before_release=()):
    """Press, move in many small steps, and release; returns when all of it has arrived."""
    words = ["mousemove", "--sync", start.x(), start.y(), "sleep", 0.1, "mousedown", 1]
    for k in range(1, 13):
        x = start.x() + (end.x() - start.x()) * k // 12
        y = start.y() + (end.y() - start.y()) * k // 12
        words += ["sleep", 0.02, "mousemove", x, y]
    words += ["sleep", 0.1, "mousemove", end.x() + 1, end.y(), "sleep", 0.1]
    words += [*before_release, "mouseup", 1, "sleep", 0.1]
    mouse = subprocess.Popen([MOUSE, *map(str, words)])
    try:
        qtbot.waitUntil(lambda: mouse.poll() is not None, timeout=LIMIT)
    finally:
        if mouse.poll() is None:
            mouse.kill()
        mouse.wait()
    assert mouse.returncode == 0


def becomes(qtbot, dock, wanted):
    try:
        qtbot.waitUntil(lambda: names(dock) == wanted, timeout=LIMIT)
    except Exception:
        assert names(dock) == wanted
        raise


def test_a_module_is_dragged_to_where_it_is_dropped(dock, qtbot):
    drag(qtbot, module(dock, "invert"), step(dock, 1, 0.2))
    becomes(qtbot, dock, ["smooth", "invert", "threshold_otsu", "fill", "label"])
    drag(qtbot, module(dock, "clip"), step(dock, 4, 0.8))
    becomes(qtbot, dock, ["smooth", "invert", "threshold_otsu", "fill", "label", "clip"])
    assert dock.list.current == "clip"
    shown = [dock.list.topLevelItem(i).text(1) for i in range(dock.list.topLevelItemCount())]
    assert shown == names(dock)


def test_a_module_is_dragged_into_an_empty_pipeline(dock, qtbot):
    dock.edit(lambda _: Pipeline())
    qtbot.waitUntil(lambda: not names(dock))
    middle = dock.list.viewport().mapToGlobal(dock.list.viewport().rect().center())
    drag(qtbot, module(dock, "smooth"), middle)
    becomes(qtbot, dock, ["smooth"])


def test_steps_are_dragged_down_and_up(dock, qtbot):
    drag(qtbot, step(dock, 0), step(dock, 2, 0.9))
    becomes(qtbot, dock, ["threshold_otsu", "fill", "smooth", "label"])
    assert dock.list.current == "smooth"
    drag(qtbot, step(dock, 3), step(dock, 0, 0.1))
    becomes(qtbot, dock, ["label", "threshold_otsu", "fill", "smooth"])
    dock.undo()
    dock.undo()
    assert names(dock) == ["smooth", "threshold_otsu", "fill", "label"]


def test_a_step_that_is_dropped_elsewhere_or_where_it_was_stays(dock, qtbot):
    before = names(dock)
    heard = []
    dock.list.moved.connect(lambda *words: heard.append(words))
    drag(qtbot, step(dock, 1), dock.title.mapToGlobal(dock.title.rect().center()))
    assert names(dock) == before
    assert dock.title.text() == dock.pipeline.name
    drag(qtbot, step(dock, 1), module(dock, "invert"))
    assert names(dock) == before
    drag(qtbot, step(dock, 1, 0.1), step(dock, 2, 0.2))  # the gap below itself
    qtbot.waitUntil(lambda: len(heard) == 1, timeout=LIMIT)
    assert names(dock) == before
    assert dock.list.topLevelItemCount() == len(before)


def test_a_drag_is_given_up_with_escape(dock, qtbot):
    before = names(dock)
    drag(qtbot, module(dock, "invert"), step(dock, 1, 0.2), ["key", "Escape", "sleep", 0.1])
    assert names(dock) == before
    drag(qtbot, module(dock, "invert"), step(dock, 1, 0.2))
    becomes(qtbot, dock, ["smooth", "invert", "threshold_otsu", "fill", "label"])
