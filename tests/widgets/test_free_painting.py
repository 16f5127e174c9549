from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy import API_NAME
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtWidgets import QApplication, QToolTip

from limelight.widgets.free_painting import paint_freely

pytestmark = pytest.mark.skipif(not API_NAME.startswith("PyQt"), reason="PyQt's lock")


@pytest.fixture
def window(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    viewer.add_image(np.zeros((8, 8)))
    QApplication.processEvents()
    return viewer


def came_to_python(viewer, monkeypatch, act):
    """Return the types of events that reach napari's method."""
    inner = viewer.window._qt_window
    owner = next(c for c in type(inner).__mro__ if "event" in vars(c))
    original, seen = owner.event, []

    def counted(self, event):
        seen.append(event.type())
        return original(self, event)

    with monkeypatch.context() as patch:
        patch.setattr(owner, "event", counted)
        act(inner)
        QApplication.processEvents()
    return seen


def test_painting_passes_python_by(window, monkeypatch):
    def paint(inner):
        QCoreApplication.sendEvent(inner, QEvent(QEvent.Type.UpdateRequest))

    assert QEvent.Type.UpdateRequest in came_to_python(window, monkeypatch, paint)
    assert paint_freely(window) and paint_freely(window)
    assert came_to_python(window, monkeypatch, paint) == []


def test_what_napari_does_at_events_is_done(window, monkeypatch):
    assert paint_freely(window)
    inner = window.window._qt_window
    instances = type(inner)._instances
    instances.insert(0, instances.pop(instances.index(inner)))
    instances.append(other := object())
    QCoreApplication.sendEvent(inner, QEvent(QEvent.Type.WindowActivate))
    assert instances[-1] is inner
    instances.remove(other)
    told = []
    monkeypatch.setattr(QToolTip, "showText", lambda *a: told.append(a[1]))
    window.tooltip.visible, window.tooltip.text = True, "a molecule"
    from qtpy.QtCore import QPoint
    from qtpy.QtGui import QHelpEvent

    where = QPoint(5, 5)
    QCoreApplication.sendEvent(inner, QHelpEvent(QEvent.Type.ToolTip, where, where))
    assert told == ["a molecule"]
    window.close()
    assert inner not in instances


def test_other_windows_stay_as_they_are(make_napari_viewer, window, monkeypatch):
    assert paint_freely(window)
    other = make_napari_viewer(show=True)
    seen = came_to_python(
        other, monkeypatch, lambda w: QCoreApplication.sendEvent(w, QEvent(QEvent.Type.User))
    )
    assert QEvent.Type.User in seen


def test_a_viewer_without_a_window():
    assert not paint_freely(ViewerModel())
