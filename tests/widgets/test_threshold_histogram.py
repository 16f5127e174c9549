from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from limelight.widgets.threshold_histogram import ThresholdHistogram


@pytest.fixture
def histogram(qtbot):
    widget = ThresholdHistogram()
    qtbot.addWidget(widget)
    widget.resize(300, 104)
    widget.show()
    return widget


def test_every_positive_score_is_counted(histogram):
    scores = np.r_[np.geomspace(1, 1000, 500), -3.0, 0.0, np.nan]
    histogram.set_threshold(20.0)
    histogram.set_scores(scores)
    assert histogram.counts.sum() >= 495  # all but the faintest hundredth
    assert histogram.passed == (scores >= 20).sum()


def test_places_and_scores_are_each_others_inverse(histogram):
    histogram.set_scores(np.geomspace(0.3, 25, 100))
    histogram.set_threshold(1.0)
    for score in (0.5, 1.0, 3.0, 20.0):
        assert histogram.score_at(histogram.x_of(score)) == pytest.approx(score, rel=0.01)


def test_dragging_the_line_sets_the_threshold_live(histogram, qtbot):
    histogram.set_scores(np.geomspace(10, 100_000, 300))
    histogram.set_threshold(1000.0)
    heard = []
    histogram.threshold_changed.connect(heard.append)
    x = round(histogram.x_of(1000.0))
    qtbot.mousePress(histogram, Qt.MouseButton.LeftButton, pos=QPoint(x, 50))
    heard.clear()
    # qtbot.mouseMove moves without a button held; a drag needs the event itself
    for step in (20, 40, 60):
        drag(histogram, x + step)
    qtbot.mouseRelease(histogram, Qt.MouseButton.LeftButton, pos=QPoint(x + 60, 50))
    assert len(heard) == 3 and heard == sorted(heard) and heard[0] > 1000
    assert histogram.threshold == heard[-1]
    assert histogram.x_of(heard[-1]) == pytest.approx(x + 60, abs=1)


def drag(widget, x):
    from qtpy.QtCore import QEvent, QPointF
    from qtpy.QtGui import QMouseEvent
    from qtpy.QtWidgets import QApplication

    where = QPointF(x, 50)
    held = Qt.MouseButton.LeftButton
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        where,
        widget.mapToGlobal(where),
        held,
        held,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(widget, event)


def test_the_arrow_keys_move_the_line(histogram, qtbot):
    histogram.set_scores(np.geomspace(10, 1000, 300))
    histogram.set_threshold(100.0)
    qtbot.keyClick(histogram, Qt.Key.Key_Right)
    assert histogram.threshold == pytest.approx(102)
    qtbot.keyClick(histogram, Qt.Key.Key_Left)
    assert histogram.threshold == pytest.approx(100)


@pytest.mark.parametrize(
    "scores",
    [[], [np.nan], [0.0, -1.0], [5.0], [5.0] * 99, [1e-12, 1e12], np.zeros(0)],
)
@pytest.mark.parametrize("threshold", [0.0, -5.0, 1e-9, 1.0, 1e9])
def test_odd_scores_are_drawn_without_complaint(histogram, scores, threshold):
    histogram.set_threshold(threshold)
    histogram.set_scores(scores)
    assert not histogram.grab().isNull()
    assert np.isfinite(histogram.x_of(threshold))
    assert histogram.score_at(50) > 0


def test_setting_the_line_from_outside_gives_no_signal(histogram):
    heard = []
    histogram.threshold_changed.connect(heard.append)
    histogram.set_threshold(3.0)
    histogram.set_threshold(float("nan"))
    assert histogram.threshold == 3.0 and not heard
